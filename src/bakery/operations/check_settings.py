"""Let consul and nomad check what the cluster file merges into their configuration, before anything is made."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bakery import proc
from bakery.config.load import problem_at
from bakery.errors import RenderError
from bakery.files import write_new
from bakery.operations.context import Context
from bakery.plan.model import ClusterPlan
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
    render: Callable[[], str]
    """Returns the agent's configuration, without secrets."""

    @property
    def field(self) -> tuple[str, ...]:
        """Path of the key in the cluster file."""
        return "roles", self.role, str(self.tool)


def check_settings(context: Context, plan: ClusterPlan) -> None:
    """Check the configuration of each role that has ``nomad`` or ``consul`` in the cluster file.

    Each is checked by the program itself, in the version of the cluster file. Nothing is downloaded: if this
    machine does not have the program, warn.

    Raises:
        ConfigError: the program refuses the configuration; the message has its words.
    """
    places = None
    for check in _checks(plan):
        text = _rendered(context, check)
        places = places or places_from_environment(checksums=context.config.image.checksums)
        found = find_local_tool(check.tool, check.version, places=places)
        if found is None:
            missing = f"{check.tool} {check.version} is not on this machine"
            context.reporter.warn(f"roles.{check.role}.{check.tool} is not checked: {missing}")
            continue
        _validate(context, check, text, found.path)


def _checks(plan: ClusterPlan) -> Iterator[_Check]:
    for role, node in {node.role: node for node in plan.nodes}.items():
        if node.settings.consul:
            render = partial(sample_consul, plan, node)
            yield _Check(role=role, tool=ToolName.CONSUL, version=plan.consul_version, render=render)
        if node.settings.nomad:
            render = partial(sample_nomad, plan, node)
            yield _Check(role=role, tool=ToolName.NOMAD, version=plan.nomad_version, render=render)


def _rendered(context: Context, check: _Check) -> str:
    try:
        return check.render()
    except RenderError as error:  # a value where bakery has a mapping, or the other way round
        hint = "a mapping is merged key by key; any other value replaces bakery's"
        raise problem_at(context.config.path, check.field, error.message, hint) from None


def _validate(context: Context, check: _Check, text: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="bakery-check-") as folder:
        file = Path(folder) / f"{check.tool}.json"
        write_new(file, text.encode(), mode=0o600)
        done = proc.run([program, *_VALIDATE[check.tool], file], check=False)
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).replace(f"{file}", "the configuration").split())[:_SHOWN]
        message = f"{check.tool} {check.version} refuses roles.{check.role}.{check.tool}: {said}"
        raise problem_at(context.config.path, check.field, message, f"its keys: {_KEYS[check.tool]}")
