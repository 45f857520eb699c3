"""The one door out: runs the command, prints what went wrong, exits with the documented code."""

import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from bakery import __version__
from bakery.cli.access import access
from bakery.cli.bootstrap import bootstrap
from bakery.cli.browser_cert import browser_cert
from bakery.cli.build_image import build_image
from bakery.cli.completion import completion
from bakery.cli.credentials import credentials
from bakery.cli.destroy import destroy
from bakery.cli.doctor import doctor
from bakery.cli.emulator import emulator
from bakery.cli.env import env
from bakery.cli.failure import as_json, as_text
from bakery.cli.gc import gc
from bakery.cli.images import images
from bakery.cli.init import init
from bakery.cli.launch import launch
from bakery.cli.plan import plan
from bakery.cli.render import render
from bakery.cli.session import common_options, settings_of
from bakery.cli.status import status
from bakery.cli.validate import validate
from bakery.errors import BakeryError, ExitCode


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C, so that everything under way is closed in order."""


class OrderedGroup(click.Group):
    """Lists commands in the order of a user's day, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="bakery")
@common_options
def bakery() -> None:
    """Bake one DigitalOcean snapshot; launch a Consul + Nomad cluster from it that forms by itself.

    \b
    Start here:
      bakery init            write a commented bakery.yaml
      bakery build-image     bake the snapshot
      bakery launch          bring every role to its count
      eval "$(bakery env)"   then: consul members; nomad node status

    Without an account: bakery emulator up, then add --local to the commands above.
    """


for command in (
    init,
    validate,
    plan,
    build_image,
    images,
    launch,
    status,
    env,
    destroy,
    render,
    bootstrap,
    access,
    browser_cert,
    credentials,
    gc,
    doctor,
    emulator,
    completion,
):
    bakery.add_command(command)


def main() -> NoReturn:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never raises but for a second interrupt."""
    settings = settings_of(None)
    try:
        with bakery.make_context("bakery", list(arguments), obj=settings) as context:
            result = bakery.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BakeryError as error:
        if settings.json:
            sys.stderr.write(as_json(error) + "\n")
        else:
            sys.stderr.write(as_text(error, settings.console()) + "\n")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("\ninterrupted; what was made is kept, the same command goes on from here\n")
        return ExitCode.INTERRUPTED
    except Terminated:
        sys.stderr.write("\nterminated; what was made is kept, the same command goes on from here\n")
        return ExitCode.TERMINATED
    except BrokenPipeError:
        return ExitCode.UNEXPECTED
    except Exception as error:
        return _report_bug(error)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _report_bug(error: Exception) -> int:
    """Write the traceback where the user can find it, and say so in three lines."""
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
    sys.stderr.write(f"error: unexpected {type(error).__name__}: {error}\n{place}\n")
    sys.stderr.write("help: this is a bug in bakery; please report it with that file\n")
    return ExitCode.UNEXPECTED
