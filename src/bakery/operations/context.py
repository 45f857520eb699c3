"""What every use case gets from its caller: the cluster file, and handles that are opened when first used."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

from bakery.cloud.interface import Cloud
from bakery.cloud.together import start_read
from bakery.config.model import ClusterConfig
from bakery.config.paths import StatePaths
from bakery.console import Reporter
from bakery.launch.base.model import Timings
from bakery.launch.base.place import Place
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session

T = TypeVar("T")


class Context(Protocol):
    """The cluster file and the open handles of one command. Each property may raise when it is first read."""

    @property
    def config(self) -> ClusterConfig:
        """The cluster file."""

    @property
    def paths(self) -> StatePaths:
        """Where the cluster's state is on disk."""

    @property
    def cloud(self) -> Cloud:
        """The API."""

    @property
    def quick_cloud(self) -> Cloud:
        """The API, with one short try per request: for a caller that can do without an answer."""

    @property
    def place(self) -> Place:
        """The cloud and the account that the command uses."""

    @property
    def reporter(self) -> Reporter:
        """Where progress and warnings are printed."""

    @property
    def timings(self) -> Timings:
        """Intervals and deadlines of a launch and a destroy."""


def start_reading(context: Context, read: Callable[[Context], T]) -> "Future[T]":
    """Start ``read``, which sends requests to the API, in a thread of its own (:mod:`bakery.cloud.together`)."""
    context.cloud  # noqa: B018 - opened now: two threads would open it twice
    return start_read(partial(read, context))


def open_session(context: Context, running: Running | None = None) -> Session:
    """Return the handles of one launch or destroy; ``running`` is access to Consul and Nomad."""
    return Session(
        cloud=context.cloud,
        cluster=context.config.cluster,
        paths=context.paths,
        running=running,
        reporter=context.reporter,
        timings=context.timings,
    )
