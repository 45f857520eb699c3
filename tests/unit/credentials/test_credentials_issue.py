"""What each kind of node gets, against a table; and that a role gets the same bytes twice."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from bakery.config.defaults import LEAF_DAYS
from bakery.config.model import Kind
from bakery.config.paths import StatePaths
from bakery.credentials.issue import issue_for_node, rendered_roles, role_credentials
from bakery.credentials.model import Authority, Bundle, Leaf, NodeCredentials
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import (
    consul_agent_token,
    consul_ingress_token,
    consul_nomad_token,
)
from bakery.errors import CredentialsError
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

# Names: the tls pages of Consul's and Nomad's agent configuration, under verify_server_hostname.
# The gossip key of Nomad is for its servers' serf alone (Nomad docs, server.encrypt).
TABLE: dict[Kind, tuple[list[str], list[str] | None, bool]] = {
    Kind.CONSUL_SERVER: (["server.demo.consul", "localhost"], None, False),
    Kind.NOMAD_SERVER: (
        ["client.demo.consul", "localhost"],
        ["server.global.nomad", "nomad.service.consul", "localhost"],
        True,
    ),
    Kind.NOMAD_CLIENT: (["client.demo.consul", "localhost"], ["client.global.nomad", "localhost"], False),
    Kind.SERVER: (
        ["server.demo.consul", "localhost"],
        ["server.global.nomad", "nomad.service.consul", "localhost"],
        True,
    ),
    Kind.ALL_IN_ONE: (
        ["server.demo.consul", "localhost"],
        ["server.global.nomad", "nomad.service.consul", "client.global.nomad", "localhost"],
        True,
    ),
    Kind.INGRESS: (["client.demo.consul", "localhost"], None, False),
}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=NOW)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return paths_in(tmp_path)


def role(
    bundle: Bundle,
    paths: StatePaths,
    kind: Kind = Kind.NOMAD_CLIENT,
    now: datetime = NOW,
    leaf_days: int = LEAF_DAYS,
) -> NodeCredentials:
    with role_credentials(bundle, paths, role="workers", kind=kind, now=now, leaf_days=leaf_days) as found:
        return found


def parsed(leaf: Leaf | Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(leaf.certificate.encode())


def dns_names(leaf: Leaf) -> list[str]:
    names = parsed(leaf).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def purposes(leaf: Leaf) -> set[str]:
    return {usage._name for usage in parsed(leaf).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}


def test_the_table_has_every_kind() -> None:
    assert set(TABLE) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_node_gets_what_its_kind_needs_and_nothing_more(bundle: Bundle, kind: Kind) -> None:
    consul_names, nomad_names, has_nomad_gossip_key = TABLE[kind]
    node = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW)
    assert dns_names(node.consul) == consul_names
    assert (dns_names(node.nomad) if node.nomad else None) == nomad_names
    assert node.nomad_gossip_key == (bundle.nomad_gossip_key if has_nomad_gossip_key else None)
    assert node.consul_gossip_key == bundle.consul_gossip_key
    assert node.consul_agent_token == consul_agent_token(bundle, "demo-x-1")
    runs_nomad = nomad_names is not None
    assert node.consul_nomad_token == (consul_nomad_token(bundle, "demo-x-1") if runs_nomad else None)
    assert node.consul_ingress_token == (consul_ingress_token(bundle, "demo-x-1") if kind.is_ingress else None)
    assert (node.subject, node.kind, node.generation) == ("demo-x-1", kind, 1)
    assert (node.consul_ca, node.nomad_ca) == (bundle.consul_ca.certificate, bundle.nomad_ca.certificate)


@pytest.mark.parametrize("kind", Kind)
def test_sidecars_get_a_certificate_without_an_address_where_jobs_run(bundle: Bundle, kind: Kind) -> None:
    """Of the agent's own key. Envoy refuses an address under a name constraint for addresses."""
    assert issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW).consul_grpc is None
    node = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW, mesh=True)
    if kind not in (Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE):
        assert node.consul_grpc is None
        return
    assert node.consul_grpc is not None
    grpc = Leaf(certificate=node.consul_grpc, key=node.consul.key)
    names = parsed(grpc).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == []
    assert dns_names(grpc) == dns_names(node.consul)
    assert purposes(grpc) == {"serverAuth"}
    assert parsed(grpc).public_key() == parsed(node.consul).public_key()
    assert parsed(grpc).not_valid_after_utc == parsed(node.consul).not_valid_after_utc


