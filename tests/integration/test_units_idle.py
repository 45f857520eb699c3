"""wait-for-idle-cpu, which delays the later stages of cloud-init while the agents of a node start."""

import os
from pathlib import Path

import pytest

from bakery.assets import PACKER
from bakery.proc import Completed, run

pytestmark = pytest.mark.integration

SCRIPT = PACKER / "files/usr/local/lib/bakery/wait-for-idle-cpu"
LIMIT = "4"
BUSY, WAITING, HALF_IDLE = (90, 10, 0), (10, 10, 80), (50, 50, 0)
"""What a second adds to the fields user, idle and iowait of /proc/stat (proc_stat(5)), in hundredths."""


def looks(*seconds: tuple[int, int, int]) -> list[str]:
    """What /proc/stat says at the start, and after each of ``seconds``."""
    totals = [(1000, 5000, 70)]
    for second in seconds:
        user, idle, waiting = totals[-1]
        totals.append((user + second[0], idle + second[1], waiting + second[2]))
    return [f"cpu  {user} 0 0 {idle} {waiting} 0 0 0 0 0\ncpu0 1 2 3 4\n" for user, idle, waiting in totals]


SLEEP = """#!/bin/sh
# Stands for sleep(1): a second later /proc/stat says what the next file does.
cd "$(dirname "$0")"
echo "$1" >>slept
cp "stat.$(wc -l <slept)" stat
"""


def run_on(folder: Path, contents: list[str]) -> tuple[Completed, list[str]]:
    """Run the script, for which /proc/stat has the next of ``contents`` after each pause; return its pauses."""
    for number, content in enumerate(contents):
        (folder / f"stat.{number}").write_text(content)
    (folder / "stat").write_text(contents[0])
    (folder / "node.json").write_text("{}")
    (folder / "sleep").write_text(SLEEP)
    (folder / "sleep").chmod(0o755)
    argv: list[str | Path] = ["sh", SCRIPT, folder / "node.json", folder / "stat", LIMIT]
    done = run(argv, env={"PATH": f"{folder}:{os.environ['PATH']}"}, seconds=30)
    return done, (folder / "slept").read_text().split()


@pytest.mark.parametrize("first", [BUSY, WAITING], ids=["busy", "waits for the disk"])
def test_it_waits_until_the_cpu_is_half_idle(tmp_path: Path, first: tuple[int, int, int]) -> None:
    done, pauses = run_on(tmp_path, looks(first, HALF_IDLE, HALF_IDLE, BUSY))
    assert (done.stderr, pauses) == ("", ["1", "1", "1"])


def test_one_idle_second_is_the_gap_of_an_election(tmp_path: Path) -> None:
    done, pauses = run_on(tmp_path, looks(HALF_IDLE, BUSY, HALF_IDLE, HALF_IDLE, BUSY))
    assert (done.stderr, pauses) == ("", ["1", "1", "1", "1"])


def test_it_does_not_wait_on_an_idle_machine(tmp_path: Path) -> None:
    done, pauses = run_on(tmp_path, looks(HALF_IDLE, HALF_IDLE, BUSY))
    assert (done.stderr, pauses) == ("", ["1", "1"])


def test_the_boot_goes_on_at_the_limit(tmp_path: Path) -> None:
    done, pauses = run_on(tmp_path, looks(BUSY, BUSY, BUSY, BUSY, BUSY))
    assert pauses == ["1"] * int(LIMIT)
    assert done.stderr == f"the CPU is still busy after {LIMIT} s; the boot continues\n"


def test_a_droplet_without_agents_does_not_wait(tmp_path: Path) -> None:
    done = run(["sh", SCRIPT, tmp_path / "none", tmp_path / "none"], seconds=10)
    assert done.stderr == ""
