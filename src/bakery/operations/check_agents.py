"""Let consul and nomad check what the cluster file merges into their configuration, before anything is made."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bakery import proc
from bakery.config.load import problem_at
from bakery.files import write_new
from bakery.operations.context import Context
from bakery.plan.model import ClusterPlan, Node
from bakery.render.sample import sample_consul, sample_nomad
from bakery.toolchain.find import find_local_tool
from bakery.toolchain.model import ToolName, places_from_environment

_VALIDATE = {ToolName.CONSUL: ("validate",), ToolName.NOMAD: ("config", "validate")}
_KEYS = {
    ToolName.CONSUL: "https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file",
    ToolName.NOMAD: "https://developer.hashicorp.com/nomad/docs/configuration",
}
_SHOWN = 400
"""Characters of a program's answer that a message has."""


@dataclass(frozen=True, kw_only=True)
class _Check:
    role: str
    tool: ToolName
    version: str
    text: str
    """The agent's configuration, without secrets."""


def check_agents(context: Context, plan: ClusterPlan, *, run: proc.Runner = proc.run) -> None:
    """Check the configuration of each role that has ``nomad`` or ``consul`` in the cluster file.

    Each is checked by the program itself, in the version of the cluster file. Nothing is downloaded: if this
    machine does not have the program, warn.

    Raises:
        ConfigError: the program refuses the configuration; the message has its words.
    """
    places = None
    for check in _checks(plan):
        places = places or places_from_environment()
        found = find_local_tool(check.tool, check.version, places=places, run=run)
        if found is None:
            missing = f"{check.tool} {check.version} is not on this machine"
            context.reporter.warn(f"roles.{check.role}.{check.tool} is not checked: {missing}")
            continue
        _validate(context, check, found.path, run)


def _checks(plan: ClusterPlan) -> Iterator[_Check]:
    for node in {node.role: node for node in plan.nodes}.values():
        if node.settings.consul:
            yield _check(node, ToolName.CONSUL, plan.consul_version, sample_consul(plan, node))
        if node.settings.nomad:
            yield _check(node, ToolName.NOMAD, plan.nomad_version, sample_nomad(plan, node))


def _check(node: Node, tool: ToolName, version: str, text: str) -> _Check:
    return _Check(role=node.role, tool=tool, version=version, text=text)


def _validate(context: Context, check: _Check, program: Path, run: proc.Runner) -> None:
    with tempfile.TemporaryDirectory(prefix="bakery-check-") as folder:
        file = Path(folder) / f"{check.tool}.json"
        write_new(file, check.text.encode(), mode=0o600)
        done = run([program, *_VALIDATE[check.tool], file], check=False)
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).replace(f"{file}", "the configuration").split())[:_SHOWN]
        message = f"{check.tool} {check.version} refuses roles.{check.role}.{check.tool}: {said}"
        field = ("roles", check.role, str(check.tool))
        raise problem_at(context.config.path, field, message, f"its keys: {_KEYS[check.tool]}")
