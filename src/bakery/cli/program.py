"""Run consul or nomad, with the variables of ``bakery env``, in place of the process of bakery."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from bakery.cli.invocation import Invocation

if TYPE_CHECKING:
    from bakery.config.model import Docker

DROPPED = (
    "CONSUL_CAPATH", "CONSUL_GRPC_ADDR", "CONSUL_GRPC_CACERT", "CONSUL_GRPC_CAPATH",
    "CONSUL_HTTP_AUTH", "CONSUL_HTTP_SSL_VERIFY", "CONSUL_HTTP_TOKEN_FILE",
    "NOMAD_CAPATH", "NOMAD_HTTP_AUTH", "NOMAD_REGION", "NOMAD_SKIP_VERIFY",
    "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN_FILE",
    "BAKERY_AGE_PASSPHRASE", "BAKERY_P12_PASSWORD",
)  # fmt: skip
"""Variables that would lead the program to another cluster or switch off its checks, and bakery's own secrets."""


class ProgramCommand(click.Command):
    """A command that takes bakery's options first; what follows them belongs to a program, options included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse bakery's options at the start; leave everything else to the program, without a first ``--``."""
        own = self._own(ctx, args)
        if own > len(args):  # the last option lacks its value
            return super().parse_args(ctx, args)
        rest = args[own:]
        return super().parse_args(ctx, [*args[:own], "--", *(rest[1:] if rest[:1] == ["--"] else rest)])

    def _own(self, ctx: click.Context, args: Sequence[str]) -> int:
        """Return how many of the first arguments are options of bakery and their values, also a missing value."""
        takes_value = {
            name: isinstance(parameter, click.Option) and not parameter.is_flag
            for parameter in self.get_params(ctx)
            for name in parameter.opts
            if name.startswith("-")
        }
        position = 0
        while position < len(args):
            name, separator, _ = args[position].partition("=")
            if name not in takes_value:
                break
            position += 2 if takes_value[name] and not separator else 1
        return position


program_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)


def run_program(
    invocation: Invocation, product: str, arguments: Sequence[str], *, person: str | None, other_cloud: bool
) -> None:
    """Run the program of the cluster's version; does not return.

    ``product`` is "Consul" or "Nomad". The program is downloaded and verified if this machine does not have it.

    Raises:
        BakeryError: no server answers, or the program cannot be had.
    """
    from bakery import proc
    from bakery.operations.collect_env import by_way_of_loopback, program_env
    from bakery.operations.management_token import is_debug, may_have_management_token, with_topic
    from bakery.toolchain.find import find_tool
    from bakery.toolchain.model import ToolName, places_from_environment

    image = invocation.config.image
    version = image.consul if product == "Consul" else image.nomad
    management = may_have_management_token(product, arguments)
    variables = program_env(invocation, product, other_cloud=other_cloud, person=person, management=management)
    places = places_from_environment(checksums=image.checksums)
    tool = find_tool(ToolName(product.lower()), version, places=places, reporter=invocation.reporter)
    if product == "Nomad" and is_debug(arguments):
        variables = by_way_of_loopback(variables)
        arguments = with_topic(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    proc.replace_process([tool.path, *arguments], environment(variables, of_registries(invocation.config.docker)))


def environment(
    variables: Mapping[str, str], others: Collection[str] = (), mine: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the user's environment with ``variables``, and without those that contradict them.

    ``others`` are further names that the program does not get.
    """
    dropped = {*DROPPED, *others}
    return {name: value for name, value in mine.items() if name not in dropped} | dict(variables)


def of_registries(docker: "Docker") -> set[str]:
    """Return the names of the variables that hold the credentials of registries."""
    names = ((registry.username_env, registry.password_env) for registry in docker.registries)
    return {name for pair in names for name in pair if name}
