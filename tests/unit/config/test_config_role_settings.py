"""Settings of a role and of docker: what they mean, and what is refused, with place and words, by hand."""

from pathlib import Path

import pytest

from bakery.config.load import load_cluster, parse_cluster
from bakery.config.merges import CONSUL, NOMAD
from bakery.config.model import ContainerLogs, Docker, HostVolume, Registry, RoleSettings, UserDataPart
from bakery.errors import ConfigError

FILE = Path("bakery.yaml")
HEAD = "version: 1\ncluster: demo\n"


def role(text: str, kind: str = "nomad-client") -> str:
    """A good file with servers, and a role in line 6; ``text`` begins in column 30 if the kind is nomad-client."""
    servers = "  consul-server: {}\n  nomad-server: {}\n"
    return f"{HEAD}roles:\n{servers}  pool: {{kind: {kind}, {text}}}\n"


def docker(text: str) -> str:
    """``text`` begins in line 3, column 10."""
    return f"{HEAD}docker: {{{text}}}\n"


_CLIENTS = "only Nomad clients run jobs"
_TLS = "every connection of the cluster is protected by mutual TLS"
_ROOT = "with it a job could become root on the node, and read the node's keys"
_SHORTEST = "such as /srv/data"
_FOLDERS = (
    "a folder below /srv or /mnt, which bakery creates; or, with read_only: true, /var/log or /var/log/journal"
)
_REGISTRY = "registry.digitalocean.com: {username_env: REGISTRY_TOKEN, password_env: REGISTRY_TOKEN}"

