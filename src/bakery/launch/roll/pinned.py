"""The snapshot of an unfinished roll. Its rerun uses it, not a newer one; so does a replacement meanwhile."""

from bakery.cloud.model import Image
from bakery.hints import Command, Hint
from bakery.launch.base.model import LaunchRequest
from bakery.launch.base.session import Session
from bakery.launch.roll.versions import versions_in


def find_pinned(session: Session, launch: LaunchRequest) -> Image | None:
    """Return the snapshot of the unfinished roll, if it is another one than that of ``launch``, and warn of it.

    Return None if no roll is unfinished, or if its snapshot is deleted; then the warning is about that.
    """
    roll = session.journal.now.roll
    if roll is None or (launch.image is not None and launch.image.id == roll.image_id):
        return None
    pinned = next((each for each in session.cloud.list_images() if each.id == roll.image_id), None)
    if pinned is None:
        session.reporter.warn(f"the snapshot of the unfinished roll ({roll.image_id}) is deleted")
    else:
        session.reporter.warn(_continues_with(pinned, versions_in(pinned, launch)))
    return pinned


def _continues_with(image: Image, versions: tuple[str, str] | None) -> Hint:
    known = f" (Consul {versions[0]}, Nomad {versions[1]})" if versions else ""
    text = f"the unfinished roll continues with its own snapshot, {image.name}{known};"
    return Hint(f"{text} what the cluster file asks for now comes after it: ", Command("roll"))
