"""Every failure a user can meet, and the exit code it ends in.

BakeryError                    1  unexpected
├── UsageError                 2  a flag, a file or a machine that cannot do what was asked
│   ├── ConfigError            2  the cluster file, with every problem in it
│   ├── PlanError              2  a cluster that cannot exist
│   ├── RenderError            2  user-data that cannot be made (too large, nothing to join)
│   ├── MissingToolError       2  a program that is not installed
│   └── EmulatorError          2  the emulator cannot run here, or is not running
├── CredentialsError           3  no or wrong token, bundle lost, foreign or unreadable
│   └── UnauthorizedError      3  401 or 403 from the API
├── CloudError                 4  DigitalOcean refused, or cannot be reached; safe to rerun
│   ├── NotFoundError          4
│   ├── UnprocessableError     4
│   ├── RateLimitedError       4
│   └── UnreachableError       4
├── AgentError                 4  Consul or Nomad refused, or cannot be reached
├── BakeError                  4  Packer failed, or its snapshot is not what was asked for
├── LaunchError                4  a partial launch; safe to rerun
├── LockedError                5  another bakery works on this cluster
├── DeadlineError              6  a wait ended without what it waited for
│   └── NotHealthyError        6  the cluster is not healthy in time
├── ChecksFailedError          7  checks ran, and some failed
│   └── UntrustedError         7  the cluster runs with strangers or foreign gossip keys in it
└── CommandError               1  a program that bakery ran failed

Signals end in 130 (SIGINT) and 143 (SIGTERM); a reader of our output that has gone in 141, as by SIGPIPE;
``plan --exit-code`` ends in 10 when changes are pending, or when something differs from the plan that a launch
leaves alone.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from bakery.hints import Text


class ExitCode(IntEnum):
    """The documented exit codes of ``bakery``."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CREDENTIALS = 3
    CLOUD = 4
    LOCKED = 5
    DEADLINE = 6
    CHECKS = 7
    CHANGES = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


@dataclass(kw_only=True)
class BakeryError(Exception):
    """A failure with what happened, what the other side said, and what to do next.

    Errors compare by value, so a test can assert the whole of one.
    """

    message: str
    """The first line: one clause in lower case that says what happened, and to what."""
    details: Text | None = None
    """What the tool or the API said, verbatim but for secrets; may have several lines."""
    hint: Text | None = None
    """The next step, as a command where there is one."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED

    def __str__(self) -> str:
        return self.message

    @property
    def full_message(self) -> str:
        """Message and details in one line, to quote in another message."""
        return f"{self.message}: {self.details}" if self.details else self.message

    __hash__ = Exception.__hash__


class UsageError(BakeryError):
    """What was asked cannot be done as it was asked."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One thing wrong in a file, at a place a reader can find. Lines and columns count from 1."""

    line: int
    column: int
    message: str
    hint: str | None = None
    source: str = ""
    """The text of that line, for the caret."""


@dataclass(kw_only=True)
class ConfigError(UsageError):
    """The cluster file is wrong; ``problems`` holds all of them, in file order."""

    file: str = ""
    problems: tuple[Problem, ...] = field(default=())

    __hash__ = Exception.__hash__


class PlanError(UsageError):
    """The cluster that the file asks for cannot exist."""


class RenderError(UsageError):
    """User-data cannot be made from what is there."""


class MissingToolError(UsageError):
    """A program is needed that is not installed."""


class EmulatorError(UsageError):
    """The emulator cannot run on this machine, or is not running."""


class CredentialsError(BakeryError):
    """A token or the credentials bundle is missing, wrong or unreadable."""

    exit_code = ExitCode.CREDENTIALS


@dataclass(kw_only=True)
class UnauthorizedError(CredentialsError):
    """The API does not accept the token (401), or not for this (403)."""

    status: int = 401
    request_id: str | None = None

    __hash__ = Exception.__hash__


@dataclass(kw_only=True)
class CloudError(BakeryError):
    """DigitalOcean refused a request. ``status`` is the HTTP status, 0 if there was no reply."""

    status: int = 0
    request_id: str | None = None

    exit_code = ExitCode.CLOUD

    __hash__ = Exception.__hash__


class NotFoundError(CloudError):
    """The API does not know the thing (404)."""


class UnprocessableError(CloudError):
    """The API understood the request and will not do it (400, 409, 412, 422)."""


class RateLimitedError(CloudError):
    """The token's request limit is used up (429), and waiting for it did not help."""


class UnreachableError(CloudError):
    """No usable reply: connection, TLS, time-out, 5xx, or a body that is not the API's."""


@dataclass(kw_only=True)
class AgentError(BakeryError):
    """Consul or Nomad refused a request. ``status`` is the HTTP status, 0 if there was no reply."""

    status: int = 0

    exit_code = ExitCode.CLOUD

    __hash__ = Exception.__hash__


class BakeError(BakeryError):
    """Packer failed, or its snapshot is not what was asked for."""

    exit_code = ExitCode.CLOUD


class LaunchError(BakeryError):
    """The launch or destroy stopped half-way; the same command goes on from here."""

    exit_code = ExitCode.CLOUD


class LockedError(BakeryError):
    """Another bakery works on this cluster."""

    exit_code = ExitCode.LOCKED


class DeadlineError(BakeryError):
    """A wait ended without what it waited for."""

    exit_code = ExitCode.DEADLINE


class NotHealthyError(DeadlineError):
    """The cluster did not become healthy in time."""


class ChecksFailedError(BakeryError):
    """Checks ran and some failed."""

    exit_code = ExitCode.CHECKS


class UntrustedError(ChecksFailedError):
    """The cluster runs, and something in it is not its own: a stranger, or a gossip key."""


@dataclass(kw_only=True)
class CommandError(BakeryError):
    """A program failed. ``command`` can be pasted into a shell; ``returncode`` is negative for a signal."""

    command: str = ""
    returncode: int = 0

    __hash__ = Exception.__hash__