def test_a_role_gets_it_with_the_mesh_and_keeps_its_credentials_without(bundle: Bundle, paths: StatePaths) -> None:
    def rendered(*, mesh: bool) -> NodeCredentials:
        kind = Kind.NOMAD_CLIENT
        with role_credentials(bundle, paths, role="workers", kind=kind, now=NOW, mesh=mesh) as found:
            return found

    before = rendered(mesh=False)
    with_mesh = rendered(mesh=True)
    assert (before.consul_grpc, with_mesh.consul_grpc is None) == (None, False)
    assert rendered(mesh=True) == with_mesh
    assert rendered(mesh=False) == replace(with_mesh, consul_grpc=None)


@pytest.mark.parametrize("kind", Kind)
def test_every_agent_dials_and_accepts(bundle: Bundle, kind: Kind) -> None:
    """Both purposes, as `consul tls cert create` and `nomad tls cert create` give servers and clients."""
    node = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW)
    for leaf in (node.consul, node.nomad):
        assert leaf is None or purposes(leaf) == {"serverAuth", "clientAuth"}


def test_the_operator_only_dials(bundle: Bundle) -> None:
    assert dns_names(bundle.consul_operator) == ["cli.demo.consul", "localhost"]
    assert dns_names(bundle.nomad_operator) == ["cli.global.nomad", "localhost"]
    assert purposes(bundle.consul_operator) == purposes(bundle.nomad_operator) == {"clientAuth"}


@pytest.mark.parametrize("kind", Kind)
def test_no_node_holds_a_ca_key_a_management_token_or_the_seed(bundle: Bundle, kind: Kind) -> None:
    node = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW)
    given = json.dumps(_plain(node))
    assert node.consul.key in json.loads(given).values()  # control: what is given would be seen
    for kept in (
        bundle.consul_ca.key,
        bundle.nomad_ca.key,
        bundle.consul_operator.key,
        bundle.nomad_operator.key,
        bundle.token_seed,
        bundle.consul_management.secret,
        bundle.nomad_management.secret,
    ):
        assert json.dumps(kept)[1:-1] not in given


def _plain(node: NodeCredentials) -> dict[str, object]:
    """Every text in the credentials, by its place."""
    found: dict[str, object] = {}
    for name, value in vars(node).items():
        inner = vars(value) if hasattr(value, "__dataclass_fields__") else {"": value}
        found |= {f"{name}.{part}": text for part, text in inner.items()}
    return found


def test_every_node_has_keys_of_its_own(bundle: Bundle) -> None:
    nodes = [issue_for_node(bundle, name=f"demo-w-{i}", kind=Kind.NOMAD_CLIENT, now=NOW) for i in (1, 2)]
    keys = {leaf.key for node in nodes for leaf in (node.consul, node.nomad) if leaf}
    assert len(keys) == 4
    assert nodes[0].consul_agent_token != nodes[1].consul_agent_token


def test_a_role_rendered_twice_gets_the_same_credentials(bundle: Bundle, paths: StatePaths) -> None:
    first = role(bundle, paths)
    assert role(bundle, paths, now=NOW + 300 * DAY) == first
    assert first.subject == "workers"
    assert first.consul_agent_token == consul_agent_token(bundle, "workers")


@pytest.mark.parametrize("kind", Kind)
def test_a_role_gets_what_a_node_of_its_kind_gets(bundle: Bundle, paths: StatePaths, kind: Kind) -> None:
    kept = role(bundle, paths, kind)
    assert role(bundle, paths, kind) == kept
    assert dns_names(kept.consul) == TABLE[kind][0]
    assert (dns_names(kept.nomad) if kept.nomad else None) == TABLE[kind][1]


def test_the_role_file_is_private_and_holds_leaf_certificates_only(bundle: Bundle, paths: StatePaths) -> None:
    role(bundle, paths)
    file = paths.roles / "workers.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert paths.roles.stat().st_mode & 0o777 == 0o700
    assert set(json.loads(file.read_text())) == {
        "format", "ca", "generation", "kind", "leaf_days", "consul", "nomad", "grpc",
    }  # fmt: skip


def test_it_is_known_which_roles_were_rendered(bundle: Bundle, paths: StatePaths) -> None:
    assert rendered_roles(paths) == frozenset()
    role(bundle, paths)
    assert rendered_roles(paths) == {"workers"}
    (paths.roles / ".workers.json.0123.tmp").write_text("")
    assert rendered_roles(paths) == {"workers"}


