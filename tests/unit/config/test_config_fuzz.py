"""Whatever stands in a cluster file: a configuration or a ConfigError, and places that exist."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bakery.config.load import load_cluster, parse_cluster
from bakery.config.model import ClusterConfig
from bakery.config.template import cluster_file
from bakery.errors import ConfigError

FILE = Path("bakery.yaml")
GOOD = cluster_file(cluster="demo", region="fra1")
SHORT = "\n".join(line for line in GOOD.splitlines() if line and not line.lstrip().startswith("#")) + "\n"
LINES = SHORT.splitlines()
PIECES = [
    "{", "}", "[", "]", ":", ": ", "- ", "&a ", "*a", "!!str ", "!x ", "<<: ", "? ", "|", ">", "'", '"', "#", "%",
    "@",
    "`", "\t", "\n", "---\n", "...\n", "%YAML 1.1\n", "\0", "\x85", "\N{LINE SEPARATOR}", "\ufeff", "\ud800",
    "\\x", "null",
    "true", "no", "0644", "12:30:45", "1e999", "9" * 400, "-1", "0.0.0.0/0", "::/0", "10.17.0.0/16", "auto",
    "server",
]  # fmt: skip


def outcome(text: str) -> ClusterConfig | ConfigError:
    try:
        return parse_cluster(text, FILE)
    except ConfigError as error:
        return error


def check(text: str) -> None:
    found = outcome(text)
    if isinstance(found, ClusterConfig):
        return
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text.removeprefix("\ufeff"))
    for problem in found.problems:
        assert problem.message
        assert "\n" not in problem.message
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    assert list(found.problems) == sorted(found.problems, key=lambda p: (p.line, p.column))
    assert found.problems or "empty" in found.message


edits = st.lists(
    st.tuples(st.integers(0, len(SHORT)), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3)),
    min_size=1,
    max_size=4,
)


@given(edits)
@settings(max_examples=300, deadline=None)
def test_edited_files(changes: list[tuple[int, int, str]]) -> None:
    text = SHORT
    for start, length, piece in changes:
        text = text[:start] + piece + text[start + length :]
    check(text)


@given(st.lists(st.sampled_from(LINES), max_size=len(LINES) + 3))
@settings(max_examples=150, deadline=None)
def test_shuffled_lines(lines: list[str]) -> None:
    check("\n".join(lines))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(PIECES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["count", "kind", "size", "cidr", "ssh_keys", "consul", "server", "gpu"]), inner
        )
    ),
    max_leaves=8,
)
KEYS = ["version", "cluster", "region", "vpc", "image", "roles", "access", "security", "protect", "rolez"]


@given(st.dictionaries(st.sampled_from(KEYS), values))
@settings(max_examples=200, deadline=None)
@example({"roles": {"server": None}, "cluster": "demo", "version": 1})
def test_other_values(content: dict[str, object]) -> None:
    check(json.dumps(content, allow_nan=True))


@given(st.binary(max_size=200) | st.binary(max_size=8).map(lambda junk: SHORT.encode() + junk))
@settings(max_examples=100, deadline=None)
def test_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(content)
    found: ClusterConfig | ConfigError
    try:
        found = load_cluster(file)
    except ConfigError as error:
        found = error
    assert (found.file if isinstance(found, ConfigError) else str(found.path)) == str(file)


def test_the_unedited_file_is_good() -> None:
    """Control: the fuzz starts from a file that loads."""
    assert isinstance(outcome(SHORT), ClusterConfig)
