"""The options that name a person or a pipeline with credentials of their own."""

import re
from datetime import timedelta
from typing import Any

import click

_LONGEST_NAME = 40
"""With the rest of the name in a certificate it fits into ub-common-name (RFC 5280, appendix A.1)."""
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class PersonName(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A label, as in a host name."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """Return the name; a message says which letters it may have."""
        from bakery.config.schema import LABEL

        text = str(value)
        if not re.fullmatch(LABEL, text) or len(text) > _LONGEST_NAME:
            rule = f"lower-case letters, digits and hyphens, a letter first, at most {_LONGEST_NAME} characters"
            self.fail(f"{text!r} is not a name: {rule}", param, ctx)
        return text


class Duration(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A number of minutes, hours or days: ``90m``, ``24h``, ``30d``.

    The shortest is one minute, as in Consul (agent/consul/config.go, ACLTokenMinExpirationTTL) and in Nomad
    (nomad/config.go).
    """

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ANN401 - click's signature
        """Return the duration; a message says how one is written."""
        found = re.fullmatch(r"([1-9][0-9]{0,6})([mhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration such as 90m, 24h or 30d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


as_option = click.option(
    "--as",
    "person",
    type=PersonName(),
    metavar="NAME",
    help="Use the credentials that were issued under this name, not the operator's.",
)
