"""Every error that a user can see, and its exit code.

BakeryError                    1  unexpected
├── UsageError                 2  an option, a file or this machine does not allow what was asked for
│   ├── ConfigError            2  the cluster file is wrong; with all its problems
│   ├── PlanError              2  the cluster file describes a cluster that cannot exist
│   ├── RenderError            2  user-data cannot be rendered (too large, no server to join)
│   ├── MissingToolError       2  a program is not installed
│   └── EmulatorError          2  the emulator cannot run here, or is not running
├── CredentialsError           3  the token or the credentials bundle is missing, wrong or unreadable
│   └── UnauthorizedError      3  401 or 403 from the API
├── CloudError                 4  DigitalOcean refused a request, or cannot be reached; safe to rerun
│   ├── NotFoundError          4
│   ├── UnprocessableError     4
│   ├── RateLimitedError       4
│   └── UnreachableError       4
├── AgentError                 4  Consul or Nomad refused a request, or cannot be reached
├── BakeError                  4  Packer failed, or its snapshot is not as requested
├── LaunchError                4  a launch or destroy stopped half-way; safe to rerun
├── LockedError                5  another bakery process works on this cluster
├── DeadlineError              6  a wait reached its deadline
│   └── NotHealthyError        6  the cluster did not become healthy in time
├── ChecksFailedError          7  a check failed
│   └── UntrustedError         7  the cluster has members or gossip keys that are not its own
└── CommandError               1  a program that bakery ran has failed

Other exit codes: 130 after SIGINT, 143 after SIGTERM, and 141 if the reader of the output closed it (as after
SIGPIPE). ``plan --exit-code`` exits 10 if a launch would change something, or if droplets differ from the plan in
ways that a launch does not change, so that a roll would replace them.
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
    """An error: what happened, what the system answered, and what to do next.

    Errors compare by value, so that a test can compare a whole error.
    """

    message: str
    """The first line: one clause in lower case that says what happened, and to what."""
    details: Text | None = None
    """What the tool or the API answered, verbatim except for secrets; may have several lines."""
    hint: Text | None = None
    """The next step, as a command where there is one."""
    cause: str | None = field(default=None, compare=False)
    """The message without the place where it happened; None if the message names no place. Two agents with one
    problem have the same cause."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED

    def __str__(self) -> str:
        return self.message

    @property
    def full_message(self) -> str:
        """Message and details in one line, to quote in another message."""
        return self._with_details(self.message)

    @property
    def full_cause(self) -> str:
        """Cause and details in one line; without a cause the message and details."""
        return self._with_details(self.cause or self.message)

    def _with_details(self, text: str) -> str:
        return f"{text}: {self.details}" if self.details else text

    __hash__ = Exception.__hash__


class UsageError(BakeryError):
    """An option, a file or this machine does not allow what was asked for."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One error in a file, and its place. Lines and columns count from 1."""

    line: int
    column: int
    message: str
    hint: str | None = None
    source: str = ""
    """The text of that line, to print above the caret."""


@dataclass(kw_only=True)
class ConfigError(UsageError):
    """The cluster file is wrong; ``problems`` has all its problems, in file order."""

    file: str = ""
    problems: tuple[Problem, ...] = field(default=())

    __hash__ = Exception.__hash__


class PlanError(UsageError):
    """The cluster file describes a cluster that cannot exist."""


class RenderError(UsageError):
    """User-data cannot be rendered: it is too large, or there is no server to join."""


class MissingToolError(UsageError):
    """A program that bakery needs is not installed."""


class EmulatorError(UsageError):
    """The emulator cannot run on this machine, or is not running."""


class CredentialsError(BakeryError):
    """A token or the credentials bundle is missing, wrong or unreadable."""

    exit_code = ExitCode.CREDENTIALS


@dataclass(kw_only=True)
class UnauthorizedError(CredentialsError):
    """The API does not accept the token (401), or not for this request (403)."""

    status: int = 401
    request_id: str | None = None

    @property
    def rejects_token(self) -> bool:
        """Whether the API does not accept the token for any request (401); otherwise it lacks a scope (403)."""
        return self.status == 401

    __hash__ = Exception.__hash__


@dataclass(kw_only=True)
class CloudError(BakeryError):
    """DigitalOcean refused a request. ``status`` is the HTTP status, 0 if there was no reply."""

    status: int = 0
    request_id: str | None = None

    exit_code = ExitCode.CLOUD

    __hash__ = Exception.__hash__


class NotFoundError(CloudError):
    """The resource does not exist (404)."""


class UnprocessableError(CloudError):
    """The API refused the request (400, 409, 412, 422)."""


class RateLimitedError(CloudError):
    """The token's request limit is used up (429), also after waiting."""


class UnreachableError(CloudError):
    """No usable reply: a failed connection, TLS, a time-out, 5xx, or a body that the API does not send."""


@dataclass(kw_only=True)
class AgentError(BakeryError):
    """Consul or Nomad refused a request. ``status`` is the HTTP status, 0 if there was no reply."""

    status: int = 0
    of_another_ca: bool = False
    """Whether the agent's certificate is of another CA than the credentials here."""

    exit_code = ExitCode.CLOUD

    __hash__ = Exception.__hash__

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later: no reply, 429, or 5xx, as without a leader."""
        return self.status in (0, 429) or self.status >= 500


class BakeError(BakeryError):
    """Packer failed, or its snapshot is not as requested."""

    exit_code = ExitCode.CLOUD


class LaunchError(BakeryError):
    """The launch or destroy stopped half-way; the same command continues it."""

    exit_code = ExitCode.CLOUD


class LockedError(BakeryError):
    """Another bakery process works on this cluster."""

    exit_code = ExitCode.LOCKED


class DeadlineError(BakeryError):
    """A wait reached its deadline."""

    exit_code = ExitCode.DEADLINE


class NotHealthyError(DeadlineError):
    """The cluster did not become healthy in time."""


class ChecksFailedError(BakeryError):
    """A check failed."""

    exit_code = ExitCode.CHECKS


class UntrustedError(ChecksFailedError):
    """The running cluster has a member or a gossip key that is not its own."""


@dataclass(kw_only=True)
class CommandError(BakeryError):
    """A program failed. ``command`` is quoted for a shell; ``returncode`` is negative after a signal."""

    command: str = ""
    returncode: int = 0

    __hash__ = Exception.__hash__
