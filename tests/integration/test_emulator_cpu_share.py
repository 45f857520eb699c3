"""The share of CPU time that the kernel has for a control group."""

import os
from collections.abc import Iterator

import pytest

from bakery.emulator.host import cgroups

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root"),
]

DEFAULTS = {"cpu.shares": 1024, "cpu.weight": 100}
"""The default of version 1 and of version 2."""


@pytest.fixture
def cgroup() -> Iterator[str]:
    name = f"bakery-share-{os.getpid()}"
    cgroups.make(name)
    yield name
    cgroups.remove(name)


def _shares(cgroup: str) -> dict[str, int]:
    files = [hierarchy.mount / cgroup / file for hierarchy in cgroups.hierarchies() for file in DEFAULTS]
    return {file.name: int(file.read_text(encoding="ascii")) for file in files if file.exists()}


def test_the_kernel_has_the_share(cgroup: str) -> None:
    before = _shares(cgroup)
    assert before == {file: DEFAULTS[file] for file in before}
    cgroups.give_cpu(cgroup, 1 / 4)
    assert _shares(cgroup) == {file: DEFAULTS[file] // 4 for file in before}
    cgroups.give_cpu(cgroup, 1)
    assert _shares(cgroup) == before
    cgroups.give_cpu(f"{cgroup}/none", 1)  # it does not exist, and that is no error
