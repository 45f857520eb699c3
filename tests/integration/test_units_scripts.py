"""The node's own scripts: the seal leaves no user-data, and consul-peers writes only what helps."""

import json
import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from bakery.assets import PACKER
from bakery.proc import run

pytestmark = pytest.mark.integration

SCRIPTS = PACKER / "files/usr/local/lib/bakery"
CANARY = "c0ffee00-0000-4000-8000-00000000a9e7"

# Where cloud-init 22.4 (Debian 12) and 25.1 (Debian 13) keep user-data and vendor-data: cloudinit/helpers.py,
# Paths.lookups, and cloudinit/cmd/main.py.
INSTANCE = "var/lib/cloud/instances/4711"
COPIES = [
    f"{INSTANCE}/user-data.txt",
    f"{INSTANCE}/user-data.txt.i",
    f"{INSTANCE}/vendor-data.txt",
    f"{INSTANCE}/vendor-data.txt.i",
    f"{INSTANCE}/vendor-data2.txt",
    f"{INSTANCE}/vendor-data2.txt.i",
    f"{INSTANCE}/vendor-cloud-config.txt",
    f"{INSTANCE}/cloud-config.txt",
    f"{INSTANCE}/combined-cloud-config.json",
    f"{INSTANCE}/obj.pkl",
    f"{INSTANCE}/scripts/runcmd",
    f"{INSTANCE}/scripts/part-001",
    f"{INSTANCE}/boothooks/part-002",
    "run/cloud-init/instance-data-sensitive.json",
    "run/cloud-init/combined-cloud-config.json",
    "var/lib/cloud/seed/config_drive/openstack/latest/user_data",
]
KEPT = [
    "var/lib/cloud/data/instance-id",
    f"{INSTANCE}/boot-finished",
    f"{INSTANCE}/sem/config_write_files",
    "run/cloud-init/instance-data.json",
    "run/cloud-init/result.json",
    "var/log/cloud-init.log",
]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    for name in COPIES:
        write(tmp_path / name, f"token: {CANARY}\n")
    for name in KEPT:
        write(tmp_path / name, "4711\n")
    (tmp_path / "etc/cloud").mkdir(parents=True)
    (tmp_path / "var/lib/cloud/instance").symlink_to(tmp_path / INSTANCE)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def holders(root: Path) -> list[str]:
    files = (file for file in root.rglob("*") if file.is_file() and not file.is_symlink())
    return sorted(str(file.relative_to(root)) for file in files if CANARY in file.read_text())


def test_the_seal_leaves_no_copy(node: Path) -> None:
    assert holders(node) == sorted(COPIES), "control: they are there before"
    run(["sh", SCRIPTS / "seal", node])
    assert holders(node) == []
    assert (node / "etc/cloud/cloud-init.disabled").exists()
    assert [name for name in KEPT if not (node / name).exists()] == []
    assert (node / "var/log/cloud-init.log").stat().st_mode & 0o007 == 0


def test_tasks_get_copies_of_programs_and_names_and_no_other_file(tmp_path: Path) -> None:
    """The copies share no file with the node. Later runs bring names at each start, and programs if asked."""
    write(tmp_path / "usr/bin/awk", "awk")
    write(tmp_path / "usr/lib/x86_64-linux-gnu/libc.so.6", "libc")
    write(tmp_path / "etc/passwd", "root")
    write(tmp_path / "etc/nomad.d/client.json", CANARY)
    write(tmp_path / "etc/ssl/private/key.pem", CANARY)
    write(tmp_path / "etc/ssl/certs/ca.pem", "ca")
    write(tmp_path / "run/resolv.conf", "nameserver 192.0.2.1")
    (tmp_path / "etc/resolv.conf").symlink_to("../run/resolv.conf")
    (tmp_path / "bin").symlink_to("usr/bin")
    run(["sh", SCRIPTS / "task-root", "all", tmp_path, str(os.getuid())])
    copies = tmp_path / "opt/task-root"
    assert sorted(str(file.relative_to(copies)) for file in copies.rglob("*") if not file.is_dir()) == [
        "etc/passwd", "etc/resolv.conf", "etc/ssl/certs/ca.pem", "usr/bin/awk",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
    ]  # fmt: skip
    assert [str((copies / name).readlink()) for name in ("bin", "lib")] == ["usr/bin", "usr/lib"]
    assert (copies / "etc/resolv.conf").read_text() == "nameserver 192.0.2.1"
    assert not (copies / "etc/resolv.conf").is_symlink()
    with (copies / "usr/bin/awk").open("a") as stream:
        stream.write(" written")
    assert (tmp_path / "usr/bin/awk").read_text() == "awk"
    with (copies / "etc/passwd").open("a") as stream:
        stream.write(" written")
    write(tmp_path / "usr/bin/new", "new")
    libc = copies / "usr/lib/x86_64-linux-gnu/libc.so.6"
    before = (libc.stat().st_ino, libc.stat().st_ctime_ns)
    run(["sh", SCRIPTS / "task-root", "names", tmp_path, str(os.getuid())])
    assert (copies / "etc/passwd").read_text() == "root"
    assert not (copies / "bin/new").exists()
    run(["sh", SCRIPTS / "task-root", "all", tmp_path, str(os.getuid())])
    assert (copies / "bin/new").read_text() == "new"
    assert (libc.stat().st_ino, libc.stat().st_ctime_ns) == before, "chown copies a file of an overlay"


