"""What ``plan`` says of a cluster that is weaker than the default one."""

from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.plan.build import build_plan
from bakery.plan.weaknesses import weaknesses

SHARED = (
    "the servers of role {} run jobs: a user who may submit docker jobs can read the servers' files there,"
    " every ACL token among them, and control the cluster"
)
BUSY = "jobs share CPU, disk and network with these servers: a job that uses them up may stop Consul and Nomad"
SINGLE = (
    "no high availability: {} is the only server of {}; while it is off, no server answers, and if it is lost,"
    " so is the data"
)


MESH = (
    "everyone with issued credentials can get the key of a service of the mesh from Consul on these servers, and"
    " speak as that service"
)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (
            "all-in-one: {count: 1}",
            (SHARED.format("all-in-one"), BUSY, SINGLE.format("demo-all-in-one-1", "Consul and Nomad")),
        ),
        ("all-in-one: {count: 3}", (SHARED.format("all-in-one"), BUSY)),
        (
            "node: {kind: all-in-one, count: 1}",
            (SHARED.format("node"), BUSY, SINGLE.format("demo-node-1", "Consul and Nomad")),
        ),
        (
            "all-in-one: {count: 1}, consul-server: {count: 2}, nomad-server: {count: 2}",
            (SHARED.format("all-in-one"), BUSY),
        ),
        (
            "all-in-one: {count: 1}, consul-server: {count: 2}",
            (SHARED.format("all-in-one"), BUSY, SINGLE.format("demo-all-in-one-1", "Nomad")),
        ),
        ("server: {count: 1}, nomad-client: {count: 1}", ()),
        ("consul-server: {count: 3}, nomad-server: {count: 3}, nomad-client: {count: 3}", ()),
    ],
)
def test_what_is_weaker_is_said(roles: str, expected: tuple[str, ...]) -> None:
    config = parse_cluster(f"version: 1\ncluster: demo\nroles: {{{roles}}}\n", Path("bakery.yaml"))
    assert weaknesses(build_plan(config)) == expected


def test_with_the_mesh_servers_that_run_jobs_have_keys_of_services() -> None:
    """Control: where Consul's servers run no jobs, nothing is weaker with it."""

    def said(roles: str) -> tuple[str, ...]:
        text = f"version: 1\ncluster: demo\nmesh: true\nroles: {{{roles}}}\n"
        return weaknesses(build_plan(parse_cluster(text, Path("bakery.yaml"))))

    assert said("all-in-one: {count: 3}") == (SHARED.format("all-in-one"), BUSY, MESH)
    assert said("server: {count: 1}, nomad-client: {count: 1}") == ()