def test_a_role_that_could_not_be_rendered_is_not_known(bundle: Bundle, paths: StatePaths) -> None:
    """Tokens are made for the roles that are known. Control: the test above."""
    with pytest.raises(KeyboardInterrupt), role_credentials(bundle, paths, role="a", kind=Kind.SERVER, now=NOW):
        raise KeyboardInterrupt
    assert rendered_roles(paths) == frozenset()
    role(bundle, paths)
    kept = (paths.roles / "workers.json").read_bytes()
    later = replace(bundle, generation=2)
    with (
        pytest.raises(KeyboardInterrupt),
        role_credentials(later, paths, role="workers", kind=Kind.NOMAD_CLIENT, now=NOW),
    ):
        raise KeyboardInterrupt
    assert (paths.roles / "workers.json").read_bytes() == kept


def test_an_unreadable_folder_is_no_empty_one(paths: StatePaths) -> None:
    paths.ensure()
    paths.roles.write_text("a file")
    with pytest.raises(CredentialsError, match="cannot be read"):
        rendered_roles(paths)


def test_a_new_generation_a_new_ca_and_a_new_kind_get_new_leaves(bundle: Bundle, paths: StatePaths) -> None:
    first = role(bundle, paths)
    rotated = role(replace(bundle, generation=2), paths)
    assert rotated.consul != first.consul
    assert rotated.generation == 2
    foreign = create_bundle("demo", now=NOW)
    renewed = role(replace(bundle, nomad_ca=foreign.nomad_ca), paths)
    assert renewed.nomad != rotated.nomad
    assert dns_names(role(bundle, paths, Kind.NOMAD_SERVER).consul) == ["client.demo.consul", "localhost"]


@pytest.mark.parametrize("kind", [Kind.NOMAD_CLIENT, Kind.CONSUL_SERVER])
@pytest.mark.parametrize("day", [293, 366], ids=["a fifth of its life left", "expired"])
def test_leaves_with_little_time_left_are_issued_again(
    bundle: Bundle, paths: StatePaths, kind: Kind, day: int
) -> None:
    """A node made from them on the last day would live for a day."""
    first = role(bundle, paths, kind, leaf_days=365)
    assert role(bundle, paths, kind, NOW + 291 * DAY, leaf_days=365) == first
    again = role(bundle, paths, kind, NOW + day * DAY, leaf_days=365)
    assert again.consul != first.consul
    assert parsed(again.consul).not_valid_after_utc == NOW + (day + 365) * DAY


@pytest.mark.parametrize("kind", [Kind.NOMAD_CLIENT, Kind.CONSUL_SERVER])
def test_leaves_end_with_their_ca_or_after_the_given_days(bundle: Bundle, paths: StatePaths, kind: Kind) -> None:
    """Both of a node, and both of a role, which gets new ones as soon as it is to have others."""
    ca_ends = parsed(bundle.consul_ca).not_valid_after_utc
    long = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW + DAY)
    short = issue_for_node(bundle, name="demo-x-1", kind=kind, now=NOW + DAY, leaf_days=90)
    for credentials, end in (
        (long, ca_ends),
        (short, NOW + 91 * DAY),
        (role(bundle, paths, kind), ca_ends),
        (role(bundle, paths, kind, leaf_days=90), NOW + 90 * DAY),
    ):
        leaves = [leaf for leaf in (credentials.consul, credentials.nomad) if leaf]
        assert {parsed(leaf).not_valid_after_utc for leaf in leaves} == {end}


def test_the_file_of_an_earlier_version_gets_new_leaves(bundle: Bundle, paths: StatePaths) -> None:
    """They were for a year, and the file did not say so."""
    first = role(bundle, paths, leaf_days=365)
    file = paths.roles / "workers.json"
    document = json.loads(file.read_text())
    del document["leaf_days"]
    file.write_text(json.dumps(document))
    assert role(bundle, paths).consul != first.consul


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"consul": 1}'])
def test_a_damaged_role_file_is_made_again(bundle: Bundle, paths: StatePaths, content: str) -> None:
    first = role(bundle, paths)
    (paths.roles / "workers.json").write_text(content)
    again = role(bundle, paths)
    assert again.consul != first.consul
    assert role(bundle, paths) == again


@pytest.mark.parametrize("value", ["spoilt", 1, None])
def test_a_damaged_leaf_is_made_again(bundle: Bundle, paths: StatePaths, value: object) -> None:
    first = role(bundle, paths)
    file = paths.roles / "workers.json"
    document = json.loads(file.read_text())
    document["nomad"]["key"] = value
    file.write_text(json.dumps(document))
    assert role(bundle, paths).nomad != first.nomad


def test_nothing_is_issued_after_the_ca_expired(bundle: Bundle) -> None:
    with pytest.raises(CredentialsError, match="expired on 2036-02-27"):
        issue_for_node(bundle, name="demo-x-1", kind=Kind.SERVER, now=NOW + 11 * 365 * DAY)