REFUSED = {
    "meta of a number": (
        role("meta: {rack: 1}"), 6, 43,
        "roles.pool.meta.rack must be text, not the number 1", 'put it in quotes: "1"',
    ),
    "meta as text": (
        role("meta: rack"), 6, 36, 'roles.pool.meta must be a mapping, not text',
        "for example: meta: {rack: a1}",
    ),
    "a key of meta": (
        role('meta: {"a b": c}'), 6, 37, 'roles.pool.meta: "a b" cannot be a key of Nomad\'s metadata',
        "letters, digits, - _ and .",
    ),
    "meta of a server": (
        role("meta: {rack: a}", "server"), 6, 24, f"roles.pool.meta has no meaning: {_CLIENTS}", "remove it",
    ),
    "ports of a server": (
        role("ports: [80/tcp]", "server"), 6, 24, f"roles.pool.ports has no meaning: {_CLIENTS}", "remove it",
    ),
    "a class of a server": (
        role("node_class: a", "consul-server"), 6, 31, f"roles.pool.node_class has no meaning: {_CLIENTS}",
        "remove it",
    ),
    "a class with a blank": (
        role("node_class: a b"), 6, 42, 'roles.pool.node_class "a b" cannot be a node class',
        "letters, digits, - _ and .",
    ),
    "a volume as text": (
        role("host_volumes: {data: /srv/data}"), 6, 51,
        'roles.pool.host_volumes.data must be a mapping, not text',
        "for example: host_volumes: {data: {path: /srv/data}}",
    ),
    "a volume without a path": (
        role("host_volumes: {data: {read_only: true}}"), 6, 45, "roles.pool.host_volumes.data.path is missing",
        _SHORTEST,
    ),
    "a volume's unknown key": (
        role("host_volumes: {data: {path: /srv/a, readonly: true}}"), 6, 66,
        'unknown key "readonly" in roles.pool.host_volumes.data', "did you mean read_only?",
    ),
    "a volume's name": (
        role("host_volumes: {a.b: {path: /srv/a}}"), 6, 45,
        'roles.pool.host_volumes: "a.b" cannot be a host volume\'s name', "letters, digits, - and _",
    ),
    "a relative path": (
        role("host_volumes: {a: {path: srv/a}}"), 6, 55,
        'roles.pool.host_volumes.a.path "srv/a" is not an absolute path in its shortest form', _SHORTEST,
    ),
    "a way out of /srv": (
        role("host_volumes: {a: {path: /srv/../etc}}"), 6, 55,
        'roles.pool.host_volumes.a.path "/srv/../etc" is not an absolute path in its shortest form', _SHORTEST,
    ),
    "the node's keys": (
        role("host_volumes: {a: {path: /etc/nomad.d, read_only: true}}"), 6, 55,
        "roles.pool.host_volumes.a.path: /etc/nomad.d is not a folder that jobs may have", _FOLDERS,
    ),
    "all of /srv": (
        role("host_volumes: {a: {path: /srv}}"), 6, 55,
        "roles.pool.host_volumes.a.path: /srv is not a folder that jobs may have", _FOLDERS,
    ),
    "a folder inside another host volume": (
        role("host_volumes: {a: {path: /srv/a}, b: {path: /srv/a/b, read_only: true}}"), 6, 74,
        "roles.pool.host_volumes.b.path /srv/a/b is inside the host volume a: a job that writes there could put a"
        " symbolic link in its place, to any folder of the node", "give each its own folder",
    ),
    "the journal to write": (
        role("host_volumes: {a: {path: /var/log/journal}}"), 6, 55,
        "roles.pool.host_volumes.a.path: jobs may only read /var/log/journal", "add read_only: true",
    ),
    "Nomad's TLS": (
        role("nomad: {tls: {http: false}}"), 6, 38,
        f"roles.pool.nomad.tls cannot be set: {_TLS}", "remove it",
    ),
    "the same in capitals, which Nomad would take": (
        role("nomad: {TLS: {http: false}}"), 6, 38,
        f"roles.pool.nomad.TLS cannot be set: {_TLS}", "remove it",
    ),
    "a block in capitals": (
        role("nomad: {Client: {gc_max_allocs: 5}}"), 6, 38,
        "roles.pool.nomad.Client must be in lower case", "client",
    ),
    "a block as a list, which Nomad would take": (
        role("nomad: {server: [{enabled: false}]}"), 6, 46,
        "roles.pool.nomad.server must be a mapping",
        "it is merged key by key",
    ),
    "a key inside a block": (
        role("nomad: {server: {bootstrap_expect: 1}}"), 6, 47,
        "roles.pool.nomad.server.bootstrap_expect cannot be set: bakery decides how servers form the cluster and"
        " how nodes join it", "remove it",
    ),
    "the life of the key of workload identities": (
        role("nomad: {server: {root_key_rotation_threshold: 720h}}"), 6, 47,
        "roles.pool.nomad.server.root_key_rotation_threshold cannot be set: Nomad would rotate to a key that"
        " Consul does not know, and tasks that read Consul would not start", "remove it",
    ),
    "privileged containers": (
        role("nomad: {plugin: {docker: {config: {allow_privileged: true}}}}"), 6, 65,
        f"roles.pool.nomad.plugin.docker.config.allow_privileged cannot be set: {_ROOT}", "remove it",
    ),
    "a key that has its own": (
        role("nomad: {client: {meta: {a: b}}}"), 6, 47,
        "roles.pool.nomad.client.meta cannot be set: it has a key of its own", "use meta of the role",
    ),
    "Nomad without Nomad": (
        role("nomad: {log_level: DEBUG}", "consul-server"), 6, 31,
        "roles.pool.nomad has no meaning: a consul-server does not run Nomad", "remove it",
    ),
    "Nomad as text": (
        role("nomad: x"), 6, 37, 'roles.pool.nomad must be a mapping, not text',
        "for example: nomad: {client: {gc_max_allocs: 100}}",
    ),
    "a key without a value": (
        role("nomad: {client: {gc_max_allocs: }}"), 6, 47, "roles.pool.nomad.client.gc_max_allocs has no value",
        "give it one, or remove the line to use the default",
    ),
    "Consul's ports": (
        role("consul: {ports: {http: 8500}}"), 6, 39,
        "roles.pool.consul.ports cannot be set: the port table of bakery decides who may connect to the agents",
        "remove it",
    ),
    "Consul's ACLs": (
        role("consul: {acl: {default_policy: allow}}"), 6, 39,
        "roles.pool.consul.acl cannot be set: without a token, ACLs deny everything", "remove it",
    ),
    "a part that is missing": (
        role("user_data: [no.sh]"), 6, 42, "roles.pool.user_data[0]: there is no file no.sh",
        "the path is relative to the folder of the cluster file",
    ),
    "a part that is a folder": (
        role("user_data: [/]"), 6, 42, "roles.pool.user_data[0]: there is no file /",
        "the path is relative to the folder of the cluster file",
    ),
    "a registry without credentials": (
        docker("registries: {r.example.com: {}}"), 3, 23,
        "docker.registries.r.example.com needs username or username_env", f"for example: {_REGISTRY}",
    ),
    "a registry without a password": (
        docker("registries: {r.example.com: {username: ci}}"), 3, 23,
        "docker.registries.r.example.com needs password_env or password_file", f"for example: {_REGISTRY}",
    ),
    "a password in the file": (
        docker("registries: {r.example.com: {username: ci, password: hunter2, password_env: P}}"), 3, 53,
        'unknown key "password" in docker.registries.r.example.com', "did you mean password_env?",
    ),
    "two users": (
        docker("registries: {r.example.com: {username: ci, username_env: U, password_env: P}}"), 3, 53,
        "docker.registries.r.example.com has both username and username_env", "keep one of them",
    ),
    "a password for a variable's name": (
        docker("registries: {r.example.com: {username: ci, password_env: hunter-2}}"), 3, 67,
        "docker.registries.r.example.com.password_env is not the name of an environment variable",
        "the variable's name, not its value",
    ),
    "a token for a variable's name": (
        docker(f"registries: {{r.example.com: {{username: ci, password_env: dop_v1_{'0a' * 32}}}}}"), 3, 67,
        "docker.registries.r.example.com.password_env is not the name of an environment variable",
        "the variable's name, not its value",
    ),
    "a token for the name of a user's variable": (
        docker(f"registries: {{r.example.com: {{username_env: ghp_{'A1' * 18}, password_env: P}}}}"), 3, 53,
        "docker.registries.r.example.com.username_env is not the name of an environment variable",
        "the variable's name, not its value",
    ),
    "a token for a file's name": (
        docker(f"registries: {{r.example.com: {{username: ci, password_file: dop_v1_{'0a' * 32}}}}}"), 3, 68,
        "docker.registries.r.example.com.password_file is not the path of a file",
        "the file's path, not its content",
    ),
    "a password in the host": (
        docker('registries: {"me:hunter2@r.example.com": {username: ci, password_env: P}}'), 3, 23,
        'docker.registries: "***@r.example.com" is not the host of a registry',
        "the part of an image's name before the first slash, such as registry.digitalocean.com",
    ),
    "a number for a variable's name": (
        docker("registries: {r.example.com: {username: ci, password_env: 12345678}}"), 3, 67,
        "docker.registries.r.example.com.password_env must be text, not a number", "put it in quotes",
    ),
    "a registry with a path": (
        docker("registries: {r.example.com/a: {username: ci, password_env: P}}"), 3, 23,
        'docker.registries: "r.example.com/a" is not the host of a registry',
        "the part of an image's name before the first slash, such as registry.digitalocean.com",
    ),
    "a level of logs that Nomad refuses at its start": (
        role("nomad: {log_level: LOUD}"), 6, 49, 'roles.pool.nomad.log_level "LOUD" is not a level of nomad',
        "one of trace, debug, info, warn, error, off",
    ),
    "a level of logs that is Nomad's and not Consul's": (
        role("consul: {log_level: off}"), 6, 50, 'roles.pool.consul.log_level "off" is not a level of consul',
        "one of trace, debug, info, warn, err, error",
    ),
    "a number as a level of logs": (
        role("consul: {log_level: 3}"), 6, 50, 'roles.pool.consul.log_level "3" is not a level of consul',
        "one of trace, debug, info, warn, err, error",
    ),
    "a size of logs as a number": (
        docker("logs: {max_size: 10}"), 3, 27, "docker.logs.max_size must be text, not the number 10",
        "a number and k, m or g, such as 10m",
    ),
    "logs without a unit": (
        docker('logs: {max_size: "10"}'), 3, 27, 'docker.logs.max_size "10" is not a size',
        "a number and k, m or g, such as 10m",
    ),
    "no file for logs": (
        docker("logs: {max_files: 0}"), 3, 28, "docker.logs.max_files must be from 1 to 100, not 0", None,
    ),
    "a CA without a registry": (
        docker("ca: ca.pem"), 3, 10,
        "docker.ca has no meaning without docker.registries: it is for these registries only",
        f"add the registry: {_REGISTRY}",
    ),
    "an unknown key of docker": (
        docker("mirrors: [a]"), 3, 10, 'unknown key "mirrors" in docker',
        "known names: logs, registries, ca, ulimits",
    ),
    "logs as a number": (
        docker("logs: 5"), 3, 16, "docker.logs must be a mapping, not a number",
        "for example: logs: {max_size: 10m, max_files: 3}",
    ),
    "limits as a number": (
        docker("ulimits: 5"), 3, 19, "docker.ulimits must be a mapping, not a number",
        "for example: ulimits: {nofile: 1048576, memlock: -1}",
    ),
    "an unknown limit": (
        docker("ulimits: {nofiles: 5}"), 3, 20, 'docker.ulimits: "nofiles" is not a limit of a process',
        "did you mean nofile?",
    ),
    "a limit as text": (
        docker('ulimits: {nofile: "1024"}'), 3, 28,
        'docker.ulimits.nofile must be a whole number, not the text "1024"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "unlimited files": (
        docker("ulimits: {nofile: -1}"), 3, 28, "docker.ulimits.nofile must be from 1 to 1048576, not -1",
        "the kernel has no unlimited number of files",
    ),
    "a limit below unlimited": (
        docker("ulimits: {memlock: -2}"), 3, 29,
        "docker.ulimits.memlock must be -1, for unlimited, or from 0 to 9223372036854775807, not -2", None,
    ),
}  # fmt: skip