def test_the_seal_can_run_again(node: Path) -> None:
    run(["sh", SCRIPTS / "seal", node])
    run(["sh", SCRIPTS / "seal", node])
    assert holders(node) == []


def test_a_seal_that_fails_is_tried_again_at_the_next_boot(node: Path) -> None:
    """cloud-init stays on until everything is gone."""
    failing = node / "bin"
    write(failing / "rm", "#!/bin/sh\nexit 1\n")
    (failing / "rm").chmod(0o755)
    done = run(["sh", SCRIPTS / "seal", node], env={"PATH": f"{failing}:/usr/bin:/bin"}, check=False)
    assert done.returncode != 0
    assert not (node / "etc/cloud/cloud-init.disabled").exists()


@pytest.fixture
def peers() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / "consul-peers"))


def test_the_list_is_written_once(
    peers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "consul.json"
    peers["write"](file, ["10.100.0.2", "10.100.0.3"])
    first = file.stat()
    assert json.loads(file.read_text()) == {"retry_join": ["10.100.0.2", "10.100.0.3"]}
    assert capsys.readouterr().out == "Consul servers: 10.100.0.2, 10.100.0.3\n"
    peers["write"](file, ["10.100.0.2", "10.100.0.3"])
    assert file.stat().st_ino == first.st_ino
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["consul.json"]


def test_an_empty_list_forgets_nothing(peers: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "consul.json"
    peers["write"](file, ["10.100.0.2"])
    peers["write"](file, [])
    assert json.loads(file.read_text()) == {"retry_join": ["10.100.0.2"]}


def test_a_replaced_server_is_replaced_in_the_list(peers: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "consul.json"
    peers["write"](file, ["10.100.0.2"])
    peers["write"](file, ["10.100.0.9"])
    assert json.loads(file.read_text()) == {"retry_join": ["10.100.0.9"]}


def test_own_addresses(peers: dict[str, Any]) -> None:
    """203.0.113.0/24 is nobody's (RFC 5737); binding sends nothing."""
    assert peers["is_own"]("127.0.0.1")
    assert not peers["is_own"]("203.0.113.7")


PAUSE_ID = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("names", "loads"),
    [
        ({"pause": PAUSE_ID, "pause-child": "sha256:b"}, False),
        ({"pause": PAUSE_ID}, True),
        ({"pause-child": "sha256:b"}, True),
        ({"pause": "sha256:c", "pause-child": "sha256:b"}, True),  # a job's image has the name
        ({}, True),
    ],
)
def test_the_pause_images_are_loaded_unless_docker_has_them(
    tmp_path: Path, names: dict[str, str], *, loads: bool
) -> None:
    """In the form of docker's own file (moby, reference/store.go)."""
    found = {f"bakery.invalid/{name}": {f"bakery.invalid/{name}:1": digest} for name, digest in names.items()}
    folder = tmp_path / "docker/image/overlay2"
    folder.mkdir(parents=True)
    text = json.dumps({"Repositories": found}, separators=(",", ":"))
    (folder / "repositories.json").write_text(text)
    (tmp_path / "pause.id").write_text(PAUSE_ID + "\n")
    program = tmp_path / "docker.d/docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/said\n')
    program.chmod(0o755)
    script = PACKER / "files/usr/local/lib/bakery/pause-image"
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    run(["sh", script, tmp_path / "pause.id", tmp_path / "docker"], env=environment, seconds=10)
    said = tmp_path / "said"
    assert said.exists() == loads
    assert not loads or said.read_text().startswith("load ")
