"""Join bakery's cloud-config and the cluster file's parts to one MIME document.

https://docs.cloud-init.io/en/latest/explanation/format.html#mime-multi-part-archive
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence

from bakery.config.model import UserDataPart
from bakery.errors import RenderError
from bakery.render.model import MAX_USER_DATA

CLOUD_CONFIG = "text/cloud-config"
MERGE = "list(append)+dict(no_replace,recurse_list)+str()"
"""How cloud-init merges a later cloud-config into bakery's: lists grow, and no value of bakery's is replaced. The
default of cloud-init would replace the list of files (https://docs.cloud-init.io/en/latest/reference/merging.html)."""


def with_parts(text: str, parts: Sequence[UserDataPart], name: str) -> str:
    """Return the user-data ``text``, a cloud-config, followed by ``parts``; without parts the text itself.

    Raises:
        RenderError: it is larger than DigitalOcean accepts. ``name`` names the node in the error.
    """
    if not parts:
        return text
    own = UserDataPart(name="bakery", mime_type=CLOUD_CONFIG, text=text)
    bodies = [_part(own, merge=False), *(_part(part, merge=part.mime_type == CLOUD_CONFIG) for part in parts)]
    boundary = hashlib.sha256("".join(bodies).encode()).hexdigest()[:32]
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\nMIME-Version: 1.0\n\n'
    whole = head + "".join(f"--{boundary}\n{body}\n" for body in bodies) + f"--{boundary}--\n"
    if len(whole.encode()) > MAX_USER_DATA:
        largest = max(parts, key=lambda part: len(part.text))
        message = f"the user-data of {name} has {len(whole.encode())} bytes, and DigitalOcean accepts at most"
        hint = f"shorten {largest.name}, or let it download what it needs"
        raise RenderError(message=f"{message} {MAX_USER_DATA}", hint=hint)
    return whole


def _part(part: UserDataPart, *, merge: bool) -> str:
    encoding, body = "7bit", part.text
    if not part.text.isascii():
        encoding, body = "base64", b64encode(part.text.encode()).decode()
    name = "".join(character if character.isalnum() or character in "-_." else "_" for character in part.name)
    headers = [
        f'Content-Type: {part.mime_type}; charset="utf-8"',
        "MIME-Version: 1.0",
        f"Content-Transfer-Encoding: {encoding}",
        f'Content-Disposition: attachment; filename="{name if name.isascii() else "part"}"',
        *([f"Merge-Type: {MERGE}"] if merge else []),
    ]
    return "\n".join(headers) + f"\n\n{body}"