def problems(text: str, file: Path = FILE) -> list[list[object]]:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, file)
    return [[p.line, p.column, p.message, p.hint] for p in caught.value.problems]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, *expected = REFUSED[name]
    found = problems(str(text))
    if name == "a registry without credentials":
        found = found[:1]  # it has no password either
    assert found == [expected]


def nested(product: str, key: str) -> str:
    """A role's text that sets the key, which may be inside blocks: ``client.host_volume``."""
    *blocks, last = (product, *key.split("."))
    return "".join(f"{block}: {{" for block in blocks) + f"{last}: x" + "}" * len(blocks)


@pytest.mark.parametrize(("product", "table"), [("nomad", NOMAD), ("consul", CONSUL)])
def test_every_key_of_the_lists_is_refused_with_its_reason(product: str, table: dict[str, str]) -> None:
    for key, reason in table.items():
        ((_, _, message, _),) = problems(role(nested(product, key)))
        assert message == f"roles.pool.{product}.{key} cannot be set: {reason}"


@pytest.mark.parametrize(
    ("product", "spelled", "key"),
    [
        ("consul", "acl_ma\u017fter_token", "acl_master_token"),
        ("consul", "\u017ferf_lan", "serf_lan"),
        ("consul", "Tl\u017f_min_version", "tls_min_version"),
        ("nomad", "client.ho\u017ft_volume", "client.host_volume"),
        ("nomad", "client.networ\u212a_interface", "client.network_interface"),
        ("nomad", "con\u017ful", "consul"),
        ("nomad", "plugin.docker.config.volume\u017f", "plugin.docker.config.volumes"),
    ],
)
def test_letters_that_go_folds_spell_a_refused_key(product: str, spelled: str, key: str) -> None:
    """Go's strings.EqualFold takes the long s (U+017F) for an s, and the Kelvin sign (U+212A) for a k."""
    reason = (NOMAD if product == "nomad" else CONSUL)[key]
    ((_, _, message, _),) = problems(role(nested(product, spelled)))
    assert message == f"roles.pool.{product}.{spelled} cannot be set: {reason}"


