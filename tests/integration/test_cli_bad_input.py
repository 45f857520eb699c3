"""What users get wrong, and what bakery says: exit code, message, next step, and nothing created.

The expected texts are written by hand; ``{port}`` and the like are the only parts that a run decides. What can be
wrong in a cluster file is in tests/unit/config/test_config_broken.py; here are one syntax error and one list.
"""

import json
import os
import re
import socket
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from bakery.cloud import digitalocean
from bakery.cloud.transport import TransportLimits
from bakery.emulator.daemon import checks
from tests.helpers.cli import SMALL, CliHarness

pytestmark = pytest.mark.integration

LAUNCH = ("launch", "--yes", "--wait", "active")
NOWHERE = "http://127.0.0.1:9"


def _nothing(at: CliHarness, patch: pytest.MonkeyPatch) -> None: ...


def _file(text: str) -> Callable[[CliHarness, pytest.MonkeyPatch], None]:
    def prepare(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
        at.write(text)

    return prepare


def _env(**values: str | None) -> Callable[[CliHarness, pytest.MonkeyPatch], None]:
    def prepare(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
        for name, value in values.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)

    return prepare


def _vpc_there(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    at.api.post("/v2/vpcs", {"name": "office", "region": "nyc1", "ip_range": "10.100.0.0/16"})


def _unreachable(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("DIGITALOCEAN_API_URL", NOWHERE)
    quick = partial(digitalocean.connect, limits=TransportLimits(first_pause=0.001))
    patch.setattr(digitalocean, "connect", quick)


def _no_packer(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PATH", str(at.folder))
    patch.setenv("BAKERY_RELEASES_URL", NOWHERE)
    at.write(SMALL + "image: {consul: 1.21.0}\n")


def _no_root(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "geteuid", lambda: 1000)
    patch.setattr("sys.argv", ["/usr/bin/bakery"])


def _folder(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    (at.folder / "folder").mkdir()


def _existing(at: CliHarness, patch: pytest.MonkeyPatch) -> None:
    (at.folder / "mine").write_text("mine", encoding="utf-8")


class Case(NamedTuple):
    name: str
    prepare: Callable[[CliHarness, pytest.MonkeyPatch], None]
    arguments: tuple[str, ...]
    code: int
    text: str
    """The whole of stderr; a line "..." stands for any lines."""


CASES = [
    Case(
        "broken YAML",
        _file("version: 1\ncluster: demo\n  region: fra1\n"),
        LAUNCH,
        2,
        """\
error: there is a colon where no key can be
 --> bakery.yaml:3:9
3 |   region: fra1
  |         ^
  = help: put text that holds a colon in quotes, and check the indentation of the lines above

error: bakery.yaml has a problem
""",
    ),
    Case(
        "unknown keys, all at once",
        _file("version: 1\ncluster: demo\nregoin: fra1\nimage: {consol: 1.22.5}\n"),
        LAUNCH,
        2,
        """\
error: unknown key "regoin"
 --> bakery.yaml:3:1
3 | regoin: fra1
  | ^
  = help: did you mean region?

error: unknown key "consol" in image
 --> bakery.yaml:4:9
4 | image: {consol: 1.22.5}
  |         ^
  = help: did you mean consul?

error: bakery.yaml has 2 problems
""",
    ),
    Case(
        "a VPC over one in the account",
        _vpc_there,
        LAUNCH,
        2,
        """\
==> Looking at the account
error: VPC range 10.100.0.0/20 overlaps 10.100.0.0/16 of VPC office in nyc1
help: set vpc.cidr: 10.101.0.0/20, which no VPC of the account uses
""",
    ),
    Case(
        "no token",
        _env(DIGITALOCEAN_TOKEN=None),
        LAUNCH,
        3,
        """\
error: no DigitalOcean token in DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN
help: export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local
""",
    ),
    Case(
        "no token, and nobody who knows the address",
        _env(DIGITALOCEAN_TOKEN=None, BAKERY_ADDRESS_URL="http://127.0.0.1:9/"),
        LAUNCH,
        3,
        """\
error: no DigitalOcean token in DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN
help: export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local
""",
    ),
    Case(
        "no token file",
        _env(DIGITALOCEAN_TOKEN_FILE="/none/token"),
        LAUNCH,
        3,
        """\
error: cannot read the token file /none/token
  No such file or directory
help: export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local
""",
    ),
    Case(
        "wrong token",
        _env(DIGITALOCEAN_TOKEN="canary-wrong"),
        LAUNCH,
        3,
        """\
error: DigitalOcean does not accept the token
  Unable to authenticate you
...
help: create a token at https://cloud.digitalocean.com/account/api/tokens and set DIGITALOCEAN_TOKEN
""",
    ),
    Case(
        "wrong token at build-image",
        _env(DIGITALOCEAN_TOKEN="canary-wrong"),
        ("build-image",),
        3,
        """\
error: DigitalOcean does not accept the token
  Unable to authenticate you
...
help: create a token at https://cloud.digitalocean.com/account/api/tokens and set DIGITALOCEAN_TOKEN
""",
    ),
    Case(
        "no snapshot",
        _file(SMALL + "image: {consul: 1.21.0}\n"),
        (*LAUNCH, "-f", "bakery.yaml"),
        2,
        """\
==> Looking at the account
error: the account has no snapshot of consul 1.21.0 and nomad 2.0.5 on debian-12-x64
help: bakery build-image -f bakery.yaml
""",
    ),
    Case(
        "unknown size",
        _file(SMALL.replace("s-1vcpu-1gb", "s-99")),
        LAUNCH,
        2,
        """\
==> Looking at the account
error: DigitalOcean has no size 's-99'
help: set roles.consul-server.size, roles.nomad-server.size, roles.nomad-client.size, for example to s-1vcpu-1gb
""",
    ),
    Case(
        "unknown region",
        _file(SMALL + "region: xyz1\n"),
        LAUNCH,
        2,
        """\
==> Looking at the account
error: DigitalOcean has no region 'xyz1'
help: set region to one that takes droplets: ams3, blr1, fra1, lon1, nyc1, nyc3, sfo3, sgp1, syd1, tor1
""",
    ),
    Case(
        "a role without servers to join",
        _nothing,
        (*LAUNCH, "--role", "nomad-client"),
        2,
        """\
==> Looking at the account
error: nomad-client needs a live Consul server to join, and cluster demo has none
help: bakery launch --role consul-server
""",
    ),
    Case(
        "unknown role",
        _nothing,
        (*LAUNCH, "--role", "nomad-clint"),
        2,
        """\
error: cluster demo has no role nomad-clint
help: did you mean nomad-client?
""",
    ),
    Case(
        "more servers than the file says",
        _nothing,
        (*LAUNCH, "--role", "consul-server", "--count", "3"),
        2,
        """\
error: role consul-server runs servers, whose number is set in the cluster file (1), not by --count 3
help: leave --count out, or set roles.consul-server.count in bakery.yaml before the first launch
""",
    ),
    Case(
        "count without a role",
        _nothing,
        (*LAUNCH, "--count", "3"),
        2,
        """\
error: --count needs --role
help: bakery launch --role nomad-client --count 3
""",
    ),
    Case(
        "count zero",
        _nothing,
        (*LAUNCH, "--role", "nomad-client", "--count", "0"),
        2,
        """\
error: invalid value for '--count': '0' is not a whole number from 1
help: bakery launch --help
""",
    ),
    Case(
        "the whole internet as operator",
        _nothing,
        (*LAUNCH, "--admin-cidr", "0.0.0.0/0"),
        2,
        """\
error: --admin-cidr 0.0.0.0/0 would open the APIs to everyone
help: name the networks you work from, or write auto for your own address
""",
    ),
    Case(
        "an operator's address that cannot be asked",
        _env(BAKERY_ADDRESS_URL=NOWHERE),
        LAUNCH,
        2,
        """\
error: cannot look up your address at 127.0.0.1:9
  ConnectionError
help: give the address yourself: --admin-cidr ADDRESS/32
""",
    ),
    Case(
        "nobody to ask",
        _nothing,
        ("launch", "--wait", "active"),
        2,
        """\
==> Looking at the account
...
error: this needs an answer, and stdin or stderr is not a terminal
help: add --yes
""",
    ),
    Case(
        "endpoint unreachable",
        _unreachable,
        LAUNCH,
        4,
        """\
    cannot reach 127.0.0.1:9 (connection refused: nothing listens there); retry 1 of 4 in 1 s
...
error: cannot reach 127.0.0.1:9 for GET /v2/account
  connection refused: nothing listens there
help: correct DIGITALOCEAN_API_URL, or start the emulator it names: bakery emulator up
""",
    ),
    Case(
        "a token in clear",
        _env(DIGITALOCEAN_API_URL="http://example.com"),
        LAUNCH,
        2,
        """\
error: 'http://example.com' would send the token unencrypted
  plain http is for an emulator on this machine only
help: use https://
""",
    ),
    Case(
        "no emulator with --local",
        _nothing,
        (*LAUNCH, "--local"),
        2,
        """\
error: --local was given, but no emulator of this user is running
help: bakery emulator up; with droplets in memory: bakery emulator up --machines memory
""",
    ),
    Case(
        "no root",
        _no_root,
        ("emulator", "up"),
        2,
        """\
error: booting droplets needs root
help: sudo /usr/bin/bakery emulator up; or to run without booting droplets: bakery emulator up --machines memory
""",
    ),
    Case(
        "no Packer",
        _no_packer,
        ("build-image",),
        2,
        """\
on {host}, account operator@emulator.invalid, team Emulator
==> downloading packer 1.16.0
error: packer 1.16.0 is not on this machine, and 127.0.0.1:9 could not be reached
...
help: `make toolchain` builds it from source with Go; or put packer 1.16.0 on PATH
""",
    ),
    Case(
        "protected",
        _file(SMALL + "protect: true\n"),
        ("destroy", "--yes"),
        2,
        """\
error: cluster demo is protected
help: set protect: false in bakery.yaml first
""",
    ),
    Case(
        "another cluster's name",
        _nothing,
        ("destroy", "--confirm", "prod"),
        2,
        """\
error: --confirm prod is not this cluster, demo
help: --confirm demo
""",
    ),
    Case(
        "no cluster file",
        _nothing,
        ("-f", "none.yaml", "--local", "launch"),
        2,
        """\
error: there is no cluster file none.yaml
help: bakery init --local -f none.yaml writes a cluster file to start from
""",
    ),
    Case(
        "a folder as cluster file",
        _folder,
        ("plan", "-f", "folder"),
        2,
        """\
error: folder is a folder
help: name the file in it: -f folder/bakery.yaml
""",
    ),
    Case(
        "init over a folder",
        _folder,
        ("init", "-f", "folder", "--force"),
        2,
        """\
error: folder is a folder
help: name a file in it: -f folder/bakery.yaml
""",
    ),
    Case(
        "a device as cluster file",
        _nothing,
        ("plan", "-f", "/dev/null"),
        2,
        """\
error: /dev/null is not a file
help: name the cluster file with -f
""",
    ),
    Case(
        "an empty name",
        _nothing,
        ("init", "-f", "new.yaml", "--cluster", ""),
        2,
        """\
error: cluster "" is not a label
help: lower-case letters, digits and hyphens; a letter first, no hyphen last (RFC 1035)
""",
    ),
    Case(
        "a token with a line break is not passed over by plan",
        _env(DIGITALOCEAN_TOKEN="canary\ntoken"),
        ("plan",),
        3,
        """\
error: DIGITALOCEAN_TOKEN does not hold a valid token
  it has spaces, line breaks or other characters that no token has
help: export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local
""",
    ),
    Case(
        "a token file that is not there is not passed over by plan",
        _env(DIGITALOCEAN_TOKEN=None, DIGITALOCEAN_TOKEN_FILE="/none/token"),
        ("plan",),
        3,
        """\
error: cannot read the token file /none/token
  No such file or directory
help: export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local
""",
    ),
    Case(
        "snapshots of one node",
        _nothing,
        ("destroy", "--node", "demo-nomad-client-1", "--snapshots", "--yes"),
        2,
        """\
error: --snapshots cannot be combined with --node or --role
help: leave it out
""",
    ),
    Case(
        "init over a file",
        _nothing,
        ("init",),
        2,
        """\
error: bakery.yaml exists
help: --force replaces it, -f FILE writes another
""",
    ),
    Case(
        "init into a folder that is not there",
        _nothing,
        ("init", "-f", "none/bakery.yaml"),
        2,
        """\
error: cannot write none/bakery.yaml
  No such file or directory
help: -f FILE writes another
""",
    ),
    Case(
        "a cluster's name that is none",
        _nothing,
        ("init", "-f", "new.yaml", "--cluster", "My_Cluster"),
        2,
        """\
error: cluster "My_Cluster" is not a label
help: lower-case letters, digits and hyphens; a letter first, no hyphen last (RFC 1035)
""",
    ),
    Case(
        "nobody to join",
        _nothing,
        ("render", "--role", "nomad-client", "-o", "out"),
        2,
        """\
error: cluster demo has no Consul server to join
help: --join ADDR names one; --first renders a first server
""",
    ),
    Case(
        "a client as first server",
        _nothing,
        ("render", "--role", "nomad-client", "--first", "-o", "out"),
        2,
        """\
error: nomad-client has no Consul server to join
  only the first Consul server of a cluster can be rendered without an address
help: name the private address of a live Consul server: --join ADDR
""",
    ),
    Case(
        "something else than an address to join",
        _nothing,
        ("render", "--role", "nomad-client", "--join", "provider=digitalocean", "-o", "out"),
        2,
        """\
error: 'provider=digi...' is not an address to join
help: give private IPv4 addresses or DNS names of servers, without a port: --join 10.100.0.2
""",
    ),
    Case(
        "first and join",
        _nothing,
        ("render", "--role", "consul-server", "--first", "--join", "10.100.0.2", "-o", "out"),
        2,
        """\
error: --first and --join cannot be combined
help: give one of them
""",
    ),
    Case(
        "a node of another role",
        _nothing,
        ("render", "--role", "consul-server", "--node", "demo-nomad-client-1", "--first", "-o", "out"),
        2,
        """\
error: role consul-server has no node demo-nomad-client-1
help: nodes: demo-consul-server-1
""",
    ),
    Case(
        "a file where the folder should be",
        _existing,
        ("render", "--role", "consul-server", "--first", "-o", "mine"),
        2,
        """\
error: cannot write mine/consul-server.yaml
  Not a directory
help: name another place with -o
""",
    ),
]


def _pattern(text: str, at: CliHarness) -> str:
    host = at.api.url.removeprefix("http://")
    escaped = re.escape(text.replace("{folder}", str(at.folder)).replace("{host}", host))
    return re.sub(r"(?m)^\\\.\\\.\\\.\\?\n", r"(?:.*\\n)*", escaped).replace("bakery:image:" + r"\.\.\.", r"\S+")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(at: CliHarness, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    case.prepare(at, monkeypatch)
    at.forget()
    ran = at(*case.arguments)
    assert re.fullmatch(_pattern(case.text, at), ran.err), ran.err
    assert ran.code == case.code
    assert ran.out == ""
    assert "canary" not in ran.err
    _check_json(at, case)
    assert at.changing() == []
    assert at.droplets() == []


def _check_json(at: CliHarness, case: Case) -> None:
    """The same error for machines: one object, after whatever was said before it."""
    ran = at(*case.arguments, "--json", "--quiet")
    error = json.loads(ran.err)
    assert error["code"] == ran.code == case.code
    headline = next(line for line in reversed(case.text.splitlines()) if line.startswith("error: "))
    assert error["message"] == headline.removeprefix("error: ").replace("{folder}", str(at.folder))
    assert ran.out == ""


def test_the_table_can_fail(at: CliHarness) -> None:
    """Control: without a mistake the same command is done, and the log shows what it created."""
    ran = at(*LAUNCH)
    assert ran.code == 0, ran.err
    assert ("POST", "/v2/droplets") in at.changing()
    assert len(at.droplets()) == 4


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def test_a_busy_port(at: CliHarness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = at("emulator", "up", "--machines", "memory", "--port", str(port))
    assert ran.code == 2
    assert ran.err == (
        f"error: port {port} on 127.0.0.1 is already in use\n"
        "help: choose another: bakery emulator up --port PORT\n"
    )


def test_a_port_of_another_emulator_names_it(at: CliHarness) -> None:
    at.announce()
    port = str(urlsplit(at.api.url).port)
    ran = at("emulator", "up", "--machines", "memory", "--name", "other", "--port", port)
    assert (ran.code, ran.err.splitlines()[1]) == (2, "  the emulator default answers there")


@pytest.mark.parametrize("verb", [("launch", "--yes", "--wait", "active"), ("destroy", "--yes")])
def test_a_file_in_the_place_of_the_state_folder_is_named(at: CliHarness, verb: tuple[str, ...]) -> None:
    (at.folder / ".bakery").write_text("mine\n", encoding="utf-8")
    ran = at(*verb)
    assert ran.code == 2
    assert "/.bakery is not a folder, and the cluster's state has to be in it\nhelp: move it away" in ran.err


def test_a_busy_address_range(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loopback network is this machine's own; whether it could boot droplets is not the question here."""
    monkeypatch.setattr(checks, "check_machine", lambda *_: None)
    ran = at("emulator", "up", "--port", str(_free_port()), "--public-range", "127.0.0.0/8")
    assert ran.code == 2
    assert "127.0.0.0/8" in ran.err.splitlines()[0]
    assert "--public-range" in ran.err.splitlines()[-1]


def test_credentials_lost_while_droplets_run(at: CliHarness) -> None:
    """Never a second CA for a cluster that runs."""
    assert at(*LAUNCH).code == 0
    (at.folder / ".bakery").rename(at.folder / "elsewhere")
    at.forget()
    for arguments in (LAUNCH, ("render", "--role", "nomad-client", "-o", "out")):
        ran = at(*arguments)
        assert ran.code == 3
        assert ran.err == (
            "error: cluster demo has 4 droplets, but its credentials are not here\n"
            "help: bring back the credentials bundle of this cluster (.bakery/ beside its cluster file)\n"
        )
    assert not (at.folder / ".bakery" / "demo" / "bundle.json").exists()
    assert at.changing() == []


def test_another_bakery_is_at_work(at: CliHarness) -> None:
    import filelock

    folder = at.folder / ".bakery" / "demo"
    folder.mkdir(parents=True)
    with filelock.FileLock(folder / "lock"):
        ran = at("destroy", "--yes")
    assert ran.code == 5
    assert ran.err.startswith("error: another bakery")
    assert at.changing() == []


def test_no_credentials_here(at: CliHarness) -> None:
    for verb in ("env", "status", "credentials", "bootstrap"):
        ran = at(verb, "-f", "bakery.yaml")
        assert ran.code == 3
        assert ran.err == (
            f"error: there are no credentials of cluster demo in {at.folder}/.bakery/demo\n"
            "help: run this where the cluster was launched from, or bakery launch -f bakery.yaml\n"
        )


def test_tokens_are_never_json(at: CliHarness) -> None:
    ran = at("env", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err)["message"] == "env prints tokens, and bakery never prints tokens as JSON"


def test_a_password_file_that_cannot_be_read(at: CliHarness) -> None:
    assert at("render", "--role", "consul-server", "--first", "-o", "out").code == 0
    for content, message in (
        (b"\xff\xfe", "cannot read the password in secret"),
        (b"", "the browser certificate"),
    ):
        (at.folder / "secret").write_bytes(content)
        ran = at("browser-cert", "consul", "--password-file", "secret")
        assert ran.code in (2, 3)
        assert ran.err.startswith(f"error: {message}")
    ran = at("browser-cert", "consul", "--password-file", "none")
    assert ran.code == 2
    assert "'none' does not exist" in ran.err
    assert list(at.folder.glob("*.p12")) == []
