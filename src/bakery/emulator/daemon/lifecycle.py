"""Starts and stops emulators; after a stop nothing of the emulator is left on this machine."""

import http.client
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bakery.console import SILENT, Reporter
from bakery.emulator.daemon import checks
from bakery.emulator.daemon.folder import (
    EmulatorDir,
    EmulatorOptions,
    EmulatorRecord,
    down_command,
    emulator_dir,
    find_running,
    is_alive,
    new_emulator,
    parse_options,
    start_hint,
    up_again_command,
    up_command,
)
from bakery.emulator.host import netns
from bakery.emulator.host.cgroups import memory_in_use
from bakery.emulator.images import bases
from bakery.emulator.network.router import cgroup_of
from bakery.errors import DeadlineError, EmulatorError, LockedError
from bakery.files import ensure_private_folder, file_lock
from bakery.hints import Text, joined
from bakery.proc import start
from bakery.wait import Pending, wait_until

__all__ = [
    "EmulatorOptions",
    "EmulatorRecord",
    "down",
    "find_running",
    "parse_options",
    "restart",
    "resume",
    "up",
]

for _package in ("httptools", "starlette", "uvicorn"):
    # As importing them would fail, but at once: loading the server takes longer than most commands.
    if importlib.util.find_spec(_package) is None:
        raise ModuleNotFoundError(name=_package)

UP_SECONDS = 60.0
DOWN_SECONDS = 120.0
KILL_SECONDS = 10.0
LOCK_SECONDS = 5.0
REPLY_SECONDS = 10.0
PASSED_ON = ("XDG_CACHE_HOME", "BAKERY_DEADLINE_FACTOR")
"""Variables that the emulator's process inherits: the folder of base images, and the factor for deadlines."""

# An emulator may outlive this process; Python warns of a child that is still running when its Popen is deleted.
_polls: list[Callable[[], int | None]] = []
"""``Popen.poll`` of every emulator that this process started and that may still run."""


def up(options: EmulatorOptions, *, reporter: Reporter = SILENT, foreground: bool = False) -> EmulatorRecord:
    """Start an emulator in a process of its own, or return the one that runs already.

    With ``foreground`` serve in this process, and return after a signal to stop.

    Raises:
        EmulatorError: this machine cannot run it, or the port or the public range is taken. Nothing was
            created, and what a crash has left can still be resumed.
        LockedError: another process starts or stops it.
        DeadlineError: it did not answer in time; it was stopped again.
    """
    place = emulator_dir(options.name)
    with _lock(place):
        running = find_running(options.name)
        if running is not None:
            return running
        _prepare(options, place, reporter)
        planned = new_emulator(options)
        place.log.unlink(missing_ok=True)
        place.write(planned)
        if not foreground:
            return _start(place, planned, reporter)
    from bakery.emulator.daemon.serve import serve  # with the web server: most commands only ask

    serve(place)
    return planned


def resume(name: str = "default", *, reporter: Reporter = SILENT) -> EmulatorRecord:
    """Start an emulator that was killed again, with its droplets, or return the one that runs already.

    Raises:
        EmulatorError: its account or its network is not there any more, or the account cannot be read.
        LockedError: another process starts or stops it.
        DeadlineError: it did not answer in time; its droplets and its account are unchanged.
    """
    place = emulator_dir(name)
    with _lock(place):
        running = find_running(name)
        if running is not None:
            return running
        planned = place.read()
        if planned is None or not place.account.exists() or not _router_is_there(planned):
            raise _nothing_to_resume(name, planned)
        _check_account(place)
        checks.check_port(EmulatorOptions(name=name, port=urlsplit(planned.endpoint).port or 0))
        return _start(place, planned, reporter, "--resume")


def restart(name: str = "default", *, reporter: Reporter = SILENT) -> EmulatorRecord:
    """Kill the emulator's own process and start it again, while its droplets keep running.

    Raises:
        EmulatorError: it does not run, or its droplets are in memory.
    """
    running = find_running(name)
    if running is None or running.machines != "nspawn":
        message = (
            f"the emulator {name} is not running"
            if running is None
            else "droplets in memory end with the emulator's process"
        )
        hint: Text = (
            start_hint(name) if running is None else joined("; ", (down_command(name), up_again_command(running)))
        )
        raise EmulatorError(message=message, hint=hint)
    _signal(running, signal.SIGKILL, KILL_SECONDS)
    return resume(name, reporter=reporter)


def _nothing_to_resume(name: str, planned: EmulatorRecord | None) -> EmulatorError:
    message = f"there is nothing to resume of the emulator {name}"
    if planned is None or planned.machines == "nspawn":
        return EmulatorError(message=message, hint=up_command(name))
    return EmulatorError(
        message=f"{message}: droplets in memory end with its process", hint=up_again_command(planned)
    )


def _check_account(place: EmulatorDir) -> None:
    """Raise EmulatorError for an account that cannot be read: the emulator would fail and remove everything."""
    from bakery.emulator.account.serialization import read  # with pydantic, which other commands do not need

    read(place.account.read_text(encoding="utf-8"))


def _router_is_there(planned: EmulatorRecord) -> bool:
    return (netns.FOLDER / planned.network.router).exists()


