"""The journal of a cluster: each request of a launch is on disk before it is sent, so a crash loses no intent.

What exists is always asked from the API. The journal adds what the API does not know: which requests may still be
under way, which droplets failed, and which resources without tags belong to the cluster.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.files import PRIVATE_FILE, ensure_private_folder, write_atomically
from bakery.launch.base.journal_content import (
    BALANCER,
    CERTIFICATE,
    RESERVED_IP,
    Departing,
    Journal,
    Replacing,
    Request,
    Rolling,
)
from bakery.launch.base.write_errors import explain_write_errors

__all__ = ["Departing", "Journal", "JournalFile", "Replacing", "Request", "Rolling", "load_journal"]

VERSION = 1
_FILE_KEYS = {"deleted_ids": "gone", "not_joined": "absent"}
"""Fields that the file calls by another name."""


def load_journal(path: Path, cluster: str) -> Journal:
    """Return the journal at ``path``; an empty one if there is no file.

    Raises:
        UsageError: the file is not a journal, or belongs to another cluster or to a newer bakery.
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
    fields = {name: field for field, name in _FILE_KEYS.items()}
    requests = tuple(Request(**_renamed(item, fields)) for item in data.pop("requests"))
    replacing = tuple(Replacing(**item) for item in data.pop("replacing", ()))
    departing = tuple(Departing(**item) for item in data.pop("departing", ()))
    rolling = data.pop("roll", None)
    roll = Rolling(**_with_tuples(rolling)) if rolling else None
    known = _renamed(_with_tuples(data), fields)
    return Journal(**known, requests=requests, replacing=replacing, departing=departing, roll=roll)


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` with tuples for JSON's lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _to_json(journal: Journal) -> str:
    data = {"version": VERSION, **_renamed(asdict(journal), _FILE_KEYS)}
    data["requests"] = [_renamed(asdict(request), _FILE_KEYS) for request in journal.requests]
    # A bakery that knows no replacements reads the journal unless one is unfinished: then it must not launch.
    # One that knows no load balancers does not read a journal with one: its destroy would leave it.
    for name in ("replacing", "departing", "roll", "balancer_id", "certificate_id", "reserved_ip"):
        if not data[name]:
            del data[name]
    return json.dumps(data, indent=1)


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


class JournalFile:
    """The journal and its file. Threads may share it.

    Each method that changes the journal has written it to disk when it returns. If it cannot be written, the
    method raises UsageError, and the file is as it was before.
    """

    def __init__(self, path: Path, cluster: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._journal = load_journal(path, cluster)

    def reload(self) -> None:
        """Read the file again.

        Raises:
            UsageError: as for :func:`load_journal`.
        """
        with self._lock:
            self._journal = load_journal(self._path, self._journal.cluster)

    @property
    def now(self) -> Journal:
        """The journal as it is on disk."""
        return self._journal

    def begin(self, launch_id: str) -> str:
        """Return the id of the unfinished launch; if there is none, begin one with ``launch_id``."""
        unfinished = self._journal.launch_id
        if unfinished is not None:
            return unfinished
        self._change(lambda j: replace(j, launch_id=launch_id, launches=(*j.launches, launch_id)))
        return launch_id

    def record_formed(self) -> None:
        """Record that the ACLs of Consul and Nomad are bootstrapped: no new server may form them again."""
        self._change(lambda j: replace(j, formed=("consul", "nomad")))

    def finish(self, *, listed_since: float) -> None:
        """Record the end of the launch: every node has joined.

        Requests for droplets that failed stay, and so do requests for droplets that the API's lists may not show
        yet, and one for a reserved IP, which has no other mark. ``listed_since`` is in epoch seconds: the lists
        show every droplet that was requested before.
        """

        def stays(request: Request) -> bool:
            late = request.droplet_id is not None and request.at > listed_since
            return request.failed or late or request.what == RESERVED_IP

        kept = tuple(replace(request, not_joined=False) for request in self._journal.requests if stays(request))
        if self._journal.launch_id is not None or kept != self._journal.requests:
            self._change(lambda j: replace(j, launch_id=None, formed=(), never_joined=(), requests=kept))

    def record_create(self, what: str, at: float) -> None:
        """Record a create request just before it is sent; ``at`` is in epoch seconds."""
        self._change(lambda j: replace(j, requests=(*_without(j, what), Request(what=what, at=at))))

    def resolve(self, what: str) -> None:
        """Forget the request for ``what``: it was refused, or the resource exists."""
        if self._journal.request(what) is not None:
            self._change(lambda j: replace(j, requests=_without(j, what)))

    def record_created(self, slot: str, droplet_id: int, at: float) -> None:
        """Record the id of the droplet that was created for ``slot``."""
        self._change(lambda j: replace(j, requests=_with_droplet(j, slot, droplet_id, at)))

    def record_failed(self, droplets: dict[str, int], at: float) -> None:
        """Record that these droplets (slot to id) did not become active in time."""
        made = tuple(Request(what=n, at=at, droplet_id=i, failed=True) for n, i in droplets.items())
        self._change(lambda j: replace(j, requests=(*_without(j, *droplets), *made)))

    def record_not_joined(self, slots: Iterable[str]) -> tuple[str, ...]:
        """Record that the droplets in ``slots`` have not joined, as far as the unfinished launch created them.

        Return the slots recorded.
        """
        made = tuple(r for r in self._journal.requests if r.what in set(slots) and r.droplet_id is not None)
        marked = tuple(replace(request, not_joined=True) for request in made)
        if marked:
            self._change(lambda j: replace(j, requests=(*_without(j, *(r.what for r in made)), *marked)))
        return tuple(request.what for request in marked)

    def record_never_joined(self, slots: Iterable[str]) -> None:
        """Record, before they are deleted, that the droplets in ``slots`` held no data of the cluster."""
        new = tuple(slot for slot in slots if slot not in self._journal.never_joined)
        if new:
            self._change(lambda j: replace(j, never_joined=(*j.never_joined, *new)))

    def record_leaving(self, droplets: Iterable[Droplet]) -> None:
        """Record, before the first request that takes their nodes out of the cluster, that droplets leave."""
        ids = {each.droplet_id for each in self._journal.departing}.intersection(self._journal.leaving)
        new = tuple(
            Departing(droplet_id=droplet.id, name=droplet.name, address=droplet.private_ipv4)
            for droplet in droplets
            if droplet.id not in ids
        )
        if new:
            self._change(lambda j: _with_departing(j, new))

    def cancel_leaving(self, droplet_id: int) -> None:
        """Record that the removal of the droplet is given up."""
        self._change(lambda j: _without_departing(j, droplet_id))

    def record_replacing(self, replacing: Replacing) -> None:
        """Record, before the first change, that a node is being replaced."""
        others = tuple(each for each in self._journal.replacing if each.old_id != replacing.old_id)
        if (*others, replacing) != self._journal.replacing:
            self._change(lambda j: replace(j, replacing=(*others, replacing)))

    def record_replaced(self, old_id: int) -> None:
        """Record that the replacement is finished, or that the node is removed without one."""
        left = tuple(each for each in self._journal.replacing if each.old_id != old_id)
        if left != self._journal.replacing:
            self._change(lambda j: replace(j, replacing=left))

    def record_roll(self, roll: Rolling | None) -> None:
        """Record the roll before its first change; None once it is finished."""
        if roll != self._journal.roll:
            self._change(lambda j: replace(j, roll=roll))

    def record_ineligible(self, node_ids: Iterable[str]) -> None:
        """Record the Nomad nodes that the roll makes ineligible, before it does; none once they are eligible."""
        roll, ids = self._journal.roll, tuple(node_ids)
        if roll is not None and roll.ineligible != ids:
            self._change(lambda j: replace(j, roll=replace(roll, ineligible=ids)))

    def record_drains(self, node_ids: Iterable[str]) -> None:
        """Record Nomad nodes before they are drained."""
        new = tuple(i for i in node_ids if i not in self._journal.drained)
        if new:
            self._change(lambda j: replace(j, drained=(*j.drained, *new)))

    def record_drains_ended(self, node_ids: Iterable[str]) -> None:
        """Record that the nodes are removed, or take work again."""
        ended = set(node_ids) & set(self._journal.drained)
        if ended:
            self._change(lambda j: replace(j, drained=tuple(i for i in j.drained if i not in ended)))

    def record_deleted(self, droplet_id: int, *, departs: bool = False) -> None:
        """Record a deleted droplet, after the API has accepted the delete. Bakery ignores it from then on.

        With ``departs`` the removal of its node is not finished: Consul or Nomad still knows it.
        """
        kept = self._journal.departing if departs else ()
        kept = tuple(each for each in kept if each.droplet_id == droplet_id)
        self._change(lambda j: _with_kept(_without_droplet(j, droplet_id), kept))

    def record_vpc(self, vpc_id: str) -> None:
        """Record that bakery created the VPC."""
        self._change(lambda j: replace(j, vpc_id=vpc_id, requests=_without(j, "vpc")))

    def record_firewall(self, firewall_id: str, what: str) -> None:
        """Record a firewall of the cluster; ``what`` is its create request."""
        ids = (*(i for i in self._journal.firewall_ids if i != firewall_id), firewall_id)
        self._change(lambda j: replace(j, firewall_ids=ids, requests=_without(j, what)))

    def record_balancer(self, balancer_id: str) -> None:
        """Record that bakery created the load balancer."""
        self._change(lambda j: replace(j, balancer_id=balancer_id, requests=_without(j, BALANCER)))

    def record_certificate(self, certificate_id: str) -> None:
        """Record that bakery created the load balancer's certificate."""
        self._change(lambda j: replace(j, certificate_id=certificate_id, requests=_without(j, CERTIFICATE)))

    def record_reserved_ip(self, address: str) -> None:
        """Record that bakery created the reserved IP."""
        self._change(lambda j: replace(j, reserved_ip=address, requests=_without(j, RESERVED_IP)))

    def record_ssh_key(self, key_id: int | None) -> None:
        """Record the launch's temporary SSH key; None once it is deleted."""
        self._change(lambda j: replace(j, ssh_key_id=key_id, requests=_without(j, "ssh-key")))

    def record_launches(self, launch_ids: frozenset[str]) -> None:
        """Record launch ids of droplets before a destroy deletes these: they tell which firewalls are ours."""
        new = tuple(sorted(launch_ids - set(self._journal.launches)))
        if new:
            self._change(lambda j: replace(j, launches=(*j.launches, *new)))

    def remove(self) -> None:
        """Delete the file."""
        with self._lock:
            with explain_write_errors(self._path):
                self._path.unlink(missing_ok=True)
            self._journal = Journal(cluster=self._journal.cluster)

    def _change(self, change: Callable[[Journal], Journal]) -> None:
        with self._lock:
            journal = change(self._journal)
            text = _to_json(journal)
            with explain_write_errors(self._path):
                ensure_private_folder(self._path.parent)
                write_atomically(self._path, text.encode(), mode=PRIVATE_FILE)
            self._journal = journal


def _without(journal: Journal, *whats: str) -> tuple[Request, ...]:
    return tuple(request for request in journal.requests if request.what not in whats)


def _without_droplet(journal: Journal, droplet_id: int) -> Journal:
    deleted = (*(i for i in journal.deleted_ids if i != droplet_id), droplet_id)
    requests = tuple(r for r in journal.requests if r.droplet_id != droplet_id)
    return replace(_without_departing(journal, droplet_id), deleted_ids=deleted, requests=requests)


def _with_departing(journal: Journal, new: tuple[Departing, ...]) -> Journal:
    ids = (*journal.leaving, *(each.droplet_id for each in new))
    return replace(journal, leaving=tuple(dict.fromkeys(ids)), departing=(*journal.departing, *new))


def _without_departing(journal: Journal, droplet_id: int) -> Journal:
    leaving = tuple(i for i in journal.leaving if i != droplet_id)
    departing = tuple(each for each in journal.departing if each.droplet_id != droplet_id)
    return replace(journal, leaving=leaving, departing=departing)


def _with_kept(journal: Journal, kept: tuple[Departing, ...]) -> Journal:
    return replace(journal, departing=(*journal.departing, *kept))


def _with_droplet(journal: Journal, slot: str, droplet_id: int, at: float) -> tuple[Request, ...]:
    asked = journal.request(slot)
    made = Request(what=slot, at=asked.at if asked else at, droplet_id=droplet_id)
    return (*_without(journal, slot), made)
