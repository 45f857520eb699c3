"""The lock of what one process at a time may do."""

import os
from pathlib import Path

import pytest

from bakery.errors import LockedError
from bakery.files import file_lock

BUSY = LockedError(message="another process is at it", hint="wait for it")


def test_a_lock_that_is_held_is_refused_in_the_callers_words(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with file_lock(lock, seconds=0, busy=BUSY):
        with pytest.raises(LockedError) as caught, file_lock(lock, seconds=0, busy=BUSY):
            pass
        assert caught.value == BUSY
    with file_lock(lock, seconds=0, busy=BUSY):
        pass  # control: free again


def test_a_lock_whose_work_fails_is_free_again_and_the_failure_passes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(TimeoutError), file_lock(lock, seconds=0, busy=BUSY):
        raise TimeoutError
    with file_lock(lock, seconds=0, busy=BUSY):
        pass


def test_only_the_owner_may_read_a_lock_file(tmp_path: Path) -> None:
    """Even where no umask narrows it."""
    lock = tmp_path / "lock"
    before = os.umask(0)
    try:
        with file_lock(lock, seconds=0, busy=BUSY):
            assert lock.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
