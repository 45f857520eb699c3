"""The report of an exception that nothing expected, without secrets."""

import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from bakery.cli.options import Settings
from bakery.errors import BakeryError
from bakery.files import ensure_private_folder, write_atomically

_ANY_BYTE = "backslashreplace"
"""Error handler of ``str.encode``. A path that is not UTF-8 has characters that UTF-8 cannot write."""


def report_crash(error: BaseException, settings: Settings) -> BakeryError:
    """Return the error for ``error``; write its traceback to a file (0600).

    The text of an exception may quote what the code worked with, so every secret that is known here is cut out. If
    that fails, nothing of the text is shown.
    """
    try:
        return _report(error, settings)
    except Exception as failed:
        message = f"unexpected {type(error).__name__}; its report failed: {type(failed).__name__}"
        return BakeryError(message=message, hint="this is a bug in bakery; please report it with the command")


def _report(error: BaseException, settings: Settings) -> BakeryError:
    hidden = _secrets(settings)
    folder = Path(platformdirs.user_log_dir("bakery"))
    report = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    text = _without("".join(traceback.format_exception(error)), hidden)
    place = f"report: {report}"
    try:
        ensure_private_folder(folder)
        write_atomically(report, text.encode(errors=_ANY_BYTE), mode=0o600)
    except OSError:
        place = text
    return BakeryError(
        message=_message(error, hidden),
        details=place,
        hint="this is a bug in bakery; please report it with that file",
    )


def crash_error(error: Exception, settings: Settings) -> BakeryError:
    """Return the error for ``error`` as :func:`report_crash` does, and write no report."""
    return BakeryError(message=_message(error, _secrets(settings)))


def _message(error: BaseException, hidden: tuple[str, ...]) -> str:
    return f"unexpected {type(error).__name__}: {_without(str(error), hidden)}"


def _without(text: str, hidden: tuple[str, ...]) -> str:
    from bakery.credentials.redaction import without_secrets

    return without_secrets(text, hidden)


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets of the environment, those that this process has held, and those of files.

    What fails is left out: the first error is the one to report.
    """
    from bakery.credentials.at_rest import ask_passphrase_with
    from bakery.operations.known_secrets import known_secrets

    ask_passphrase_with(None)
    configs = [] if settings.cluster is None else [settings.cluster]
    with suppress(Exception):
        from bakery.config.load import load_cluster

        configs.append(load_cluster(settings.cluster_file))  # it may not have been read yet, or has changed since
    return known_secrets(*configs, left_out=(Exception,))
