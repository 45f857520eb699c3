"""One run of bakery: cluster file, plan, cloud, credentials and agents, made from the global options."""

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakery.cli.options import Settings, settings_of
from bakery.cli.prompts import ask_passphrase, confirm, has_terminal
from bakery.errors import CredentialsError, UsageError
from bakery.hints import Text

if TYPE_CHECKING:
    from bakery.cli.api_progress import ApiProgress
    from bakery.cloud.interface import Cloud
    from bakery.cloud.model import Account
    from bakery.config.model import ClusterConfig
    from bakery.config.paths import StatePaths
    from bakery.console import Console
    from bakery.launch.base.model import Timings
    from bakery.launch.base.place import Place
    from bakery.plan.model import ClusterPlan

DEFAULT_ADDRESS_URL = "https://checkip.amazonaws.com"
_OF_ROOT = "an emulator that sudo started belongs to root, and is used with sudo"
NO_ACCESS_HINT = "export DIGITALOCEAN_TOKEN, or DIGITALOCEAN_TOKEN_FILE; without an account: --local"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where DigitalOcean is: the real one, or an emulator."""

    url: str
    """Base URL without ``/v2``."""
    address_url: str
    """Answers with the caller's own IPv4 address."""
    token: str | None = field(repr=False)
    """The emulator's own token with ``--local``; else None: it is read from the environment."""
    emulator: str | None = None
    """The emulator's name with ``--local``."""


