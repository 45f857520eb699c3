"""What ``plan`` and ``launch --dry-run`` say is what ``launch`` then does: one table, each row asked three ways.

Each row changes one thing of a cluster that is fine. Codes: 0 done, 2 usage or configuration, 3 credentials,
10 ``plan --exit-code`` where the cloud is not as the file says (errors.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from tests.helpers.cli import SMALL, CliHarness, Ran
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
THREE = SMALL.replace("consul-server: {count: 1", "consul-server: {count: 3")
AS_PLANNED = "nothing to change: the cloud is as planned"
DIFFERS = "nothing to create or update; a launch does not change these differences from the plan:"
CANNOT = "cannot be launched:"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One change, what plan says of it, and how the commands end."""

    change: Callable[[CliHarness], None]
    says: tuple[str, ...]
    """Lines of plan and of the dry run, less their indentation; the first is the headline."""
    code: int
    """Of plan, of launch --dry-run and of launch."""
    exit_code: int
    """Of plan --exit-code."""


def _file(old: str, new: str) -> Callable[[CliHarness], None]:
    def change(at: CliHarness) -> None:
        file = at.folder / "bakery.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return change


def _nothing(_: CliHarness) -> None:
    return


def _append(line: str) -> Callable[[CliHarness], None]:
    return _file("version: 1\n", f"version: 1\n{line}\n")


def _no_snapshot(at: CliHarness) -> None:
    for image in at.api.get("/v2/images?private=true").json()["images"]:
        at.api.delete(f"/v2/images/{image['id']}")
    at.api.settle()


def _office(at: CliHarness) -> None:
    body = {"name": "office", "region": "fra1", "ip_range": "10.100.0.0/20"}
    assert at.api.post("/v2/vpcs", body).status_code == 201


def _lost(at: CliHarness) -> None:
    (at.folder / ".bakery").rename(at.folder / "moved")


NEW = {
    "control: nothing is there": Row(
        change=_nothing, says=("8 to create, 0 to update, 0 to replace",), code=0, exit_code=10
    ),
    "a size that does not exist": Row(
        change=_file("nomad-client: {count: 2, size: s-1vcpu-1gb", "nomad-client: {count: 2, size: s-1vcpu-9gb"),
        says=(
            CANNOT,
            "DigitalOcean has no size 's-1vcpu-9gb'",
            "help: did you mean s-1vcpu-2gb? set roles.nomad-client.size",
            "8 to create, 0 to update, 0 to replace",
            "the price of the cluster is not known: DigitalOcean lists no price for size s-1vcpu-9gb",
        ),
        code=2,
        exit_code=2,
    ),
    "a region that does not exist": Row(
        change=_append("region: fra9"),
        says=(
            CANNOT,
            "DigitalOcean has no region 'fra9'",
            "help: did you mean fra1? set region to one that takes droplets:"
            " ams3, blr1, fra1, lon1, nyc1, nyc3, sfo3, sgp1, syd1, tor1",
        ),
        code=2,
        exit_code=2,
    ),
    "an SSH key that the account does not have": Row(
        change=_append("access: {ssh_keys: [nokey]}"),
        says=(
            CANNOT,
            "no SSH key 'nokey' in the account",
            "help: add the key to the account, or remove it from access.ssh_keys",
        ),
        code=2,
        exit_code=2,
    ),
    "a VPC of another cluster has the range": Row(
        change=_office,
        says=(
            CANNOT,
            "VPC range 10.100.0.0/20 overlaps 10.100.0.0/20 of VPC office in fra1",
            "help: set vpc.cidr: 10.100.16.0/20, which no VPC of the account uses",
        ),
        code=2,
        exit_code=2,
    ),
    "no snapshot": Row(
        change=_no_snapshot,
        says=(
            CANNOT,
            "the account has no snapshot of consul 1.22.5 and nomad 2.0.5 on debian-12-x64",
            "help: bakery build-image",
        ),
        code=2,
        exit_code=2,
    ),
}
RUNNING = {
    "control: nothing changed": Row(change=_nothing, says=(AS_PLANNED,), code=0, exit_code=0),
    "another region": Row(
        change=_append("region: ams3"),
        says=(
            CANNOT,
            "6 droplets: in region fra1, the file says ams3; droplets and networks cannot move",
            "help: set region: fra1 again, or launch a new cluster under another name",
        ),
        code=2,
        exit_code=2,
    ),
    "another VPC range": Row(
        change=_append("vpc: {cidr: 10.101.0.0/20}"),
        says=(
            CANNOT,
            "VPC bakery-demo has the range 10.100.0.0/20, the plan says 10.101.0.0/20; a range cannot be changed",
            "help: set vpc.cidr: 10.100.0.0/20 again",
        ),
        code=2,
        exit_code=2,
    ),
    "fewer servers": Row(
        change=_file("consul-server: {count: 3", "consul-server: {count: 1"),
        says=(
            CANNOT,
            "the file says 1 Consul server, but demo-consul-server-2, demo-consul-server-3 run too",
            "help: remove them first: bakery scale consul-server=1",
        ),
        code=2,
        exit_code=2,
    ),
    "another version of Nomad": Row(
        change=_append("image: {nomad: 1.11.2}"),
        says=(
            DIFFERS,
            "6 droplets: made from snapshot bakery-stand-in; the file asks for"
            " consul 1.22.5 and nomad 1.11.2 on debian-12-x64, and there is no snapshot with these versions yet"
            " (bakery build-image); do that before you replace a node",
        ),
        code=0,
        exit_code=10,
    ),
    "another base": Row(change=_append("image: {base: debian-13-x64}"), says=(DIFFERS,), code=0, exit_code=10),
    "another version of Nomad, and a new client": Row(
        change=lambda at: (
            _append("image: {nomad: 1.11.2}")(at),
            _file("nomad-client: {count: 2", "nomad-client: {count: 3")(at),
        )[0],
        says=(CANNOT, "the account has no snapshot of consul 1.22.5 and nomad 1.11.2 on debian-12-x64"),
        code=2,
        exit_code=2,
    ),
    "another size": Row(
        change=_file("nomad-client: {count: 2, size: s-1vcpu-1gb", "nomad-client: {count: 2, size: s-2vcpu-2gb"),
        says=(
            DIFFERS,
            "demo-nomad-client-1, demo-nomad-client-2: size s-1vcpu-1gb, the file says s-2vcpu-2gb; only new"
            " droplets get this; to replace these one by one: bakery roll",
        ),
        code=0,
        exit_code=10,
    ),
    "a mistyped size": Row(
        change=_file("nomad-client: {count: 2, size: s-1vcpu-1gb", "nomad-client: {count: 2, size: s-1vcpu-1gbb"),
        says=(
            DIFFERS,
            "demo-nomad-client-1, demo-nomad-client-2: size s-1vcpu-1gb, the file says s-1vcpu-1gbb; fix this"
            " before you replace a node: DigitalOcean has no size 's-1vcpu-1gbb' (did you mean s-1vcpu-1gb? set"
            " roles.nomad-client.size)",
        ),
        code=0,
        exit_code=10,
    ),
    "fewer clients": Row(
        change=_file("nomad-client: {count: 2", "nomad-client: {count: 1"),
        says=(
            DIFFERS,
            "demo-nomad-client-2 is not in the plan; to remove it: bakery destroy --node demo-nomad-client-2",
        ),
        code=0,
        exit_code=10,
    ),
    "the credentials are lost": Row(
        change=_lost,
        says=(
            CANNOT,
            "cluster demo has 6 droplets, but its credentials are not here",
            "help: bring back the credentials bundle of this cluster (.bakery/ beside its cluster file)",
        ),
        code=3,
        exit_code=3,
    ),
}


