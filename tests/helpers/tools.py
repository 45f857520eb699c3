"""Real programs for tests, from the toolchain or PATH; without one a test skips, and in CI it fails."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require_tool(name: str) -> Path:
    """The program ``name``; a machine without it skips the test, and CI fails it."""
    places = os.pathsep.join([os.environ.get("BAKERY_TOOLCHAIN_DIR", ""), os.environ["PATH"]])
    found = shutil.which(name, path=places)
    if found is None:
        absent(f"{name} is neither in BAKERY_TOOLCHAIN_DIR nor on PATH")
    return Path(found)


def absent(reason: str) -> NoReturn:
    """Skip for ``reason``, or fail where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
