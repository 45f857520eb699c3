"""Real programs for tests, from the toolchain or PATH; without one a test skips, and in CI it fails."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from bakery.toolchain.find import find_local_tool
from bakery.toolchain.model import ToolName, places_from_environment
from bakery.toolchain.source import read_version


def require_tool(name: str) -> Path:
    """The program ``name``; a machine without it skips the test, and CI fails it.

    Those that bakery works with come in exactly the version of the toolchain, others from PATH.
    """
    found = _from_toolchain(ToolName(name)) if name in set(ToolName) else shutil.which(name)
    if found is None:
        absent(f"{name} is not on this machine (demo/tools.sh gets what bakery works with)")
    return Path(found)


def _from_toolchain(name: ToolName) -> Path | None:
    tool = find_local_tool(name, read_version(name), places=places_from_environment())
    return None if tool is None else tool.path


def absent(reason: str) -> NoReturn:
    """Skip for ``reason``, or fail where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
