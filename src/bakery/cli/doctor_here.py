"""Checks of ``bakery doctor`` on this machine's clock and state folder, and on the account's droplet limit."""

import json
import os
import socket
from functools import partial
from pathlib import Path

from bakery.cli.doctor_model import Check, CheckState
from bakery.cli.invocation import Invocation
from bakery.console import counted
from bakery.hints import Command

WARN_SKEW_SECONDS = 30
FAIL_SKEW_SECONDS = 300
"""Certificates are valid from the time at which they are made: agents refuse one that is from the future."""


def clock(invocation: Invocation) -> Check:
    """Compare this machine's clock with the API's, whose answers carry a date."""
    _ = invocation.account
    skew = invocation.api_progress.skew_seconds
    if skew is None:
        return Check(name="clock", state=CheckState.PASS, message="not checked: the API's answers have no date")
    if abs(skew) <= WARN_SKEW_SECONDS:
        return Check(name="clock", state=CheckState.PASS, message="agrees with the API's")
    state = CheckState.FAIL if abs(skew) > FAIL_SKEW_SECONDS else CheckState.WARN
    message = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the API's"
    return Check(name="clock", state=state, message=message, remedy="timedatectl set-ntp true")


def droplet_limit(invocation: Invocation) -> Check:
    """Check that the account may have the droplets of the cluster file."""
    from bakery.operations.droplets import list_droplets

    limit, now = invocation.account.droplet_limit, invocation.cloud.count_droplets()
    there = len(list_droplets(invocation))
    after = now - there + max(len(invocation.plan().nodes), there)
    message = f"with the whole cluster the account has {counted(after, 'droplet')}, and may have {limit}"
    if after <= limit:
        return Check(name="droplet limit", state=CheckState.PASS, message=message)
    remedy = "lower the counts, remove other droplets, or ask DigitalOcean for a higher limit"
    return Check(name="droplet limit", state=CheckState.FAIL, message=message, remedy=remedy)


def locks(invocation: Invocation) -> Check:
    """Find what a killed bakery left of its lock. The system has freed the lock itself."""
    from bakery.config.paths import owner_file

    owner = owner_file(invocation.paths.lock)
    dead = _dead_owner(owner)
    if dead is None:
        return Check(name="locks", state=CheckState.PASS, message="no lock is left over")
    message = f"{owner} names process {dead}, which has ended"
    fix = partial(owner.unlink, missing_ok=True)
    return Check(name="locks", state=CheckState.WARN, message=message, remedy=_by_fix(invocation), fix=fix)


def modes(invocation: Invocation) -> Check:
    """Check that only the owner can read the cluster's state folder."""
    folder = invocation.paths.folder
    files = [folder, *sorted(folder.rglob("*"))] if folder.is_dir() else []
    open_to_others = [file for file in files if not file.is_symlink() and file.stat().st_mode & 0o077]
    if not open_to_others:
        return Check(name="state folder", state=CheckState.PASS, message=f"{folder} is private")
    message = f"others may read {open_to_others[0]}" + (
        f" and {len(open_to_others) - 1} more" if len(open_to_others) > 1 else ""
    )
    fix = partial(_make_private, open_to_others)
    return Check(name="state folder", state=CheckState.WARN, message=message, remedy=_by_fix(invocation), fix=fix)


def _by_fix(invocation: Invocation) -> str:
    return invocation.settings.spell(Command("doctor", "--fix"))


def _make_private(files: list[Path]) -> None:
    for file in files:
        file.chmod(0o700 if file.is_dir() else 0o600)


def _dead_owner(owner: Path) -> int | None:
    """Return the process that the file names if it was on this machine and has ended; else None."""
    try:
        found = json.loads(owner.read_text(encoding="utf-8"))
        number, host = int(found["pid"]), found["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        return None
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return number
    except OSError:
        return None
    return None