def _lines(ran: Ran) -> list[str]:
    return [line.strip() for line in ran.out.splitlines()]


def _check(at: CliHarness, row: Row) -> None:
    row.change(at)
    at.forget()
    planned, dry = at("plan"), at("launch", "--dry-run")
    for ran in (planned, dry):
        assert [line for line in row.says if line not in _lines(ran)] == [], ran.out + ran.err
        headlines = [line for line in (AS_PLANNED, DIFFERS, CANNOT) if line in _lines(ran)]
        assert headlines == [line for line in (AS_PLANNED, DIFFERS, CANNOT) if line == row.says[0]]
    wanted = (row.code, row.exit_code, row.code)
    assert (planned.code, at("plan", "--exit-code").code, dry.code) == wanted
    for arguments in (("plan",), ("launch", "--dry-run")):
        ran = at(*arguments, "--json")
        check_answer(ran.json, "plan" if arguments == ("plan",) else "changes")
        assert ran.code == row.code
        assert [obstacle["message"] for obstacle in ran.json["cannot"]] == _obstacles(row)
    assert at.changing() == []
    launched = at(*ACTIVE)
    assert launched.code == row.code, launched.err
    if row.code:
        assert at.changing() == []
        assert _obstacles(row)[0] in launched.err


def _obstacles(row: Row) -> list[str]:
    """The one thing that is in the way: each row changes one."""
    return [row.says[1]] if row.says[0] == CANNOT else []


@pytest.mark.parametrize("name", NEW)
def test_a_new_cluster(at: CliHarness, name: str) -> None:
    _check(at, NEW[name])


@pytest.mark.parametrize("name", RUNNING)
def test_a_cluster_that_runs(at: CliHarness, name: str) -> None:
    at.write(THREE)
    assert at(*ACTIVE).code == 0
    _check(at, RUNNING[name])


