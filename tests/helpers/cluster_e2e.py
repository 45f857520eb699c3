"""The shared cluster that ``KEEP=1 make demo`` leaves, as its operator sees it: through commands and HTTP only."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import requests

from bakery.config.defaults import NOMAD_VERSION, TESTED_NOMAD_VERSION
from bakery.errors import CommandError, ExitCode
from bakery.proc import Completed, run
from bakery.wait import Pending, deadline_factor, wait_until

ROOT = Path(__file__).parents[2]
BAKERY = Path(sys.executable).with_name("bakery")
EMULATOR = "demo"
JOBS = ROOT / "tests" / "e2e" / "jobs"
DEMO_JOBS = ROOT / "demo" / "jobs"

# Five times the measured median, 120 s at least.
PATIENCE = 120.0
LAUNCH_PATIENCE = 300.0
# One look within a wait: who does not answer by then is asked again. On a machine at rest an agent answers in
# 0.1 s, `bakery emulator exec` in 0.2 s, `bakery status` in 0.6 s, or in 6 s if a server swallows packets.
LOOK = 10.0
LONG_LOOK = 40.0

T = TypeVar("T")


def wait_for(look: Callable[[], T | Pending], *, what: str, seconds: float = PATIENCE, every: float = 1.0) -> T:
    """:func:`wait_until` for a cluster under faults: a command that fails or hangs in one look is asked again.

    Raises:
        DeadlineError: the deadline passed; details hold what was missing last, or how the last command failed.
    """

    def tried() -> T | Pending:
        try:
            return look()
        except CommandError as error:
            return Pending(
                "\n".join(part for part in (error.message, error.command, str(error.details or "")) if part)
            )

    return wait_until(tried, what=what, seconds=seconds, every=every)


@dataclass(frozen=True, kw_only=True)
class Droplet:
    """A droplet of the account, as the API shows it."""

    id: int
    name: str
    status: str
    public: str
    private: str
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the API answered."""

    status: int
    body: Any


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The demo's cluster and the emulator under it."""

    work: Path
    """The demo's folder; the cluster file is in it."""
    endpoint: str
    """The emulated API, without ``/v2``."""
    token: str = field(repr=False)
    operator: str
    """This machine's address as droplets see it."""
    tools: str
    """Folders that hold consul and nomad, as in PATH."""

    def bakery(
        self,
        *words: str,
        check: bool = True,
        seconds: float = LAUNCH_PATIENCE,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Completed:
        """Run ``bakery`` as the operator does, with these variables beside those of the demo."""
        environment = {
            "BAKERY_EMULATOR": EMULATOR,
            "BAKERY_CLUSTER_FILE": str(self.work / "bakery.yaml"),
            "NO_COLOR": "1",
            **env,
        }
        try:
            return run([BAKERY, *words], env=environment, check=check, seconds=seconds * deadline_factor())
        except CommandError as error:
            error.add_note(str(error.details or "it printed nothing"))
            raise

    def init(self, *words: str) -> None:
        """Run ``bakery init`` for this folder, and take the version of Nomad that the tests have."""
        self.bakery("init", "--local", *words)
        file = self.work / "bakery.yaml"
        text = file.read_text()
        assert f"nomad: {NOMAD_VERSION}\n" in text
        file.write_text(text.replace(f"nomad: {NOMAD_VERSION}\n", f"nomad: {TESTED_NOMAD_VERSION}\n"))

    @cached_property
    def env(self) -> Mapping[str, str]:
        """The variables that ``bakery env --management`` prints."""
        return self.variables("--management")

    @cached_property
    def shell_env(self) -> Mapping[str, str]:
        """The variables that ``bakery env`` prints, with tokens that expire."""
        return self.variables()

    def variables(self, *options: str) -> Mapping[str, str]:
        """The variables that ``bakery env`` prints with ``options``."""
        found = {}
        for line in self.bakery("env", "--local", *options).stdout.splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            if line.startswith("export ") and "PATH" not in name:  # these two are for a shell to work out
                found[name] = shlex.split(value)[0]
        return found

    def forget_env(self) -> None:
        """Ask ``bakery env`` again: the server that it named may be gone."""
        self.__dict__.pop("env", None)
        self.__dict__.pop("shell_env", None)

    def tool(self, *words: str, check: bool = True, seconds: float = PATIENCE) -> Completed:
        """Run ``consul`` or ``nomad`` with those variables."""
        environment = {**self.env, "PATH": f"{self.tools}:{os.environ['PATH']}"}
        return run(words, env=environment, check=check, seconds=seconds * deadline_factor(), secrets=self.tokens)

    def ask(self, server: str, *words: str) -> str:
        """What one server itself says to ``consul WORDS``, or to ``nomad WORDS`` if it is a Nomad server.

        Raises:
            CommandError: it refused or did not answer within seconds; the message names the server.
        """
        address = self.droplet(server).public
        where = {"consul": f"-http-addr=https://{address}:8501", "nomad": f"-address=https://{address}:4646"}
        program = "nomad" if "nomad" in server else "consul"
        try:
            return self.tool(program, *words, where[program], seconds=LOOK).stdout
        except CommandError as error:
            raise replace(error, message=f"{server}: {error.message}") from None

    def leader_seen_by(self, server: str) -> str:
        """The name of Consul's leader (of Nomad's, asked of a Nomad server) as that server knows it, or nothing.

        Stale, or a follower would hold the question until a leader answers it.
        """
        lines = self.ask(server, "operator", "raft", "list-peers", "-stale").splitlines()[1:]
        leading = [words[0] for words in map(str.split, lines) if words[3] == "leader"]
        return leading[0].removesuffix(".global") if leading else ""

    def nomad_json(self, *words: str, seconds: float = PATIENCE) -> Any:  # noqa: ANN401 - JSON
        """What ``nomad`` says, as JSON."""
        return json.loads(self.tool("nomad", *words, seconds=seconds).stdout)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The operator's management tokens."""
        return self.env["CONSUL_HTTP_TOKEN"], self.env["NOMAD_TOKEN"]

    @property
    def shell_tokens(self) -> tuple[str, ...]:
        """The tokens of the operator's shell."""
        return self.shell_env["CONSUL_HTTP_TOKEN"], self.shell_env["NOMAD_TOKEN"]

    def status(self) -> dict[str, Any]:
        """``bakery status --json``.

        Raises:
            CommandError: it could not say whether the cluster is healthy.
        """
        shown = self.bakery("status", "--local", "--json", check=False, seconds=LONG_LOOK)
        if shown.returncode not in {ExitCode.DONE, ExitCode.CHECKS}:
            message = f"bakery status failed with exit code {shown.returncode}"
            raise CommandError(message=message, details=shown.stderr.strip(), returncode=shown.returncode)
        report: dict[str, Any] = json.loads(shown.stdout)
        return report

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        """Ask the emulated API, or the emulator's own side of it."""
        answer = requests.request(
            method,
            f"{self.endpoint}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=PATIENCE * deadline_factor(),
        )
        return Reply(status=answer.status_code, body=answer.json() if answer.content else None)

    def droplets(self, tag: str | None = None) -> tuple[Droplet, ...]:
        """The account's droplets by name."""
        query = f"&tag_name={tag}" if tag else ""
        found = self.api("GET", f"/v2/droplets?per_page=200{query}").body["droplets"]
        return tuple(sorted((_droplet(each) for each in found), key=lambda droplet: droplet.name))

    def droplet(self, name: str) -> Droplet:
        """The one droplet of that name."""
        (found,) = [droplet for droplet in self.droplets() if droplet.name == name]
        return found

    def in_slot(self, slot: str) -> Droplet:
        """The one droplet in that slot: by its tag, since only the first in a slot has the slot's name."""
        tag = f"bakery:demo:slot:{slot.removeprefix('demo-')}"
        (found,) = [droplet for droplet in self.droplets() if tag in droplet.tags]
        return found

    def inside(
        self, droplet: str, script: str, *, check: bool = True, seconds: float = LAUNCH_PATIENCE
    ) -> Completed:
        """Run a shell script inside a droplet as its root."""
        return self.bakery("emulator", "exec", droplet, "sh", "-c", script, check=check, seconds=seconds)

    def reads(self, droplet: str, script: str) -> str | Pending:
        """What a script inside prints, once it succeeds and prints something; for :func:`wait_until`."""
        try:
            done = self.inside(droplet, script, check=False, seconds=LONG_LOOK)
        except CommandError as error:
            return Pending(f"{droplet}: {error.message}")
        said = done.stdout.strip()
        return said if said and done.returncode == 0 else Pending(f"{droplet}: {said} {done.stderr.strip()}")

    def nomad_nodes(self) -> dict[str, str]:
        """Nomad's word on each client, by name; of several of one name the newest registered."""
        listed = self.nomad_json("node", "status", "-json", seconds=LOOK)
        nodes = sorted(listed, key=lambda node: node["CreateIndex"])
        return {node["Name"]: node["Status"] for node in nodes}

    def consul_members(self, server: str = "demo-consul-server-1") -> dict[str, str]:
        """That server's word on each member of Consul's gossip, by name."""
        lines = self.ask(server, "members").splitlines()[1:]
        return {words[0]: words[2] for words in map(str.split, lines)}

    def wait_ready(self, name: str) -> None:
        """Wait until a Nomad client is ready, and alive in Consul."""

        def ready() -> bool | Pending:
            said = self.nomad_nodes().get(name, "unknown"), self.consul_members().get(name, "unknown")
            return True if said == ("ready", "alive") else Pending(f"{name} is {said[0]}, in Consul {said[1]}")

        wait_for(ready, what=f"{name} to be ready")

    def wait_healthy(self, *, seconds: float = PATIENCE) -> None:
        """Wait until ``bakery status`` says that every planned node is healthy."""

        def healthy() -> bool | Pending:
            report = self.status()
            wrong = [each["message"] for each in report["conditions"] if each["state"] != "ok"]
            return True if report["healthy"] else Pending("; ".join(wrong))

        wait_for(healthy, what="a healthy cluster", seconds=seconds)

    def run_job(self, file: Path, *variables: str) -> None:
        """Submit a job and return at once."""
        self.tool("nomad", "job", "run", "-detach", *(f"-var={each}" for each in variables), str(file))

    def allocations(self, job: str, status: str = "running") -> list[dict[str, Any]]:
        """The job's allocations in that state."""
        shown = self.nomad_json("job", "allocs", "-json", job)
        return [each for each in shown if each["ClientStatus"] == status]

    def output(self, job: str) -> str:
        """What a batch job printed, once it has ended well."""

        def ended() -> str | Pending:
            done = self.allocations(job, "complete")
            if not done:
                states = [each["ClientStatus"] for each in self.nomad_json("job", "allocs", "-json", job)]
                return Pending(f"allocations of {job}: {states}")
            return self.tool("nomad", "alloc", "logs", done[0]["ID"]).stdout

        return wait_until(ended, what=f"job {job} to end", seconds=PATIENCE)

    def stop_job(self, job: str) -> None:
        """Stop a job and forget it."""
        self.tool("nomad", "job", "stop", "-purge", "-detach", job, check=False)


def _droplet(shown: Mapping[str, Any]) -> Droplet:
    addresses = {each["type"]: each["ip_address"] for each in shown["networks"]["v4"]}
    return Droplet(
        id=shown["id"],
        name=shown["name"],
        status=shown["status"],
        public=addresses.get("public", ""),
        private=addresses.get("private", ""),
        tags=tuple(sorted(shown["tags"])),
    )


def find_cluster() -> Cluster | None:
    """The demo's cluster, if its emulator runs."""
    work = Path(os.environ.get("BAKERY_DEMO_DIR", ROOT / ".demo"))
    shown = run([BAKERY, "emulator", "env", "--name", EMULATOR], check=False)
    if shown.returncode != 0 or not (work / "bakery.yaml").exists():
        return None
    exports = dict(line.removeprefix("export ").split("=", 1) for line in shown.stdout.splitlines())
    return Cluster(
        work=work,
        endpoint=exports["DIGITALOCEAN_API_URL"],
        token=exports["DIGITALOCEAN_TOKEN"],
        operator=requests.get(exports["BAKERY_ADDRESS_URL"], timeout=PATIENCE).text.strip(),
        tools=run([ROOT / "demo/tools.sh", "--path"]).stdout.strip(),
    )


def keep_logs(folder: Path) -> None:
    """Write every droplet's journal and console into ``folder``."""
    run([BAKERY, "emulator", "logs", "--name", EMULATOR, "--all", folder], check=False, seconds=PATIENCE)
