"""A disk that fills up at any write: a plain error, the old state whole, and the next run finishes."""

import errno
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from bakery.errors import UsageError
from bakery.launch.base.journal import load_journal
from tests.helpers.launch_harness import LaunchHarness
from tests.helpers.launch_sweep import assert_exactly_the_plan


def _fill_at(number: int) -> Callable[[int], None]:
    """``os.fsync`` of a disk that has no room from its ``number``-th call on."""
    calls = count(1)

    def fsync(descriptor: int) -> None:
        if next(calls) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")

    return fsync


def _writes(folder: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[LaunchHarness], object]) -> int:
    calls = count()
    bench = LaunchHarness(folder)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    bench.launch()
    bench.cloud.revive()
    monkeypatch.setattr(os, "fsync", lambda descriptor: next(calls))
    run(bench)
    return next(calls)


def test_a_launch_on_a_disk_that_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 60, 4):
        bench = LaunchHarness(tmp_path / f"{number}")
        monkeypatch.setattr(os, "fsync", _fill_at(number))
        with pytest.raises(UsageError) as caught:
            bench.launch()
        assert caught.value.message.startswith("cannot write /"), number
        assert caught.value.details == "No space left on device"
        load_journal(bench.paths.journal, "demo")
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        bench.cloud.revive()
        bench.launch()
        assert_exactly_the_plan(bench, number)
        assert list(bench.paths.folder.glob(".*.tmp")) == [], "what was begun is removed"


def test_a_destroy_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(bench: LaunchHarness) -> None:
        bench.destroy()

    writes = _writes(tmp_path / "whole", monkeypatch, run)
    assert writes >= 1
    for number in range(1, writes + 1):
        bench = LaunchHarness(tmp_path / f"{number}")
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        bench.launch()
        monkeypatch.setattr(os, "fsync", _fill_at(number))
        with pytest.raises(UsageError, match="cannot write /"):
            run(bench)
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        run(bench)
        assert (bench.cloud.names(), bench.cloud.vpcs, bench.cloud.firewalls) == ([], {}, {})


def test_nothing_is_asked_for_that_could_not_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LaunchHarness(tmp_path)
    monkeypatch.setattr(os, "fsync", _fill_at(3))
    with pytest.raises(UsageError):
        bench.launch()
    assert bench.cloud.mutations == []
