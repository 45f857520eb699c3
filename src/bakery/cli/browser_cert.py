"""``bakery browser-cert``: the operator's certificate in the form that browsers import."""

import os
import sys
from pathlib import Path

import click

from bakery.cli.session import common_options, session_of
from bakery.errors import UsageError


@click.command("browser-cert", short_help="Export a client certificate for the browser (PKCS#12).")
@click.argument("which", type=click.Choice(["consul", "nomad"]))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default <cluster>-<which>.p12."
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="First line is the password of the file; else BAKERY_P12_PASSWORD, else it is asked.",
)
@common_options
@click.pass_context
def browser_cert(context: click.Context, which: str, output: Path | None, password_file: Path | None) -> None:
    """Write a PKCS#12 file for the user interface of WHICH; import it in the browser, with the CA as trusted."""
    from bakery.credentials.browser import browser_certificate
    from bakery.files import write_secret_file

    session = session_of(context)
    bundle = session.bundle()
    target = output or Path(f"{session.config.cluster}-{which}.p12")
    content = browser_certificate(bundle, "consul" if which == "consul" else "nomad", _password(password_file))
    write_secret_file(target, content)
    session.console.note(f"wrote {target} (it holds a private key)")


def _password(file: Path | None) -> str:
    if file is not None:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    given = os.environ.get("BAKERY_P12_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        message = "the file needs a password, and there is no terminal to ask on"
        raise UsageError(message, hint="--password-file FILE, or BAKERY_P12_PASSWORD")
    password: str = click.prompt("password for the file", hide_input=True, confirmation_prompt=True, err=True)
    return password
