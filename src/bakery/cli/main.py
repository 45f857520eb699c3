"""The entry point: run a command, print its error, exit with the documented code."""

import errno
import io
import os
import re
import shlex
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, cast

import click

from bakery import DISTRIBUTION, __version__
from bakery.cli import signals
from bakery.cli.options import Settings, common_options
from bakery.cli.pages import dress
from bakery.cli.prompts import QuestionInterrupted
from bakery.cli.verbs import Verbs
from bakery.errors import BakeryError, ExitCode, MissingToolError, UsageError

if TYPE_CHECKING:
    from bakery.launch.base.model import Timings

COMPLETE_VARIABLE = "_BAKERY_COMPLETE"
"""Set by the completion script; click's own convention."""
_GOES_ON = "what was created stays; to continue, run the same command again"
_EMULATOR_MODULES = {"starlette", "uvicorn", "httptools"}
"""Packages that the extra ``emulator`` installs."""
# Errors of the machine that bakery runs on, not bugs in bakery.
_REFUSALS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.EEXIST,
    errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE,
}  # fmt: skip


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="bakery")
@common_options
def bakery() -> None:
    """Bake a DigitalOcean snapshot, and launch a Consul + Nomad cluster from it that forms by itself.

    \b
    Examples:
      bakery init; bakery build-image; bakery launch
      eval "$(bakery env)"; consul members; nomad node status
      bakery emulator up      a cloud on this machine, for: bakery --local launch

    Exit codes: 0 done, 1 a bug, 2 usage, 3 credentials, 4 the cloud or an agent, 5 locked, 6 deadline, 7 a check
    failed, 10 plan --exit-code with changes, 130 and 143 signals, 141 the reader of the output has gone.
    """


dress(bakery)


def main() -> NoReturn:
    """Run the command line of this process, and exit: the entry point of the console script."""
    _open_streams()
    # pydantic looks for plugins in every installed package, which takes a quarter of "bakery validate":
    # https://docs.pydantic.dev/latest/concepts/plugins/, "Disabling plugins"
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    signals.install()
    threading.excepthook = _tell_of_thread
    try:
        code = _flushed(run(sys.argv[1:]))
    except (KeyboardInterrupt, signals.Terminated):
        code = ExitCode.INTERRUPTED
    sys.exit(code)


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _hang_up()
    return code