def down(name: str = "default", *, reporter: Reporter = SILENT) -> bool:
    """Stop the emulator and remove everything it created, also after a crash; False if there was nothing to do.

    Raises:
        LockedError: another process starts or stops it.
        DeadlineError: one of its processes does not end.
    """
    place = emulator_dir(name)
    with _lock(place):
        was_there = place.read() is not None or bool(place.record.resources())
        _take_down(place, reporter)
        place.remove()
        return was_there


def status(running: EmulatorRecord) -> dict[str, Any]:
    """Return what ``bakery emulator status`` shows: counts from the API, memory in bytes."""
    reply = ask(running, "/_emulator/status")
    return {
        "name": running.name,
        "endpoint": running.endpoint,
        "machines": running.machines,
        "public_range": running.public_range,
        "latency": running.latency,
        "droplets": reply["status"]["droplets"],
        "running": reply["status"]["running"],
        "memory_bytes": memory_in_use(cgroup_of(running.network)) if running.machines == "nspawn" else 0,
        "firewalls_enforced": reply["status"]["firewalls_enforced"],
    }


def ask(
    running: EmulatorRecord, path: str, *, body: dict[str, Any] | None = None, method: str | None = None
) -> Any:  # noqa: ANN401 - JSON
    """GET a path of the emulator's API, or POST ``body`` to it, or use ``method``.

    Return the answer's JSON, None if it has no body.

    Raises:
        EmulatorError: the emulator does not answer, or answers 4xx or 5xx.
    """
    headers = {"Authorization": f"Bearer {running.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(running.endpoint).netloc, timeout=REPLY_SECONDS)
    try:
        content = None if body is None else json.dumps(body)
        usual = "GET" if body is None else "POST"
        connection.request(method or usual, path, body=content, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        message = f"the emulator at {running.endpoint} does not answer"
        raise EmulatorError(message=message, details=str(error), hint=down_command(running.name)) from error
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        message = f"the emulator answered {answer.status} to {path}"
        raise EmulatorError(message=message, details=_said(text))
    return json.loads(text) if text else None


def _said(text: bytes) -> str:
    """Return the ``message`` of an error body; return another body unchanged."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["message"])
    return text.decode(errors="replace")


def _prepare(options: EmulatorOptions, place: EmulatorDir, reporter: Reporter) -> None:
    """Check this machine, build the base image if it is missing, then remove leftovers of a crash.

    Raises:
        EmulatorError, MissingToolError: a check failed. What a crash has left is unchanged and can be resumed.
    """
    left = place.read()
    if left is not None and is_alive(left):  # its starter was killed; it may have the port
        _take_down(place, reporter)
        left = None
    checks.check_public_range(options.public_range)
    checks.check_port(options)
    if options.machines == "nspawn":
        checks.check_machine(place.folder, reporter)
        checks.check_network(options, besides=left)
        bases.base_image(reporter=reporter)
    _take_down(place, reporter)


def _start(place: EmulatorDir, planned: EmulatorRecord, reporter: Reporter, *flags: str) -> EmulatorRecord:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    argv = [sys.executable, "-m", "bakery.emulator", str(place.folder), *flags]
    _reap()
    process = start(argv, env=environment, output=place.log)
    _polls.append(process.poll)

    def answers() -> EmulatorRecord | Pending:
        if process.poll() is not None:
            message = "the emulator ended before it answered"
            raise EmulatorError(message=message, details=_tail(place.log), hint=f"see {place.log}")
        return find_running(planned.name) or Pending(f"it does not answer at {planned.endpoint} yet")

    try:
        return wait_until(answers, what="the emulator to answer", seconds=UP_SECONDS, every=0.05)
    except BaseException:
        if not flags:
            _take_down(place, reporter)
        raise


def _take_down(place: EmulatorDir, reporter: Reporter) -> None:
    running = place.read()
    if running is not None and is_alive(running):
        with reporter.step(f"stop the emulator {running.name}"):
            _stop(running)
    left = place.record.remove_all()
    if left:
        reporter.note(f"removed {len(left)} resources that a stopped emulator had left on this machine")
    place.record.clear()
    place.forget()
    _reap()


def _reap() -> None:
    """Take the exit status of every emulator that this process started and that has ended."""
    _polls[:] = [poll for poll in _polls if poll() is None]


def _stop(running: EmulatorRecord) -> None:
    """Send SIGTERM, then SIGKILL at a deadline; the record lists what is left then."""
    try:
        _signal(running, signal.SIGTERM, DOWN_SECONDS)
    except DeadlineError:
        _signal(running, signal.SIGKILL, KILL_SECONDS)


def _signal(running: EmulatorRecord, number: signal.Signals, seconds: float) -> None:
    def gone() -> bool | Pending:
        return Pending(f"process {running.pid} is still there") if is_alive(running) else True

    with suppress(ProcessLookupError):
        os.kill(running.pid, number)
    wait_until(gone, what=f"the emulator to end after {number.name}", seconds=seconds, every=0.05)


@contextmanager
def _lock(place: EmulatorDir) -> Iterator[None]:
    ensure_private_folder(place.lock.parent)
    message = f"another process is starting or stopping the emulator in {place.folder}"
    busy = LockedError(message=message, hint="wait for that process, then run the command again")
    with file_lock(place.lock, seconds=LOCK_SECONDS, busy=busy):
        yield


def _tail(log: Path) -> str:
    with suppress(OSError):
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    return ""
