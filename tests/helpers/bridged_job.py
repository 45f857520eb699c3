"""The job ``bridged``: two groups behind Nomad's bridge, an exec task and a container, each with a page."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bakery.proc import Completed, run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.file_server import served
from tests.helpers.image_tar import fetch_busybox, image_tar

PAGE = "from behind the bridge"
_OTHER = "demo-nomad-server-1"


@dataclass(frozen=True, kw_only=True)
class Task:
    """An allocation of one group, and its endpoint on the node."""

    allocation: str
    endpoint: str


Tasks = Mapping[str, Task]
"""By group: ``exec`` and ``docker``."""


@contextmanager
def bridged(cluster: Cluster, node: str, folder: Path) -> Iterator[Tasks]:
    """Run the job on ``node``; yield its tasks once they run."""
    files = {"/bin/busybox": fetch_busybox(folder), "/www/index.html": f"{PAGE}\n".encode()}
    command = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
    image = image_tar("bakery/bridged:1", files, command=command)
    with served(cluster.operator, {"bridged.tar": image, **_repository(folder / "git")}) as base:
        urls = f"image_url={base}/bridged.tar", f"repository_url={base}/repo.git"
        cluster.run_job(JOBS / "bridged.nomad.hcl", *urls, f"node={node}")
        tasks = find_tasks(cluster)
    try:
        yield tasks
    finally:
        cluster.stop_job("bridged")


def _repository(folder: Path) -> dict[str, bytes]:
    """A git repository as files that any web server can serve (git-update-server-info(1))."""
    folder.mkdir()
    (folder / "hello").write_text("from git\n")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    run(["git", "init", "--quiet"], cwd=folder)
    run(["git", "add", "hello"], cwd=folder)
    run(["git", *author, "commit", "--quiet", "--message", "hello"], cwd=folder)
    run(["git", "update-server-info"], cwd=folder)
    made = folder / ".git"
    return {f"repo.git/{path.relative_to(made)}": path.read_bytes() for path in made.rglob("*") if path.is_file()}


def find_tasks(cluster: Cluster) -> Tasks:
    """Wait until both groups run."""

    def running() -> list[str] | Pending:
        found = cluster.allocations("bridged")
        return [each["ID"] for each in found] if len(found) == 2 else Pending(f"{len(found)} of 2 groups run")

    found = wait_until(running, what="both groups of the job bridged to run", seconds=PATIENCE)
    return dict(_task(cluster, allocation) for allocation in found)


def _task(cluster: Cluster, allocation: str) -> tuple[str, Task]:
    shown = cluster.nomad_json("alloc", "status", "-json", allocation)
    (port,) = shown["AllocatedResources"]["Shared"]["Ports"]
    return shown["TaskGroup"], Task(allocation=allocation, endpoint=f"{port['HostIP']}:{port['Value']}")


def within(cluster: Cluster, task: Task, *words: str, check: bool = True) -> Completed:
    """Run a command inside a task."""
    return cluster.tool("nomad", "alloc", "exec", "-t=false", "-i=false", task.allocation, *words, check=check)


def wait_reached(cluster: Cluster, tasks: Tasks, *, after: str) -> None:
    """Wait until another droplet gets the page of each task."""
    for group, task in tasks.items():
        fetch = f"curl --silent --fail --max-time 5 http://{task.endpoint}/"
        what = f"{group} to answer after {after}"
        assert wait_until(partial(cluster.reads, _OTHER, fetch), what=what, seconds=PATIENCE) == PAGE
