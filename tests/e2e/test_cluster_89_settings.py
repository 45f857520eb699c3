"""What a cluster file adds to one droplet beside the demo's cluster: files, folders, a registry, the mesh."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.envoy import envoy_program
from tests.helpers.examples_page import run_section
from tests.helpers.file_server import served
from tests.helpers.image_tar import fetch_busybox
from tests.helpers.private_registry import PrivateRegistry, private_registry

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NODE = "settings-all-in-one-1"
SETTINGS = """, meta: {rack: a1}, node_class: fast, user_data: [part.sh, part.yaml],
    nomad: {client: {gc_max_allocs: 40}},
    host_volumes: {data: {path: /srv/data}, journal: {path: /var/log/journal, read_only: true}}}"""
PARTS = {
    "part.sh": "#!/bin/sh\necho the script ran > /var/log/part\n",
    "part.yaml": "#cloud-config\nssh_pwauth: true\nwrite_files: [{path: /etc/part, content: a further file}]\n",
}
# What the container does: with the arguments of the log shipper it reads the journal.
PROGRAM = b"""#!/bin/busybox sh
[ "$1" = --config ] || exec busybox echo hello from a private registry
files=$(busybox find /journal -name '*.journal')
lines=$(busybox strings $files | busybox grep -cF nomad-client.service)
[ "$lines" -gt 0 ] || exit 1
busybox echo "lines of nomad in the journal: $lines"
exec busybox sleep 3600
"""


@dataclass(frozen=True, kw_only=True)
class Small:
    """The cluster of one droplet, and the registry that its cluster file names."""

    cluster: Cluster
    registry: PrivateRegistry


@pytest.fixture(scope="module")
def small(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    work: Path = tmp_path_factory.mktemp("settings")
    made = replace(cluster, work=work)
    made.init("--small", "--cluster", "settings")
    files = {"/bin/busybox": fetch_busybox(work), "/bin/program": PROGRAM}
    command = ["/bin/program"]
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
    text = text.replace("  ulimits: {}", "  ulimits: {nofile: 4096}")
    text = text.replace("mesh: false", "mesh: true")
    assert registries in text
    assert "mesh: true" in text
    file.write_text(f"{text}\n")


def test_a_job_pulls_from_a_private_registry_without_credentials_of_its_own(small: Small) -> None:
    """Control: docker itself, which knows the CA but has no credentials there, is refused."""
    image = f"{small.registry.host}/hello:1"
    refused = small.cluster.inside(NODE, f"docker pull {image}", check=False)
    assert refused.returncode != 0
    assert "no basic auth credentials" in refused.stderr
    run_section(small.cluster, "Private registry", {"IMAGE": image})


def test_a_container_reads_the_nodes_journal(small: Small) -> None:
    run_section(small.cluster, "Logs of the nodes", {"NOMAD_VAR_image": f"{small.registry.host}/hello:1"})


def test_a_container_has_the_limits_of_the_file(small: Small) -> None:
    """Control: those of a job replace them."""
    image = f"--entrypoint /bin/busybox {small.registry.host}/hello:1 sh -c 'ulimit -n; ulimit -Hn'"
    assert small.cluster.inside(NODE, f"docker run --rm {image}").stdout.split() == ["4096", "4096"]
    own = small.cluster.inside(NODE, f"docker run --rm --ulimit nofile=5000:6000 {image}").stdout
    assert own.split() == ["5000", "6000"]


@pytest.fixture(scope="module")
def booted(small: Small) -> Small:
    """The cluster after the node's first boot: the last stages of cloud-init wait for the agents."""
    look = "test -e /etc/cloud/cloud-init.disabled && echo sealed"
    wait_until(lambda: small.cluster.reads(NODE, look), what=f"the first boot of {NODE} to end", seconds=PATIENCE)
    return small


def test_the_credentials_are_for_root_alone(booted: Small) -> None:
    """Nor are they left in cloud-init's copies of the user-data; control: the same search finds the file."""
    script = "stat --format='%a %U' /etc/nomad.d/docker/auth.json; ls -ld /etc/nomad.d"
    assert booted.cluster.inside(NODE, script).stdout.startswith("600 root\ndrwxr-x---")
    auth = b64encode(f"{booted.registry.username}:{booted.registry.password}".encode()).decode()
    script = f"grep -rlF {auth} /etc/nomad.d /var/lib/cloud /run/cloud-init"
    assert booted.cluster.inside(NODE, script, check=False).stdout == "/etc/nomad.d/docker/auth.json\n"


