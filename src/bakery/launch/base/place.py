"""In which cloud a cluster was launched: remembered beside its credentials, and held against the cloud at hand."""

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bakery.cloud.endpoint import DEFAULT_ENDPOINT, checked_endpoint, is_loopback, split_url
from bakery.cloud.model import Account
from bakery.errors import UsageError
from bakery.files import write_secret
from bakery.launch.base.disk import writing
from bakery.launch.base.model import Obstacle

VERSION = 1
PROBE_SECONDS = 1.0
OTHER_CLOUD = "other_cloud"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One account at one API. Nothing in it is secret."""

    endpoint: str
    """Base URL without ``/v2``."""
    owner: str
    """UUID of the team, or of the user; an emulator that is taken down and brought up again has another."""
    name: str
    """As people know it: "DigitalOcean (api.digitalocean.com), account a@b.c, team T"."""

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, as only an emulator is."""
        return is_loopback(split_url(self.endpoint).hostname or "")

    def is_same(self, other: "Place") -> bool:
        return self.owner == other.owner and (self.endpoint == other.endpoint or self._both_local(other))

    def _both_local(self, other: "Place") -> bool:
        return self.is_local and other.is_local


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the cloud at hand is for a cluster; neither, if it is where the cluster was launched."""

    obstacle: Obstacle | None = None
    """It is another cloud, and nobody insisted."""
    note: str | None = None
    """It is another cloud, and going on is right: what to say of it."""


def place_of(endpoint: str, account: Account, *, emulator: str | None = None) -> Place:
    """The cloud behind ``endpoint``; ``emulator`` is its name where it is known to be one."""
    url = checked_endpoint(endpoint)
    if emulator is not None:
        name = f"the emulator {emulator} ({url})"
    else:
        host = split_url(url).netloc
        known = f"DigitalOcean ({host})" if url == DEFAULT_ENDPOINT else host
        team = f", team {_printable(account.team)}" if account.team else ""
        name = f"{known}, account {_printable(account.email) or account.uuid}{team}"
    return Place(endpoint=url, owner=account.owner, name=name)


def _printable(text: str) -> str:
    """The user's own text, and the API's: no control character of it reaches a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def load_place(path: Path) -> Place | None:
    """What was remembered; None if nothing was (clusters that an older bakery launched have no such file).

    Raises:
        UsageError: the file is not one of ours, or a newer bakery's.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("version") != VERSION:
            message = "another version"
            raise ValueError(message)
        place = Place(**{key: str(value) for key, value in data.items()})
        _ = place.is_local
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"cannot read {path}, which says where the cluster was launched"
        hint = f"remove it if you know that this is the right cloud: rm {path}"
        raise UsageError(message=message, details=f"{type(error).__name__}: {error}", hint=hint) from None
    return place


def remember_place(path: Path, place: Place) -> None:
    """Keep it; writes only if something else is remembered.

    Raises:
        UsageError: it cannot be written.
    """
    content = json.dumps({"version": VERSION} | asdict(place), indent=1).encode()
    with writing(path):
        if not path.exists() or path.read_bytes() != content:
            write_secret(path, content)


def forget_place(path: Path, place: Place) -> None:
    """After the whole cluster was destroyed at ``place``; what is remembered of another cloud stays."""
    remembered = load_place(path)
    if remembered is not None and (remembered.is_same(place) or _is_gone(remembered, place, is_answering)):
        with writing(path):
            path.unlink(missing_ok=True)


def judge(
    cluster: str,
    remembered: Place | None,
    here: Place,
    *,
    insists: bool,
    answers: Callable[[str], bool] | None = None,
) -> Judgement:
    """Whether commands on ``cluster`` may go to ``here``.

    An emulator loses its droplets when it is taken down. So a cluster that was launched on one that is gone may be
    launched on the next emulator, but on nothing else without ``insists``: whoever forgets ``--local`` would
    otherwise change a paid account.
    """
    if remembered is None or remembered.is_same(here):
        return Judgement()
    launched = f"cluster {cluster} was launched on {remembered.name}"
    if insists:
        return Judgement(note=f"{launched}; this is {here.name}, as --other-cloud allows")
    if _is_gone(remembered, here, answers or is_answering):
        return Judgement(note=f"{launched}, which is gone with its droplets; this is {here.name}")
    hint = f"{_way_back(remembered, here)}; if you mean this one: --other-cloud"
    return Judgement(
        obstacle=Obstacle(code=OTHER_CLOUD, message=f"{launched}, and this is {here.name}", hint=hint)
    )


def _way_back(remembered: Place, here: Place) -> str:
    if remembered.is_local and not here.is_local:
        return "for the emulator add --local"
    if here.is_local and not remembered.is_local:
        return "for that one leave out --local, and unset DIGITALOCEAN_API_URL"
    if remembered.is_local:
        return "for that one set BAKERY_EMULATOR to its name"
    return "for that one export its DIGITALOCEAN_TOKEN"


def _is_gone(remembered: Place, here: Place, answers: Callable[[str], bool]) -> bool:
    """Whether ``remembered`` was an emulator that does not run any more, and ``here`` is another one."""
    if not (remembered.is_local and here.is_local):
        return False
    return remembered.endpoint == here.endpoint or not answers(remembered.endpoint)


def is_answering(endpoint: str) -> bool:
    """Whether a program listens at the endpoint, which is on this machine."""
    url = split_url(endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((url.hostname or "", port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False
