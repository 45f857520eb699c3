"""The entry point: run a command, print its error, exit with the documented code."""

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, cast

import click

from bakery import __version__
from bakery.cli import signals
from bakery.cli.options import Settings, common_options
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
@click.version_option(__version__, prog_name="bakery")
@common_options
def bakery() -> None:
    """Bake a DigitalOcean snapshot, and launch a Consul + Nomad cluster from it that forms by itself.

    \b
    Start here:
      bakery init            write a commented bakery.yaml
      bakery build-image     bake the snapshot
      bakery launch          create the droplets, wait until the cluster is healthy
      eval "$(bakery env)"   then: consul members; nomad node status

    To try it without an account: bakery emulator up, then add --local to these commands.
    """


def main() -> NoReturn:
    """Run the command line of this process, and exit: the entry point of the console script."""
    _open_streams()
    signals.install()
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


def run(arguments: Sequence[str], *, timings: "Timings | None" = None) -> int:
    """Run one command and return its exit code. Raise nothing, except at a second interrupt.

    ``timings`` replaces the intervals and deadlines of a launch and a destroy.
    """
    instruction = os.environ.get(COMPLETE_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(bakery, {}, "bakery", COMPLETE_VARIABLE, instruction)
    settings = Settings(timings=timings)
    try:
        return _invoke(list(arguments) or ["--help"], settings)
    except BakeryError as error:
        return _tell(settings, error)
    except QuestionInterrupted:
        return _tell(settings, BakeryError(message="interrupted; nothing was changed"), ExitCode.INTERRUPTED)
    except (click.Abort, KeyboardInterrupt):
        return _tell(settings, BakeryError(message="interrupted", hint=_GOES_ON), ExitCode.INTERRUPTED)
    except signals.Terminated:
        return _tell(settings, BakeryError(message="terminated", hint=_GOES_ON), ExitCode.TERMINATED)
    except BrokenPipeError:
        return _hang_up()
    except OSError as error:
        return _tell(settings, _of_system(error) or _bug(error))
    except ModuleNotFoundError as error:
        return _tell(settings, _of_extra(error) or _bug(error))
    except Exception as error:
        return _tell(settings, _bug(error))


def _invoke(arguments: list[str], settings: Settings) -> int:
    try:
        with bakery.make_context("bakery", arguments, obj=settings) as context:
            result = bakery.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        settings.json = settings.json or "--json" in arguments
        raise _of_click(error, arguments) from error


def _tell(settings: Settings, error: BakeryError, code: int | None = None) -> int:
    from bakery.cli.error_format import as_json, as_text

    code = error.exit_code if code is None else code
    text = as_json(error, code, settings.spell) if settings.json else as_text(error, settings.console())
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _hang_up()  # the exit code of the error is the more useful one
    return code


def _of_click(error: click.ClickException, arguments: Sequence[str]) -> BakeryError:
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else _command_path(arguments)
    return UsageError(message=message[:1].lower() + message[1:].rstrip("."), hint=f"{path} --help")


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
    return MissingToolError(
        message=message, details=f"no module {error.name}", hint="in the checkout: pip install '.[emulator]'"
    )


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


def _bug(error: Exception) -> BakeryError:
    """Return the error for an exception that nothing expected; its traceback is written to a file (0600)."""
    import traceback
    from datetime import UTC, datetime
    from pathlib import Path

    import platformdirs

    from bakery.files import ensure_private_folder, write_atomically

    folder = Path(platformdirs.user_log_dir("bakery"))
    report = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    text = "".join(traceback.format_exception(error))
    place = f"report: {report}"
    try:
        ensure_private_folder(folder)
        write_atomically(report, text.encode(), mode=0o600)
    except OSError:
        place = text
    message = f"unexpected {type(error).__name__}: {error}"
    return BakeryError(
        message=message, details=place, hint="this is a bug in bakery; please report it with that file"
    )