def test_credentials_of_another_authority(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    (at.folder / ".bakery").rename(at.folder / "moved")
    other = at.folder / "other"
    other.mkdir()
    (other / "bakery.yaml").write_text(SMALL.replace("cluster: demo", "cluster: else"), encoding="utf-8")
    assert at("render", "--role", "consul-server", "--first", "-o", "out", "-f", "other/bakery.yaml").code == 0
    text = (other / ".bakery" / "else" / "bundle.json").read_text(encoding="utf-8")
    mine = at.folder / ".bakery" / "demo"
    mine.mkdir(parents=True, mode=0o700)
    (mine / "bundle.json").write_text(text.replace('"else"', '"demo"'), encoding="utf-8")
    (mine / "bundle.json").chmod(0o600)
    at.forget()
    planned, dry, launched = at("plan"), at("launch", "--dry-run"), at(*ACTIVE)
    assert (planned.code, dry.code, launched.code) == (3, 3, 3)
    message = "the credentials here are not those of cluster demo"
    assert message in planned.out
    assert message in dry.out
    assert message in launched.err
    assert at.changing() == []


def test_a_role_that_has_nothing_to_join(at: CliHarness) -> None:
    for ran in (at("launch", "--role", "nomad-client", "--dry-run"), at(*ACTIVE, "--role", "nomad-client")):
        assert ran.code == 2
        text = ran.out + ran.err
        assert "nomad-client needs a live Consul server to join, and cluster demo has none" in text
        assert "help: bakery launch --role consul-server" in text


def test_an_exit_code_needs_a_look_at_the_cloud(at: CliHarness) -> None:
    ran = at("plan", "--exit-code", "--offline")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "error: --exit-code needs DigitalOcean's answer, and --offline does not ask",
        "help: leave one of them out",
    ]
    assert at("plan", "--offline").code == 0


def test_next_steps_carry_the_flags_of_this_run(at: CliHarness) -> None:
    at.write(SMALL.replace("size: s-1vcpu-1gb", "size: s-99"), "other.yaml")
    _no_snapshot(at)
    named = ("-f", "other.yaml")
    wanted = "help: bakery build-image -f other.yaml"
    assert wanted in _lines(at("plan", *named))
    assert wanted in [line.strip() for line in at(*ACTIVE, *named).err.splitlines()]
    hints = {obstacle["code"]: obstacle["hint"] for obstacle in at("plan", "--json", *named).json["cannot"]}
    assert hints["snapshot_missing"] == "bakery build-image -f other.yaml"


def test_status_says_which_droplets_are_from_another_snapshot(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    assert "snapshot" not in at("status").out
    assert at("status", "--json").json["snapshots"]["others"] == []
    older = at.api.get("/v2/images?private=true").json()["images"][0]["id"]
    newer = at.bake()
    ran = at("status")
    assert (ran.code, ran.out.splitlines()[-1]) == (
        7,
        f"4 droplets: made from snapshot {older}; the file asks for bakery-stand-in (id {newer})",
    )
    ran = at("status", "--json")
    check_answer(ran.json, "status")
    assert ran.json["snapshots"]["asked"] == {"id": newer, "name": "bakery-stand-in"}
    assert {other["id"] for other in ran.json["snapshots"]["others"]} == {older}


# A range for another cluster ---------------------------------------------------------


def _range(at: CliHarness, name: str) -> str:
    cidr: str = yaml.safe_load((at.folder / name).read_text(encoding="utf-8"))["vpc"]["cidr"]
    return cidr


def test_a_second_cluster_gets_a_range_that_is_free(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    at.forget()
    ran = at("init", "-f", "second.yaml", "--cluster", "second")
    assert ran.code == 0
    assert ran.err.splitlines()[0] == (
        "vpc.cidr is 10.100.16.0/20: a VPC of the account overlaps 10.100.0.0/20, the default"
    )
    assert _range(at, "second.yaml") == "10.100.16.0/20"
    assert at("launch", "-f", "second.yaml", "--dry-run").code == 0
    assert at.changing() == []
    ran = at("init", "-f", "again.yaml", "--cluster", "demo", "--json")
    check_answer(ran.json, "init")
    assert ran.json["vpc_cidr"] == "10.100.0.0/20", "its own VPC has that range"


def test_without_a_token_or_an_answer_it_is_the_default(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    _office(at)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "canary-not-accepted")
    ran = at("init", "-f", "one.yaml")
    assert ran.code == 0
    assert ran.err.startswith(
        "warning: vpc.cidr is the default, 10.100.0.0/20; the account's VPCs are not known: "
    )
    assert _range(at, "one.yaml") == "10.100.0.0/20"
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    ran = at("init", "-f", "two.yaml")
    assert ran.err.startswith("wrote two.yaml\n")
    assert _range(at, "two.yaml") == "10.100.0.0/20"
    ran = at("--local", "init", "-f", "three.yaml")
    assert (ran.code, (at.folder / "three.yaml").exists()) == (2, False), "--local means an emulator that runs"
    at.announce()
    assert at("--local", "init", "-f", "three.yaml").code == 0
    assert _range(at, "three.yaml") == "10.100.16.0/20"
