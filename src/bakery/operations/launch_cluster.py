"""Launch: the list of its steps, from a cluster file to a healthy cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bakery.launch.base.model import AfterStep, Approve, LaunchRequest, LaunchResult
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.converge import run


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a launch."""

    name: str
    run: Callable[[run.Launch], None]
    reason: str


CONVERGE = (
    Step(
        name="preflight",
        run=run.read_account,
        reason="everything that makes the launch impossible is found before the first change",
    ),
    Step(name="approval", run=run.ask_approval, reason="the user sees changes and price before they are made"),
    Step(
        name="earlier runs",
        run=run.finish_earlier_runs,
        reason="what an interrupted launch or destroy left would count as part of the cluster",
    ),
    Step(name="network", run=run.create_network, reason="no droplet runs without its firewall for a moment"),
    Step(
        name="droplets",
        run=run.create_nodes,
        reason="in waves: user-data cannot change, and a node must know the addresses of earlier servers",
    ),
    Step(name="active", run=run.wait_for_nodes, reason="agents can be asked once their droplets run"),
)


def launch(
    session: Session, request: LaunchRequest, approve: Approve, after: Sequence[AfterStep] = ()
) -> LaunchResult:
    """Bring the cluster to the plan. Of existing droplets only those that never came up or joined are replaced.

    ``approve`` is called only if there are changes. The steps of ``after`` run in order once every droplet is
    active, even without changes. If one of them misses its deadline, the nodes that ``request.find_not_joined``
    names are recorded, and the next launch replaces those that still have not joined. A second launch without a
    change sends no request that changes anything. A signal must arrive as an exception in the calling thread.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the preflight found obstacles; nothing was created.
        CredentialsError: existing droplets have another CA.
        CloudError, LaunchError, DeadlineError: the launch stopped half-way; the same command continues it.
    """
    with exclusive(session), resumable():
        work = run.Launch(session=session, request=request, approve=approve)
        for step in CONVERGE:
            step.run(work)
            if work.declined:
                return work.result
        for after_step in after:
            run.run_after(work, after_step)
        run.finish(work)
        return work.result
