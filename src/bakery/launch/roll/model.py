"""The values that a replacement takes, decides and returns."""

from collections.abc import Callable
from dataclasses import dataclass

from bakery.cloud.model import Droplet, Image
from bakery.launch.base.model import DEFAULT_DRAIN, DrainPolicy, LaunchRequest
from bakery.launch.roll.need import Because
from bakery.plan.model import ClusterPlan, Node

FIT_SECONDS = 300.0
OLDEST_DAYS = 90

WriteTokens = Callable[[ClusterPlan, tuple[Droplet, ...]], None]
"""Writes the ACL tokens of every node of the plan; ``droplets`` are those of the cluster."""


def do_nothing(*_: object) -> None:
    """Do nothing."""


def find_nothing(*_: object) -> tuple[str, ...]:
    """Return nothing."""
    return ()


@dataclass(frozen=True, kw_only=True)
class ReplaceRequest:
    """How nodes are to be replaced."""

    launch: LaunchRequest
    """The plan, and what a new droplet is made from."""
    write_tokens: WriteTokens
    end_introductions: WriteTokens = do_nothing
    """Called as ``write_tokens`` once the successor is fit: a client that has registered is introduced no more."""
    explain_unfit: Callable[[ClusterPlan, tuple[Droplet, ...]], tuple[str, ...]] = find_nothing
    """Returns further lines for the error of a successor that is not fit in time."""
    lost: bool = False
    """The droplet counts as dead: its work is not moved, and its servers are not asked to leave."""
    drain: DrainPolicy = DEFAULT_DRAIN
    fit_seconds: float = FIT_SECONDS
    """How long a successor that is active may take to be a healthy part of the cluster."""
    before_removal: Callable[[tuple[Droplet, ...]], None] = do_nothing
    """Called with the cluster's droplets once the successor is fit, before the old node is drained."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The node to replace, and its successor if an earlier run has created it."""

    node: Node
    """The node of the plan."""
    old: Droplet | None
    """None if only the clean-up is left."""
    old_id: int
    new: Droplet | None = None

    @property
    def name(self) -> str:
        """Name of the node that is replaced."""
        return self.old.name if self.old is not None else self.node.slot


@dataclass(frozen=True, kw_only=True)
class RollRequest:
    """Which nodes a roll is to replace, and how."""

    replace: ReplaceRequest
    """Its snapshot is the newest one; an unfinished roll continues with its own."""
    because: frozenset[Because]
    roles: tuple[str, ...] = ()
    """Only these roles; all if empty."""
    oldest_days: int = OLDEST_DAYS
    image: Image | None = None
    """The snapshot that the user chose, also for the rest of an unfinished roll; None if none was chosen."""


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """A finished replacement."""

    slot: str
    old: str
    """Name of the node that is gone."""
    new: str
    """Name of its successor."""
