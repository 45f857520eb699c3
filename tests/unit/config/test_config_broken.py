"""Broken cluster files: the exact place and the exact words, by hand.

Every file is a good one but for the lines of the case, so each row is also the control of the others.
"""

from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.errors import ConfigError, ExitCode

FILE = Path("bakery.yaml")
HEAD = "version: 1\ncluster: demo\n"


def problems_of(text: str) -> list[tuple[int, int, str, str | None]]:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, FILE)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.file == "bakery.yaml"
    return [(p.line, p.column, p.message, p.hint) for p in caught.value.problems]


def role(text: str) -> str:
    """A good file with servers, and a role in line 6 whose mapping starts in column 9."""
    return f"{HEAD}roles:\n  consul-server: {{}}\n  nomad-server: {{}}\n  pool: {text}\n"


_LABEL = "lower-case letters, digits and hyphens; a letter first, no hyphen last (RFC 1035)"
_CONFLICTS = "10.100.0.0/20 has none of these conflicts"
_NET = "name the networks you work from, or write auto for your own address"

SYNTAX = {
    "tab": ("version: 1\n\tcluster: demo\n", 2, 1, "a tab indents this line", "indent with spaces"),
    "two documents": (
        f"{HEAD}---\nversion: 1\n", 3, 1, "a second document starts here", "a cluster file is one document",
    ),
    "colon in text": (
        "cluster: a: b\n", 1, 11, "there is a colon where no key can be",
        "put text that holds a colon in quotes, and check the indentation of the lines above",
    ),
    "no colon": ("version\ncluster: demo\n", 2, 8, "there is a colon where no key can be",
        "put text that holds a colon in quotes, and check the indentation of the lines above",
    ),
    "NUL": (
        f"{HEAD}region: a\0b\n", 3, 10, "the character U+0000 is not allowed in YAML",
        "remove it; a cluster file is plain text in UTF-8",
    ),
    "no such character": (
        'cluster: "\\UFFFFFFFF"\n', 2, 1, "an escape in quotes names a character that does not exist", None,
    ),
    "17 lists": ("[" * 17, 1, 17, "nested more than 16 levels deep", None),
    "30000 lists": ("[" * 30000, 1, 17, "nested more than 16 levels deep", None),
    "30000 mappings": ("{a: " * 10000, 1, 62, "nested more than 16 levels deep", None),
}  # fmt: skip