def _open_streams() -> None:
    """Open /dev/null in place of each standard stream that the parent process closed.

    Otherwise the next file that is opened would get the stream's number. Paths that are not text in the terminal's
    encoding are printed as their bytes.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    while nowhere <= 2:
        nowhere = os.open(os.devnull, os.O_RDWR)
    os.close(nowhere)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


def run(arguments: Sequence[str], *, timings: "Timings | None" = None, changes_nothing: bool = False) -> int:
    """Run one command and return its exit code. Raise nothing, except at a second interrupt.

    ``timings`` replaces the intervals and deadlines of a launch and a destroy. ``changes_nothing`` is whether the
    caller removes what the command creates.
    """
    instruction = os.environ.get(COMPLETE_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(bakery, {}, "bakery", COMPLETE_VARIABLE, instruction)
    signals.offer_to_continue(not changes_nothing)
    settings = Settings(timings=timings, arguments=tuple(arguments), changes_nothing=changes_nothing)
    try:
        code = _invoke(list(arguments), settings)
    except BrokenPipeError:
        code = _hang_up()
    except BaseException as error:
        found = _error_of(error, settings)
        if found is None:
            raise
        return _tell(settings, *found)
    settings.close_console(done=code == ExitCode.DONE)
    if settings.recorder is not None:
        settings.recorder.end(code, None)
    return code


def _tell_of_thread(failed: threading.ExceptHookArgs) -> None:
    """Print the exception that ended a thread, in one line and without secrets: Python would print it as it is."""
    from bakery.cli.crash import crash_error

    if isinstance(failed.exc_value, Exception):
        click.echo(f"warning: {crash_error(failed.exc_value, Settings()).message}", err=True)


_RUST = "pyo3_runtime"
"""Module of the exception with which a library in Rust panics. It is no ``Exception`` (PyO3, src/panic.rs)."""


def _stopped(message: str, *, changes_nothing: bool) -> BakeryError:
    if changes_nothing:
        return BakeryError(message=f"{message}; nothing was changed")
    return BakeryError(message=message, hint=_GOES_ON)


def _error_of(error: BaseException, settings: Settings) -> tuple[BakeryError, int] | None:
    """Return what to print of an exception, and the exit code; None for an exception that passes through."""
    if isinstance(error, BakeryError):
        return error, error.exit_code
    if isinstance(error, QuestionInterrupted):
        return _stopped("interrupted", changes_nothing=True), ExitCode.INTERRUPTED
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return _stopped("interrupted", changes_nothing=settings.changes_nothing), ExitCode.INTERRUPTED
    if isinstance(error, signals.Terminated):
        return _stopped("terminated", changes_nothing=settings.changes_nothing), ExitCode.TERMINATED
    if not isinstance(error, Exception) and type(error).__module__ != _RUST:
        return None
    known = _of_system(error) if isinstance(error, OSError) else None
    if isinstance(error, ModuleNotFoundError):
        known = _of_extra(error)
    if known is None:
        from bakery.cli.crash import report_crash

        known = report_crash(error, settings)
    return known, known.exit_code


def _invoke(arguments: list[str], settings: Settings) -> int:
    if not arguments:
        from bakery.cli.start import start_page

        click.echo(start_page())
        return ExitCode.DONE
    try:
        with bakery.make_context("bakery", arguments, obj=settings) as context:
            result = bakery.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # bakery emulator, as docker and kubectl do
        click.echo(error.format_message())
        return ExitCode.DONE
    except click.ClickException as error:
        settings.json = settings.json or "--json" in arguments
        raise _of_click(error, arguments) from error


def _tell(settings: Settings, error: BakeryError, code: int) -> int:
    from bakery.cli.error_format import as_json, as_text

    settings.close_console(done=False)
    if settings.recorder is not None:
        settings.recorder.end(code, error.message)
    document = settings.output in ("json", "yaml")
    text = as_json(error, code, settings.spell) if document else as_text(error, settings.console())
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _hang_up()  # the exit code of the error is the more useful one
    return code


def _of_click(error: click.ClickException, arguments: Sequence[str]) -> BakeryError:
    message = _in_one_form(error.format_message())
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else _command_path(arguments)
    return UsageError(message=message[:1].lower() + message[1:].rstrip("."), hint=f"{path} --help")


def _in_one_form(message: str) -> str:
    """Return a message of click with its guess as bakery writes one, and in one line."""
    message = re.sub(r"\.? \(?Did you mean (?:one of: )?'([^']+)'.*", r"; did you mean \1?", message)
    return re.sub(r"^Missing argument '\{.*\}'\. Give ", "an argument is missing: give ", message)


def _command_path(arguments: Sequence[str]) -> str:
    """Return the path of the command in ``arguments``: click does not give it if an option lacks its value."""
    words, command = ["bakery"], cast("click.Command | None", bakery)
    for argument in arguments:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), argument)
        if found is not None:
            words.append(argument)
            command = found
    return " ".join(words)


def _of_system(error: OSError) -> BakeryError | None:
    if error.errno not in _REFUSALS:
        return None
    return UsageError(
        message=f"the operating system refused: {error.strerror}", details=error.filename and str(error.filename)
    )


def _of_extra(error: ModuleNotFoundError) -> BakeryError | None:
    if error.name is None or error.name.partition(".")[0] not in _EMULATOR_MODULES:
        return None
    message = "the emulator's packages are not installed"
    packages, python = " ".join(sorted(_EMULATOR_MODULES)), shlex.quote(sys.executable)
    ways = (
        f"{python} -m pip install {packages}",
        f"with pipx: pipx inject {DISTRIBUTION} {packages}",
        f"with uv: uv pip install --python {python} {packages}",
    )
    return MissingToolError(message=message, details=f"no module {error.name}", hint="; ".join(ways))


def _hang_up() -> int:
    """Discard what is buffered: the process that read the output has closed its end (as ``head`` does).

    Returns the code that shells report for a program that SIGPIPE ended, as consul, nomad and terraform do.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    return ExitCode.BROKEN_PIPE
