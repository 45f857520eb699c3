"""Change one value in a cluster file in place: comments and all other text stay as they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bakery.config.document import LINE_BREAK, Place
from bakery.config.load import STDIN, parse_cluster, read_text
from bakery.config.model import ClusterConfig
from bakery.config.reading import read_document
from bakery.errors import UsageError
from bakery.files import replace_content

_BOM = "\N{BYTE ORDER MARK}"
_QUOTES = ("'", '"')


def save_count(path: Path, role: str, count: int) -> bool:
    """Set ``roles.ROLE.count`` in the cluster file to ``count``; return False if it has that value already.

    Raises:
        ConfigError: the file cannot be read, or has problems.
        UsageError: the file does not contain the count (it is a default), or cannot be written.
    """
    by_hand = f"set roles.{role}.count: {count} there by hand"
    return _save(path, lambda text: with_count(text, path, role, count), by_hand)


def save_version(path: Path, product: str, version: str) -> bool:
    """Set ``image.PRODUCT`` (consul or nomad) to ``version``, as :func:`save_count` sets a count."""
    by_hand = f"set image.{product}: {version} there by hand"
    return _save(path, lambda text: with_version(text, path, product, version), by_hand)


def save_networks(path: Path, networks: tuple[str, ...]) -> bool:
    """Set ``access.admin_cidrs`` to ``networks``, as :func:`save_count` sets a count."""
    by_hand = f"set access.admin_cidrs: [{', '.join(networks)}] there by hand"
    return _save(path, lambda text: with_networks(text, path, networks), by_hand)


def with_count(text: str, path: Path, role: str, count: int) -> str:
    """Return the text of a cluster file with another count of a role.

    Raises:
        ConfigError: the file has problems.
        UsageError: the count is a default that the file does not contain; the hint is the line to add.
    """

    def changed(config: ClusterConfig) -> ClusterConfig:
        roles = tuple(replace(r, count=count) if r.name == role else r for r in config.roles)
        return replace(config, roles=roles)

    return _with_value(text, path, _Setting(keys=("roles", role, "count"), value=str(count), change=changed))


def with_version(text: str, path: Path, product: str, version: str) -> str:
    """Return the text of a cluster file with another version of ``consul`` or ``nomad``.

    Raises:
        ConfigError: the file has problems.
        UsageError: the version is a default that the file does not contain; the hint is the line to add.
    """

    def changed(config: ClusterConfig) -> ClusterConfig:
        image = config.image
        changed = replace(image, consul=version) if product == "consul" else replace(image, nomad=version)
        return replace(config, image=changed)

    return _with_value(text, path, _Setting(keys=("image", product), value=version, change=changed))


def with_networks(text: str, path: Path, networks: tuple[str, ...]) -> str:
    """Return the text of a cluster file with other networks in ``access.admin_cidrs``.

    Raises:
        ConfigError: the file has problems, or would have with these networks.
        UsageError: the file does not contain the list in brackets; the hint is the line to write.
    """
    config, written = _changeable(text, path), f"[{', '.join(networks)}]"
    body = text.removeprefix(_BOM)
    found = read_document(body).find(("access", "admin_cidrs"))
    start = 0 if found is None else _offset(body, found.place)
    end = body.find("]", start)
    by_hand = UsageError(
        message=f"access.admin_cidrs is not a list in brackets in {path}",
        hint=f"write there: access: {{admin_cidrs: {written}}}",
    )
    if found is None or body[start : start + 1] != "[" or end < 0:
        raise by_hand
    changed = text[: len(text) - len(body)] + body[:start] + written + body[end + 1 :]
    after = parse_cluster(changed, path)
    expected = replace(config, access=replace(config.access, admin_cidrs=networks))
    if replace(expected, warnings=()) != replace(after, warnings=()):
        raise by_hand
    return changed


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """One value of the file."""

    keys: tuple[str, ...]
    value: str
    change: Callable[[ClusterConfig], ClusterConfig]
    """Returns the same cluster with the value."""

    @property
    def name(self) -> str:
        return ".".join(self.keys)


def _save(path: Path, change: Callable[[str], str], by_hand: str) -> bool:
    text = read_text(path)
    changed = change(text)
    if changed == text:
        return False
    try:
        replace_content(path, changed.encode())
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message=message, details=error.strerror, hint=by_hand) from error
    return True


def _with_value(text: str, path: Path, setting: _Setting) -> str:
    config = _changeable(text, path)
    body = text.removeprefix(_BOM)
    found = read_document(body).find(setting.keys)
    if found is None:
        message = f"{path} has no {setting.name} to change"
        raise UsageError(message=message, hint=_to_add(config, body, setting))
    start = _offset(body, found.place)
    start += body[start : start + 1] in _QUOTES
    end = start + len(found.text)
    changed = text[: len(text) - len(body)] + body[:start] + setting.value + body[end:]
    if body[start:end] != found.text or not _is_only_change(config, parse_cluster(changed, path), setting):
        message = f"{setting.name} in {path} is written so that it cannot be changed in its place"
        raise UsageError(message=message, hint=f"set it to {setting.value} by hand")
    return changed


def _changeable(text: str, path: Path) -> ClusterConfig:
    """Return the cluster of a file that can be changed."""
    if path == STDIN:
        message = "the cluster file is read from standard input, so it cannot be changed"
        raise UsageError(message=message, hint="save it to a file, then: -f FILE")
    return parse_cluster(text, path)


def _offset(text: str, place: Place) -> int:
    """Return the offset in the text of the character at ``place``."""
    starts = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
    return starts[place.line - 1] + place.column - 1


def _to_add(config: ClusterConfig, body: str, setting: _Setting) -> str:
    *parents, key = setting.keys
    if read_document(body).find(tuple(parents)) is not None:
        return f"add {key}: {setting.value} to {'.'.join(parents)}"
    if parents == ["image"]:
        return f"add: image: {{{key}: {setting.value}}}"
    # Without its other roles the file would describe another cluster.
    counts = ", ".join(f"{role.name}: {{count: {role.count}}}" for role in setting.change(config).roles)
    return f"add: roles: {{{counts}}}"


def _is_only_change(before: ClusterConfig, after: ClusterConfig, setting: _Setting) -> bool:
    return replace(setting.change(before), warnings=()) == replace(after, warnings=())
