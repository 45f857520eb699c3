"""What the cluster file adds to the nodes of a role, as the node gets it."""

import json
from dataclasses import replace
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakery.config.model import ContainerLogs, Docker, HostVolume, Kind, RoleSettings, UserDataPart
from bakery.errors import RenderError
from bakery.render.model import Join, UserData
from bakery.render.user_data import render_node
from tests.helpers.clusters import make_credentials, make_plan, node_of
from tests.helpers.rendered import json_of

ROOT = Path(__file__).parents[3]
JOIN = Join(consul=("10.100.0.2",), nomad=("10.100.0.4",))
CLIENT = Kind.NOMAD_CLIENT


def render(kind: Kind, **settings: Any) -> UserData:  # noqa: ANN401 - fields of RoleSettings
    plan = make_plan()
    node = replace(node_of(plan, kind), settings=RoleSettings(**settings))
    return render_node(plan, node, make_credentials(kind), JOIN)


def nomad(kind: Kind, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of RoleSettings
    return json_of(render(kind, **settings), f"/etc/nomad.d/{'client' if kind is CLIENT else 'server'}.json")


def test_meta_and_class_reach_the_client() -> None:
    client = nomad(CLIENT, meta=(("rack", "a1"), ("disk", "ssd")), node_class="fast")["client"]
    assert (client["meta"], client["node_class"]) == ({"rack": "a1", "disk": "ssd"}, "fast")


def test_host_volumes_reach_the_client_and_their_folders_exist_before_it_starts() -> None:
    volumes = (
        HostVolume(name="data", path="/srv/data", read_only=False),
        HostVolume(name="journal", path="/var/log/journal", read_only=True),
    )
    assert nomad(CLIENT, host_volumes=volumes)["client"]["host_volume"] == {
        "data": {"path": "/srv/data", "read_only": False},
        "journal": {"path": "/var/log/journal", "read_only": True},
    }
    document = yaml.safe_load(render(CLIENT, host_volumes=volumes).text)
    assert document["bootcmd"] == [["install", "-d", "-m", "0755", "--", "/srv/data"]]


def test_the_files_own_configuration_is_merged_key_by_key() -> None:
    own = {
        "log_level": "DEBUG",
        "client": {"gc_max_allocs": 100, "reserved": {"memory": 512}},
        "plugin": {"docker": {"config": {"logging": {"type": "local"}}}},
        "limits": {"http_max_conns_per_client": 300},
    }
    before, after = nomad(CLIENT), nomad(CLIENT, nomad=own)
    assert after["log_level"] == "DEBUG"
    assert after["limits"] == {"http_max_conns_per_client": 300}
    assert after["client"] == {
        **before["client"],
        "gc_max_allocs": 100,
        "reserved": {**before["client"]["reserved"], "memory": 512},
    }
    docker = {**before["plugin"]["docker"]["config"], "logging": {"type": "local"}}
    assert after["plugin"] == {**before["plugin"], "docker": {"config": docker}}
    same = ("name", "tls", "acl", "consul", "telemetry", "addresses")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}


def test_consuls_own_configuration_is_merged_on_every_kind() -> None:
    for kind in Kind:
        rendered = json_of(
            render(kind, consul={"performance": {"raft_multiplier": 3}, "limits": {"rpc_rate": 5}}),
            "/etc/consul.d/consul.json",
        )
        assert rendered["performance"] == {"raft_multiplier": 3}
        assert rendered["limits"] == {"rpc_rate": 5}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"telemetry": 5}, "roles.nomad-client.nomad.telemetry must be a mapping"),
        ({"log_level": {"a": 1}}, "roles.nomad-client.nomad.log_level must be a value such as 'INFO'"),
    ],
)
def test_a_value_of_the_wrong_type_is_not_merged(own: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(CLIENT, nomad=own)
    assert caught.value.message == message


def test_the_limits_of_container_logs_reach_dockers_plugin() -> None:
    plan = replace(make_plan(), docker=Docker(logs=ContainerLogs(max_size="10m", max_files=3)))
    rendered = render_node(plan, node_of(plan, CLIENT), make_credentials(CLIENT), JOIN)
    config = json_of(rendered, "/etc/nomad.d/client.json")["plugin"]["docker"]["config"]
    assert config["logging"] == {"type": "json-file", "config": {"max-file": "3", "max-size": "10m"}}
    assert "logging" not in nomad(CLIENT)["plugin"]["docker"]["config"]


def test_limits_of_processes_are_in_dockers_own_configuration() -> None:
    """The image's file stays as it is without them; with them, the node's file has what the image's has too."""
    plan = replace(make_plan(), docker=Docker(ulimits=(("nofile", 4096), ("memlock", -1))))
    rendered = render_node(plan, node_of(plan, CLIENT), make_credentials(CLIENT), JOIN)
    image = json.loads((ROOT / "packer/files/etc/docker/daemon.json").read_text())
    assert json_of(rendered, "/etc/docker/daemon.json") == image | {
        "default-ulimits": {
            "nofile": {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            "memlock": {"Name": "memlock", "Soft": -1, "Hard": -1},
        }
    }
    assert "/etc/docker/daemon.json" not in render(CLIENT).text, "control"


SCRIPT = UserDataPart(name="setup.sh", mime_type="text/x-shellscript", text="#!/bin/sh\necho hello\n")
CLOUD_CONFIG = UserDataPart(name="extra.yaml", mime_type="text/cloud-config", text="#cloud-config\nswap: {}\n")
GREEK = UserDataPart(name="α β.sh", mime_type="text/x-shellscript", text="#!/bin/sh\necho αβγ\n")


def test_parts_follow_bakerys_own() -> None:
    plain = render(Kind.CONSUL_SERVER)
    whole = render(Kind.CONSUL_SERVER, user_data=(SCRIPT, CLOUD_CONFIG, GREEK))
    message = message_from_string(whole.text)
    parts: Any = message.get_payload()
    assert [part.get_content_type() for part in parts] == [
        "text/cloud-config", "text/x-shellscript", "text/cloud-config", "text/x-shellscript",
    ]  # fmt: skip
    texts = [part.get_payload(decode=True).decode() for part in parts]
    assert texts == [plain.text, SCRIPT.text, CLOUD_CONFIG.text, GREEK.text]
    # cloud-init would replace bakery's list of files by one of a later part.
    merge = "list(append)+dict(no_replace,recurse_list)+str()"
    assert [part["Merge-Type"] for part in parts] == [None, None, merge, None]
    assert whole == render(Kind.CONSUL_SERVER, user_data=(SCRIPT, CLOUD_CONFIG, GREEK))
    assert "hello" not in repr(RoleSettings(user_data=(SCRIPT,)))


def test_parts_that_are_too_large_together_are_refused_and_the_largest_is_named() -> None:
    large = replace(SCRIPT, name="large.sh", text="#!/bin/sh\n" + "#" * 64000)
    with pytest.raises(RenderError, match="DigitalOcean accepts at most 65536") as caught:
        render(CLIENT, user_data=(SCRIPT, large))
    assert caught.value.hint == "shorten large.sh, or let it download what it needs"
