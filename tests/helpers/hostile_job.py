"""A batch job in which each group tries one thing that no job may do, and what became of each try."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakery.errors import CommandError, DeadlineError
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import LOOK, PATIENCE, Cluster
from tests.helpers.file_server import served
from tests.helpers.image_tar import fetch_busybox, image_tar

JOB = "hostile"
IMAGE = "bakery/hostile:1"
OUTPUT_SECONDS = 3.0
_NEVER = {"Attempts": 0, "Interval": 24 * 3600 * 10**9, "Delay": 5 * 10**9, "Mode": "fail"}
# What a container prints that started: its capabilities, whose first process it sees, the name of its machine,
# what is at /x, and whether it makes a user namespace.
_PROBE = """echo ran
/bin/busybox grep CapBnd /proc/self/status
/bin/busybox cat /proc/1/comm
/bin/busybox hostname
/bin/busybox ls -d /x/etc/nomad.d/client.json /dev/of-the-node 2>/dev/null
/bin/busybox unshare -U /bin/busybox echo unshared 2>/dev/null
/bin/busybox sleep 2"""
"""It does not end at once: Nomad collects the lines from after the start, and may miss those of a short run."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One group: a task, and how the node answers."""

    name: str
    driver: str = "docker"
    config: Mapping[str, Any] = field(default_factory=dict)
    """Of the driver, beside the command."""
    task: Mapping[str, Any] = field(default_factory=dict)
    """More of the task, as the API writes it."""
    before: Mapping[str, Any] | None = None
    """A task of the exec driver that ends before the other starts: its configuration."""
    before_name: str = "before"
    network: str = ""
    """The mode of the group's network; without it the group has none."""
    refused: str = ""
    """A part of the event with which the task fails; without it the task runs."""
    from_2_0_4: str = ""
    """The same with Nomad 2.0.4 or later, if that differs."""

    def expected(self, version: tuple[int, int, int]) -> str:
        return self.from_2_0_4 if self.from_2_0_4 and version >= (2, 0, 4) else self.refused


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one try."""

    events: str
    """The messages of its task's events, one a line."""
    output: str
    """What it printed; empty if it did not start."""


@contextmanager
def hostile_image(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Serve the image of the docker tries; yields its URL."""
    image = image_tar(IMAGE, {"/bin/busybox": fetch_busybox(folder)}, command=["/bin/busybox", "true"])
    with served(cluster.operator, {"hostile.tar": image}) as base:
        yield f"{base}/hostile.tar"


def outcomes(
    cluster: Cluster, folder: Path, tries: Iterable[Try], *, image_url: str, node: str, waits: str | None = None
) -> dict[str, Outcome]:
    """Run all the tries at once on ``node``, and wait until each has ended or has an event with ``waits``."""
    groups = [_group(each, image_url) for each in tries]
    file = folder / "hostile.json"
    file.write_text(json.dumps({"Job": _job(groups, node)}))
    cluster.tool("nomad", "job", "run", "-detach", "-json", str(file))

    def ended() -> dict[str, Any] | Pending:
        found = {each["TaskGroup"]: each for each in cluster.nomad_json("job", "allocs", "-json", JOB)}
        waiting = sorted(
            {group["Name"] for group in groups} - {name for name, each in found.items() if _is_over(each, waits)}
        )
        return Pending(f"not ended: {', '.join(waiting)}") if waiting else found

    try:
        allocations = wait_until(ended, what="every try to end", seconds=PATIENCE)
        return {name: _outcome(cluster, each) for name, each in allocations.items()}
    finally:
        cluster.stop_job(JOB)


def _is_over(allocation: Mapping[str, Any], waits: str | None) -> bool:
    if allocation["ClientStatus"] in {"complete", "failed"}:
        return True
    states = allocation["TaskStates"] or {}
    events = states.get("try", {}).get("Events") or []
    return waits is not None and any(waits in event["DisplayMessage"] for event in events)


def _outcome(cluster: Cluster, allocation: Mapping[str, Any]) -> Outcome:
    state = allocation["TaskStates"]["try"]
    events = "\n".join(event["DisplayMessage"] for event in state["Events"])
    if not state["StartedAt"]:
        return Outcome(events=events, output="")
    return Outcome(events=events, output=_output(cluster, allocation))


def _output(cluster: Cluster, allocation: Mapping[str, Any]) -> str:
    """What the task printed. Of a task of docker the last lines may arrive after its end."""
    words = ("nomad", "alloc", "logs", "-task", "try", allocation["ID"])

    def printed() -> str | Pending:
        try:
            return cluster.tool(*words, check=False, seconds=LOOK).stdout or Pending("nothing")
        except CommandError as error:  # Nomad may wait for ever at a link among the logs
            return Pending(error.message)

    try:
        return wait_until(printed, what="the task's output", seconds=OUTPUT_SECONDS)
    except DeadlineError:
        return ""


def _job(groups: list[dict[str, Any]], node: str) -> dict[str, Any]:
    return {
        "ID": JOB,
        "Name": JOB,
        "Type": "batch",
        "Constraints": [{"LTarget": "${node.unique.name}", "RTarget": node, "Operand": "="}],
        "TaskGroups": groups,
    }


def _group(each: Try, image_url: str) -> dict[str, Any]:
    tasks = [_docker(each, image_url) if each.driver == "docker" else _task("try", each.driver, each.config)]
    tasks[0] = {**tasks[0], **each.task}
    if each.before is not None:
        first = _task(each.before_name, "exec", each.before)
        tasks.append({**first, "Lifecycle": {"Hook": "prestart", "Sidecar": False}})
    return {
        "Name": each.name,
        "Count": 1,
        **({"Networks": [{"Mode": each.network}]} if each.network else {}),
        "RestartPolicy": _NEVER,
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
        "Tasks": tasks,
    }


def _docker(each: Try, image_url: str) -> dict[str, Any]:
    command = {"command": "/bin/busybox", "args": ["sh", "-c", _PROBE]}
    config = {"image": IMAGE, "load": "hostile.tar", **command, **each.config}
    artifact = {"GetterSource": image_url, "GetterOptions": {"archive": "false"}, "RelativeDest": "local/"}
    return {**_task("try", "docker", config), "Artifacts": [artifact]}


def _task(name: str, driver: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Driver": driver, "Config": dict(config), "Resources": {"CPU": 20, "MemoryMB": 32}}
