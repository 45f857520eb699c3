"""Rendered user-data, judged by the programs that will read it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bakery.assets import PACKER
from bakery.config.model import NO_SETTINGS, Docker, HostVolume, Kind, OpenPort, Registry, RoleSettings
from bakery.credentials.issue import issue_for_node
from bakery.credentials.store import create_bundle
from bakery.errors import CommandError
from bakery.proc import run
from bakery.render.model import Join, UserData
from bakery.render.user_data import render_node
from tests.helpers.clusters import REGISTRY_LOGIN, make_plan, node_of
from tests.helpers.netns import run_isolated
from tests.helpers.rendered import files_of, write_below
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
BUNDLE = create_bundle("demo", now=NOW)
JOIN = Join(consul=("10.100.0.2",), nomad=("10.100.0.3",), forms_consul=True, forms_nomad=True)
LATER = replace(JOIN, forms_consul=False, forms_nomad=False)
"""Of a server that joins what has formed."""
EVEN = "WARNING: Number of bootstrap servers should ideally be set to an odd number."
"""Nomad says so of none, too (hashicorp/nomad command/agent/command.go, IsValidConfig)."""
KINDS = list(Kind)
WITH_NOMAD = [kind for kind in Kind if kind.runs_nomad]


PORTS = tuple(
    OpenPort(number=number, protocol=protocol, vpc=vpc, networks=networks)
    for number, protocol, vpc, networks in (
        (80, "tcp", False, ("0.0.0.0/0", "::/0")),
        (8080, "tcp", True, ()),
        # Overlapping networks: nft refuses them in one set.
        (5000, "udp", True, ("203.0.113.0/24", "203.0.0.0/16", "2001:db8::/32")),
    )
)
FULL = RoleSettings(
    ports=PORTS,
    meta=(("rack", "a1"), ("zone.name", "b")),
    node_class="fast",
    host_volumes=(
        HostVolume(name="data", path="/srv/data", read_only=False),
        HostVolume(name="journal", path="/var/log/journal", read_only=True),
    ),
    nomad={
        "log_level": "DEBUG",
        "limits": {"http_max_conns_per_client": 300},
        "telemetry": {"use_node_name": True},
    },
    consul={"performance": {"leave_drain_time": "2s"}, "dns_config": {"node_ttl": "5s"}, "log_level": "DEBUG"},
)
DOCKER = Docker(
    registries=(
        Registry(
            host="registry.example.com", username="ci", username_env="", password_env="PASSWORD", password_file=""
        ),
    ),
    ca="-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n",
)
"""Everything that the cluster file may add to the nodes of a role."""


def render(
    kind: Kind, *, join: Join = JOIN, ssh_keys: tuple[str, ...] = (), settings: RoleSettings = NO_SETTINGS
) -> UserData:
    plan = make_plan(ssh_keys=ssh_keys)
    if settings is not NO_SETTINGS:
        plan = replace(plan, docker=DOCKER, mesh=True)
    node = replace(node_of(plan, kind), settings=settings)
    credentials = issue_for_node(BUNDLE, name=node.name, kind=kind, now=NOW, mesh=True)
    if kind.is_nomad_client:
        credentials = replace(credentials, registries=(REGISTRY_LOGIN,))
    return render_node(plan, node, credentials, join)


@pytest.mark.parametrize("settings", [NO_SETTINGS, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("kind", KINDS)
def test_cloud_init_takes_it(kind: Kind, settings: RoleSettings, tmp_path: Path) -> None:
    cloud_init = require_tool("cloud-init")
    file = tmp_path / "user-data"
    file.write_text(render(kind, ssh_keys=("laptop",), settings=settings).text)
    done = run([cloud_init, "schema", "--config-file", file], check=False)
    assert (done.returncode, "Valid" in done.stdout) == (0, True), done.stderr


def test_cloud_init_refuses_a_number_for_a_mode(tmp_path: Path) -> None:
    """Control."""
    cloud_init = require_tool("cloud-init")
    file = tmp_path / "user-data"
    file.write_text(render(Kind.CONSUL_SERVER).text.replace('permissions: "0640"', "permissions: 0640"))
    assert run([cloud_init, "schema", "--config-file", file], check=False).returncode == 1


@pytest.mark.parametrize("join", [JOIN, LATER], ids=["new", "later"])
@pytest.mark.parametrize("kind", KINDS)
def test_consul_takes_it(kind: Kind, join: Join, tmp_path: Path) -> None:
    consul = require_tool("consul")
    write_below(tmp_path, render(kind, join=join))
    done = run_isolated([consul, "validate", tmp_path / "etc/consul.d/consul.json"])
    assert "Configuration is valid!" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_consul_takes_the_cluster_files_own_keys(kind: Kind, tmp_path: Path) -> None:
    consul = require_tool("consul")
    write_below(tmp_path, render(kind, settings=FULL))
    done = run_isolated([consul, "validate", tmp_path / "etc/consul.d/consul.json"])
    assert "Configuration is valid!" in done.stdout


def test_consul_refuses_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    """Control."""
    consul = require_tool("consul")
    write_below(tmp_path, render(Kind.CONSUL_SERVER))
    file = tmp_path / "etc/consul.d/consul.json"
    file.write_text(file.read_text().replace('"rejoin_after_leave"', '"rejoin_after_live"'))
    with pytest.raises(CommandError, match="unshare failed") as caught:
        run_isolated([consul, "validate", file])
    assert "rejoin_after_live" in str(caught.value.details)


@pytest.mark.parametrize("settings", [NO_SETTINGS, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("kind", WITH_NOMAD)
def test_nomad_takes_it(kind: Kind, settings: RoleSettings, tmp_path: Path) -> None:
    nomad = require_tool("nomad")
    write_below(tmp_path, render(kind, settings=settings))
    done = run_isolated([nomad, "config", "validate", tmp_path / "etc/nomad.d"])
    assert "Configuration is valid!" in done.stdout
    assert "WARNING" not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_nomad_server])
def test_nomad_takes_a_server_that_only_joins(kind: Kind, tmp_path: Path) -> None:
    nomad = require_tool("nomad")
    write_below(tmp_path, render(kind, join=LATER))
    done = run_isolated([nomad, "config", "validate", tmp_path / "etc/nomad.d"])
    assert "Configuration is valid!" in done.stdout
    assert [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line] == [EVEN]


def test_nomad_refuses_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    """Control."""
    nomad = require_tool("nomad")
    write_below(tmp_path, render(Kind.NOMAD_CLIENT))
    file = tmp_path / "etc/nomad.d/client.json"
    file.write_text(file.read_text().replace('"node_pool"', '"node_pond"'))
    assert run_isolated([nomad, "config", "validate", file.parent], check=False).returncode == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_firewall_loads_again_and_again_and_leaves_other_tables(kind: Kind, tmp_path: Path) -> None:
    nft = require_tool("nft")
    rules = tmp_path / "firewall.nft"
    rendered = render(kind, ssh_keys=("laptop",), settings=FULL)
    rules.write_text(files_of(rendered)["/etc/bakery/firewall.nft"].content)
    script = f"""
    {nft} add table ip docker-like
    {nft} -f {rules}
    {nft} -f {rules}
    {nft} list ruleset
    """
    done = run_isolated(["sh", "-ec", script])
    assert done.stdout.count("policy drop") == 1, "the input chain, once"
    assert "table ip docker-like" in done.stdout
    assert "ip daddr 169.254.169.254 drop" in done.stdout
    assert "ip saddr 10.100.0.0/20 tcp dport 8080 accept" in done.stdout


def test_shell_scripts_are_clean() -> None:
    shellcheck = require_tool("shellcheck")
    files = PACKER / "files"
    run([shellcheck, files / "usr/local/lib/bakery/seal"])
    run([shellcheck, "--shell=sh", files / "etc/profile.d/bakery.sh"])


def test_consul_takes_a_cluster_of_one(tmp_path: Path) -> None:
    """A single Consul server expects itself only."""
    plan = make_plan(consul=1, nomad=1)
    node = plan.consul_servers[0]
    credentials = issue_for_node(BUNDLE, name=node.name, kind=node.kind, now=NOW)
    consul = require_tool("consul")
    write_below(tmp_path, render_node(plan, node, credentials, Join(consul=(), nomad=(), forms_consul=True)))
    done = run_isolated([consul, "validate", tmp_path / "etc/consul.d/consul.json"])
    assert "Configuration is valid!" in done.stdout
