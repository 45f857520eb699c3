"""What holds for every suite."""

import signal

# A shell that nohup started, or that runs in the background of another, hands down ignored signals, and no child
# of it would ever see one; tests that send them need the defaults back. A test that wants one ignored says so.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
