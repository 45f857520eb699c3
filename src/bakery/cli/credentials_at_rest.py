"""``bakery credentials encrypt`` and ``decrypt``: how the bundle is stored on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.output import warn_if_git_takes_state
from bakery.cli.prompts import ask_new_password, need_terminal
from bakery.errors import UsageError
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.cli.invocation import Invocation
    from bakery.credentials.at_rest import Lock

LEAST_CHARACTERS = 12
"""NIST SP 800-63B-4 asks for 15 of a password alone, and for 8 beside another factor, as the file is here."""


@click.command(short_help="Encrypt the bundle on this machine.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    metavar="KEY",
    help="An age recipient (age1...) or SSH public key (ssh-ed25519, ssh-rsa); may be repeated (default:"
    " BAKERY_AGE_RECIPIENT).",
)
@click.option(
    "--passphrase",
    "with_passphrase",
    is_flag=True,
    help="Encrypt with a passphrase: BAKERY_AGE_PASSPHRASE, else a prompt.",
)
@common_options
@click.pass_context
def encrypt(context: click.Context, recipients: tuple[str, ...], with_passphrase: bool) -> None:  # noqa: FBT001 - a click flag
    """Encrypt the credentials bundle with age, to recipients or with a passphrase. The nodes are not changed.

    A passphrase has at least 12 characters. A recipient's identity must be on this machine: otherwise the next
    command could not read the bundle.

    Every later command needs the identity (BAKERY_AGE_IDENTITY) or the passphrase. On an encrypted bundle it
    changes the recipients or the passphrase. Backups of the bundle, and free space of the disk, may still hold it
    in plain text.

    \b
    Examples:
      bakery credentials encrypt --recipient age1...
      bakery credentials encrypt --passphrase
    """
    from bakery.credentials.store import encrypt_bundle

    invocation = invocation_of(context)
    lock = _lock(invocation, recipients, with_passphrase=with_passphrase)
    _answer(invocation, encrypt_bundle(invocation.paths, lock), encrypted=True)


@click.command(short_help="Store the bundle in plain text again.")
@common_options
@click.pass_context
def decrypt(context: click.Context) -> None:
    """Store the credentials bundle in plain text, readable by you alone (mode 0600).

    \b
    Example:
      bakery credentials decrypt
    """
    from bakery.credentials.store import decrypt_bundle

    invocation = invocation_of(context)
    file = decrypt_bundle(invocation.paths)
    warn_if_git_takes_state(invocation.paths, invocation.console)
    _answer(invocation, file, encrypted=False)


def _answer(invocation: "Invocation", file: Path, *, encrypted: bool) -> None:
    if invocation.settings.json:
        document = {"file": str(file), "encrypted": encrypted}
        print_answer(invocation.settings, "credentials-at-rest", document)
        return
    invocation.console.print(str(file))


def _lock(invocation: "Invocation", recipients: tuple[str, ...], *, with_passphrase: bool) -> "Lock":
    from bakery.credentials.at_rest import Lock, recipient

    if with_passphrase:
        if recipients:
            message = "--recipient and --passphrase cannot be combined"
            raise UsageError(message=message, hint="age encrypts with a passphrase alone")
        return Lock(passphrase=_new_passphrase(invocation))
    default = recipient()
    found = recipients or ((default,) if default else ())
    if not found:
        message = "encrypt needs a recipient or a passphrase"
        raise UsageError(message=message, hint="--recipient age1…, or --passphrase")
    return Lock(recipients=found)


def _new_passphrase(invocation: "Invocation") -> str:
    """Return the passphrase for the bundle. The variable is the present one if the bundle has one already."""
    from bakery.credentials.at_rest import PASSPHRASE_VARIABLE
    from bakery.credentials.store import has_passphrase

    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given and not has_passphrase(invocation.paths):
        return _long_enough(given, f"the passphrase in {PASSPHRASE_VARIABLE}")
    need_terminal(Hint("first ", Command("credentials decrypt")) if given else f"set {PASSPHRASE_VARIABLE}")
    return _long_enough(ask_new_password("new passphrase of the bundle"), "the passphrase")


def _long_enough(passphrase: str, named: str) -> str:
    """Return the passphrase. A copy of the file allows any number of tries.

    Raises:
        UsageError: it is short.
    """
    if len(passphrase) < LEAST_CHARACTERS:
        message = f"{named} is shorter than {LEAST_CHARACTERS} characters; nothing was changed"
        raise UsageError(message=message, hint="a few words that do not belong together are easy to remember")
    return passphrase
