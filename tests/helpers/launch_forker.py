"""A program that runs ``bakery`` commands in processes of their own, each forked from here after the imports.

One JSON object a line on stdin: ``argv``, ``cwd``, ``env``, ``output`` (a file for stdout and stderr), ``die_at``
(0, or the number of the local write at which the process signals itself), ``die_by`` (that signal), ``ignored``
(signals), ``largest_file`` (bytes, or null). One line each on stdout: the process id, then, when it has ended, its
exit code, negative for a signal, and its largest resident set in KiB.
"""

import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from bakery.cli.main import main
from bakery.cloud.transport import TransportLimits
from bakery.launch.base.model import Timings

BEFORE_THE_FORK = (
    "bakery.cloud.digitalocean",
    "bakery.credentials.issue",
    "bakery.launch.teardown.destroy",
    "bakery.launch.converge.run",
    "bakery.render.user_data",
)
WRITES = ("fsync", "replace", "link")
"""What every local change goes through; each has a moment before and a moment after."""


def fast_waits() -> None:
    """The emulator's lists do not lag: wait for it as long as it takes, not as long as DigitalOcean."""
    _change_defaults(Timings, poll=0.02, firewall_poll=0.02, wave_poll=0.02, successor_poll=0.02, settle=0.2)
    _change_defaults(TransportLimits, first_pause=0.05, per_minute=1_000_000)


def _change_defaults(kind: type, **values: float) -> None:
    defaults: dict[str, Any] = vars(kind)["__init__"].__kwdefaults__
    defaults.update(values)


def die_at(number: int, by: int) -> None:
    """Signal this process at its ``number``-th moment of writing, counted from 1."""
    seen = 0

    def moment() -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), by)

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def written(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - stands in for anything
            moment()
            result = call(*arguments, **named)
            moment()
            return result

        return written

    for name in WRITES:
        setattr(os, name, around(getattr(os, name)))


def become_bakery(order: dict[str, Any]) -> None:
    """Never returns to the loop: what is left of the process is bakery."""
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for number in order["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    if order["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    if order["die_at"]:
        die_at(order["die_at"], order["die_by"])
    sys.argv = ["bakery", *order["argv"]]
    main()


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            become_bakery(order)
        print(child, flush=True)  # noqa: T201 - the protocol
        _, status, usage = os.wait4(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the protocol
        print(usage.ru_maxrss, flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    for name in BEFORE_THE_FORK:
        importlib.import_module(name)
    fast_waits()
    serve()
