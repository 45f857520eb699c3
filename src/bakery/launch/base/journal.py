"""What a launch has asked for, on disk before it asks: a crash loses the process, not the intent.

What exists is always asked from the API. The journal adds what the API cannot know: which requests are on their
way, which droplets failed, and which untagged things are ours.
"""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bakery.errors import UsageError
from bakery.files import PRIVATE_FILE, ensure_private_folder, write_atomically
from bakery.launch.base.disk import writing

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Request:
    """One create that was asked for."""

    what: str
    """A droplet's slot, or "vpc", "ssh-key", "firewall NAME", "tag NAME"."""
    at: float
    """Epoch seconds, just before the request went out."""
    droplet_id: int | None = None
    """From the reply."""
    failed: bool = False
    """The droplet did not become active in time."""
    absent: bool = False
    """The droplet is active, and the cluster had not heard of it when the launch gave up."""

    @property
    def is_for_droplet(self) -> bool:
        return self.what not in ("vpc", "ssh-key") and " " not in self.what


@dataclass(frozen=True, kw_only=True)
class Journal:
    cluster: str
    launch_id: str | None = None
    """Of the launch that is under way; None once it is done."""
    launches: tuple[str, ...] = ()
    """Every launch id of this cluster, oldest first."""
    requests: tuple[Request, ...] = ()
    gone: tuple[int, ...] = ()
    """Droplet ids that bakery deleted; a late list may still show them."""
    leaving: tuple[int, ...] = ()
    """Droplet ids whose removal from the cluster has begun; a launch replaces them."""
    drained: tuple[str, ...] = ()
    """Ids of the Nomad nodes that bakery has drained for a removal that is not done, and that took work before."""
    formed: tuple[str, ...] = ()
    """"consul" and "nomad", once the unfinished launch has come as far as their access control."""
    never_joined: tuple[str, ...] = ()
    """Slots of which the unfinished launch has deleted a droplet that never came up or never joined."""
    vpc_id: str | None = None
    """Set only if bakery made it."""
    firewall_ids: tuple[str, ...] = ()
    ssh_key_id: int | None = None
    """The throw-away key, until it is removed."""

    def request(self, what: str) -> Request | None:
        return next((request for request in self.requests if request.what == what), None)

    @property
    def failed_ids(self) -> frozenset[int]:
        return frozenset(r.droplet_id for r in self.requests if r.failed and r.droplet_id is not None)

    @property
    def absent_ids(self) -> frozenset[int]:
        return frozenset(r.droplet_id for r in self.requests if r.absent and r.droplet_id is not None)