def test_a_block_and_a_level_in_these_letters() -> None:
    ((*_, message, hint),) = problems(role("nomad: {\u017ferver: {bootstrap_expect: 1}}"))
    assert (message, hint) == ("roles.pool.nomad.\u017ferver must be in lower case", "server")
    ((*_, message, hint),) = problems(role("nomad: {plugin: {doc\u212aer: {config: {volumes: {}}}}}"))
    assert (message, hint) == ("roles.pool.nomad.plugin.doc\u212aer must be in lower case", "docker")
    # No agent takes them in the name of a level.
    ((*_, message, _),) = problems(role("nomad: {log_level: o\ufb00}"))
    assert message == 'roles.pool.nomad.log_level "o\ufb00" is not a level of nomad'


@pytest.mark.parametrize("limit", ["0", "-1", "true", "many", "[1]"])
def test_containers_keep_a_limit_of_processes(limit: str) -> None:
    text = role(f"nomad: {{plugin: {{docker: {{config: {{pids_limit: {limit}}}}}}}}}")
    ((_, _, message, hint),) = problems(text)
    assert message == "roles.pool.nomad.plugin.docker.config.pids_limit must be a whole number from 1"
    assert hint == "0 means no limit"


def test_another_limit_of_processes_is_taken() -> None:
    parse_cluster(role("nomad: {plugin: {docker: {config: {pids_limit: 20000}}}}"), FILE)


