"""Hide what may be a secret in a text that an error quotes: tokens by their form, users and passwords of URLs."""

import re
from pathlib import Path

HIDDEN = "***"
# Tokens of DigitalOcean, GitHub, GitLab and Docker Hub, an identity of age, a private key in PEM, a JWT.
_TOKEN = re.compile(
    r"do[opr]_v1_\w+|gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|dckr_pat_[\w-]{16,}"
    r"|(?i:AGE-SECRET-KEY-)\w*|-----BEGIN [A-Z ]*PRIVATE KEY.*|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}[\w.-]*",
    re.DOTALL,
)
_BEFORE_USER = re.compile(r"//|(?<![^\s\"'/,=@\[\](){}])(?=[^\s\"'/,:=@\[\](){}]+:(?!\s|//))")
_VARIABLE = re.compile("[A-Z_][A-Z0-9_]*")


def has_token_form(text: str) -> bool:
    """Return whether a part of ``text`` has the form of a known token, or of a private key."""
    return _TOKEN.search(text) is not None


def hide_forms(text: str) -> str:
    """Return ``text`` with ``***`` for known tokens, and for what is before the ``@`` of a host."""
    before, at, host = text.rpartition("@")  # a password may have any character, also "@"
    user = _BEFORE_USER.search(before)
    return _TOKEN.sub(HIDDEN, f"{before[: user.end()]}{HIDDEN}{at}{host}" if user else text)


def quoted_url(url: str) -> str:
    """Return a URL in quotes for an error, without user, password, query and fragment. It may be malformed."""
    return repr(hide_forms(re.split("[?#]", url.rpartition("@")[2])[0]))


def host_of(url: str) -> str:
    """Return a URL's host and port as they are written, for an error. It may be malformed."""
    rest = url.rpartition("@")[2]
    return re.split("[/?#]", rest.partition("://")[2] or rest)[0]


def may_show_variable(name: str) -> bool:
    """Return whether an error may quote ``name``, which should be that of a variable and may be its value."""
    return _VARIABLE.fullmatch(name) is not None and not has_token_form(name)


def may_show_path(text: str, file: Path) -> bool:
    """Return whether an error may quote ``text``, which should be the path of ``file`` and may be its content."""
    if "\n" in text or has_token_form(text):
        return False
    try:
        return "/" in text or file.exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False
