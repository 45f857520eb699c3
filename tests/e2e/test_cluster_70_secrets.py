"""No secret of the cluster is where it does not belong: logs, arguments, environments, the snapshot."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from bakery.config.defaults import TESTED_CONSUL_VERSION, TESTED_NOMAD_VERSION
from bakery.emulator.daemon.folder import emulator_dir
from bakery.files import write_secret
from bakery.proc import run
from tests.helpers.cluster_e2e import EMULATOR, Cluster, keep_logs
from tests.helpers.leaks import all_processes, watched
from tests.helpers.release_mirror import Mirror

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SECRET_FIELDS = {"key", "secret", "consul_gossip_key", "nomad_gossip_key", "token_seed"}
NODE_TOKENS = (
    "cat /etc/consul.d/consul.json /etc/nomad.d/*.json 2>/dev/null || true"  # a Consul server has no Nomad
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FETCHED = """\
version: 1
cluster: demo
image: {{binaries: download, nomad: {nomad}, checksums: {checksums}}}
"""


@pytest.fixture(scope="module")
def secrets(cluster: Cluster) -> tuple[str, ...]:
    """Every secret of the bundle, and the tokens and keys of every node that are derived from it."""
    bundle = json.loads((cluster.work / ".bakery/demo/bundle.json").read_text())
    found = set(_of_bundle(bundle))
    for droplet in cluster.droplets("bakery:demo"):
        found |= set(UUID.findall(cluster.inside(droplet.name, NODE_TOKENS).stdout))
        keys = cluster.inside(
            droplet.name, "cat /etc/consul.d/tls/*-key.pem /etc/nomad.d/tls/*-key.pem", check=False
        )
        found |= set(_lines(keys.stdout))
    # Control: 5 keys of 3 lines, 2 gossip keys, the seed, 2 management tokens; per node an agent token and a key.
    assert len(found) >= 20 + 2 * 9
    return tuple(sorted(found))


def _of_bundle(value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _of_bundle(inner, key)
    elif name in SECRET_FIELDS:
        yield from _lines(value)


def _lines(text: str) -> list[str]:
    """A token itself, or the lines of a PEM key that are not the frame around it."""
    return [line for line in text.splitlines() if line and not line.startswith("-")]


@pytest.fixture(scope="module")
def patterns(secrets: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as a file for grep: in no argument of ours either."""
    file = tmp_path_factory.mktemp("patterns") / "patterns"
    write_secret(file, "\n".join(secrets).encode())
    return file


def holders(patterns: Path, *places: Path) -> list[str]:
    """The files in ``places`` that hold a secret."""
    for place in places:
        assert place.exists(), place
    done = run(["grep", "-rlFs", "--text", "--devices=skip", "-f", patterns, *places], check=False, seconds=600)
    return done.stdout.splitlines()


def test_the_bundle_holds_them(cluster: Cluster, patterns: Path) -> None:
    """Control: the search finds them where they belong, readable by their owner only."""
    found = holders(patterns, cluster.work / ".bakery")
    assert str(cluster.work / ".bakery/demo/bundle.json") in found
    assert {Path(file).stat().st_mode & 0o777 for file in found} == {0o600}


def test_no_secret_in_the_emulators_log(patterns: Path) -> None:
    assert holders(patterns, emulator_dir(EMULATOR).log) == []


def test_no_secret_in_what_droplets_log(cluster: Cluster, patterns: Path, tmp_path: Path) -> None:
    keep_logs(tmp_path)
    assert len(list(tmp_path.glob("*.journal"))) == len(cluster.droplets())
    assert holders(patterns, tmp_path) == []
    for droplet in cluster.droplets():
        (tmp_path / f"{droplet.name}.cloud-init").write_text(
            cluster.inside(droplet.name, "cat /var/log/cloud-init*.log").stdout
        )
    assert holders(patterns, tmp_path) == []


def test_no_secret_in_arguments_or_environments_during_a_launch(
    cluster: Cluster, secrets: tuple[str, ...]
) -> None:
    with watched(all_processes) as seen:
        done = cluster.bakery("launch", "--local", "--yes", "--verbose", "--role", "nomad-client", "--count", "5")
    text = text_of(seen)
    assert "--count\x005" in text  # control: the launch itself was seen
    assert "machine=bk-" in text  # control: so was what boots the new droplet
    assert [secret for secret in secrets if secret in text] == []
    said = done.stdout + done.stderr
    assert "demo-nomad-client-5" in said
    assert [secret for secret in secrets if secret in said] == []
    cluster.bakery("destroy", "--local", "--yes", "--node", "demo-nomad-client-5")


def text_of(seen: dict[str, set[str]]) -> str:
    """The arguments and environments in one text."""
    return "\0".join(text for texts in seen.values() for text in texts)


LOOKS = (
    ("plan",), ("status",), ("credentials", "list"), ("support", "--seconds", "1"),
    ("logs", "demo-nomad-client-1", "--seconds", "1"), ("render", "--role", "nomad-client"),
)  # fmt: skip


