"""Delete what builds left: build droplets by tag, Packer's SSH keys and unfinished snapshots by name, their tags.

A killed Packer deletes nothing. The record of a build is written before Packer starts and deleted when nothing of
the build is left, so that the next bake or ``bakery gc`` sweeps after a killed one.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery.bake.model import Build
from bakery.bake.snapshot import is_finished, list_snapshots
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Account, SshKey
from bakery.console import SILENT, Reporter
from bakery.errors import LockedError
from bakery.files import ensure_private_folder, file_lock, write_secret
from bakery.plan.tags import build_tag, packer_key_time

# The plugin logs the name of the key that it creates (step_create_ssh_key.go).
_KEY_IN_LOG = re.compile(r"temporary ssh key name: (packer-[0-9a-f-]{36})")
_KEY_SECONDS = 60

WORK_PREFIX = ".work-"
"""Prefix of the working folders of builds, beside their records."""


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of bakes and sweeps in ``folder``. The system releases the lock of a killed process.

    Raises:
        LockedError: another bake or sweep is running.
    """
    ensure_private_folder(folder)
    busy = LockedError(message=f"another bakery is baking in {folder}", hint="wait until it ends, or end it")
    with file_lock(folder / "builds.lock", seconds=0, busy=busy):
        yield


def sweep(cloud: Cloud, folder: Path, *, reporter: Reporter = SILENT) -> tuple[str, ...]:
    """Delete what ended builds in ``folder`` left in this account; return what was deleted.

    Records of other accounts (an emulator's, for example) are not touched.

    Raises:
        LockedError: a bake is running there.
    """
    with lock(folder):
        return sweep_ended(cloud, folder, reporter=reporter)


def ended_builds(cloud: Cloud, folder: Path) -> tuple[str, ...]:
    """Return the names of builds in ``folder`` that ended and may have left resources in this account.

    Empty while a bake is running there, because its record looks like the others.
    """
    try:
        with lock(folder):
            return tuple(build.snapshot_name for build in _recorded(cloud, folder))
    except LockedError:
        return ()


def sweep_ended(cloud: Cloud, folder: Path, *, reporter: Reporter) -> tuple[str, ...]:
    """:func:`sweep` for a caller that holds the lock."""
    removed: list[str] = []
    for work in folder.glob(f"{WORK_PREFIX}*"):
        shutil.rmtree(work, ignore_errors=True)
    for build in _recorded(cloud, folder):
        finished = any(is_finished(image) for image in list_snapshots(cloud, build))
        removed += sweep_build(cloud, build, keep_snapshot=finished, reporter=reporter)
    return tuple(removed)


def _recorded(cloud: Cloud, folder: Path) -> list[Build]:
    account = cloud.get_account().uuid
    records = sorted(folder.glob("*.build"))
    ours = (record for record in records if record.read_text(encoding="utf-8") == account)
    return [Build(id=record.stem, folder=folder) for record in ours]


def record_build(build: Build, account: Account) -> None:
    """Record the build and its account before it creates any resource."""
    write_secret(build.record, account.uuid.encode())


def sweep_build(cloud: Cloud, build: Build, *, keep_snapshot: bool, reporter: Reporter) -> list[str]:
    """Delete what one build left, and its record last."""
    removed = []
    for droplet in cloud.list_droplets(tag=build_tag(build.id)):
        cloud.delete_droplet(droplet.id)
        removed.append(f"build droplet {droplet.name}")
    for key in cloud.list_ssh_keys():
        if _is_of(build, key):
            cloud.delete_ssh_key(key.id)
            removed.append(f"SSH key {key.name}")
    if not keep_snapshot:
        for image in list_snapshots(cloud, build):
            cloud.delete_image(image.id)
            removed.append(f"unfinished snapshot {image.name}")
        # Last, because the tag finds what is still there. A finished snapshot keeps it.
        cloud.delete_tag(build_tag(build.id))
    for what in removed:
        reporter.note(f"    removed {what}")
    build.record.unlink(missing_ok=True)
    return removed


def _is_of(build: Build, key: SshKey) -> bool:
    """Return whether this build created the key: its log has the name, or it was killed before logging."""
    named = _KEY_IN_LOG.search(_read(build.log))
    if named is not None:
        return key.name == named[1]
    made = packer_key_time(key.name)
    if made is None or not build.log.exists():
        return False
    begun, last_word = build.record.stat().st_mtime, build.log.stat().st_mtime
    return begun - 1 <= made <= last_word + _KEY_SECONDS


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
