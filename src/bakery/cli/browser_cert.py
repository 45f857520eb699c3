"""``bakery browser-cert``: a client certificate in the form that browsers import."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options_without_o
from bakery.cli.output import refuse_existing, warn_if_git_takes, write_errors
from bakery.cli.prompts import ask_new_password, need_terminal
from bakery.cli.values import Choice
from bakery.errors import UsageError

if TYPE_CHECKING:
    from bakery.credentials.model import Agent


@click.command("browser-cert")
@click.argument("which", type=Choice(["consul", "nomad"]))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write (default: .bakery/<cluster>/<cluster>-<which>.p12).",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="File whose first line is the password (default: BAKERY_P12_PASSWORD, else a prompt).",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@common_options_without_o
@click.pass_context
def browser_cert(
    context: click.Context,
    which: str,
    output: Path | None,
    password_file: Path | None,
    force: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Write a PKCS#12 file with a client certificate and the CA for the web UI of Consul or Nomad.

    Import it into the browser, and trust its CA for websites. The certificate is valid for 90 days.

    \b
    Examples:
      bakery browser-cert consul
      bakery browser-cert nomad -o nomad.p12
    """
    from bakery.credentials.browser import browser_certificate
    from bakery.credentials.seen import note
    from bakery.files import write_secret_file
    from bakery.operations.credentials import load_credentials

    invocation = invocation_of(context)
    bundle = load_credentials(invocation)
    target = output or invocation.paths.browser_cert(which)
    refuse_existing(target, force=force)
    agent: Agent = "consul" if which == "consul" else "nomad"
    password = _password(password_file)
    note(password)
    content = browser_certificate(bundle, agent, password, now=datetime.now(UTC))
    with write_errors(target):
        write_secret_file(target, content)
    warn_if_git_takes(target, invocation.console)
    if invocation.settings.json:
        print_answer(invocation.settings, "browser-cert", {"file": str(target)})
    invocation.console.note(f"wrote {target} (it holds a private key)")


def _password(file: Path | None) -> str:
    if file is not None:
        return _first_line(file)
    given = os.environ.get("BAKERY_P12_PASSWORD")
    if given is not None:
        return given
    need_terminal("--password-file FILE, or BAKERY_P12_PASSWORD")
    return ask_new_password("password of the file")


def _first_line(file: Path) -> str:
    try:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the password in {file}"
        details = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(message=message, details=details) from None
