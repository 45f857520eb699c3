"""What holds for every suite."""

import signal

import pytest

# A shell that nohup started, or that runs in the background of another, hands down ignored signals, and no child
# of it would ever see one; tests that send them need the defaults back. A test that wants one ignored says so.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what a launch writes is read back by the same machine, which keeps running."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
