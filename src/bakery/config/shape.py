"""Check the types in a document: report every wrong type, and still check the rest of the file."""

from collections.abc import Iterator, Set
from enum import StrEnum
from typing import Any

from bakery.config.docker import LOG_SIZE, LOG_SIZE_HINT
from bakery.config.document import Document, Value
from bakery.config.findings import FieldPath, Finding, dotted, name_hint, quoted, unbroken
from bakery.config.model import BalancerCertificate, Binaries, ClientIntroduction, Kind, ReservedIp
from bakery.config.quoted_line import is_called_like_a_secret
from bakery.config.schema import FORMAT, ClusterShape, ShapeError, check_shape, keys_of
from bakery.hidden import hide_forms

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_EXAMPLES: dict[FieldPath, str] = {
    ("roles",): "roles: {nomad-client: {count: 3}}",
    ("roles", "*", "meta"): "meta: {rack: a1}",
    ("roles", "*", "host_volumes"): "host_volumes: {data: {path: /srv/data}}",
    ("roles", "*", "nomad"): "nomad: {client: {gc_max_allocs: 100}}",
    ("roles", "*", "consul"): "consul: {performance: {raft_multiplier: 3}}",
    ("vpc",): "vpc: {cidr: 10.100.0.0/20}",
    ("image",): "image: {consul: 1.22.5, nomad: 2.0.5}",
    ("image", "checksums"): "checksums: {nomad_2.0.6_linux_amd64.zip: its SHA256 in hex}",
    ("access",): "access: {admin_cidrs: [auto]}",
    ("security",): "security: {leaf_days: 365}",
    ("ingress",): "ingress: {domains: [example.com], acme_email: ops@example.com}",
    ("ingress", "load_balancer"): "load_balancer: {certificate: passthrough}, or load_balancer: false",
    ("ingress", "certificates"): "certificates: [{cert: example.pem, key: example-key.pem}]",
    ("mesh",): "mesh: true",
    ("docker",): "docker: {registries: {registry.example.com: {username: ci, password_env: REGISTRY_PASSWORD}}}",
    ("docker", "logs"): "logs: {max_size: 10m, max_files: 3}",
    ("docker", "ulimits"): "ulimits: {nofile: 1048576, memlock: -1}",
}
"""Examples by path; ``*`` is the name of any role."""
_ENUMERATIONS: dict[str | int, type[StrEnum]] = {
    "kind": Kind,
    "binaries": Binaries,
    "certificate": BalancerCertificate,
    "reserved_ip": ReservedIp,
    "client_introduction": ClientIntroduction,
}
"""The values of a key, by the last step of its path."""
_MAPPINGS: FieldPath = ("ingress", "certificates")
"""The only list whose items are mappings. The others have text."""
_STAND_INS: dict[str, object] = {"version": FORMAT, "cluster": "x"}
"""Placeholders for required values that are missing or wrong, so that the other checks can run."""


def shape_of(document: Document) -> tuple[ClusterShape, list[Finding]]:
    """Return the typed file and findings about its types. A wrong value is replaced by its default."""
    value = document.root.plain() if document.root is not None else None
    empty = [_no_value(path) for path in _nulls(value)]
    value = _pruned(value, {finding.path for finding in empty})
    wrong: list[Finding] = []
    while isinstance(shape := check_shape(value), tuple):
        wrong += [_finding(document, error) for error in shape]
        value = _STAND_INS | _pruned(value, {error.path for error in shape})
    return shape, [*empty, *unbroken(wrong, empty)]


def _nulls(value: object, path: FieldPath = ()) -> Iterator[FieldPath]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nulls(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, (*path, index))


def _no_value(path: FieldPath) -> Finding:
    default = "" if path[0] in _STAND_INS else ", or remove the line to use the default"
    hint = f"give it one{default}"
    return Finding(path=path, message=f"{dotted(path)} has no value", hint=hint, at_key=True)


