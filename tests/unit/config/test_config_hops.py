"""Which versions a running cluster may be changed to: the rules of HashiCorp's pages, as a table written by hand.

Consul: at most two minor versions, "1.12 to 1.15: 1.14 as an intermediate step"
(https://developer.hashicorp.com/consul/docs/upgrade/instructions). Nomad: "backward compatible for at least 2
point release, so v1.7.x works with v1.5.x", "does not support downgrading"
(https://developer.hashicorp.com/nomad/docs/upgrade). GH-27773: CHANGELOG of hashicorp/nomad, 2.0.0.
"""

import pytest

from bakery.config.hops import Agent, check_hop
from bakery.config.versions import CONSUL, NOMAD, Product, pair_warning, parse_version
from bakery.errors import ExitCode, UsageError


def _agents(servers: str, clients: str = "", *, moves: str = "servers clients") -> list[Agent]:
    """Agents of these versions, separated by spaces; ``moves`` names those that are replaced, by group or name."""
    return [
        Agent(
            name=f"{group[:-1]}-{number}",
            version=parse_version(text) or (0, 0, 0),
            server=group == "servers",
            moves=group in moves.split() or f"{group[:-1]}-{number}" in moves.split(),
        )
        for group, texts in (("servers", servers), ("clients", clients))
        for number, text in enumerate(texts.split(), 1)
    ]


@pytest.mark.parametrize(
    ("product", "servers", "clients", "moves", "target"),
    [
        (CONSUL, "1.22.5 1.22.5", "1.22.5", "servers clients", "1.22.5"),
        (CONSUL, "1.22.4", "1.22.4", "servers clients", "1.22.5"),
        (CONSUL, "1.20.6", "1.20.6", "servers clients", "1.22.5"),
        (CONSUL, "1.21.5", "1.21.5", "servers clients", "2.0.4"),
        (CONSUL, "1.22.5", "1.22.5", "servers clients", "2.1.0"),
        (CONSUL, "2.0.1", "2.0.1", "servers clients", "2.2.0"),
        (NOMAD, "1.9.4", "1.9.4", "servers clients", "1.10.5"),
        (NOMAD, "1.10.5", "1.10.5", "servers clients", "2.0.5"),
        (NOMAD, "1.11.0", "1.11.0", "servers clients", "1.11.3"),
        (NOMAD, "1.11.3", "1.11.3", "servers clients", "2.0.5"),
        # an interrupted upgrade goes on
        (CONSUL, "1.22.5 1.21.5 1.21.5", "1.21.5", "server-2 server-3 clients", "1.22.5"),
        # clients follow the servers, and may go back
        (NOMAD, "1.11.3", "1.10.5", "clients", "1.11.3"),
        (NOMAD, "1.11.3", "1.11.3", "clients", "1.10.5"),
        (NOMAD, "1.11.3", "1.11.3", "clients", "1.9.4"),
        # servers without their clients
        (CONSUL, "1.20.6", "1.20.6", "servers", "1.22.5"),
        # nothing moves, and a version that cannot be read
        (CONSUL, "1.22.5", "1.22.5", "", "1.17.0"),
        (CONSUL, "", "", "servers clients", "1.22.5"),
    ],
)
def test_allowed(product: Product, servers: str, clients: str, moves: str, target: str) -> None:
    check_hop(product, target, _agents(servers, clients, moves=moves))


