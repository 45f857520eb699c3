"""The file that ``bakery init`` writes, and the schema that editors check it with."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bakery.config.load import parse_cluster
from bakery.config.model import Kind
from bakery.config.schema import json_schema
from bakery.config.template import RoleLine, cluster_file
from bakery.errors import ConfigError

FILE = Path("bakery.yaml")


def test_the_commented_file_means_the_defaults() -> None:
    assert parse_cluster(cluster_file(cluster="demo", region="fra1"), FILE) == parse_cluster(
        "version: 1\ncluster: demo\n", FILE
    )


def test_it_contains_the_limits_of_the_containers_logs() -> None:
    """Nomad's own default is docker's json-file driver with 2 files of 2m (drivers/docker/config.go)."""
    written = yaml.safe_load(cluster_file(cluster="demo", region="fra1"))
    assert written["docker"] == {"registries": {}, "logs": {"max_size": "2m", "max_files": 2}, "ulimits": {}}


def test_the_small_file_means_one_droplet_and_the_defaults() -> None:
    """$18 a month at the list prices of the emulator's table (emulator/account/catalog.py): s-2vcpu-2gb."""
    text = cluster_file(cluster="demo", region="fra1", small=True)
    meant = "version: 1\ncluster: demo\nroles: {all-in-one: {count: 1, size: s-2vcpu-2gb}}\n"
    assert parse_cluster(text, FILE) == parse_cluster(meant, FILE)
    assert "this file contains all defaults but the roles." in text


def test_it_carries_the_names_it_is_given() -> None:
    config = parse_cluster(cluster_file(cluster="shop", region="nyc3"), FILE)
    assert (config.cluster, config.region) == ("shop", "nyc3")


@pytest.mark.parametrize("name", ["true", "null", "no", "on"])
def test_names_that_yaml_could_take_for_something_else_stay_names(name: str) -> None:
    assert parse_cluster(cluster_file(cluster=name, region="fra1"), FILE).cluster == name


@pytest.mark.parametrize("name", ["a: b", "x #y", "two\nlines", '"', "Über", ""])
def test_an_unfit_name_is_one_problem_and_not_another_file(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cluster(cluster_file(cluster=name, region="fra1"), FILE)
    (problem,) = caught.value.problems
    assert "is not a label" in problem.message


def test_every_key_of_the_schema_stands_in_the_file() -> None:
    schema = json_schema()
    assert isinstance(schema["properties"], dict)
    assert set(yaml.safe_load(cluster_file(cluster="demo", region="fra1"))) == set(schema["properties"])


@pytest.mark.parametrize("small", [False, True])
def test_the_schema_takes_the_file(small: bool) -> None:  # noqa: FBT001 - a parameter of the test
    Draft202012Validator.check_schema(json_schema())
    content = yaml.safe_load(cluster_file(cluster="demo", region="fra1", small=small))
    assert list(Draft202012Validator(json_schema()).iter_errors(content)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"cluster": "Demo"},
        {"cluster": "a" * 31},
        {"region": None},
        {"rolez": {}},
        {"roles": {"gpu": {"kind": "gpu"}}},
        {"roles": {"gpu": {"count": 101}}},
        {"roles": {"gpu": {"size": None}}},
        {"roles": {"GPU": {}}},
        {"image": {"nomad": "1.11"}},
        {"access": {"admin_cidrs": "auto"}},
    ],
)
def test_the_schema_refuses(wrong: dict[str, object]) -> None:
    content = {"version": 1, "cluster": "demo", **wrong}
    assert list(Draft202012Validator(json_schema()).iter_errors(content)) != []


def test_the_file_has_the_roles_and_networks_that_were_chosen() -> None:
    roles = (
        RoleLine(kind=Kind.CONSUL_SERVER, count=1, size="s-1vcpu-2gb"),
        RoleLine(kind=Kind.NOMAD_SERVER, count=5, size="s-1vcpu-1gb"),
        RoleLine(kind=Kind.NOMAD_CLIENT, count=7, size="g-2vcpu-8gb"),
    )
    text = cluster_file(
        cluster="demo", region="fra1", roles=roles, admin_cidrs=("203.0.113.7/32", "2001:db8::/32")
    )
    meant = (
        "version: 1\ncluster: demo\naccess: {admin_cidrs: [203.0.113.7/32, '2001:db8::/32']}\nroles:\n"
        "  consul-server: {count: 1, size: s-1vcpu-2gb}\n"
        "  nomad-server: {count: 5, size: s-1vcpu-1gb}\n"
        "  nomad-client: {count: 7, size: g-2vcpu-8gb}\n"
    )
    assert parse_cluster(text, FILE) == parse_cluster(meant, FILE)
    assert "this file contains all defaults but the roles and access." in text
