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
    harness = LaunchHarness(folder)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    harness.launch()
    harness.cloud.revive()
    monkeypatch.setattr(os, "fsync", lambda descriptor: next(calls))
    run(harness)
    return next(calls)


def test_a_launch_on_a_disk_that_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 60, 4):
        harness = LaunchHarness(tmp_path / f"{number}")
        monkeypatch.setattr(os, "fsync", _fill_at(number))
        with pytest.raises(UsageError) as caught:
            harness.launch()
        assert caught.value.message.startswith("cannot write /"), number
        assert caught.value.details == "No space left on device"
        load_journal(harness.paths.journal, "demo")
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        harness.cloud.revive()
        harness.launch()
        assert_exactly_the_plan(harness, number)
        assert list(harness.paths.folder.glob(".*.tmp")) == [], "what was begun is removed"


def test_a_destroy_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(harness: LaunchHarness) -> None:
        harness.destroy()

    writes = _writes(tmp_path / "whole", monkeypatch, run)
    assert writes >= 1
    for number in range(1, writes + 1):
        harness = LaunchHarness(tmp_path / f"{number}")
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        harness.launch()
        monkeypatch.setattr(os, "fsync", _fill_at(number))
        with pytest.raises(UsageError, match="cannot write /"):
            run(harness)
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        run(harness)
        assert (harness.cloud.names(), harness.cloud.vpcs, harness.cloud.firewalls) == ([], {}, {})


def test_nothing_is_asked_for_that_could_not_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = LaunchHarness(tmp_path)
    monkeypatch.setattr(os, "fsync", _fill_at(3))
    with pytest.raises(UsageError):
        harness.launch()
    assert harness.cloud.mutations == []
