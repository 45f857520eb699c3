"""The template against the real Packer and its plugin, and a bake that the real Packer fails."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bakery import assets, proc
from bakery.bake.bake import bake
from bakery.bake.model import BakeRequest, Build, Download, Downloads, Tools
from bakery.bake.packer import build_environment, install_plugin
from bakery.bake.request import write_variables
from bakery.console import Silent
from bakery.errors import BakeError, CommandError, MissingToolError
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import PACKER_VERSION, PLUGIN_VERSION, ToolName, places_from_environment
from tests.helpers.fake_packer import bake_cloud
from tests.helpers.tools import absent, require_tool

pytestmark = pytest.mark.integration

CANARY = "dop_v1_canary0123456789"
ARCHIVE = Download(url="https://example.com/a.zip", sha256="a" * 64)
DOWNLOADS = Downloads(consul=ARCHIVE, nomad=ARCHIVE, cni=ARCHIVE)


@pytest.fixture(scope="session")
def packer_tools() -> Tools:
    """The real Packer and plugin from this machine; nothing is downloaded."""
    places = places_from_environment()
    try:
        packer = find_tool(ToolName.PACKER, PACKER_VERSION, places=places, download=False)
        plugin = find_tool(ToolName.PLUGIN, PLUGIN_VERSION, places=places, download=False)
    except MissingToolError as error:
        absent(f"{error.message}: {error.hint}")
    return Tools(packer=packer.path, plugin=plugin.path)


def make_request(folder: Path, *, endpoint: str = "http://127.0.0.1:9", downloads: bool = True) -> BakeRequest:
    return BakeRequest(
        region="fra1",
        base="debian-12-x64",
        consul="1.22.5",
        nomad="1.11.3",
        content_tag="bakery:image:0123456789abcdef01234567",
        endpoint=endpoint,
        token=CANARY,
        folder=folder / "builds",
        downloads=DOWNLOADS if downloads else None,
    )


def upload_tools(tools: Tools, folder: Path) -> Tools:
    (folder / "cni").mkdir()
    for path in (folder / "consul", folder / "nomad", folder / "cni" / "bridge"):
        path.write_text("program")
    return replace(tools, consul=folder / "consul", nomad=folder / "nomad", cni=folder / "cni")


@pytest.mark.parametrize("downloads", [True, False], ids=["download", "upload"])
def test_the_template_is_valid(*, downloads: bool, packer_tools: Tools, tmp_path: Path) -> None:
    request, build = make_request(tmp_path, downloads=downloads), Build(id="b1", folder=tmp_path)
    tools = packer_tools if downloads else upload_tools(packer_tools, tmp_path)
    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    install_plugin(tools, work, run=proc.run)
    variables = write_variables(request, build, tools, size="s-1vcpu-1gb", work=work)
    environment = build_environment(request, build, work)
    argv: list[str | Path] = [tools.packer, "validate", f"-var-file={variables}", assets.PACKER]
    assert "The configuration is valid." in proc.run(argv, env=environment, secrets=[CANARY]).stdout
    content = json.loads(variables.read_text())
    variables.write_text(json.dumps(content | {"consul_sha256": "short"}))
    with pytest.raises(CommandError, match="packer failed"):
        proc.run(argv, env=environment, secrets=[CANARY])


def test_the_example_for_hands_is_valid(packer_tools: Tools, tmp_path: Path) -> None:
    install_plugin(packer_tools, tmp_path, run=proc.run)
    environment = build_environment(make_request(tmp_path), Build(id="b1", folder=tmp_path), tmp_path)
    example = assets.PACKER / "example.pkrvars.hcl"
    argv: list[str | Path] = [packer_tools.packer, "validate", f"-var-file={example}", assets.PACKER]
    assert "The configuration is valid." in proc.run(argv, env=environment).stdout


def test_the_template_is_formatted(packer_tools: Tools, tmp_path: Path) -> None:
    argv: list[str | Path] = [packer_tools.packer, "fmt", "-check", "-diff", assets.PACKER]
    proc.run(argv, env={"HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"})


def test_the_scripts_stop_at_the_first_error_and_are_clean() -> None:
    scripts = sorted((assets.PACKER / "scripts").glob("*.sh"))
    assert len(scripts) == 10
    for script in scripts:
        assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8"), script.name
    proc.run([require_tool("shellcheck"), *scripts])


def test_every_script_is_run_by_the_template() -> None:
    template = (assets.PACKER / "bakery.pkr.hcl").read_text(encoding="utf-8")
    named = set(re.findall(r"scripts/([a-z]+\.sh)", template))
    assert named == {path.name for path in (assets.PACKER / "scripts").iterdir()}


@dataclass
class Refusal:
    """An API that lets Packer make a key and refuses the droplet."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    droplet: dict[str, object] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)


@pytest.fixture
def refusing_api() -> Iterator[Refusal]:
    refusal = Refusal()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._note()
            if self.path.startswith("/v2/account/keys"):
                key = {"id": 7, "name": body["name"], "fingerprint": "aa:bb", "public_key": body["public_key"]}
                self._answer(201, {"ssh_key": key})
            else:
                refusal.droplet = body
                self._answer(422, {"id": "unprocessable_entity", "message": "no such size for you"})

        def do_DELETE(self) -> None:
            self._note()
            self.send_response(204)
            self.end_headers()

        def _note(self) -> None:
            refusal.requests.append(f"{self.command} {self.path}")
            refusal.tokens.add(self.headers["Authorization"])

        def _answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    refusal.url = f"http://127.0.0.1:{server.server_port}"
    yield refusal
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_real_packer_fails_with_the_apis_own_words(
    packer_tools: Tools, refusing_api: Refusal, tmp_path: Path
) -> None:
    """Endpoint and token arrive through the environment; the log is private and does not hold the token."""
    request = make_request(tmp_path, endpoint=f"{refusing_api.url}/v2")
    with pytest.raises(BakeError) as caught:
        bake(request, tools=packer_tools, cloud=bake_cloud(), new_id=lambda: "b1")
    assert "no such size for you" in str(caught.value.details)
    assert refusing_api.requests == ["POST /v2/account/keys", "POST /v2/droplets", "DELETE /v2/account/keys/7"]
    assert refusing_api.tokens == {f"Bearer {CANARY}"}
    asked = {name: refusing_api.droplet[name] for name in ("name", "tags", "with_droplet_agent", "monitoring")}
    assert asked == {
        "name": "bakery-b1",
        "tags": ["bakery:build:b1"],
        "with_droplet_agent": False,
        "monitoring": False,
    }
    log = tmp_path / "builds" / "b1.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert "temporary ssh key name: packer-" in log.read_text()
    assert CANARY not in log.read_text()
    assert CANARY not in str(caught.value.details)


class InterruptedOnce(Silent):
    """Ctrl-C when Packer speaks of the droplet."""

    def __init__(self) -> None:
        self.interrupted = False

    def phase(self, text: str) -> None:
        if "Creating droplet" in text and not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt


def test_the_real_packer_is_cancelled_and_waited_for(
    packer_tools: Tools, refusing_api: Refusal, tmp_path: Path
) -> None:
    reporter = InterruptedOnce()
    request = make_request(tmp_path, endpoint=refusing_api.url)
    with pytest.raises(KeyboardInterrupt):
        bake(request, tools=packer_tools, cloud=bake_cloud(), reporter=reporter, new_id=lambda: "b1")
    assert reporter.interrupted
    # Packer deletes its key as the last thing it does: had it not been waited for, this would be missing.
    assert refusing_api.requests[-1] == "DELETE /v2/account/keys/7"
