"""The only place that starts a process.

argv lists only; the environment is rebuilt from an allow-list; standard input is closed unless given; both pipes
are drained together; a failure carries a command that can be pasted into a shell, with secrets struck out.
"""

import os
import shlex
import shutil
import subprocess  # noqa: TID251 - this is the door
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bakery.errors import CommandError, MissingToolError
from bakery.hints import Text

# What a child needs to find programs, speak a fixed language and reach the network as the user does.
ALLOWED_ENVIRONMENT = (
    "PATH", "HOME", "TERM", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a program left behind. Text is UTF-8, undecodable bytes replaced."""

    returncode: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Runs programs; the real one is :func:`run`, fakes live in tests."""

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
    """The allow-listed part of our environment, a fixed locale, and ``extra``."""
    environment = {key: os.environ[key] for key in ALLOWED_ENVIRONMENT if key in os.environ}
    return environment | {"LC_ALL": "C.UTF-8"} | dict(extra or {})


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret replaced by ``***``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def find_on_path(name: str, *, reason: str, hint: Text) -> Path:
    """The program ``name`` on PATH.

    Raises:
        MissingToolError: not installed; the error says what it is needed for.
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

    ``env`` is added to :func:`clean_environment`. ``secrets`` are struck out of errors; never put one in ``argv``.

    Raises:
        CommandError: it exited non-zero (with ``check``), or did not end within ``seconds``.
        MissingToolError: there is no such program.
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


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    output: Path,
) -> "subprocess.Popen[bytes]":
    """Start a long-lived program in a session of its own, its output appended to ``output`` (0600)."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [str(word) for word in argv],
            env=clean_environment(env),
            stdin=subprocess.DEVNULL,
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
    """Run a program in a process group of its own, hand each output line to ``on_line``, return its exit code.

    When the caller is interrupted (any exception), the program gets SIGTERM once and is waited for: Packer
    ignores a lone SIGINT, passes SIGTERM on by itself, and needs its time to delete what it made.
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
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
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