def test_further_parts_of_user_data_run_and_replace_nothing(booted: Small) -> None:
    said = booted.cluster.inside(NODE, "cat /var/log/part /etc/part; cat /etc/ssh/sshd_config.d/*").stdout
    assert said.startswith("the script ran\na further file")
    assert "PasswordAuthentication yes" not in said


def test_the_nodes_settings_are_those_of_the_file(small: Small) -> None:
    (shown,) = small.cluster.nomad_json("node", "status", "-json")
    node = small.cluster.nomad_json("node", "status", "-json", shown["ID"])
    assert (node["NodeClass"], node["Meta"]["rack"]) == ("fast", "a1")
    volumes = {name: (volume["Path"], volume["ReadOnly"]) for name, volume in node["HostVolumes"].items()}
    assert volumes == {"data": ("/srv/data", False), "journal": ("/var/log/journal", True)}
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


@pytest.fixture(scope="module")
def ask(small: Small) -> Iterator[Callable[[], str | Pending]]:
    """What the service api of the mesh says to web, if their sidecars let web through."""
    cluster = small.cluster
    with served(cluster.operator, {"envoy": envoy_program().read_bytes()}) as url:
        # Tasks of exec have copies of the node's programs.
        copy = "sh /usr/local/lib/bakery/task-root all"
        cluster.inside(NODE, f"curl -sSf -o /usr/bin/envoy {url}/envoy && chmod 755 /usr/bin/envoy && {copy}")
    cluster.run_job(JOBS / "mesh.nomad.hcl")

    def running() -> str | Pending:
        found = {each["TaskGroup"]: each["ID"] for each in cluster.allocations("mesh")}
        return found["web"] if set(found) == {"api", "web"} else Pending(str(found))

    web = wait_until(running, what="both services to run", seconds=PATIENCE)

    def said() -> str | Pending:
        asks = ("curl", "-sSf", "-m", "5", "http://127.0.0.1:9000/")
        done = cluster.tool("nomad", "alloc", "exec", "-task", "ask", web, *asks, check=False)
        return done.stdout if done.returncode == 0 else Pending(done.stderr)

    yield said
    cluster.stop_job("mesh")


def test_services_of_the_mesh_meet_while_an_intention_allows_it(
    small: Small, ask: Callable[[], str | Pending]
) -> None:
    """Each answer is the control of each refusal."""

    def refused() -> str | Pending:
        said = ask()
        return said.reason if isinstance(said, Pending) else Pending(said)

    consul = small.cluster.tool
    consul("consul", "intention", "create", "web", "api")
    assert wait_until(ask, what="an answer through both sidecars", seconds=PATIENCE) == "hello from api\n"
    consul("consul", "intention", "create", "-deny", "-replace", "web", "api")
    wait_until(refused, what="the sidecars to refuse", seconds=PATIENCE)
    consul("consul", "intention", "create", "-replace", "web", "api")
    assert wait_until(ask, what="an answer again", seconds=PATIENCE) == "hello from api\n"
    consul("consul", "intention", "delete", "web", "api")
    wait_until(refused, what="the sidecars to refuse by default", seconds=PATIENCE)


@pytest.mark.e2e_sweep
def test_the_program_of_a_sidecar_reads_and_writes_files_of_its_node(small: Small) -> None:
    """No known version of Nomad refuses it. When one does, docs/weaknesses.md has a paragraph less to say."""
    cluster, written = small.cluster, "/opt/nomad/written-by-a-sidecar"
    cluster.run_job(JOBS / "sidecar.nomad.hcl")
    try:
        look = f"grep -q 'PRIVATE KEY' {written} && stat --format=%U {written}"
        found = wait_until(lambda: cluster.reads(NODE, look), what="Nomad to follow the links", seconds=PATIENCE)
        assert found == "root"
    finally:
        cluster.stop_job("sidecar")
        cluster.inside(NODE, f"rm -f {written}")


def test_without_the_mesh_a_job_with_a_sidecar_finds_no_node(cluster: Cluster) -> None:
    """Control: the same job on the demo's cluster."""
    shown = cluster.tool("nomad", "job", "plan", str(JOBS / "mesh.nomad.hcl"), check=False).stdout
    assert 'Constraint "${attr.consul.grpc} > 0": ' in shown
