"""The report of an exception that nothing expected, without secrets."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from bakery.cli.options import Settings
from bakery.errors import BakeryError
from bakery.files import ensure_private_folder, write_atomically

VARIABLES = (
    "BAKERY_AGE_PASSPHRASE", "BAKERY_P12_PASSWORD", "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN",
)  # fmt: skip
"""Variables whose values are secret."""


def report_crash(error: Exception, settings: Settings) -> BakeryError:
    """Return the error for ``error``; write its traceback to a file (0600).

    The text of an exception may quote what the code worked with, so every secret that is known here is cut out.
    """
    hidden = _secrets(settings)
    folder = Path(platformdirs.user_log_dir("bakery"))
    report = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    text = _without("".join(traceback.format_exception(error)), hidden)
    place = f"report: {report}"
    try:
        ensure_private_folder(folder)
        write_atomically(report, text.encode(), mode=0o600)
    except OSError:
        place = text
    message = f"unexpected {type(error).__name__}: {_without(str(error), hidden)}"
    return BakeryError(
        message=message, details=place, hint="this is a bug in bakery; please report it with that file"
    )


def _without(text: str, hidden: tuple[str, ...]) -> str:
    from bakery.credentials.redaction import without_secrets

    return without_secrets(text, hidden)


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets of the environment and of the cluster. What cannot be read now was not read before."""
    found = [value for name in VARIABLES if (value := os.environ.get(name))]
    try:
        from bakery.config.load import load_cluster
        from bakery.config.paths import state_paths
        from bakery.credentials.at_rest import ask_passphrase_with
        from bakery.operations.known_secrets import known_secrets

        ask_passphrase_with(None)
        config = load_cluster(settings.cluster_file)
        found += known_secrets(config, state_paths(config.path, config.cluster))
    except Exception:  # noqa: S110 - the first error is the one to report
        pass
    return tuple(found)
