"""What holds for every suite."""

import signal

# A shell that nohup started, or that runs in the background of another, hands down ignored signals, and no child of
# it would ever see one; tests that send them need the defaults back. A test that wants one ignored says so itself.
_DEFAULTS = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
for _number, _default in _DEFAULTS.items():
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)