def _pruned(value: Any, bad: Set[FieldPath], path: FieldPath = ()) -> Any:  # noqa: ANN401 - any YAML value
    """Return ``value`` without the fields at ``bad``; in a list empty values replace them, to keep positions."""
    if path in bad:
        return "" if path and isinstance(path[-1], int) and path[:-1] != _MAPPINGS else {}
    if isinstance(value, dict):
        kept = [key for key in value if (*path, key) not in bad]
        return {key: _pruned(value[key], bad, (*path, key)) for key in kept}
    if isinstance(value, list):
        return [_pruned(item, bad, (*path, index)) for index, item in enumerate(value)]
    return value


def _finding(document: Document, error: ShapeError) -> Finding:
    path, name = error.path, dotted(error.path)
    if error.type == "missing":
        return Finding(path=path, message=f"{name} is missing", hint=_missing_hint(name))
    if error.type == "extra_forbidden":
        parent = dotted(path[:-1])
        message = f"unknown key {quoted(str(path[-1]))}" + (f" in {parent}" if parent else "")
        hint = name_hint(str(path[-1]), keys_of(path[:-1]))
        return Finding(path=path, message=message, hint=hint, at_key=True, breaks=False)
    found = document.find(path)
    given = _describe(found, error)
    if error.type == "enum":
        names = [member.value for member in _ENUMERATIONS[path[-1]]]
        message = f"{name} must be one of {', '.join(names)}, not {given}"
        return Finding(path=path, message=message, hint=name_hint(found.text, names) if found else None)
    wanted = _WANTED.get(error.type, "something else")
    message = f"{name or 'the file'} must be {wanted}, not {given}"
    return Finding(path=path, message=message, hint=_hint(error, found), hides=_may_be_secret(error))


def _missing_hint(name: str) -> str:
    return f"add the line: {'version: 1' if name == 'version' else f'{name}: demo'}"


def _describe(value: Value | None, error: ShapeError) -> str:
    """Return what ``value`` is, with its text unless that may be a secret."""
    data = value.data if value is not None else None
    if isinstance(data, dict):
        return "a mapping"
    if isinstance(data, list):
        return "a list"
    if _may_be_secret(error) and isinstance(data, str | int | float) and not isinstance(data, bool):
        return "text" if isinstance(data, str) else "a number"
    if isinstance(data, str):
        return f"the text {quoted(data)}"
    text = value.text if value is not None else "nothing"
    return text if isinstance(data, bool) or data is None else f"the number {text}"


def _may_be_secret(error: ShapeError) -> bool:
    """Return whether the value is in the place of a mapping, or its key is called like a secret."""
    return error.type in ("dict_type", "model_type") or is_called_like_a_secret(str(error.path[-1]))


def _hint(error: ShapeError, found: Value | None) -> str | None:
    text = hide_forms(found.text) if found is not None else ""
    scalar = found is not None and not isinstance(found.data, dict | list)
    if error.type == "string_type" and scalar and _may_be_secret(error):
        return "put it in quotes"
    if error.type == "string_type" and scalar:
        if error.path[2:3] == ("ports",):
            return f"name the protocol: {text[:40]}/tcp"
        if error.path == LOG_SIZE:
            return LOG_SIZE_HINT
        is_version = error.path[0] == "image" and error.path[-1] in ("consul", "nomad")
        return "a version has three parts, such as 1.22.5" if is_version else f'put it in quotes: "{text[:40]}"'
    if error.type == "int_type" and scalar:
        return "write digits only: no quotes, no leading zeros, no fraction"
    if error.type == "bool_type" and scalar:
        return "in YAML 1.2 yes, no, on and off are text"
    if error.type == "list_type" and scalar:
        return f"put it in brackets: [{text[:40]}]"
    if error.type == "model_type" and error.path[:-1] == ("roles",):
        return f"for example: {error.path[1]}: {{count: 3}}"
    example = _example(error.path)
    return f"for example: {example}" if example is not None else None


def _example(path: FieldPath) -> str | None:
    """Return the example of the key at ``path``, or of the nearest key that contains it."""
    known = ("roles", "*", *path[2:]) if path[:1] == ("roles",) and len(path) > 1 else path
    parents = (known[:length] for length in range(len(known), 0, -1))
    return next((_EXAMPLES[parent] for parent in parents if parent in _EXAMPLES), None)