@pytest.mark.parametrize(
    ("product", "servers", "clients", "moves", "target", "message", "hint"),
    [
        (CONSUL, "1.19.2", "1.19.2", "servers clients", "1.22.5",
         "Consul 1.19.2 to 1.22.5 crosses 3 minor versions; a running cluster can cross 2 at once",
         "upgrade to Consul 1.21.x first, then to 1.22.5"),
        (CONSUL, "1.20.6", "1.20.6", "servers clients", "2.0.4",
         "Consul 1.20.6 to 2.0.4 crosses 3 minor versions; a running cluster can cross 2 at once",
         "upgrade to Consul 1.22.x first, then to 2.0.4"),
        (CONSUL, "1.21.5", "1.21.5", "servers clients", "2.1.0",
         "Consul 1.21.5 to 2.1.0 crosses 3 minor versions; a running cluster can cross 2 at once",
         "upgrade to Consul 2.0.x first, then to 2.1.0"),
        (NOMAD, "1.9.4", "1.9.4", "servers clients", "2.0.5",
         "Nomad 1.9.4 to 2.0.5 crosses 3 minor versions; a running cluster can cross 2 at once",
         "upgrade to Nomad 1.11.x first, then to 2.0.5"),
        (CONSUL, "1.20.6 1.20.6", "1.18.2", "servers clients", "1.21.5",
         "Consul 1.18.2 to 1.21.5 crosses 3 minor versions; a running cluster can cross 2 at once",
         "set image.consul to 1.20.6, and replace the clients first: bakery roll"),
        (CONSUL, "2.0.4", "2.0.4", "servers clients", "3.0.0",
         "bakery does not know which version of Consul comes before 3.0.0",
         "a newer bakery may know it"),
        # servers are never lowered, not even by a patch version
        (CONSUL, "1.22.5", "1.22.5", "servers clients", "1.21.5",
         "server-1 runs Consul 1.22.5: servers cannot be changed back to 1.21.5",
         "keep image.consul at 1.22.5 or later; to run 1.21.5, launch a new cluster under another name"),
        (NOMAD, "1.11.3", "1.11.3", "servers clients", "1.11.2",
         "server-1 runs Nomad 1.11.3: servers cannot be changed back to 1.11.2",
         "keep image.nomad at 1.11.3 or later; to run 1.11.2, launch a new cluster under another name"),
        # an interrupted upgrade cannot be undone either
        (CONSUL, "1.21.5 1.22.5 1.21.5", "1.21.5", "server-2", "1.21.5",
         "server-2 runs Consul 1.22.5: servers cannot be changed back to 1.21.5",
         "keep image.consul at 1.22.5 or later; to run 1.21.5, launch a new cluster under another name"),
        # GH-27773
        (NOMAD, "1.10.5", "1.10.5", "servers clients", "1.11.3",
         "Nomad cannot be changed from 1.10.5 to 1.11.3",
         "upgrade to Nomad 2.0.x instead"),
        (NOMAD, "1.9.4", "1.9.4", "servers", "1.11.0",
         "Nomad cannot be changed from 1.9.4 to 1.11.0",
         "upgrade to Nomad 1.10.x, then to 2.0.x instead"),
        (NOMAD, "1.11.3 1.10.5", "1.10.5", "server-2", "1.11.3",
         "Nomad cannot be changed from 1.10.5 to 1.11.3",
         "upgrade to Nomad 2.0.x instead"),
        # clients never before the servers, nor too far behind them
        (NOMAD, "1.11.2", "1.11.2", "clients", "1.11.3",
         "Nomad 1.11.3 cannot run on a client yet: server-1 has an older one",
         "servers are replaced before clients: bakery roll"),
        (CONSUL, "1.22.5 1.21.5", "1.21.5", "clients", "1.22.5",
         "Consul 1.22.5 cannot run on a client yet: server-2 has an older one",
         "servers are replaced before clients: bakery roll"),
        (CONSUL, "1.22.5", "1.22.5", "clients", "1.19.2",
         "Consul 1.19.2 is too old for a client: server-1 runs 1.22.5",
         "a client may be 2 minor versions behind the servers"),
    ],
)  # fmt: skip
def test_refused(
    product: Product, servers: str, clients: str, moves: str, target: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_hop(product, target, _agents(servers, clients, moves=moves))
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message == message
    assert str(caught.value.hint) == hint


@pytest.mark.parametrize(
    ("nomad", "consul", "listed"),
    [
        ("1.9.4", "1.17.0", "yes"),
        ("1.10.5", "1.18.2", "1.19 to 1.22"),
        ("1.11.3", "1.19.0", "yes"),
        ("1.11.3", "1.22.5", "yes"),
        ("1.11.3", "1.23.0", "1.19 to 1.22"),
        ("2.0.5", "1.22.5", "yes"),
        ("2.0.5", "2.0.4", "1.19 to 1.22"),
        ("2.1.0", "2.0.4", "yes"),  # in no table yet
    ],
)
def test_pairs_of_hashicorps_table(nomad: str, consul: str, listed: str) -> None:
    warning = pair_warning(consul, nomad)
    said = f"HashiCorp lists Nomad {nomad} with Consul {listed}, not with {consul}"
    assert warning == (None if listed == "yes" else said)
