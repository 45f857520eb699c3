"""Start processes. No other module does.

Commands are argv lists; the environment is rebuilt from an allow-list; stdin is closed unless given; both pipes
are read in parallel; an error has the command as it can be pasted into a shell, without secrets.
"""

import os
import shlex
import shutil
import signal
import subprocess  # noqa: TID251 - the only import
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from bakery.errors import CommandError, MissingToolError
from bakery.hints import Text

# Variables for finding programs, for a fixed language, and for the user's network settings.
ALLOWED_ENVIRONMENT = (
    "PATH", "HOME", "TERM", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
# What a program with windows needs besides: https://docs.python.org/3/library/webbrowser.html (BROWSER), and the
# specifications of freedesktop.org.
DESKTOP_ENVIRONMENT = (
    *ALLOWED_ENVIRONMENT, "BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_SESSION", "LANG", "LANGUAGE", "SHELL", "WSL_DISTRO_NAME", "WSL_INTEROP",
)  # fmt: skip
DESKTOP_PREFIXES = ("LC_", "XDG_", "KDE_", "GNOME_", "GTK_", "QT_", "MOZ_")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The result of a program. Output is decoded as UTF-8; undecodable bytes are replaced."""

    returncode: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """The port of :func:`run`; tests have fakes."""

    def __call__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | None = None,
        seconds: float = 60,
        check: bool = True,
        secrets: Iterable[str] = (),
    ) -> Completed: ...


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the allow-listed part of our environment, a fixed locale, and ``extra``."""
    environment = {key: os.environ[key] for key in ALLOWED_ENVIRONMENT if key in os.environ}
    return environment | {"LC_ALL": "C.UTF-8"} | dict(extra or {})


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with every secret replaced by ``***``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def find_on_path(name: str, *, reason: str, hint: Text) -> Path:
    """Return the path of the program ``name`` on PATH.

    Raises:
        MissingToolError: it is not installed; the details are the ``reason`` why it is needed.
    """
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed"
        raise MissingToolError(message=message, details=f"bakery needs it {reason}", hint=hint)
    return Path(found)


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    seconds: float = 60,
    check: bool = True,
    secrets: Iterable[str] = (),
) -> Completed:
    """Run a program to its end and return what it printed.

    ``env`` is added to :func:`clean_environment`. ``secrets`` are removed from errors; never put one in ``argv``.

    Raises:
        CommandError: its exit code was not 0 (with ``check``), or it did not end within ``seconds``.
        MissingToolError: the program does not exist.
    """
    words = [str(word) for word in argv]
    command = redact(shlex.join(words), secrets)
    try:
        done = subprocess.run(
            words,
            env=clean_environment(env),
            cwd=cwd,
            input=stdin.encode() if stdin is not None else None,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        message = f"{words[0]} is not installed"
        raise MissingToolError(message=message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{Path(words[0]).name} did not end within {seconds:.0f} s"
        raise CommandError(message=message, command=command, returncode=-9) from error
    completed = Completed(
        returncode=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
    )
    if check and done.returncode != 0:
        message = f"{Path(words[0]).name} failed with exit code {done.returncode}"
        details = redact((completed.stderr or completed.stdout).strip(), secrets) or None
        raise CommandError(message=message, details=details, command=command, returncode=done.returncode)
    return completed


def replace_process(argv: Sequence[str | Path], env: Mapping[str, str]) -> NoReturn:
    """Run a program in place of this process: its terminal, signals and exit code are this process's.

    ``env`` is its whole environment. The caller has flushed its streams.

    Raises:
        MissingToolError: the program cannot be run.
    """
    words = [str(word) for word in argv]
    # Python ignores these two signals at its start, and a program that is run this way would ignore them too
    # (https://docs.python.org/3/library/subprocess.html, restore_signals).
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        os.execve(words[0], words, dict(env))  # noqa: S606 - no shell is wanted
    except OSError as error:
        for number, handler in before.items():
            signal.signal(number, handler)
        message = f"{words[0]} cannot be run"
        raise MissingToolError(message=message, details=error.strerror) from error


def open_in_browser(url: str) -> None:
    """Open a page in the user's browser. Nothing happens if there is none. ``url`` has no secret.

    The browser stays open after bakery, so its environment has what a desktop needs, and no token of bakery's.
    """
    words = [sys.executable, "-I", "-c", "import sys, webbrowser; webbrowser.open(sys.argv[1])", url]
    names = (name for name in os.environ if name in DESKTOP_ENVIRONMENT or name.startswith(DESKTOP_PREFIXES))
    allowed = {name: os.environ[name] for name in names}
    subprocess.run(words, env=allowed, check=False)


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    output: Path,
    stdin: int = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a long-lived program in its own session. Its output is appended to ``output`` (0600).

    ``stdin`` is a file descriptor; without one the program reads nothing.
    """
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [str(word) for word in argv],
            env=clean_environment(env),
            stdin=stdin,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def stream(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None],
) -> int:
    """Run a program in its own process group, call ``on_line`` with each line of output, return its exit code.

    If the caller is interrupted (by any exception), the program gets one SIGTERM, and its end is waited for.
    Packer ignores a SIGINT to it alone, forwards SIGTERM to its plugins, and needs time to delete its resources.
    """
    with subprocess.Popen(
        [str(word) for word in argv],
        env=clean_environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - stdout is a PIPE
        try:
            for line in process.stdout:
                on_line(line.decode(errors="replace").rstrip("\n"))
        except BaseException:
            process.terminate()
            for line in process.stdout:
                on_line(line.decode(errors="replace").rstrip("\n"))
            process.wait()
            raise
        return process.wait()
