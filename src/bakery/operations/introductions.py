"""The introductions of new Nomad clients after the wait for them: end the used ones, name the others."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from bakery.cloud.model import Droplet
from bakery.credentials.model import Bundle
from bakery.errors import AgentError, BakeryError, NotHealthyError
from bakery.hints import Command, Hint, joined
from bakery.launch.acl.introduction import end_introductions, unused_introductions
from bakery.launch.base.patience import persist, reach_now
from bakery.launch.base.session import Session
from bakery.operations.cluster import running_cluster
from bakery.operations.context import Context, open_session
from bakery.plan.model import ClusterPlan


def end_all(
    context: Context, plan: ClusterPlan, bundle: Bundle, list_droplets: Callable[[], tuple[Droplet, ...]]
) -> None:
    """Take back the rights of the user-data of clients that have registered. The next launch does what cannot be.

    ``list_droplets`` returns those of the cluster. It is called only if clients are introduced.

    Raises:
        AgentError: Consul or Nomad refused.
    """
    if not plan.introduces_clients:
        return
    session, droplets = open_session(context, running_cluster(context)), list_droplets()
    persist(
        session,
        lambda: _end(session, plan, bundle, droplets),
        what="Consul to forget the introductions of new clients",
    )


def end_if_reached(
    context: Context, plan: ClusterPlan, bundle: Bundle, list_droplets: Callable[[], tuple[Droplet, ...]]
) -> None:
    """As :func:`end_all`, for a launch that fails: one try, and errors are dropped."""
    if plan.introduces_clients:
        with suppress(BakeryError):
            _end(open_session(context, running_cluster(context)), plan, bundle, list_droplets())


def _end(session: Session, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...]) -> None:
    reached = reach_now(session, plan, droplets)
    if reached.consul is not None and reached.nomad is not None:
        end_introductions(reached.consul, reached.nomad, plan, bundle, droplets)


def find_unused(
    context: Context, plan: ClusterPlan, bundle: Bundle, list_droplets: Callable[[], tuple[Droplet, ...]]
) -> tuple[str, ...]:
    """Return the names of clients whose key has gone from Consul, and that have not registered.

    Empty if Consul or Nomad does not answer: this explains another error. ``list_droplets``: see :func:`end_all`.
    """
    if plan.introduces_clients:
        droplets = list_droplets()
        reached = reach_now(open_session(context, running_cluster(context)), plan, droplets)
        if reached.consul is not None and reached.nomad is not None:
            with suppress(AgentError):
                found = unused_introductions(reached.consul, reached.nomad, plan, bundle, droplets)
                return tuple(node.name for node in found)
    return ()


def with_unused(error: NotHealthyError, names: tuple[str, ...]) -> NotHealthyError:
    """Return the error with what may have happened to the nodes of :func:`find_unused`, and what to do."""
    if not names:
        return error
    details = "\n".join([str(error.details), *map(may_be_taken, names)])
    again = [Command("replace", name) for name in names]
    hint = Hint("give it other tokens: ", joined("; ", again), ". ", error.hint or "")
    return replace(error, details=details, hint=hint)


def may_be_taken(name: str) -> str:
    """Return the line of an error's details."""
    return (
        f"{name}: its introduction was fetched from Consul, but it has not registered at its address:"
        " another holder of its user-data may have its tokens"
    )