def test_what_is_taken(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.sh").write_text("#!/bin/sh\ntrue\n")
    (tmp_path / "b.yaml").write_text("#cloud-config\npackages: [jq]\n")
    (tmp_path / "c").write_text("#cloud-boothook\n#!/bin/sh\ntrue\n")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    file = tmp_path / "bakery.yaml"
    file.write_text(f"""{HEAD}roles:
  consul-server: {{consul: {{performance: {{raft_multiplier: 3}}}}, user_data: [c]}}
  nomad-server: {{nomad: {{server: {{heartbeat_grace: 30s}}}}}}
  nomad-client:
    meta: {{rack: a1, "zone.name": "1"}}
    node_class: fast
    host_volumes: {{data: {{path: /srv/data}}, journal: {{path: /var/log/journal, read_only: true}}}}
    nomad:
      log_level: DEBUG
      client: {{reserved: {{memory: 512}}}}
      plugin: {{docker: {{config: {{logging: {{}}}}}}}}
    user_data: [parts/a.sh, b.yaml]
docker:
  registries:
    registry.digitalocean.com: {{username_env: REGISTRY_TOKEN, password_env: REGISTRY_TOKEN}}
    registry.example.com:5000: {{username: ci, password_file: secret}}
  ca: ca.pem
  logs: {{max_size: 10m, max_files: 3}}
""")
    config = load_cluster(file)
    consul, nomad, client = (each.settings for each in config.roles)
    assert consul == RoleSettings(
        consul={"performance": {"raft_multiplier": 3}},
        user_data=(
            UserDataPart(name="c", mime_type="text/cloud-boothook", text="#cloud-boothook\n#!/bin/sh\ntrue\n"),
        ),
    )
    assert nomad == RoleSettings(nomad={"server": {"heartbeat_grace": "30s"}})
    assert client == RoleSettings(
        meta=(("rack", "a1"), ("zone.name", "1")),
        node_class="fast",
        host_volumes=(
            HostVolume(name="data", path="/srv/data", read_only=False),
            HostVolume(name="journal", path="/var/log/journal", read_only=True),
        ),
        nomad={
            "log_level": "DEBUG",
            "client": {"reserved": {"memory": 512}},
            "plugin": {"docker": {"config": {"logging": {}}}},
        },
        user_data=(
            UserDataPart(name="a.sh", mime_type="text/x-shellscript", text="#!/bin/sh\ntrue\n"),
            UserDataPart(name="b.yaml", mime_type="text/cloud-config", text="#cloud-config\npackages: [jq]\n"),
        ),
    )
    assert config.docker == Docker(
        logs=ContainerLogs(max_size="10m", max_files=3),
        registries=(
            Registry(
                host="registry.digitalocean.com", username="", username_env="REGISTRY_TOKEN",
                password_env="REGISTRY_TOKEN", password_file="",
            ),
            Registry(
                host="registry.example.com:5000", username="ci", username_env="", password_env="",
                password_file="secret",
            ),
        ),
        ca="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"echo hello\n", "part is not a part that cloud-init runs",
         "its first line must be #cloud-config, #cloud-boothook, or #! and a program"),
        (b"#cloud-config-archive\n- a\n", "part is not a part that cloud-init runs",
         "its first line must be #cloud-config, #cloud-boothook, or #! and a program"),
        (b"#include\nhttp://example.com\n", "part is not a part that cloud-init runs",
         "its first line must be #cloud-config, #cloud-boothook, or #! and a program"),
        (b"#!/bin/sh\n\xff", "part is not text in UTF-8",
         "the path is relative to the folder of the cluster file"),
        (b"#!" + b"x" * 65536, "part has more than 64 KiB", "let the part download what it needs"),
    ],
)  # fmt: skip
def test_a_part_that_cloud_init_would_not_take(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    (tmp_path / "part").write_bytes(content)
    found = problems(role("user_data: [part]"), tmp_path / "bakery.yaml")
    assert found == [[6, 42, f"roles.pool.user_data[0]: {message}", hint]]


@pytest.mark.parametrize(
    ("content", "message"),
    [("nothing\n", "ca.pem contains no certificate"), ("PRIVATE KEY\n", "ca.pem contains a private key")],
)
def test_a_ca_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "ca.pem").write_text(content)
    text = docker("registries: {r.example.com: {username: ci, password_env: P}}, ca: ca.pem")
    ((_, _, found, _),) = problems(text, tmp_path / "bakery.yaml")
    assert found == f"docker.ca: {message}"
