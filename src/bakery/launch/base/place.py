"""The cloud in which a cluster was launched: stored beside its credentials, compared with the present cloud."""

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bakery.cloud.endpoint import DEFAULT_ENDPOINT, checked_endpoint, split_url
from bakery.cloud.model import Account
from bakery.errors import UsageError
from bakery.files import write_secret
from bakery.launch.base.model import Obstacle
from bakery.launch.base.write_errors import explain_write_errors
from bakery.loopback import is_loopback

VERSION = 1
PROBE_SECONDS = 1.0
OTHER_CLOUD = "other_cloud"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One account at one API. Holds no secret."""

    endpoint: str
    """Base URL without ``/v2``."""
    owner: str
    """UUID of the team, or of the user. An emulator gets a new one each time it is created."""
    name: str
    """For people: "DigitalOcean (api.digitalocean.com), account a@b.c, team T"."""

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine. Only an emulator is."""
        return is_loopback(split_url(self.endpoint).hostname or "")

    def is_same(self, other: "Place") -> bool:
        """Whether both are the same account. An emulator may listen on another port than before."""
        return self.owner == other.owner and (self.endpoint == other.endpoint or self._both_local(other))

    def _both_local(self, other: "Place") -> bool:
        return self.is_local and other.is_local


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Whether a command may use the present cloud. Both fields are None if the cluster was launched there."""

    obstacle: Obstacle | None = None
    """Set if the present cloud is another one, and the user did not allow that."""
    note: str | None = None
    """Set if the present cloud is another one, and the command may go on: what to tell the user."""


def place_of(endpoint: str, account: Account, *, emulator: str | None = None) -> Place:
    """Return the cloud behind ``endpoint``; ``emulator`` is the emulator's name, if it is one."""
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
    """Replace control characters: the text is from the API and is printed to a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def load_place(path: Path) -> Place | None:
    """Return the stored cloud; None if there is no file (bakery 0.1 wrote none).

    Raises:
        UsageError: the file cannot be read, or was written by a newer bakery.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("version") != VERSION:
            message = "another version"
            raise ValueError(message)
        place = Place(**{key: str(value) for key, value in data.items()})
        _ = place.is_local
    except (FileNotFoundError, NotADirectoryError):
        return None  # StatePaths.check_place explains a file in the place of the state folder
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"cannot read {path}, which says where the cluster was launched"
        hint = f"remove it if you know that this is the right cloud: rm {path}"
        raise UsageError(message=message, details=f"{type(error).__name__}: {error}", hint=hint) from None
    return place


def remember_place(path: Path, place: Place) -> None:
    """Store the cloud. Write only if the file has other content.

    Raises:
        UsageError: the file cannot be written.
    """
    content = json.dumps({"version": VERSION} | asdict(place), indent=1).encode()
    with explain_write_errors(path):
        if not path.exists() or path.read_bytes() != content:
            write_secret(path, content)


def forget_place(path: Path, place: Place) -> None:
    """Delete the stored cloud after the whole cluster was destroyed at ``place``, unless it is another cloud."""
    remembered = load_place(path)
    if remembered is not None and (remembered.is_same(place) or _is_gone(remembered, place, is_answering)):
        with explain_write_errors(path):
            path.unlink(missing_ok=True)


def judge(
    cluster: str,
    remembered: Place | None,
    here: Place,
    *,
    insists: bool,
    answers: Callable[[str], bool] | None = None,
) -> Judgement:
    """Return whether commands on ``cluster`` may use the cloud ``here``.

    An emulator loses its droplets when it is taken down. So a cluster of an emulator that is gone may be launched
    on another emulator. Any other change of cloud needs ``insists`` (``--other-cloud``): a user who forgets
    ``--local`` would otherwise change a paid account.
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
    """Whether ``remembered`` is an emulator that no longer runs, and ``here`` is another emulator."""
    if not (remembered.is_local and here.is_local):
        return False
    return remembered.endpoint == here.endpoint or not answers(remembered.endpoint)


def is_answering(endpoint: str) -> bool:
    """Whether a program listens at ``endpoint``, which is on this machine."""
    url = split_url(endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((url.hostname or "", port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False
