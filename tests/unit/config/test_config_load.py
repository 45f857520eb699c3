"""What a good file means, and every way in which a file cannot be read."""

import errno
import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.config.load import load_cluster, parse_cluster
from bakery.config.model import Access, Binaries, ClientIntroduction, ClusterConfig, Image, Kind, Role, Security
from bakery.errors import ConfigError
from bakery.hints import Command, Hint

FILE = Path("bakery.yaml")
MINIMAL = "version: 1\ncluster: demo\n"


def role(name: str, kind: Kind, count: int, size: str, node_pool: str = "default") -> Role:
    return Role(name=name, kind=kind, count=count, size=size, node_pool=node_pool)


DEFAULTS = ClusterConfig(
    path=FILE,
    cluster="demo",
    region="fra1",
    vpc_cidr=IPv4Network("10.100.0.0/20"),
    image=Image(base="debian-12-x64", consul="1.22.5", nomad="2.0.5", binaries=Binaries.AUTO),
    roles=(
        role("consul-server", Kind.CONSUL_SERVER, 3, "s-1vcpu-1gb"),
        role("nomad-server", Kind.NOMAD_SERVER, 3, "s-1vcpu-1gb"),
        role("nomad-client", Kind.NOMAD_CLIENT, 3, "s-2vcpu-2gb"),
    ),
    access=Access(admin_cidrs=("auto",), ssh_keys=()),
    security=Security(leaf_days=3650),
    protect=False,
    warnings=(),
)


def test_two_lines_are_a_cluster() -> None:
    assert parse_cluster(MINIMAL, FILE) == DEFAULTS


def test_every_field_can_be_set() -> None:
    text = """\
version: 1
cluster: shop
region: nyc3
vpc: {cidr: 10.120.16.0/24}
image:
  base: ubuntu-24-04-x64
  consul: 1.21.0
  nomad: 1.11.2
  binaries: upload
  checksums: {consul_1.21.0_linux_amd64.zip: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}
roles:
  control: {kind: server, count: 1, size: s-2vcpu-4gb}
  nomad-client: {}
  gpu: {kind: nomad-client, node_pool: gpu, count: 2, size: gpu-h100x1-80gb}
access:
  admin_cidrs: [203.0.113.0/24, auto, "2001:db8::/48"]
  ssh_keys: ["512189", 3b:16:bf:e4]
security: {leaf_days: 90, client_introduction: strict}
mesh: true
protect: true
"""
    assert parse_cluster(text, Path("shop/bakery.yaml")) == ClusterConfig(
        path=Path("shop/bakery.yaml"),
        cluster="shop",
        region="nyc3",
        vpc_cidr=IPv4Network("10.120.16.0/24"),
        image=Image(
            base="ubuntu-24-04-x64",
            consul="1.21.0",
            nomad="1.11.2",
            binaries=Binaries.UPLOAD,
            checksums={"consul_1.21.0_linux_amd64.zip": "b" * 64},
        ),
        roles=(
            role("control", Kind.SERVER, 1, "s-2vcpu-4gb"),
            role("nomad-client", Kind.NOMAD_CLIENT, 3, "s-2vcpu-2gb"),
            role("gpu", Kind.NOMAD_CLIENT, 2, "gpu-h100x1-80gb", "gpu"),
        ),
        access=Access(admin_cidrs=("203.0.113.0/24", "auto", "2001:db8::/48"), ssh_keys=("512189", "3b:16:bf:e4")),
        security=Security(leaf_days=90, client_introduction=ClientIntroduction.STRICT),
        mesh=True,
        protect=True,
        warnings=("access.ssh_keys opens SSH (port 22) on every node to the admin networks",),
    )


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ("roles: {consul-server: {count: 1}}", ()),
        (
            "roles: {consul-server: {count: 2}}",
            ("2 Consul servers can lose none, as 1 can: use an odd number",),
        ),
        (
            "roles: {consul-server: {count: 5}, nomad-server: {count: 4}}",
            ("4 Nomad servers can lose 1, as 3 can: use an odd number",),
        ),
        (
            "roles: {consul-server: {count: 3}, server: {count: 1}}",
            ("4 Consul servers can lose 1, as 3 can: use an odd number",),
        ),
        ("roles: {consul-server: {count: 7}}", ()),
        ("roles: {consul-server: {count: 9}}", ("9 Consul servers slow every write down: use 3, 5 or 7",)),
        (
            "image: {consul: 2.0.4}",
            (
                "Consul 2.0.4 is accepted, but bakery's tests do not run Consul 2.x",
                "HashiCorp lists Nomad 2.0.5 with Consul 1.19 to 1.22, not with 2.0.4",
            ),
        ),
        ("image: {nomad: 2.0.5}", ()),  # the default
        ("image: {nomad: 1.11.3}", ()),
        ("image: {nomad: 2.0.4}", ("Nomad 2.0.4 is accepted, but bakery's tests do not run Nomad 2.x",)),
        ("image: {consul: 1.17.0, nomad: 1.9.4}", ()),
        (
            "access: {admin_cidrs: []}",
            ("access.admin_cidrs is empty: only hosts inside the VPC reach the APIs, bakery itself included",),
        ),
    ],
)
def test_what_is_allowed_but_unwise_is_said(lines: str, warnings: tuple[str, ...]) -> None:
    assert parse_cluster(f"{MINIMAL}{lines}\n", FILE).warnings == warnings


@pytest.mark.parametrize("word", ["no", "on", "yes", "y", "off"])
def test_words_that_yaml_1_1_takes_for_booleans_are_names(word: str) -> None:
    assert parse_cluster(f"version: 1\ncluster: {word}\n", FILE).cluster == word