YAML_TRAPS = {
    "duplicate key": (
        f"{HEAD}region: fra1\nregion: nyc3\n", 4, 1, "region is given twice; the first is in line 3",
        "keep one of them",
    ),
    "duplicate key inside": (
        role("{kind: nomad-client, kind: server}"), 6, 30,
        "roles.pool.kind is given twice; the first is in line 6",
        "keep one of them",
    ),
    "anchor": (f"{HEAD}region: &r fra1\n", 3, 9, "region has an anchor (&)", "write the value where it is needed"),
    "alias": (
        f"{HEAD}region: *r\n", 3, 9, "region refers to another value by an alias (*)", "write the value itself",
    ),
    "merge key": (
        f"{HEAD}<<: *r\n", 3, 5, "<< refers to another value by an alias (*)", "write the value itself",
    ),
    "tag": (
        f"{HEAD}region: !!str fra1\n", 3, 9, "region has a YAML tag (!)",
        "write the plain value; put text in quotes",
    ),
    "python tag": (
        f"{HEAD}region: !!python/object/apply:os.system [ls]\n", 3, 9, "region has a YAML tag (!)",
        "write the plain value; put text in quotes",
    ),
    "number as key": (
        f"{HEAD}8300: open\n", 3, 1, 'the key "8300" is not text', 'if it is meant, put it in quotes: "8300"',
    ),
    "list as key": (f"{HEAD}? [a]\n: b\n", 3, 3, "a key is not text", 'a line reads "key: value"'),
    "a day for a certificate": (
        f"{HEAD}security: {{leaf_days: 1}}\n", 3, 23, "security.leaf_days must be from 30 to 3650, not 1",
        "a node's certificates are renewed only when the node is replaced",
    ),
    "a certificate that outlasts every CA": (
        f"{HEAD}security: {{leaf_days: 3651}}\n", 3, 23, "security.leaf_days must be from 30 to 3650, not 3651",
        "a node's certificates are renewed only when the node is replaced",
    ),
    "an unknown introduction": (
        f"{HEAD}security: {{client_introduction: strickt}}\n", 3, 33,
        'security.client_introduction must be one of warn, strict, not the text "strickt"', "did you mean strict?",
    ),
    "an introduction that Nomad does not have": (
        f"{HEAD}image: {{nomad: 1.10.5}}\nsecurity: {{client_introduction: strict}}\n", 4, 33,
        "security.client_introduction: Nomad 1.10.5 introduces no clients, 1.11.0 is the first that does",
        "image.nomad: 1.11.0 or later, or client_introduction: warn",
    ),
    "clients that are their own servers": (
        f"{HEAD}security: {{client_introduction: strict}}\nroles: {{all-in-one: {{count: 1}}}}\n", 3, 33,
        "security.client_introduction: role all-in-one has clients that are their own servers: these cannot"
        " introduce them",
        "use roles of kind server and nomad-client, or warn",
    ),
    "unknown key of security": (
        f"{HEAD}security: {{leafdays: 90}}\n", 3, 12, 'unknown key "leafdays" in security',
        "did you mean leaf_days?",
    ),
    "no is text": (
        f"{HEAD}protect: no\n", 3, 10, 'protect must be true or false, not the text "no"',
        "in YAML 1.2 yes, no, on and off are text",
    ),
    "mesh as text": (
        f"{HEAD}mesh: enabled\n", 3, 7, 'mesh must be true or false, not the text "enabled"',
        "in YAML 1.2 yes, no, on and off are text",
    ),
    "mesh as a mapping": (
        f"{HEAD}mesh: {{enabled: true}}\n", 3, 7, "mesh must be true or false, not a mapping",
        "for example: mesh: true",
    ),
    "on is text": (
        f"{HEAD}protect: on\n", 3, 10, 'protect must be true or false, not the text "on"',
        "in YAML 1.2 yes, no, on and off are text",
    ),
    "octal is text": (
        role("{kind: nomad-client, count: 0644}"), 6, 37,
        'roles.pool.count must be a whole number, not the text "0644"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "sexagesimal is text": (
        role("{kind: nomad-client, count: 12:30:45}"), 6, 37,
        'roles.pool.count must be a whole number, not the text "12:30:45"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "quoted number": (
        role('{kind: nomad-client, count: "3"}'), 6, 37,
        'roles.pool.count must be a whole number, not the text "3"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "fraction": (
        role("{kind: nomad-client, count: 3.0}"), 6, 37,
        "roles.pool.count must be a whole number, not the number 3.0",
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "endless number": (
        role(f"{{kind: nomad-client, count: {'9' * 5000}}}"), 6, 37,
        f'roles.pool.count must be a whole number, not the text "{"9" * 40}…"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "boolean as number": (
        role("{kind: nomad-client, count: true}"), 6, 37, "roles.pool.count must be a whole number, not true",
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "version as number": (
        f"{HEAD}image: {{nomad: 1.10}}\n", 3, 16, "image.nomad must be text, not the number 1.10",
        "a version has three parts, such as 1.22.5",
    ),
    "name as number": ("version: 1\ncluster: 7\n", 2, 10, "cluster must be text, not the number 7",
        'put it in quotes: "7"',
    ),
    "key id as number": (
        f"{HEAD}access: {{ssh_keys: [512189]}}\n", 3, 21, "access.ssh_keys[0] must be text, not the number 512189",
        'put it in quotes: "512189"',
    ),
    "nothing": (
        f"{HEAD}region:\n", 3, 1, "region has no value", "give it one, or remove the line to use the default",
    ),
    "a line end in a key": (
        f'{HEAD}"re\\ngion":\n', 3, 1, "re\\ngion has no value",
        "give it one, or remove the line to use the default",
    ),
    "nothing required": ("version: 1\ncluster:\n", 2, 1, "cluster has no value", "give it one"),
}  # fmt: skip

SHAPE = {
    "not a mapping": ("- version: 1\n", 1, 1, "the file must be a mapping, not a list", None),
    "only text": ("hello\n", 1, 1, 'the file must be a mapping, not text', None),
    "no version": ("cluster: demo\n", 1, 1, "version is missing", "add the line: version: 1"),
    "no cluster": ("version: 1\n", 1, 1, "cluster is missing", "add the line: cluster: demo"),
    "newer format": (
        "version: 2\ncluster: demo\n", 1, 10, "version must be 1, not 2", "a newer bakery may support it",
    ),
    "older format": ("version: 0\ncluster: demo\n", 1, 10, "version must be 1, not 0", "write version: 1"),
    "format as text": (
        'version: "1"\ncluster: demo\n', 1, 10, 'version must be a whole number, not the text "1"',
        "write digits only: no quotes, no leading zeros, no fraction",
    ),
    "unknown key": (f"{HEAD}rolls: {{}}\n", 3, 1, 'unknown key "rolls"', "did you mean roles?"),
    "unknown key inside": (
        role("{kind: nomad-client, siez: x}"), 6, 30, 'unknown key "siez" in roles.pool', "did you mean size?",
    ),
    "unlike any key": (
        f"{HEAD}vpc: {{zzz: 1}}\n", 3, 7, 'unknown key "zzz" in vpc', "known names: cidr",
    ),
    "unknown kind": (
        role("{kind: nomad-cleint}"), 6, 16,
        "roles.pool.kind must be one of consul-server, nomad-server, nomad-client, server, all-in-one,"
        ' ingress, not the text "nomad-cleint"',
        "did you mean nomad-client?",
    ),
    "unknown binaries": (
        f"{HEAD}image: {{binaries: uplod}}\n", 3, 19,
        'image.binaries must be one of auto, download, upload, not the text "uplod"', "did you mean upload?",
    ),
    "list for a mapping": (
        f"{HEAD}vpc: [10.100.0.0/20]\n", 3, 6, "vpc must be a mapping, not a list",
        "for example: vpc: {cidr: 10.100.0.0/20}",
    ),
    "count for a role": (
        role("3"), 6, 9, "roles.pool must be a mapping, not a number", "for example: pool: {count: 3}",
    ),
    "text for a list": (
        f"{HEAD}access: {{admin_cidrs: auto}}\n", 3, 23, 'access.admin_cidrs must be a list, not the text "auto"',
        "put it in brackets: [auto]",
    ),
    "text for all roles": (
        f"{HEAD}roles: x\n", 3, 8, 'roles must be a mapping, not text',
        "for example: roles: {nomad-client: {count: 3}}",
    ),
}  # fmt: skip

NAMES = {
    "capital": ("version: 1\ncluster: Demo\n", 2, 10, 'cluster "Demo" is not a label', _LABEL),
    "digit first": ("version: 1\ncluster: 1demo\n", 2, 10, 'cluster "1demo" is not a label', _LABEL),
    "hyphen last": ("version: 1\ncluster: demo-\n", 2, 10, 'cluster "demo-" is not a label', _LABEL),
    "dot": ("version: 1\ncluster: de.mo\n", 2, 10, 'cluster "de.mo" is not a label', _LABEL),
    "newline last": ('version: 1\ncluster: "demo\\n"\n', 2, 10,
    'cluster "demo\N{REPLACEMENT CHARACTER}" is not a label',
        _LABEL,
    ),
    "31 characters": (
        f"version: 1\ncluster: {'a' * 31}\n", 2, 10,
        f'cluster "{"a" * 31}" has 31 characters, at most 30 fit into a node\'s name', "choose a shorter one",
    ),
    "role name": (
        f"{HEAD}roles:\n  server: {{}}\n  My_Pool: {{kind: nomad-client}}\n", 5, 3,
        'the role name "My_Pool" is not a label', _LABEL,
    ),
    "long role name": (
        f"{HEAD}roles:\n  server: {{}}\n  {'p' * 24}: {{kind: nomad-client}}\n", 5, 3,
        f'the role name "{"p" * 24}" has 24 characters, at most 23 fit into a node\'s name',
        "choose a shorter one",
    ),
    "region": (
        f"{HEAD}region: Frankfurt\n", 3, 9, 'region "Frankfurt" is not a slug of DigitalOcean\'s', "such as fra1",
    ),
    "size": (
        role("{kind: nomad-client, size: 2 GB}"), 6, 36,
        'roles.pool.size "2 GB" is not a slug of DigitalOcean\'s', "such as s-1vcpu-1gb",
    ),
    "base": (
        f"{HEAD}image: {{base: Debian 12}}\n", 3, 15, 'image.base "Debian 12" is not a slug of DigitalOcean\'s',
        "such as debian-12-x64",
    ),
    "archive of a checksum": (
        f"{HEAD}image:\n  checksums:\n    nomad: {'a' * 64}\n", 5, 5,
        'image.checksums: "nomad" is not the archive of a release that bakery downloads',
        "the file name in the SHA256SUMS of the release, such as nomad_2.0.6_linux_amd64.zip",
    ),
    "checksum": (
        f"{HEAD}image:\n  checksums:\n    traefik_v3.7.15_linux_amd64.tar.gz: {'A' * 64}\n", 5, 41,
        f'image.checksums: "{"A" * 40}…" is not a SHA256 in hex',
        "64 digits and letters from a to f, in lower case",
    ),
}  # fmt: skip

ROLES = {
    "no kind": (role("{}"), 6, 3, 'role "pool" needs a kind', "add kind: nomad-client, or another kind"),
    "nearly built in": (
        f"{HEAD}roles:\n  server: {{}}\n  nomad-cleint: {{count: 1}}\n", 5, 3, 'role "nomad-cleint" needs a kind',
        "did you mean the role nomad-client?",
    ),
    "other kind": (
        f"{HEAD}roles:\n  consul-server: {{}}\n  nomad-server: {{}}\n  nomad-client: {{kind: server}}\n", 6, 24,
        "role nomad-client is of kind nomad-client, not server", "remove the kind, or give the role another name",
    ),
    "negative": (
        role("{kind: nomad-client, count: -1}"), 6, 37, "roles.pool.count must be from 0 to 100, not -1", None,
    ),
    "too many": (
        role("{kind: nomad-client, count: 101}"), 6, 37, "roles.pool.count must be from 0 to 100, not 101", None,
    ),
    "zero servers": (
        f"{HEAD}roles:\n  consul-server: {{count: 0}}\n  nomad-server: {{}}\n", 4, 26,
        "roles.consul-server.count must be at least 1: consul-server runs servers",
        "3 servers survive the loss of one",
    ),
    "no Consul servers": (
        f"{HEAD}roles:\n  nomad-server: {{}}\n", 3, 1, "the cluster has no Consul servers",
        "add consul-server: {count: 3}, or all-in-one: {count: 1} for a small cluster",
    ),
    "no roles": (
        f"{HEAD}roles: {{}}\n", 3, 1, "the cluster has no Consul servers",
        "add consul-server: {count: 3}, or all-in-one: {count: 1} for a small cluster",
    ),
    "clients alone": (
        f"{HEAD}roles:\n  consul-server: {{}}\n  nomad-client: {{}}\n", 3, 1,
        "the cluster has Nomad clients but no Nomad servers", "add nomad-server: {count: 3}",
    ),
    "pool of servers": (
        f"{HEAD}roles:\n  server: {{node_pool: gpu}}\n", 4, 12,
        "roles.server.node_pool has no meaning: only Nomad clients are in a node pool", "remove the line",
    ),
    "pool name": (
        role("{kind: nomad-client, node_pool: all}"), 6, 41,
        'roles.pool.node_pool "all" cannot be a node pool\'s name',
        "letters, digits, - and _; all is Nomad's own name for every pool",
    ),
}  # fmt: skip


def vpc(cidr: str) -> str:
    return f"{HEAD}vpc:\n  cidr: {cidr}\n"


def used(cidr: str, reserved: str, user: str) -> tuple[str, int, int, str, str]:
    return vpc(cidr), 4, 9, f"vpc.cidr: {cidr} overlaps {reserved}, which is used by {user}", _CONFLICTS


_DOCKER = "docker's address pools"
_ANCHOR = "the anchor addresses of DigitalOcean's droplets"
_FORM = "vpc.cidr must be a network in CIDR form: "

NETWORKS = {
    "public": (vpc("8.8.0.0/20"), 4, 9, "vpc.cidr: must be a private IPv4 network (RFC 1918)", _CONFLICTS),
    "IPv6": (vpc("fd00::/20"), 4, 9, "vpc.cidr: must be a private IPv4 network (RFC 1918)", _CONFLICTS),
    "half private": (vpc("172.0.0.0/8"), 4, 9, "vpc.cidr: must be a private IPv4 network (RFC 1918)", _CONFLICTS),
    "/15": (
        vpc("10.100.0.0/15"), 4, 9, "vpc.cidr: must be from /16 to /28, not /15",
        "a /20 has room for 4091 droplets",
    ),
    "/29": (
        vpc("10.100.0.0/29"), 4, 9, "vpc.cidr: must be from /16 to /28, not /29",
        "a /20 has room for 4091 droplets",
    ),
    "no prefix": (
        vpc("10.100.0.0"), 4, 9, f"{_FORM}the prefix length is missing",
        "such as 10.100.0.0/20",
    ),
    "netmask": (
        vpc("10.100.0.0/255.255.240.0"), 4, 9, f'{_FORM}"255.255.240.0" is not a prefix length',
        "such as 10.100.0.0/20",
    ),
    "/33": (vpc("10.100.0.0/33"), 4, 9, f"{_FORM}/33 is not a prefix length", "such as 10.100.0.0/20"),
    "host bits": (
        vpc("10.100.0.1/20"), 4, 9,
        f"{_FORM}the address has bits beyond its prefix; the network is 10.100.0.0/20", "such as 10.100.0.0/20",
    ),
    "no address": (vpc("ten/20"), 4, 9, f'{_FORM}"ten" is not an IP address', "such as 10.100.0.0/20"),
    "docker 17": used("172.17.0.0/16", "172.17.0.0/16", _DOCKER),
    "docker 31": used("172.31.240.0/20", "172.31.0.0/16", _DOCKER),
    "docker 192": used("192.168.7.0/24", "192.168.0.0/16", _DOCKER),
    "Nomad's bridge": used("172.26.64.0/20", "172.26.64.0/20", "Nomad's bridge network"),
    "DigitalOcean 229": used("10.229.0.0/20", "10.229.0.0/16", "DigitalOcean itself"),
    "DigitalOcean 244": used("10.244.8.0/24", "10.244.0.0/16", "DigitalOcean itself"),
    "DigitalOcean 245": used("10.245.0.0/16", "10.245.0.0/16", "DigitalOcean itself"),
    "DigitalOcean 246": used("10.246.0.0/16", "10.246.0.0/24", "DigitalOcean itself"),
    "anchor nyc1": used("10.10.0.0/20", "10.10.0.0/16", _ANCHOR),
    "anchor fra1": used("10.19.0.0/20", "10.19.0.0/16", _ANCHOR),
    "anchor tor1": used("10.20.0.0/20", "10.20.0.0/16", _ANCHOR),
    "anchor blr1": used("10.47.0.0/20", "10.47.0.0/16", _ANCHOR),
    "anchor sfo3": used("10.48.0.0/20", "10.48.0.0/16", _ANCHOR),
    "too small": (
        f"{vpc('10.100.0.0/28')}roles: {{server: {{count: 3}}, nomad-client: {{count: 9}}}}\n", 4, 9,
        "vpc.cidr: 10.100.0.0/28 has room for 11 droplets, the roles ask for 12",
        "choose a shorter prefix, such as /20",
    ),
}  # fmt: skip

VERSIONS = {
    "two parts": (
        f'{HEAD}image: {{consul: "1.22"}}\n', 3, 17, 'image.consul: must be an exact version X.Y.Z, not "1.22"',
        "such as 1.22.5",
    ),
    "with a v": (
        f"{HEAD}image: {{nomad: v1.11.3}}\n", 3, 16, 'image.nomad: must be an exact version X.Y.Z, not "v1.11.3"',
        "such as 2.0.5",
    ),
    "latest": (
        f"{HEAD}image: {{nomad: latest}}\n", 3, 16, 'image.nomad: must be an exact version X.Y.Z, not "latest"',
        "such as 2.0.5",
    ),
    "old Consul": (
        f"{HEAD}image: {{consul: 1.16.9}}\n", 3, 17,
        "image.consul: Consul 1.16.9 is too old: bakery needs 1.17.0 or later,"
        " which introduced tls.defaults.verify_server_hostname and acl.tokens.dns",
        "1.22.5 is what bakery's tests run",
    ),
    "old Nomad": (
        f"{HEAD}image: {{nomad: 1.9.3}}\n", 3, 16,
        "image.nomad: Nomad 1.9.3 is too old: bakery needs 1.9.4 or later,"
        " because earlier agents stop joining after the first failure",
        "1.11.3 is what bakery's tests run",
    ),
    **{
        f"withdrawn {version}": (
            f"{HEAD}image: {{nomad: {version}}}\n", 3, 16,
            f"image.nomad: Nomad {version} is refused: HashiCorp withdrew it", "1.11.3 is what bakery's tests run",
        )
        for version in ("1.7.0", "1.7.1", "1.9.2")
    },
    "Consul 1.13.8": (
        f"{HEAD}image: {{consul: 1.13.8}}\n", 3, 17,
        "image.consul: Consul 1.13.8 is refused: Nomad must not be used with it",
        "1.22.5 is what bakery's tests run",
    ),
}  # fmt: skip


def admin(*cidrs: str) -> str:
    return f"{HEAD}access:\n  admin_cidrs:\n" + "".join(f"    - {cidr}\n" for cidr in cidrs)


_CIDR = "must be auto or a network in CIDR form: "
ACCESS = {
    "everyone": (
        admin("auto", "0.0.0.0/0"), 6, 7, "access.admin_cidrs[1]: 0.0.0.0/0 would open the APIs to everyone", _NET,
    ),
    "everyone in IPv6": (
        admin('"::/0"'), 5, 7, "access.admin_cidrs[0]: ::/0 would open the APIs to everyone", _NET,
    ),
    "everyone in two halves": (
        admin("128.0.0.0/1"), 5, 7,
        "access.admin_cidrs[0]: 128.0.0.0/1 would open the APIs to a large part of the internet", _NET,
    ),
    "address": (
        admin("203.0.113.7"), 5, 7,
        f"access.admin_cidrs[0] {_CIDR}the prefix length is missing",
        "such as 203.0.113.7/32",
    ),
    "word": (
        admin("home"), 5, 7, f'access.admin_cidrs[0] {_CIDR}"home" is not an IP address', "such as 203.0.113.7/32",
    ),
    "capital": (
        admin("Auto"), 5, 7, f'access.admin_cidrs[0] {_CIDR}"Auto" is not an IP address', "did you mean auto?",
    ),
    "twice": (admin("auto", "auto"), 6, 7, 'access.admin_cidrs[1] "auto" is given twice', "keep one of them"),
    "key twice": (
        f"{HEAD}access: {{ssh_keys: [me, me]}}\n", 3, 25, 'access.ssh_keys[1] "me" is given twice',
        "keep one of them",
    ),
    "empty key": (
        f'{HEAD}access: {{ssh_keys: [" "]}}\n', 3, 21, "access.ssh_keys[0] is empty",
        "the name, id or fingerprint of a key in the account",
    ),
}  # fmt: skip

CASES = {
    f"{group}: {name}": case
    for group, cases in (
        ("syntax", SYNTAX), ("trap", YAML_TRAPS), ("shape", SHAPE), ("name", NAMES), ("role", ROLES),
        ("network", NETWORKS), ("version", VERSIONS), ("access", ACCESS),
    )
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_broken_file_names_the_place_and_the_way_out(name: str) -> None:
    text, *problem = CASES[name]
    assert problems_of(text) == [tuple(problem)]


def test_the_frame_of_the_cases_is_good() -> None:
    """Control: without its mistake, what the cases are built from loads."""
    for text in (HEAD, role("{kind: nomad-client}"), vpc("10.100.0.0/20"), vpc("172.16.0.0/16"), admin("auto")):
        assert parse_cluster(text, FILE).cluster == "demo"


def test_all_mistakes_of_a_file_are_told_in_its_order() -> None:
    text = """\
cluster: &name Demo
rolez: 1
region:
vpc: {cidr: 10.17.0.0/20}
image: {consul: 1.22, nomad: 1.9.2, binaries: uplod}
roles:
  consul-server: {count: 0}
  gpu: {kidn: nomad-client, count: 3, count: 4}
  nomad-client: {count: 0644, size: !!str x}
access:
  admin_cidrs: [auto, 5, 0.0.0.0/0, auto]
  ssh_keys: me
protect: on
"""
    places = [(line, column) for line, column, _, _ in problems_of(text)]
    assert places == [
        (1, 1),  # version is missing
        (1, 10),  # anchor
        (2, 1),  # unknown key
        (3, 1),  # no value
        (4, 13),  # anchor addresses
        (5, 17),  # a number for a version
        (5, 30),  # withdrawn
        (5, 47),  # unknown binaries
        # Not "clients without servers" at (6, 1): what gpu is cannot be known.
        (7, 26),  # zero servers
        (8, 3),  # no kind
        (8, 9),  # unknown key
        (8, 39),  # duplicate key
        (9, 25),  # octal
        (9, 37),  # tag
        (11, 23),  # number
        (11, 26),  # everyone
        (11, 37),  # twice
        (12, 13),  # text for a list
        (13, 10),  # on
    ]


def test_the_line_of_a_problem_is_kept_for_the_caret() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster("version: 1\r\ncluster: demo\r\nregion: X\r\n", FILE)
    assert caught.value.problems[0].source == "region: X"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster("version: 1\ncluster: \x1b[31mred\n", FILE)
    problem = caught.value.problems[0]
    assert problem.source == "cluster: \N{REPLACEMENT CHARACTER}[31mred"
    assert (problem.line, problem.column) == (2, 10)


def test_a_very_long_line_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(f"version: 1\ncluster: demo\nregion: {' ' * 5000}X\n", FILE)
    assert caught.value.problems[0].column == 5009
    assert caught.value.problems[0].source == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [("cluster: X\n", "bakery.yaml has 2 problems"), ("a: b: c", "bakery.yaml has a problem")],
)
def test_the_message_counts(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, FILE)
    assert caught.value.message == message


def test_a_count_that_cannot_be_is_no_reason_for_a_larger_network() -> None:
    found = problems_of(
        "version: 1\ncluster: demo\nroles:\n  server: {count: 3}\n  nomad-client: {count: 90000}\n"
    )
    assert [message for _, _, message, _ in found] == ["roles.nomad-client.count must be from 0 to 100, not 90000"]


@pytest.mark.parametrize(
    ("text", "line", "column", "mark"),
    [
        ("version: 1\nroles:\n  nomad-client: {count: 3\n", 3, 17, "{"),
        ("version: 1\naccess: {admin_cidrs: [auto}\n", 2, 23, "["),
        ('version: 1\ncluster: "demo\nregion: fra1\n', 2, 10, '"'),
        ("version: 1\ncluster: 'demo\nregion: fra1\n", 2, 10, "'"),
    ],
)
def test_what_is_never_closed_is_shown_where_it_opens(text: str, line: int, column: int, mark: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(text, Path("bakery.yaml"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert problem.message == f"the {mark} here is never closed"
    assert problem.source == text.splitlines()[line - 1]
