"""``bakery emulator impair``: impair the network of a droplet."""

import re
from dataclasses import dataclass

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.emulator_running import NAME, running
from bakery.cli.options import common_options, settings_of
from bakery.errors import EmulatorError, UsageError
from bakery.hints import Command, Hint

_UNITS = {
    "%": 0.01,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "kbit": 1e3,
    "mbit": 1e6,
    "gbit": 1e9,
}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One option for an impairment."""

    name: str
    example: str
    units: tuple[str, ...]
    """A number without a unit has the last of these units."""
    field: str
    """Name of the field in the emulator's API."""
    most: str
    """The emulator's limit (``impairment_limit``) as text."""


LOSS = Flag(name="--loss", example="1%", units=("%",), field="loss", most="100%")
DELAY = Flag(name="--delay", example="15ms", units=("m", "s", "ms"), field="delay_s", most="10s")
RATE = Flag(name="--rate", example="10mbit", units=("kbit", "gbit", "mbit"), field="rate", most="100gbit")
PARTITION = Flag(
    name="--partition", example="60s", units=("ms", "m", "s"), field="partition_s", most="60m, an hour"
)


def _value(text: str | None, flag: Flag) -> float | None:
    """Return the option's value in the unit of the emulator's API; None if the option was not given."""
    from bakery.emulator.daemon.droplets import impairment_limit

    if text is None:
        return None
    hint = f"for example: {flag.name} {flag.example}"
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-z%]*)", text.lower())
    if found is None or (found[2] and found[2] not in flag.units):
        message = f"{flag.name} {text} is not a number with a known unit"
        raise UsageError(message=message, hint=hint)
    value = float(found[1]) * _UNITS[found[2] or flag.units[-1]]
    if value > impairment_limit(flag.field):
        message = f"{flag.name} {text} is above the limit of {flag.most}"
        raise UsageError(message=message, hint=hint)
    return value


@click.command(short_help="Impair a droplet's network: loss, delay, rate, partition.")
@NAME
@click.option("--loss", metavar="PERCENT", help="Share of packets to drop in each direction: 1%.")
@click.option("--delay", metavar="TIME", help="Delay packets to the droplet: 15ms. Needs the kernel's sch_netem.")
@click.option("--rate", metavar="RATE", help="Limit the bits per second in each direction: 10mbit.")
@click.option("--partition", metavar="TIME", help="Drop all packets for this time: 60s.")
@click.option("--heal", is_flag=True, help="Remove the impairment.")
@click.argument("droplet", shell_complete=completions.nodes)
@common_options
@click.pass_context
def impair(
    context: click.Context,
    name: str,
    loss: str | None,
    delay: str | None,
    rate: str | None,
    partition: str | None,
    heal: bool,  # noqa: FBT001 - a click flag
    droplet: str,
) -> None:
    """Impair a droplet's network: bakery emulator impair DROPLET --loss 1% --partition 60s

    The options replace an earlier impairment. A partition ends by itself.

    \b
    Examples:
      bakery emulator impair demo-nomad-client-1 --loss 5%
      bakery emulator impair demo-nomad-client-1 --partition 60s
    """
    from bakery.emulator.daemon.lifecycle import ask

    wanted = {
        flag.field: _value(text, flag)
        for flag, text in ((LOSS, loss), (DELAY, delay), (RATE, rate), (PARTITION, partition))
    }
    body = {field: value for field, value in wanted.items() if value is not None}
    if bool(body) == heal:
        message = "give --loss, --delay, --rate or --partition, or only --heal"
        raise UsageError(
            message=message, hint=Hint("for example: ", Command("emulator impair", droplet, "--partition", "60s"))
        )
    path = f"/_emulator/droplets/{_find(name, droplet)}/impairment"
    answer = ask(running(name), path, body=body or None, method="POST" if body else "DELETE")
    settings = settings_of(context)
    if settings.json and answer is not None:
        print_answer(settings, "emulator-impair", answer)
        return
    settings.console().note(f"the network of {droplet} is {'impaired' if body else 'not impaired any more'}")


def _find(name: str, droplet: str) -> int:
    """Return the id of a droplet given by id or name."""
    from bakery.emulator.daemon.lifecycle import ask

    droplets = ask(running(name), "/v2/droplets?per_page=200")["droplets"]
    for found in droplets:
        if droplet in {str(found["id"]), found["name"]}:
            return int(found["id"])
    message = f"there is no droplet {droplet}"
    raise EmulatorError(
        message=message, details="droplets here: " + (", ".join(each["name"] for each in droplets) or "none")
    )