def load_journal(path: Path, cluster: str) -> Journal:
    """The journal at ``path``; an empty one if there is no file.

    Raises:
        UsageError: not a journal, another cluster's, or a newer bakery's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Journal(cluster=cluster)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from None
    try:
        return _parse(json.loads(text), path, cluster)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from None


def _unreadable(path: Path, details: str) -> UsageError:
    message = f"cannot read the launch journal {path}"
    return UsageError(
        message=message,
        details=details,
        hint=f"move it away: mv {path} {path}.broken (the cloud is asked what exists)",
    )


def _parse(data: Any, path: Path, cluster: str) -> Journal:  # noqa: ANN401 - any JSON value
    version = data.pop("version")
    if version != VERSION:
        message = f"the launch journal {path} has version {version}, this bakery writes {VERSION}"
        raise UsageError(message=message, hint="use the newer bakery")
    if data["cluster"] != cluster:
        message = f"the launch journal {path} belongs to cluster {data['cluster']}"
        raise UsageError(message=message, details=f"asked for {cluster}")
    requests = tuple(Request(**item) for item in data.pop("requests"))
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return Journal(**(data | lists), requests=requests)


class JournalFile:
    """The journal and its file; every change is on disk when the call returns. Safe to share between threads.

    Every change raises UsageError if it cannot be written; the file then says what it said before.
    """

    def __init__(self, path: Path, cluster: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._journal = load_journal(path, cluster)

    @property
    def now(self) -> Journal:
        return self._journal

    def begin(self, launch_id: str) -> str:
        """The id of the unfinished launch, or a new launch under ``launch_id``."""
        unfinished = self._journal.launch_id
        if unfinished is not None:
            return unfinished
        self._change(lambda j: replace(j, launch_id=launch_id, launches=(*j.launches, launch_id)))
        return launch_id

    def has_formed(self) -> None:
        """Consul and Nomad took the access control: no new server may begin them again."""
        self._change(lambda j: replace(j, formed=("consul", "nomad")))

    def finish(self, *, listed_since: float) -> None:
        """The launch is done, so no node is absent. What failed stays marked, and droplets that lists may not show
        yet stay known.

        ``listed_since`` is in epoch seconds: lists show all that was asked for before.
        """
        late = (r for r in self._journal.requests if r.failed or (r.droplet_id and r.at > listed_since))
        kept = tuple(replace(request, absent=False) for request in late)
        if self._journal.launch_id is not None or kept != self._journal.requests:
            self._change(lambda j: replace(j, launch_id=None, formed=(), never_joined=(), requests=kept))

    def asking(self, what: str, at: float) -> None:
        self._change(lambda j: replace(j, requests=(*_without(j, what), Request(what=what, at=at))))

    def settled(self, what: str) -> None:
        """The request needs no attention any more: refused for certain, or made."""
        if self._journal.request(what) is not None:
            self._change(lambda j: replace(j, requests=_without(j, what)))

    def created(self, slot: str, droplet_id: int, at: float) -> None:
        self._change(lambda j: replace(j, requests=_with_droplet(j, slot, droplet_id, at)))

    def failed(self, droplets: dict[str, int], at: float) -> None:
        """These droplets (slot to id) did not come up in time."""
        made = tuple(Request(what=n, at=at, droplet_id=i, failed=True) for n, i in droplets.items())
        self._change(lambda j: replace(j, requests=(*_without(j, *droplets), *made)))

    def absent(self, slots: Iterable[str]) -> tuple[str, ...]:
        """Mark those of ``slots`` whose droplets the unfinished launch made; returns them."""
        made = tuple(r for r in self._journal.requests if r.what in set(slots) and r.droplet_id is not None)
        marked = tuple(replace(request, absent=True) for request in made)
        if marked:
            self._change(lambda j: replace(j, requests=(*_without(j, *(r.what for r in made)), *marked)))
        return tuple(request.what for request in marked)

    def never_joined(self, slots: Iterable[str]) -> None:
        """Note it before the droplets are deleted: no data goes with them."""
        new = tuple(slot for slot in slots if slot not in self._journal.never_joined)
        if new:
            self._change(lambda j: replace(j, never_joined=(*j.never_joined, *new)))

    def is_leaving(self, droplet_ids: Iterable[int]) -> None:
        """Note it before the first request that takes a node of theirs out of the cluster."""
        new = tuple(i for i in droplet_ids if i not in self._journal.leaving)
        if new:
            self._change(lambda j: replace(j, leaving=(*j.leaving, *new)))

    def stays(self, droplet_id: int) -> None:
        """Its removal is given up."""
        self._change(lambda j: replace(j, leaving=tuple(i for i in j.leaving if i != droplet_id)))

    def draining(self, node_ids: Iterable[str]) -> None:
        """Note it before the drains begin."""
        new = tuple(i for i in node_ids if i not in self._journal.drained)
        if new:
            self._change(lambda j: replace(j, drained=(*j.drained, *new)))

    def drains_ended(self, node_ids: Iterable[str]) -> None:
        """The nodes are gone, or take work again."""
        ended = set(node_ids) & set(self._journal.drained)
        if ended:
            self._change(lambda j: replace(j, drained=tuple(i for i in j.drained if i not in ended)))

    def removed(self, droplet_id: int) -> None:
        """Call it after the API has taken the delete: a droplet noted as gone is never looked at again."""
        self._change(lambda j: _without_droplet(j, droplet_id))

    def made_vpc(self, vpc_id: str) -> None:
        self._change(lambda j: replace(j, vpc_id=vpc_id, requests=_without(j, "vpc")))

    def made_firewall(self, firewall_id: str, what: str) -> None:
        ids = (*(i for i in self._journal.firewall_ids if i != firewall_id), firewall_id)
        self._change(lambda j: replace(j, firewall_ids=ids, requests=_without(j, what)))

    def ssh_key(self, key_id: int | None) -> None:
        self._change(lambda j: replace(j, ssh_key_id=key_id, requests=_without(j, "ssh-key")))

    def remember_launches(self, launch_ids: frozenset[str]) -> None:
        """Marks that droplets carry must outlive the droplets while a destroy is under way."""
        new = tuple(sorted(launch_ids - set(self._journal.launches)))
        if new:
            self._change(lambda j: replace(j, launches=(*j.launches, *new)))

    def remove(self) -> None:
        with self._lock:
            with writing(self._path):
                self._path.unlink(missing_ok=True)
            self._journal = Journal(cluster=self._journal.cluster)

    def _change(self, change: Callable[[Journal], Journal]) -> None:
        with self._lock:
            journal = change(self._journal)
            text = json.dumps({"version": VERSION, **asdict(journal)}, indent=1)
            with writing(self._path):
                ensure_private_folder(self._path.parent)
                write_atomically(self._path, text.encode(), mode=PRIVATE_FILE)
            self._journal = journal


def _without(journal: Journal, *whats: str) -> tuple[Request, ...]:
    return tuple(request for request in journal.requests if request.what not in whats)


def _without_droplet(journal: Journal, droplet_id: int) -> Journal:
    gone = (*(i for i in journal.gone if i != droplet_id), droplet_id)
    leaving = tuple(i for i in journal.leaving if i != droplet_id)
    requests = tuple(r for r in journal.requests if r.droplet_id != droplet_id)
    return replace(journal, gone=gone, leaving=leaving, requests=requests)


def _with_droplet(journal: Journal, slot: str, droplet_id: int, at: float) -> tuple[Request, ...]:
    asked = journal.request(slot)
    made = Request(what=slot, at=asked.at if asked else at, droplet_id=droplet_id)
    return (*_without(journal, slot), made)
