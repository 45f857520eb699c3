"""What a cluster file adds to its nodes, on one droplet beside the demo's cluster: files, folders, a registry."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.helpers.cluster_e2e import JOBS, Cluster
from tests.helpers.image_tar import fetch_busybox
from tests.helpers.private_registry import PrivateRegistry, private_registry

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NODE = "settings-all-in-one-1"
SETTINGS = """, meta: {rack: a1}, node_class: fast, user_data: [part.sh, part.yaml],
    nomad: {client: {gc_max_allocs: 40}},
    host_volumes: {data: {path: /srv/data}, log: {path: /var/log, read_only: true}}}"""
PARTS = {
    "part.sh": "#!/bin/sh\necho the script ran > /var/log/part\n",
    "part.yaml": "#cloud-config\nssh_pwauth: true\nwrite_files: [{path: /etc/part, content: a further file}]\n",
}


@dataclass(frozen=True, kw_only=True)
class Small:
    """The cluster of one droplet, and the registry that its cluster file names."""

    cluster: Cluster
    registry: PrivateRegistry


@pytest.fixture(scope="module")
def small(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    work: Path = tmp_path_factory.mktemp("settings")
    made = replace(cluster, work=work)
    made.bakery("init", "--local", "--small", "--cluster", "settings")
    files = {"/bin/busybox": fetch_busybox(work)}
    command = ["/bin/busybox", "echo", "hello from a private registry"]
    with private_registry(cluster.operator, work, name="hello", files=files, command=command) as registry:
        write(work, registry)
        try:
            made.bakery("launch", "--local", "--yes")
            yield Small(cluster=made, registry=registry)
        finally:
            made.bakery("destroy", "--local", "--yes", check=False)


def write(work: Path, registry: PrivateRegistry) -> None:
    """Add the settings to the file of ``init --small``, and write the files that it names."""
    for name, text in (PARTS | {"ca.pem": registry.ca, "password": registry.password}).items():
        (work / name).write_text(text)
    file = work / "bakery.yaml"
    lines = file.read_text().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("  all-in-one:")]
    lines[at] = lines[at].removesuffix("}") + SETTINGS
    where = f"{{username: {registry.username}, password_file: password}}"
    registries = f"  registries: {{'{registry.host}': {where}}}\n  ca: ca.pem\n"
    text = "\n".join(lines).replace("  registries: {}\n", registries)
    assert registries in text
    file.write_text(f"{text}\n")


def test_a_job_pulls_from_a_private_registry_without_credentials_of_its_own(small: Small) -> None:
    """Control: docker itself, which knows the CA but has no credentials there, is refused."""
    image = f"{small.registry.host}/hello:1"
    refused = small.cluster.inside(NODE, f"docker pull {image}", check=False)
    assert refused.returncode != 0
    assert "no basic auth credentials" in refused.stderr
    small.cluster.run_job(JOBS / "image.nomad.hcl", f"image={image}")
    assert small.cluster.output("image") == "hello from a private registry\n"


def test_the_credentials_are_for_root_alone(small: Small) -> None:
    """Nor are they left in cloud-init's copies of the user-data; control: the same search finds the file."""
    script = "stat --format='%a %U' /etc/nomad.d/docker/auth.json; ls -ld /etc/nomad.d"
    assert small.cluster.inside(NODE, script).stdout.startswith("600 root\ndrwxr-x---")
    auth = b64encode(f"{small.registry.username}:{small.registry.password}".encode()).decode()
    script = f"grep -rlF {auth} /etc/nomad.d /var/lib/cloud /run/cloud-init"
    assert small.cluster.inside(NODE, script, check=False).stdout == "/etc/nomad.d/docker/auth.json\n"


def test_further_parts_of_user_data_run_and_replace_nothing(small: Small) -> None:
    said = small.cluster.inside(NODE, "cat /var/log/part /etc/part; cat /etc/ssh/sshd_config.d/*").stdout
    assert said.startswith("the script ran\na further file")
    assert "PasswordAuthentication yes" not in said


def test_the_nodes_settings_are_those_of_the_file(small: Small) -> None:
    (shown,) = small.cluster.nomad_json("node", "status", "-json")
    node = small.cluster.nomad_json("node", "status", "-json", shown["ID"])
    assert (node["NodeClass"], node["Meta"]["rack"]) == ("fast", "a1")
    volumes = {name: (volume["Path"], volume["ReadOnly"]) for name, volume in node["HostVolumes"].items()}
    assert volumes == {"data": ("/srv/data", False), "log": ("/var/log", True)}
    assert small.cluster.inside(NODE, "stat --format='%a %U' /srv/data").stdout == "755 root\n"


def test_a_changed_file_is_seen(small: Small) -> None:
    """Control: before the change nothing differs."""
    assert (
        "nothing to replace: no node differs in config"
        in small.cluster.bakery("roll", "--local", "--dry-run", "--because", "config").stdout
    )
    file = small.cluster.work / "bakery.yaml"
    before = file.read_text()
    file.write_text(before.replace("rack: a1", "rack: b2"))
    try:
        shown = small.cluster.bakery("plan", "--local", check=False).stdout
    finally:
        file.write_text(before)
    assert f"{NODE}: configured differently from a new droplet" in shown
