"""A count written into a cluster file: that one scalar changes, every other byte stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.config.save import save_count, save_version, with_count, with_networks, with_version
from bakery.config.template import cluster_file
from bakery.errors import UsageError

PATH = Path("bakery.yaml")
BOM = "\N{BYTE ORDER MARK}"
HEAD = "version: 1\ncluster: demo\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nomad-client: {count: 3, size: s-2vcpu-2gb}", "nomad-client: {count: 5, size: s-2vcpu-2gb}"),
        ("nomad-client: {size: s-1vcpu-2gb, count: 3}  # 3", "nomad-client: {size: s-1vcpu-2gb, count: 5}  # 3"),
        ("nomad-client:\n    count:   3   # of 3\n    kind: nomad-client",
         "nomad-client:\n    count:   5   # of 3\n    kind: nomad-client"),
        ("nomad-client: {count: 0}", "nomad-client: {count: 5}"),
        ("nomad-client: {count: 100}", "nomad-client: {count: 5}"),
        ('"nomad-client": {"count":3}', '"nomad-client": {"count":5}'),
        ("nomad-client: {\n    count:\n      3\n  }", "nomad-client: {\n    count:\n      5\n  }"),
        ("nomad-client: {count: 5}", "nomad-client: {count: 5}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", BOM, "# größe: 3 × ☃\n"])
def test_one_scalar_changes(before: str, after: str, ending: str, start: str) -> None:
    def whole(role: str) -> str:
        text = (
            start
            + HEAD
            + f"roles:\n  consul-server: {{count: 3}}\n  nomad-server: {{count: 3}}\n  {role}\n# end: 3"
        )
        return text.replace("\n", ending)

    assert with_count(whole(before), PATH, "nomad-client", 5) == whole(after)


def test_the_file_of_init_can_be_scaled() -> None:
    text = cluster_file(cluster="demo", region="fra1")
    changed = with_count(text, PATH, "nomad-client", 12)
    assert changed == text.replace("nomad-client:  {count: 3,", "nomad-client:  {count: 12,")
    assert changed != text
    assert [role.count for role in parse_cluster(changed, PATH).roles] == [3, 3, 12]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            HEAD,
            "add: roles: {consul-server: {count: 3}, nomad-server: {count: 3}, nomad-client: {count: 5}}",
        ),
        (
            HEAD + "roles: {consul-server: {}, nomad-server: {}, nomad-client: {}}\n",
            "add count: 5 to roles.nomad-client",
        ),
        (
            HEAD + "roles:\n  consul-server: {}\n  nomad-server: {}\n  nomad-client:\n    size: s-1vcpu-1gb\n",
            "add count: 5 to roles.nomad-client",
        ),
    ],
    ids=["no roles", "flow", "block"],
)
def test_a_count_that_is_only_a_default_is_refused_with_the_line_to_add(text: str, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_count(text, PATH, "nomad-client", 5)
    assert caught.value.message == "bakery.yaml has no roles.nomad-client.count to change"
    assert caught.value.hint == line


def test_what_the_hint_says_is_the_same_cluster_with_another_count() -> None:
    with pytest.raises(UsageError) as caught:
        with_count(HEAD, PATH, "nomad-client", 5)
    line = str(caught.value.hint).removeprefix("add: ")
    before, after = parse_cluster(HEAD, PATH), parse_cluster(HEAD + line + "\n", PATH)
    assert [(r.name, r.kind, r.size) for r in after.roles] == [(r.name, r.kind, r.size) for r in before.roles]
    assert [role.count for role in after.roles] == [3, 3, 5]


def test_the_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "bakery.yaml"
    text = cluster_file(cluster="demo", region="fra1")
    real.write_bytes(text.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link.symlink_to("real.yaml")
    assert save_count(link, "nomad-client", 4) is True
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    wanted = text.replace("nomad-client:  {count: 3,", "nomad-client:  {count: 4,")
    assert real.read_bytes() == wanted.replace("\n", "\r\n").encode()
    inode = real.stat().st_ino
    assert save_count(link, "nomad-client", 4) is False
    assert real.stat().st_ino == inode, "what is there already is not written again"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bakery.yaml", "real.yaml"]


def test_a_link_to_nowhere_is_no_cluster_file(tmp_path: Path) -> None:
    link = tmp_path / "bakery.yaml"
    link.symlink_to(tmp_path / "gone" / "bakery.yaml")
    with pytest.raises(UsageError, match="there is no cluster file"):
        save_count(link, "nomad-client", 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("image: {consul: 1.22.5, nomad: 1.11.3}  # 1.22.5", "image: {consul: 2.0.4, nomad: 1.11.3}  # 1.22.5"),
        ("image:\n  nomad: 1.11.3\n  consul:   1.22.5   # ours",
         "image:\n  nomad: 1.11.3\n  consul:   2.0.4   # ours"),
        ('image: {"consul": "1.22.5"}', 'image: {"consul": "2.0.4"}'),
        ("image: {consul: '1.22.5'}", "image: {consul: '2.0.4'}"),
        ("image: {consul: 2.0.4}", "image: {consul: 2.0.4}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_one_version_changes(before: str, after: str, ending: str) -> None:
    text, wanted = (f"{BOM}{HEAD}{each}\n# end: 1.22.5".replace("\n", ending) for each in (before, after))
    assert with_version(text, PATH, "consul", "2.0.4") == wanted


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD, "add: image: {nomad: 2.0.5}"),
        (HEAD + "image: {consul: 1.22.5}\n", "add nomad: 2.0.5 to image"),
    ],
)
def test_a_version_that_is_only_a_default_is_refused_with_the_line_to_add(text: str, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_version(text, PATH, "nomad", "2.0.5")
    assert caught.value.message == "bakery.yaml has no image.nomad to change"
    assert caught.value.hint == line


def test_the_versions_of_the_file_of_init_are_saved(tmp_path: Path) -> None:
    file, text = tmp_path / "bakery.yaml", cluster_file(cluster="demo", region="fra1")
    file.write_text(text, encoding="utf-8")
    assert save_version(file, "consul", "2.0.4") is True
    assert save_version(file, "nomad", "2.0.4") is True
    wanted = text.replace("consul: 1.22.5", "consul: 2.0.4").replace("nomad: 2.0.5", "nomad: 2.0.4")
    assert file.read_text(encoding="utf-8") == wanted
    assert save_version(file, "nomad", "2.0.4") is False


def test_a_version_with_an_escape_in_quotes_is_left_to_the_user() -> None:
    with pytest.raises(UsageError, match="cannot be changed in its place"):
        with_version(HEAD + 'image: {consul: "1.22.\\x35"}\n', PATH, "consul", "2.0.4")


NETWORKS = ("auto", "203.0.113.7/32")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("access: {admin_cidrs: [auto]}  # me", "access: {admin_cidrs: [auto, 203.0.113.7/32]}  # me"),
        ("access:\n  admin_cidrs: [auto]\n", "access:\n  admin_cidrs: [auto, 203.0.113.7/32]\n"),
        ('access: {admin_cidrs: ["auto",\n  198.51.100.0/24]}', "access: {admin_cidrs: [auto, 203.0.113.7/32]}"),
    ],
)
@pytest.mark.parametrize("start", ["", BOM])
def test_the_networks_change_and_nothing_else(before: str, after: str, start: str) -> None:
    assert with_networks(start + HEAD + before, PATH, NETWORKS) == start + HEAD + after


@pytest.mark.parametrize("text", ["", "access:\n  admin_cidrs:\n    - auto\n"])
def test_a_list_without_brackets_is_changed_by_hand(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_networks(HEAD + text, PATH, NETWORKS)
    assert caught.value.hint == "write there: access: {admin_cidrs: [auto, 203.0.113.7/32]}"


@pytest.mark.parametrize(
    "change",
    [
        lambda text, path: with_count(text, path, "nomad-client", 5),
        lambda text, path: with_version(text, path, "consul", "2.0.4"),
        lambda text, path: with_networks(text, path, NETWORKS),
    ],
    ids=["count", "version", "networks"],
)
def test_standard_input_cannot_be_changed(change: Callable[[str, Path], str]) -> None:
    text = cluster_file(cluster="demo", region="fra1")
    assert change(text, PATH) != text, "control"
    with pytest.raises(UsageError, match="is read from standard input, so it cannot be changed"):
        change(text, Path("-"))
