"""Envoy, as a wheel of PyPI has it: newer than the versions that Consul lists, which have no wheel."""

from importlib.util import find_spec
from pathlib import Path

from tests.helpers.tools import absent


def envoy_program() -> Path:
    """The program; the wheel is for Linux on amd64. A machine without it skips the test, and CI fails it."""
    found = find_spec("envoy")
    if found is None or found.origin is None:
        absent("Envoy is not on this machine (make venv gets it on Linux on amd64)")
    return Path(found.origin).parent / "_bin" / "envoy"
