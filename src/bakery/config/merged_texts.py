"""The texts of merged configuration as a cluster file spells them: quoted, folded, or in a block."""

from collections.abc import Iterator

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bakery.errors import ConfigError

_MERGED = ("nomad", "consul")
"""Keys of a role whose values are merged into the configuration of an agent (config/model.py, RoleSettings)."""

_SHOWN = ("", "true", "false")
"""Values that are not secret."""


def hide_merged_texts(text: str) -> str:
    """Return ``text``, a cluster file, with ``***`` in the place of each merged value but true and false.

    A short value is hidden too: only its place is replaced, not the same letters elsewhere.

    Raises:
        ConfigError: it is not YAML; it may have changed since it was loaded.
    """
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        message = "the cluster file is not YAML any more"
        raise ConfigError(message=message) from error
    spans = [
        (node.start_mark.index, node.end_mark.index)
        for role in _values(_value(root, "roles"))
        for key in _MERGED
        for node in _scalars(_value(role, key))
        if node.value not in _SHOWN
    ]
    for start, end in sorted(spans, reverse=True):
        line_break = "\n" if text[start:end].endswith("\n") else ""  # a block ends with its last line
        text = f"{text[:start]}***{line_break}{text[end:]}"
    return text


def _value(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _values(node: Node | None) -> list[Node]:
    return [value for _, value in node.value] if isinstance(node, MappingNode) else []


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode | SequenceNode):
        for part in _values(node) if isinstance(node, MappingNode) else node.value:
            yield from _scalars(part)
