"""Replace: one node, new droplet first."""

from collections.abc import Callable

from bakery.launch.base.members import complete_listing, list_members
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.roll import replace as engine
from bakery.launch.roll.model import Replaced, ReplaceRequest
from bakery.launch.roll.replace import Checked
from bakery.launch.roll.successor import find_requested
from bakery.launch.roll.target import find_target

ApproveReplacement = Callable[[Checked], bool]
"""Called before the first change; if it returns False, nothing is changed."""


def replace_node(
    session: Session, request: ReplaceRequest, name: str, approve: ApproveReplacement
) -> Replaced | None:
    """Replace the node called ``name``, or finish its replacement. Return None if ``approve`` returned False.

    ``name`` is a droplet's name or a slot. The old node leaves only once its successor is a healthy part of the
    cluster: a voter of Raft, a member, in the catalog, eligible for work.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: no node has that name, or one more droplet is impossible; nothing is changed.
        ChecksFailedError: the rest of the cluster is not healthy; nothing is changed.
        DeadlineError: the successor is not fit in time; the old node is untouched; run the same command again.
        CloudError, LaunchError, AgentError: the replacement stopped half-way; run the same command again.
    """
    with exclusive(session), resumable():
        droplets = complete_listing(session, list_members(session))
        target = find_target(request.launch.plan, droplets, session.journal.now, name)
        checked = engine.check_replacement(session, request, find_requested(session, target))
        if not approve(checked):
            return None
        return engine.replace_node(session, request, checked)
