"""Change one count in a cluster file in place: comments and all other text stay as they are."""

from dataclasses import replace
from pathlib import Path

from bakery.config.document import LINE_BREAK, Place
from bakery.config.load import parse_cluster, read_text
from bakery.config.model import ClusterConfig
from bakery.config.reading import read_document
from bakery.errors import UsageError
from bakery.files import replace_content

_BOM = "\N{BYTE ORDER MARK}"


def save_count(path: Path, role: str, count: int) -> bool:
    """Set ``roles.ROLE.count`` in the cluster file to ``count``; return False if it has that value already.

    Raises:
        ConfigError: the file cannot be read, or has problems.
        UsageError: the file does not contain the count (it is a default), or cannot be written.
    """
    text = read_text(path)
    changed = with_count(text, path, role, count)
    if changed == text:
        return False
    try:
        replace_content(path, changed.encode())
    except OSError as error:
        message = f"cannot write {path}"
        hint = f"set roles.{role}.count: {count} there by hand"
        raise UsageError(message=message, details=error.strerror, hint=hint) from error
    return True


def with_count(text: str, path: Path, role: str, count: int) -> str:
    """Return the text of a cluster file with another count of a role.

    Raises:
        ConfigError: the file has problems.
        UsageError: the count is a default that the file does not contain; the hint is the line to add.
    """
    config = parse_cluster(text, path)
    body = text.removeprefix(_BOM)
    value = read_document(body).find(("roles", role, "count"))
    if value is None:
        message = f"{path} has no roles.{role}.count to change"
        raise UsageError(message=message, hint=_to_add(config, body, role, count))
    start = _offset(body, value.place)
    end = start + len(value.text)  # a number is never in quotes, so its text in the file is the text that was read
    changed = text[: len(text) - len(body)] + body[:start] + str(count) + body[end:]
    if body[start:end] != value.text or not _is_only_change(config, parse_cluster(changed, path), role, count):
        message = f"roles.{role}.count in {path} is written so that it cannot be changed in its place"
        raise UsageError(message=message, hint=f"set it to {count} by hand")
    return changed


def _offset(text: str, place: Place) -> int:
    """Return the offset in the text of the character at ``place``."""
    starts = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
    return starts[place.line - 1] + place.column - 1


def _to_add(config: ClusterConfig, body: str, role: str, count: int) -> str:
    if read_document(body).find(("roles", role)) is not None:
        return f"add count: {count} to roles.{role}"
    counts = {r.name: count if r.name == role else r.count for r in config.roles}
    roles = ", ".join(f"{name}: {{count: {number}}}" for name, number in counts.items())
    return f"add: roles: {{{roles}}}"


def _is_only_change(before: ClusterConfig, after: ClusterConfig, role: str, count: int) -> bool:
    roles = tuple(replace(r, count=count) if r.name == role else r for r in before.roles)
    return replace(before, roles=roles, warnings=()) == replace(after, warnings=())