class Invocation:
    """What a verb works with, and the ``Context`` of use cases. Each part is built when it is first used."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.console = settings.console()
        self._environment = os.environ if environment is None else environment
        self._config: ClusterConfig | None = None
        self._cloud: Cloud | None = None
        self._progress: ApiProgress | None = None

    @property
    def config(self) -> "ClusterConfig":
        """The cluster file. Its warnings are printed when it is first read."""
        from bakery.config.load import load_cluster

        if self._config is None:
            self._config = self.settings.cluster = load_cluster(self.settings.cluster_file)
            if self.settings.recorder is not None:
                self.settings.recorder.keep_in(self.paths.history)
            for warning in self._config.warnings:
                self.console.warn(warning)
        return self._config

    def with_config(self, config: "ClusterConfig") -> "Invocation":
        """Return the invocation with another content of the cluster file."""
        other = copy(self)
        other._config = config
        return other

    def warn_of_changed(self, config: "ClusterConfig") -> None:
        """Print the warnings of a changed content of the cluster file, except those of the file as it is."""
        for warning in config.warnings:
            if warning not in self.config.warnings:
                self.console.warn(warning)

    def plan(self, counts: Mapping[str, int] | None = None) -> "ClusterPlan":
        """Return the plan of the cluster file, with ``counts`` by role in place of the file's."""
        from bakery.plan.build import build_plan

        return build_plan(self.config, counts=counts)

    def check_role(self, role: str) -> None:
        """Check that the cluster file has the role.

        Raises:
            UsageError: it has not; the hint names those that it has.
        """
        from bakery.config.findings import name_hint

        known = [each.name for each in self.config.roles]
        if role not in known:
            message = f"cluster {self.config.cluster} has no role {role}"
            raise UsageError(message=message, hint=name_hint(role, known))

    @property
    def paths(self) -> "StatePaths":
        from bakery.config.paths import state_paths

        return state_paths(self.config.path, self.config.cluster)

    @property
    def endpoint(self) -> Endpoint:
        """``--local``, else ``DIGITALOCEAN_API_URL``, else DigitalOcean."""
        address_url = self._environment.get("BAKERY_ADDRESS_URL", DEFAULT_ADDRESS_URL)
        if not self.settings.local:
            from bakery.cloud.endpoint import DEFAULT_ENDPOINT

            url = self._environment.get("DIGITALOCEAN_API_URL") or DEFAULT_ENDPOINT
            return Endpoint(url=url, address_url=address_url, token=None)
        from bakery.emulator.daemon.folder import find_running

        name = self._environment.get("BAKERY_EMULATOR", "default")
        running = find_running(name)
        if running is None:
            raise _no_emulator(name)
        return Endpoint(
            url=running.endpoint, address_url=running.address_url, token=running.token, emulator=running.name
        )

    @property
    def token(self) -> str:
        from bakery.cloud.access import read_token
        from bakery.credentials.seen import note

        token = self.endpoint.token
        if token is not None:
            note(token)
            return token
        file = self._environment.get("DIGITALOCEAN_TOKEN_FILE")
        try:
            token = read_token(self._environment, Path(file) if file else None)
        except CredentialsError as error:
            error.hint = NO_ACCESS_HINT
            raise
        note(token)
        return token

    @property
    def names_token(self) -> bool:
        """Whether the environment names a token, valid or not."""
        from bakery.cloud.access import TOKEN_VARIABLES

        return any(
            self._environment.get(name, "").strip() for name in (*TOKEN_VARIABLES, "DIGITALOCEAN_TOKEN_FILE")
        )

    @property
    def cloud(self) -> "Cloud":
        from bakery.cloud.digitalocean import connect

        if self._cloud is None:
            self._cloud = connect(endpoint=self.endpoint.url, token=self.token, watcher=self.api_progress)
        return self._cloud

    @property
    def api_progress(self) -> "ApiProgress":
        """What was observed of the requests so far."""
        from bakery.cli.api_progress import ApiProgress

        if self._progress is None:
            self._progress = ApiProgress(self.console)
        return self._progress

    @property
    def quick_cloud(self) -> "Cloud":
        """The API, with one short try per request: for a verb that can do without an answer."""
        from bakery.cloud.digitalocean import connect
        from bakery.cloud.transport import TransportLimits

        return connect(endpoint=self.endpoint.url, token=self.token, limits=TransportLimits(tries=1, read=10))

    @property
    def account(self) -> "Account":
        """The account of the token, asked for once, in one request."""
        return self.cloud.get_account()

    @property
    def place(self) -> "Place":
        """The cloud and the account that requests are sent to."""
        from bakery.launch.base.place import place_of

        endpoint = self.endpoint
        return place_of(endpoint.url, self.account, emulator=endpoint.emulator)

    @property
    def reporter(self) -> "Console":
        """Where progress and warnings are printed."""
        return self.console

    @property
    def timings(self) -> "Timings":
        """Intervals and deadlines of a launch and a destroy."""
        from bakery.launch.base.model import Timings

        return self.settings.timings or Timings()

    def note_before_question(self, text: Text) -> None:
        """Print what a question is about: with ``--quiet`` too, if the question will be asked."""
        self.console.note(text, even_if_quiet=has_terminal() and not self.settings.yes)

    def print_or_note(self, text: Text) -> None:
        """Print a line of the result; with ``--json``, where stdout is for the document, note it on stderr."""
        (self.console.note if self.settings.json else self.console.print)(text)

    def ask_passphrase(self, file: Path) -> str | None:
        """Ask for the passphrase of ``file``; None if there is no terminal."""
        self.console.pause()
        return ask_passphrase(file)

    def confirm(self, question: str) -> None:
        """Ask before something changes; ``--yes`` answers.

        Raises:
            UsageError: the answer is not "yes", or there is no terminal to ask on.
        """
        if not self.settings.yes:
            self.console.pause()
            confirm(question)


def _no_emulator(name: str) -> UsageError:
    """Return the error for ``--local`` without that emulator; the hint restarts it, or names a running one."""
    from bakery.emulator.daemon.folder import emulator_dir, list_running, start_hint

    if emulator_dir(name).read() is not None:
        message = f"--local means the emulator {name}, which is not running any more"
        return UsageError(message=message, hint=start_hint(name))
    others = [running.name for running in list_running()]
    if not others:
        from bakery.emulator.daemon import lifecycle  # noqa: F401 - an error if the emulator's packages are missing

        message = "--local was given, but no emulator of this user is running"
        return UsageError(message=message, details=_OF_ROOT if os.geteuid() else None, hint=start_hint(name))
    message = f"--local means the emulator {name}, which is not running; running: {', '.join(others)}"
    return UsageError(message=message, hint=f"export BAKERY_EMULATOR={others[0]}")


def builds_folder() -> Path:
    """Return the folder with the logs, the records and the lock of bakes."""
    import platformdirs

    return Path(platformdirs.user_state_dir("bakery")) / "builds"


def invocation_of(context: click.Context) -> Invocation:
    """Return the invocation of this run. Reading the credentials may ask for a passphrase."""
    from bakery.credentials.at_rest import ask_passphrase_with

    invocation = Invocation(settings_of(context))
    ask_passphrase_with(invocation.ask_passphrase)
    return invocation
