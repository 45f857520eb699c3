"""Reviewed copies of texts that users read, one file each in tests/snapshots/: review shows every changed word.

``BAKERY_SNAPSHOTS=write`` writes the files instead of comparing them.
"""

import os
from difflib import unified_diff
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "snapshots"
VARIABLE = "BAKERY_SNAPSHOTS"
_WRITES = os.environ.get(VARIABLE) == "write"


def check_snapshot(name: str, text: str, *, writes: bool = _WRITES) -> None:
    """Compare ``text`` with the file ``name`` in :data:`FOLDER`, or write the file.

    Raises:
        AssertionError: they differ; the message is the difference, and how to write the file anew.
    """
    file = FOLDER / name
    if writes:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return
    reviewed = file.read_text(encoding="utf-8") if file.exists() else ""
    if text != reviewed:
        lines = unified_diff(reviewed.splitlines(), text.splitlines(), "reviewed", "now", lineterm="")
        how = f"if this is how it should read: {VARIABLE}=write make unit integration, then review the diff"
        raise AssertionError("\n".join([f"{file} differs", *lines, how]))
