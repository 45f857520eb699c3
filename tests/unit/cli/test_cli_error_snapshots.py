"""How errors read, word for word, as they were last reviewed: at least one of each class of ``bakery.errors``.

Some are the output of a command; the others are raised by the room that finds them, and formatted as the CLI does.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bakery import errors
from bakery.agents.consul import Consul
from bakery.bake.bake import bake
from bakery.bake.model import BakeRequest, Download, Downloads, Tools
from bakery.cli.error_format import as_text
from bakery.cli.main import run
from bakery.cloud.api_errors import api_error
from bakery.console import Console
from bakery.errors import BakeryError, ChecksFailedError, CommandError
from bakery.launch.base.lock import locked
from bakery.observe.health import wait_until_healthy
from bakery.proc import find_on_path
from bakery.wait import Pending, wait_until
from tests.helpers.agent_wire import answer
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster
from tests.helpers.fake_cloud import Fault
from tests.helpers.fake_packer import FakePacker, bake_cloud, plugin_installer
from tests.helpers.launch_harness import LaunchHarness
from tests.helpers.snapshots import check_snapshot

WRONG_FILE = """\
version: 1
cluster: demo
regoin: fra1
roles:
  consul-server: {count: -1}
"""
COMMANDS = (
    "lunch",
    "launch --count 5",
    "launch --role nomad-client --count five",
    "launch --wait heathy",
    "launch --dry-run",
    "launch --role consul-server --count 5",
    "destroy --node a --role b",
    "env",
    "browser-cert consul -f production.yaml",
    "validate -f missing.yaml",
    "validate -f wrong.yaml",
    "render --role nomad-client --join 10.0.0.256 -o rendered",
    "status --local",
    "emulator status",
)
HEADERS: dict[str, str] = {}


def test_the_errors_of_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("bakery", "production"):
        Path(f"{name}.yaml").write_text("version: 1\ncluster: demo\n", encoding="utf-8")
    Path("wrong.yaml").write_text(WRONG_FILE, encoding="utf-8")
    blocks = []
    for command in COMMANDS:
        code = run(shlex.split(command))
        blocks.append(f"$ bakery {command}\n{capsys.readouterr().err}exit code {int(code)}\n")
    check_snapshot("errors/commands.txt", _without_run("\n".join(blocks), tmp_path))


def _api(what: str, status: int, message: str) -> Callable[[Path], object]:
    def fail(_: Path) -> object:
        raise api_error(what, status, HEADERS, f'{{"id": "x", "message": "{message}", "request_id": "4d9d8375"}}')

    return fail


def _bake(folder: Path) -> object:
    archive = Download(url="https://releases.hashicorp.com/x.zip", sha256="0" * 64)
    request = BakeRequest(
        region="fra1", base="debian-12-x64", consul="1.22.5", nomad="1.11.3", content_tag="bakery:image:0123",
        endpoint="https://api.digitalocean.com/v2", token="dop_v1_0123", folder=folder,
        downloads=Downloads(consul=archive, nomad=archive, cni=archive),
    )  # fmt: skip
    packer = FakePacker(bake_cloud(), exit_code=1, lines=("1,,ui,error,Build 'bakery' errored after 2 minutes",))
    for name in ("packer", "plugin"):
        (folder / name).touch()
    tools = Tools(packer=folder / "packer", plugin=folder / "plugin")
    run_nothing = plugin_installer([])
    return bake(
        request, tools=tools, cloud=packer.cloud, run=run_nothing, stream=packer, clock=FakeClock(),
        new_id=lambda: "b1",
    )  # fmt: skip


def _locked(folder: Path) -> object:
    with locked(folder / "lock", cluster="demo"), locked(folder / "lock", cluster="demo"):
        return None


def _launch(folder: Path) -> object:
    harness = LaunchHarness(folder)
    harness.cloud.fault = lambda number, call: Fault.FAIL if call.name == "create_droplet" else None
    return harness.launch()


def _wait(change: Callable[[FakeCluster], None]) -> Callable[[Path], object]:
    def fail(_: Path) -> object:
        cluster = healthy_cluster()
        change(cluster)
        droplets = lambda: cluster.droplets  # noqa: E731
        return wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, clock=FakeClock())

    return fail


def _lose_client(cluster: FakeCluster) -> None:
    cluster.nomad.clients = cluster.nomad.clients[:1]


def _add_key(cluster: FakeCluster) -> None:
    cluster.consul.other_keys = 1


def _deadline(_: Path) -> object:
    pending = Pending("demo-nomad-client-2: no private address yet")
    return wait_until(lambda: pending, what="the private addresses", seconds=300, clock=FakeClock())


def _raise(error: BakeryError) -> Callable[[Path], object]:
    def fail(_: Path) -> object:
        raise error

    return fail


FAILURES: dict[str, Callable[[Path], object]] = {
    "UnauthorizedError": _api("GET /v2/account", 401, "Unable to authenticate you"),
    "NotFoundError": _api("DELETE /v2/droplets/7", 404, "The resource you requested could not be found."),
    "UnprocessableError": _api("POST /v2/droplets", 422, "creating this/these droplet(s) will exceed your limit"),
    "RateLimitedError": _api("GET /v2/droplets", 429, "API Rate limit exceeded."),
    "UnreachableError": _api("GET /v2/droplets", 503, "Service Unavailable"),
    "AgentError": lambda _: answer(Consul, "GET /v1/agent/members", 403, "Permission denied").members(),
    "BakeError": _bake,
    "LaunchError": _launch,
    "LockedError": _locked,
    "DeadlineError": _deadline,
    "NotHealthyError": _wait(_lose_client),
    "UntrustedError": _wait(_add_key),
    "MissingToolError": lambda _: find_on_path("nomad-pack", reason="to run packs", hint="install nomad-pack"),
    # Made by hand: a unit test starts no process, and doctor raises the other one inside a check.
    "CommandError": _raise(
        CommandError(
            message="packer failed with exit code 1", details="Error: no such file", command="packer validate .",
            returncode=1,
        )
    ),
    "ChecksFailedError": _raise(ChecksFailedError(message="the Consul CA expires in 20 days")),
}  # fmt: skip
OF_COMMANDS = {
    "BakeryError", "UsageError", "ConfigError", "PlanError", "RenderError", "EmulatorError", "CredentialsError",
    "CloudError",
}  # fmt: skip
"""In errors/commands.txt, but for two: the base classes of the others, which nothing raises as they are."""


def test_the_errors_of_rooms(tmp_path: Path) -> None:
    blocks = []
    for name, fail in FAILURES.items():
        with pytest.raises(getattr(errors, name)) as caught:
            fail(tmp_path)
        error = caught.value
        assert type(error).__name__ == name
        blocks.append(f"{name}\n{as_text(error, Console(no_color=True))}\nexit code {error.exit_code:d}\n")
    check_snapshot("errors/rooms.txt", _without_run("\n".join(blocks), tmp_path))


def _without_run(text: str, folder: Path) -> str:
    """Replace what differs from run to run: the folder, the process that holds a lock."""
    text = text.replace(str(folder), "FOLDER")
    return re.sub(r"process \d+ on \S+, since \S+", "process PID on HOST, since TIME", text)


def test_every_class_has_an_example() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert classes == {*FAILURES, *OF_COMMANDS}
