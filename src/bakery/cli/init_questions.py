"""The questions of ``bakery init`` on a terminal, and the answers that it writes into the cluster file."""

import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bakery.cli.invocation import Invocation
from bakery.cli.prompts import ask_until_valid
from bakery.cli.values import guess
from bakery.console import counted, width_of
from bakery.errors import CloudError, CredentialsError, UsageError

if TYPE_CHECKING:
    from bakery.config.model import Kind
    from bakery.config.template import RoleLine

SHOWN_SIZES = 10
SIZE = r"(?=.*[0-9])[a-z][a-z0-9_.]*(-[a-z0-9_.]+)+"
"""Words with hyphens and a digit: s-1vcpu-1gb, c-2, gpu-h100x1-80gb (https://slugs.do-api.dev/)."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What can be chosen."""

    regions: tuple[str, ...]
    prices: Mapping[str, float]
    """US dollars a month by size slug, the cheapest first."""
    source: str
    """Where the prices are from."""
    is_whole: bool
    """Whether these are all regions and sizes of the account."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What is written into the file; each field is as in :func:`bakery.config.template.cluster_file`."""

    cluster: str
    region: str
    small: bool
    roles: "tuple[RoleLine, ...]" = ()
    admin_cidrs: tuple[str, ...] = ("auto",)


def ask_for_cluster(invocation: Invocation, default: Answers) -> Answers:
    """Ask for everything that the file of a first cluster needs. Enter takes the default of each question.

    Raises:
        QuestionInterrupted: there is no answer.
    """
    _say("Enter takes the answer in brackets. Ctrl-C stops, and no file is written.")
    name = ask_until_valid("name of the cluster", default.cluster, _name)
    offer = _offer(invocation, None)
    _say(f"regions: {', '.join(offer.regions)}")
    region = ask_until_valid("region", default.region, lambda text: _known(text, offer.regions, "region", offer))
    offer = _offer(invocation, region)
    _say("full: servers and clients on droplets of their own. small: one droplet that runs everything.")
    small = ask_until_valid("full or small", "full", _shape) == "small"
    roles = _ask_roles(offer, small=small)
    _say("Networks that may reach the APIs, with commas between them; auto is the address that you launch from.")
    cidrs = ask_until_valid("networks", "auto", _networks)
    _say(_price(roles, offer))
    return Answers(cluster=name, region=region, small=small, roles=roles, admin_cidrs=cidrs)


def _ask_roles(offer: Offer, *, small: bool) -> "tuple[RoleLine, ...]":
    from bakery.config.template import RoleLine, default_roles

    listed = [f"{slug} ${price:g}" for slug, price in list(offer.prices.items())[:SHOWN_SIZES]]
    _say(f"sizes, and their price a month ({offer.source}): {', '.join(listed)}")
    return tuple(
        RoleLine(
            kind=line.kind,
            count=ask_until_valid(f"number of {_plural(line.kind)}", str(line.count), _count),
            size=ask_until_valid("their size", line.size, lambda text: _known(text, offer.prices, "size", offer)),
        )
        for line in default_roles(small=small)
    )


def _offer(invocation: Invocation, region: str | None) -> Offer:
    """Return the regions and sizes of the account; without a token, or an answer, those of bakery's own table."""
    from bakery.emulator.daemon.prices import list_prices, list_regions

    try:
        if invocation.settings.local or invocation.names_token:
            cloud = invocation.quick_cloud
            regions = tuple(sorted(each.slug for each in cloud.list_regions() if each.available))
            sizes = [size for size in cloud.list_sizes() if size.available and region in (None, *size.regions)]
            prices = {size.slug: size.price_monthly for size in sorted(sizes, key=lambda size: size.price_monthly)}
            return Offer(regions=regions, prices=prices, source="of the account", is_whole=True)
    except (CredentialsError, CloudError) as error:
        invocation.console.warn(f"the account's regions and sizes are not known: {error}")
    source = "list prices; with a token, those of the account"
    return Offer(regions=list_regions(), prices=list_prices(), source=source, is_whole=False)


def _price(roles: "Sequence[RoleLine]", offer: Offer) -> str:
    droplets = counted(sum(line.count for line in roles), "droplet")
    if any(line.size not in offer.prices for line in roles):
        return f"{droplets}; the price of a size is not known here"
    return f"{droplets}, ${sum(line.count * offer.prices[line.size] for line in roles):.2f} a month"


def _name(text: str) -> str:
    from bakery.config.defaults import MAX_CLUSTER_NAME
    from bakery.config.schema import LABEL

    if re.fullmatch(LABEL, text) and len(text) <= MAX_CLUSTER_NAME:
        return text
    rule = f"lower-case letters, digits and hyphens, a letter first, at most {MAX_CLUSTER_NAME} characters"
    raise UsageError(message=f"{text!r} is not a name: {rule}")


def _known(text: str, known: Iterable[str], what: str, offer: Offer) -> str:
    """Return the word, if it is one of the account's, or could be one where bakery's own table is all there is.

    That table is not complete, so what it lacks is not refused; a line says that it was not checked.
    """
    from bakery.config.schema import REGION

    words = list(known)
    if text in words:
        return text
    if not offer.is_whole and re.fullmatch(REGION if what == "region" else SIZE, text):
        _say(f"without a token, bakery cannot check the {what} {text}; it knows others{guess(text, words)}")
        return text
    raise UsageError(message=f"there is no {what} {text!r}{guess(text, words)}")


def _shape(text: str) -> str:
    if text in ("full", "small"):
        return text
    raise UsageError(message=f"{text!r} is not full or small")


def _count(text: str) -> int:
    from bakery.config.defaults import MAX_COUNT

    if re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= MAX_COUNT:
        return int(text)
    raise UsageError(message=f"{text!r} is not a whole number from 1 to {MAX_COUNT}")


def _networks(text: str) -> tuple[str, ...]:
    from bakery.config.networks import admin_entry_problem

    entries = tuple(entry for entry in re.split(r"[,\s]+", text) if entry)
    for entry in entries:
        problem = admin_entry_problem(entry)
        if problem is not None:
            raise UsageError(message=f"{entry}{problem[0]}", hint=problem[1])
    if not entries:
        raise UsageError(message="name a network, or auto")
    return entries


def _plural(kind: "Kind") -> str:
    words = {"consul-server": "Consul servers", "nomad-server": "Nomad servers"}
    return words.get(kind.value, "Nomad clients" if kind.value == "nomad-client" else "droplets")


def _say(text: str) -> None:
    """Print a line of text to stderr, folded between words."""
    columns = width_of(sys.stderr)
    click.echo("\n".join(textwrap.wrap(text, columns, break_on_hyphens=False)) if columns else text, err=True)