def test_no_secret_in_arguments_environments_or_outputs_of_commands_that_look(
    cluster: Cluster, secrets: tuple[str, ...], patterns: Path, tmp_path: Path
) -> None:
    """Control: ``env --management`` prints two of them."""
    files = {"support": tmp_path / "help.tar.gz", "render": tmp_path / "rendered"}
    with watched(all_processes) as seen:
        for words in LOOKS:
            more = ("-o", str(files[words[0]])) if words[0] in files else ()
            done = cluster.bakery(*words, *more, "--local", "--verbose", check=False)
            said = done.stdout + done.stderr
            assert [secret for secret in secrets if secret in said] == [], words
    assert [secret for secret in secrets if secret in text_of(seen)] == []
    run(["tar", "--extract", "--gzip", "--file", files["support"], "--directory", tmp_path])
    assert {Path(file).parent for file in holders(patterns, tmp_path)} <= {files["render"]}
    shown = cluster.bakery("env", "--local", "--management").stdout
    assert sum(secret in shown for secret in secrets) == 2


def images(cluster: Cluster) -> list[dict[str, Any]]:
    """The snapshots that bakery knows."""
    shown: list[dict[str, Any]] = json.loads(cluster.bakery("images", "--local", "--json").stdout)["images"]
    return shown


BUILDS = Path(platformdirs.user_state_dir("bakery")) / "builds"


@dataclass(frozen=True, kw_only=True)
class Bake:
    """What was seen of a bake."""

    log: Path
    """Packer's own log, at its most verbose (PACKER_LOG=1)."""
    seen: str
    """The arguments and environments of all processes of the machine meanwhile."""
    said: str


@pytest.fixture(scope="module")
def baked(cluster: Cluster, mirror: Mirror) -> Bake:
    """A bake beside the cluster's secrets, in which the droplet fetches the binaries.

    The droplets of the cluster stay on the layer of the demo's snapshot, which is deleted.
    """
    (old,) = images(cluster)
    before = set(BUILDS.glob("*.log"))
    file = cluster.work / "fetched.yaml"
    checksums = json.dumps(mirror.checksums)
    file.write_text(FETCHED.format(nomad=TESTED_NOMAD_VERSION, checksums=checksums))
    sites = dict.fromkeys(("BAKERY_RELEASES_URL", "BAKERY_GITHUB_URL"), mirror.url)
    words = ("build-image", "--local", "--yes", "--fresh", "--json")
    with watched(all_processes) as seen:
        done = cluster.bakery(*words, env={"BAKERY_CLUSTER_FILE": str(file), **sites})
    fresh = json.loads(done.stdout)
    assert {each["id"]: each["current"] for each in images(cluster)} == {old["id"]: False, fresh["id"]: True}
    assert cluster.api("DELETE", f"/v2/images/{old['id']}").status == 204
    (log,) = set(BUILDS.glob("*.log")) - before
    return Bake(log=log, seen=text_of(seen), said=done.stdout + done.stderr)


def test_the_droplet_fetches_and_checks_the_binaries(baked: Bake, mirror: Mirror) -> None:
    """packer/scripts/behaviour.sh has run both programs inside and compared their versions."""
    assert baked.log.exists()
    fetched = [path for path in mirror.requests if path.endswith((".zip", ".tgz"))]
    assert sorted(path.rsplit("/", maxsplit=1)[-1] for path in fetched) == [
        "cni-plugins-linux-amd64-v1.9.1.tgz",
        "consul_1.22.5_linux_amd64.zip",
        "nomad_1.11.3_linux_amd64.zip",
    ]


@pytest.mark.usefixtures("baked")
def test_the_snapshot_names_its_versions(cluster: Cluster) -> None:
    (fresh,) = images(cluster)
    assert fresh["versions"] == {"consul": TESTED_CONSUL_VERSION, "nomad": TESTED_NOMAD_VERSION}


def test_no_secret_in_arguments_or_environments_during_a_bake(
    cluster: Cluster, baked: Bake, secrets: tuple[str, ...]
) -> None:
    """The account's token is in the environment of the programs that need it, and in no argument."""
    assert "packer\x00build" in baked.seen  # control: Packer was seen
    assert [secret for secret in secrets if secret in baked.seen] == []
    assert [secret for secret in (*secrets, cluster.token) if secret in baked.said] == []
    assert cluster.token not in baked.log.read_text()


def test_no_secret_in_a_snapshot_or_in_packers_log(baked: Bake, patterns: Path) -> None:
    assert "packer" in baked.log.read_text()
    assert holders(patterns, BUILDS) == []
    layers = emulator_dir(EMULATOR).folder / "snapshots"
    # Control: the search reaches into the layers, down to the programs.
    assert run(["grep", "-rlFs", "--text", "HashiCorp", layers], seconds=600).stdout
    assert holders(patterns, layers) == []
