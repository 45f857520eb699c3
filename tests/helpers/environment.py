"""The part of the environment that would change what bakery does, and that no test may take from its user."""

import os

import pytest

PREFIXES = ("BAKERY_", "_BAKERY_", "XDG_", "DIGITALOCEAN_", "CONSUL_", "NOMAD_", "PACKER_", "PKR_")
"""Of bakery, of the folders that platformdirs names, and of the programs that bakery runs."""
NAMES = ("NO_COLOR", "FORCE_COLOR", "SUDO_UID", "SUDO_USER")


def is_cleared(name: str) -> bool:
    """Return whether the variable is kept from tests."""
    return name.startswith(PREFIXES) or name in NAMES


def clear_environment(patch: pytest.MonkeyPatch) -> None:
    """Remove these variables until ``patch`` is undone."""
    for name in filter(is_cleared, list(os.environ)):
        patch.delenv(name)


def cleared_environment() -> dict[str, str]:
    """Return the environment without these variables, for a process that a test starts."""
    return {name: value for name, value in os.environ.items() if not is_cleared(name)}
