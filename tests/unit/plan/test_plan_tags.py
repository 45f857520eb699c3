"""Tags, and what DigitalOcean takes as one."""

import re

import pytest

from bakery.plan.tags import (
    build_tag,
    ca_tag,
    cluster_of,
    cluster_tag,
    config_of,
    config_tag,
    content_tag,
    generation_of,
    generation_tag,
    is_cluster_tag,
    launch_tag,
    packer_key_time,
    role_tag,
    versions_of,
    versions_tag,
)

INPUTS = {"packer/bakery.pkr.hcl": b"source {}", "systemd-units/nomad.service": b"[Unit]"}
VERSIONS = {"base": "debian-12-x64", "consul": "1.22.5", "nomad": "1.11.3"}


def content(inputs: dict[str, bytes], versions: dict[str, str]) -> str:
    return content_tag(inputs, base=versions["base"], consul=versions["consul"], nomad=versions["nomad"])


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (cluster_tag("demo"), "bakery:demo"),
        (role_tag("demo", "nomad-client"), "bakery:demo:role:nomad-client"),
        (launch_tag("demo", "4f2a"), "bakery:demo:launch:4f2a"),
        (ca_tag("demo", "0123456789abcdef0123"), "bakery:demo:ca:0123456789abcdef"),
        (generation_tag("demo", 12), "bakery:demo:gen:12"),
        (config_tag("demo", "0123456789abcdef"), "bakery:demo:config:0123456789abcdef"),
        (build_tag("9c1d"), "bakery:build:9c1d"),
    ],
)
def test_tags_read(tag: str, text: str) -> None:
    assert tag == text


@pytest.mark.parametrize(
    ("tags", "generation"),
    [
        (("bakery:demo", "bakery:demo:gen:3"), 3),
        (("bakery:demo", "bakery:demo:role:gpu"), 1),
        (("bakery:demo:gen:2", "bakery:demo:gen:10"), 10),
        (
            (
                "bakery:other:gen:4",
                "bakery:demo:gen:x",
                "bakery:demo:gen:0",
                "bakery:demo:gen:",
                "bakery:demo:gen:-2",
            ),
            1,
        ),
        ((), 1),
    ],
    ids=["tagged", "of bakery 0.1", "several", "not a generation of this cluster", "no tags"],
)
def test_a_droplets_generation_is_in_its_tags(tags: tuple[str, ...], generation: int) -> None:
    assert generation_of(tags, "demo") == generation


def test_a_generation_tag_is_the_clusters() -> None:
    assert is_cluster_tag("bakery:demo:gen:3", "demo")
    assert not is_cluster_tag("bakery:other:gen:3", "demo")


def test_a_droplets_configuration_is_in_its_tags() -> None:
    tags = ("bakery:demo", "bakery:other:config:1111111111111111", "bakery:demo:config:0123456789abcdef")
    assert config_of(tags, "demo") == "0123456789abcdef"
    assert config_of(("bakery:demo", "bakery:demo:gen:1"), "demo") is None, "a droplet of an older bakery"
    assert is_cluster_tag("bakery:demo:config:0123456789abcdef", "demo"), "a destroy deletes it"
    assert not is_cluster_tag("bakery:other:config:0123456789abcdef", "demo")


def test_digitalocean_takes_the_longest_tags() -> None:
    """At most 255 letters, digits, _, - and : (openapi tags/models/tag.yml)."""
    for longest in (role_tag("c" * 30, "r" * 28), content(INPUTS, VERSIONS)):
        assert re.fullmatch(r"[a-zA-Z0-9_\-:]{1,255}", longest)


def test_a_snapshots_versions_are_in_a_tag() -> None:
    tag = versions_tag(consul="1.22.5", nomad="1.11.3")
    assert tag == "bakery:versions:1-22-5:1-11-3"
    assert versions_of(("bakery:image:abc", tag)) == ("1.22.5", "1.11.3")
    assert versions_of(("bakery:image:abc", "bakery:versions:role:x", "bakery:versions:1-2:1")) is None


def test_equal_inputs_have_one_content_tag() -> None:
    assert content(dict(reversed(INPUTS.items())), VERSIONS) == content(INPUTS, VERSIONS)


@pytest.mark.parametrize(
    ("inputs", "versions"),
    [
        ({**INPUTS, "systemd-units/nomad.service": b"[Unit] "}, VERSIONS),
        ({**INPUTS, "packer/more": b""}, VERSIONS),
        ({"packer/bakery.pkr.hcl": b"source {}"}, VERSIONS),
        (INPUTS, VERSIONS | {"consul": "1.22.6"}),
        (INPUTS, VERSIONS | {"nomad": "1.11.4"}),
        (INPUTS, VERSIONS | {"base": "debian-13-x64"}),
        (INPUTS, VERSIONS | {"consul": "1.11.3", "nomad": "1.22.5"}),
    ],
)
def test_any_other_input_has_another(inputs: dict[str, bytes], versions: dict[str, str]) -> None:
    assert content(inputs, versions) != content(INPUTS, VERSIONS)


def test_a_snapshot_with_traefik_has_another_tag() -> None:
    """Without an ingress role it is the tag of earlier versions, so that nothing is baked anew."""
    plain = content_tag(INPUTS, base="debian-12-x64", consul="1.22.5", nomad="1.11.3")
    assert content_tag(INPUTS, base="debian-12-x64", consul="1.22.5", nomad="1.11.3", traefik=True) != plain
    assert content_tag(INPUTS, base="debian-12-x64", consul="1.22.5", nomad="1.11.3", traefik=False) == plain


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("packer-65a0f1c2-5b7e-9d1c-0c3a-8f1de2a4b6c7", 1_705_046_466),  # 2024-01-12 08:01:06 UTC
        ("packer-mine", None),
        ("packer-65A0F1C2-5b7e-9d1c-0c3a-8f1de2a4b6c7", None),
        ("my-packer-65a0f1c2-5b7e-9d1c-0c3a-8f1de2a4b6c7", None),
        ("bakery-demo-launch-0000dead", None),
    ],
)
def test_the_name_of_packers_key_says_when_it_was_made(name: str, seconds: int | None) -> None:
    """packer-plugin-sdk, uuid/uuid.go, TimeOrderedUUID: the first four bytes are the Unix time."""
    assert packer_key_time(name) == seconds


@pytest.mark.parametrize(
    ("tags", "cluster"),
    [
        (("bakery:demo", "bakery:demo:role:nomad-client"), "demo"),
        (("web", "bakery:my-cluster-2"), "my-cluster-2"),
        (("bakery:build:0123456789ab",), None),
        (("bakery:image:0123", "bakery"), None),
        ((), None),
    ],
)
def test_a_droplets_cluster_is_in_its_tags(tags: tuple[str, ...], cluster: str | None) -> None:
    assert cluster_of(tags) == cluster