def test_a_count_of_zero_clients_is_allowed() -> None:
    text = f"{MINIMAL}roles: {{consul-server: {{}}, nomad-server: {{}}, nomad-client: {{count: 0}}}}\n"
    assert [role.count for role in parse_cluster(text, FILE).roles] == [3, 3, 0]


def test_a_role_may_repeat_the_kind_of_its_name() -> None:
    text = f"{MINIMAL}roles: {{server: {{kind: server}}}}\n"
    assert parse_cluster(text, FILE).roles == (role("server", Kind.SERVER, 3, "s-2vcpu-2gb"),)


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_text(MINIMAL)
    assert load_cluster(file).path == file


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + MINIMAL.encode(), MINIMAL.replace("\n", "\r\n").encode()])
def test_windows_files_are_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_bytes(content)
    assert load_cluster(file).cluster == "demo"


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "---\n", "null\n", "\N{BYTE ORDER MARK}"])
def test_a_file_without_content_is_empty(content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(content, FILE)
    assert caught.value == ConfigError(
        message="bakery.yaml is empty",
        hint=Hint(Command("init"), " writes a cluster file to start from"),
        file="bakery.yaml",
    )


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        (b"version: 1\ncluster: caf\xe9\n", 2, 13, "the byte 0xe9 is not UTF-8"),
        (MINIMAL.encode("utf-16"), 1, 1, "the byte 0xff is not UTF-8"),
        ("# \N{LATIN SMALL LETTER E WITH ACUTE}".encode() + b"\x80", 1, 4, "the byte 0x80 is not UTF-8"),
    ],
)
def test_bytes_that_are_not_utf_8_have_a_place(
    tmp_path: Path, content: bytes, line: int, column: int, message: str
) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_cluster(file)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.message) == (line, column, message)


def _missing(folder: Path) -> Path:
    return folder / "bakery.yaml"


def _folder(folder: Path) -> Path:
    return folder


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def _huge(folder: Path) -> Path:
    (folder / "huge.yaml").write_text("#" * (64 * 1024 + 1))
    return folder / "huge.yaml"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "there is no cluster file {path}"),
        (lambda folder: folder / "a" / "b", "there is no cluster file {path}"),
        (lambda folder: Path("bakery\0.yaml"), "cannot read bakery\0.yaml"),
        (lambda folder: folder / ("x" * 300), "cannot read {path}"),
        (_folder, "{path} is a folder"),
        (_pipe, "{path} is not a file"),
        (_loop, "cannot read {path}"),
        (lambda folder: Path("/dev/zero"), "/dev/zero is not a file"),
        (_huge, "{path} has more than 64 KiB; no cluster file needs so much"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_a_traceback(tmp_path: Path, make: object, message: str) -> None:
    assert callable(make)
    path = make(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_cluster(path)
    assert caught.value.message == message.format(path=path)
    assert caught.value.file == str(path)


def test_an_unreadable_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_text(MINIMAL)

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError) as caught:
        load_cluster(file)
    assert (caught.value.message, caught.value.details) == (f"cannot read {file}", "Permission denied")


def test_a_file_that_cannot_be_read_has_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circle = tmp_path / "circle.yaml"
    circle.symlink_to(circle)
    with pytest.raises(ConfigError) as caught:
        load_cluster(circle)
    assert caught.value.hint == f"its symbolic links form a loop: ls -l {circle}; or name another file with -f"

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    mine = tmp_path / "bakery.yaml"
    mine.write_text("version: 1\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError) as caught:
        load_cluster(mine)
    assert caught.value.details == "Permission denied"
    assert caught.value.hint is not None
    assert str(caught.value.hint).startswith(f"as the owner of the file: chmod u+r {mine}, ")


@pytest.mark.parametrize("value", ["hunter2", '"hunter2, and more"', "'hunter2'"])
def test_a_secret_in_the_wrong_place_is_not_quoted(value: str) -> None:
    text = f"{MINIMAL}docker:\n  registries:\n    r.example.com: {{password: {value}, username: anna}}\n"
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, FILE)
    quoted = {problem.source for problem in caught.value.problems}
    assert "    r.example.com: {password: ***" in quoted
    assert "hunter2" not in repr(caught.value.problems)


@pytest.mark.parametrize("key", ["username_env", "password_env", "password_file"])
@pytest.mark.parametrize("token", [f"dop_v1_{'0a' * 32}", f"ghp_{'A1' * 18}", "AGE-SECRET-KEY-1CANARY"])
def test_a_token_in_place_of_its_variable_or_file_is_refused_and_not_quoted(key: str, token: str) -> None:
    given = {"username": "ci", "password_env": "P"} | {key: token}
    given.pop("username" if key == "username_env" else "", None)
    given.pop("password_env" if key == "password_file" else "", None)
    pairs = ", ".join(f"{name}: {value}" for name, value in given.items())
    with pytest.raises(ConfigError) as caught:
        parse_cluster(f"{MINIMAL}docker:\n  registries:\n    r.example.com: {{{pairs}}}\n", FILE)
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"docker.registries.r.example.com.{key} is not the ")
    assert token not in repr(problem)


@pytest.mark.parametrize("value", ['"me:canary"', "canary", '"https://me:canary@ghcr.io"'])
@pytest.mark.parametrize(
    "place", ["docker:\n  registries:\n    ghcr.io: {}\n", "vpc: {}\n", "docker:\n  logs: {}\n"]
)
def test_a_text_in_place_of_a_mapping_is_not_quoted(place: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(MINIMAL + place.format(value), FILE)
    (problem,) = caught.value.problems
    assert problem.message.endswith(" must be a mapping, not text")
    assert problem.source.endswith(": ***")
    assert "canary" not in repr(problem)
