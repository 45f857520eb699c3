"""The journal of a node, which Nomad exports: lines of the past, over the API."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bakery.agents.interface import NomadApi
from bakery.errors import AgentError
from bakery.hints import Command, Hint

SLICE = "bakery-nomad.slice"
"""The services of a node (systemd-units/bakery-nomad.slice)."""
_NOT_FOUND = 404
# Of systemd: src/journal/journalctl.c, and src/shared/logs-show.c for the explanations that -x adds.
_OF_JOURNALCTL = ("\u2591\u2591", "-- No entries --", "-- Journal begins", "No journal files were found")
_NOT_ALLOWED = ("You are currently not seeing messages from other users", "due to insufficient permissions")
_LINE_OF = r"\w+ +[0-9]+ [0-9:]+ \S+ {program}\[[0-9]+\]: "


@dataclass(frozen=True, kw_only=True)
class NodeJournal:
    """A unit or slice in the journal of one node."""

    node: str
    nomad: NomadApi
    """A server to ask: the node itself if it is one."""
    client: str | None
    """The node's id as a Nomad client; None if ``nomad`` is the node."""
    unit: str
    program: str = ""
    """Only the lines of this program; empty: all lines."""

    def read(self, seconds: int, *, follow: bool) -> Iterator[str]:
        """Yield the lines of the last ``seconds``; with ``follow`` new ones come after them, without end.

        Raises:
            AgentError: Nomad is older than 1.11, may not read the journal, or does not answer.
        """
        wanted = re.compile(_LINE_OF.format(program=re.escape(self.program)) if self.program else "")
        try:
            for line in self.nomad.read_journal(self.unit, seconds=seconds, follow=follow, client=self.client):
                if any(text in line for text in _NOT_ALLOWED):
                    raise self._not_allowed
                if line and not line.startswith(_OF_JOURNALCTL) and wanted.match(line):
                    yield line
        except AgentError as error:
            if error.status != _NOT_FOUND:
                raise
            message = f"Nomad on {self.node} sends no lines of the past: it is older than 1.11"
            hint = Command("logs", self.node, "--level", "info", "--follow")
            raise AgentError(message=message, hint=hint) from None

    @property
    def _not_allowed(self) -> AgentError:
        return AgentError(
            message=f"Nomad on {self.node} may not read the journal: the node's snapshot is of an earlier bakery",
            hint=Hint("bake another, and replace the nodes: ", Command("build-image"), ", then ", Command("roll")),
        )
