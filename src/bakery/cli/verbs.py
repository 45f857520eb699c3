"""The verbs and one line about each; a verb's module is imported when it is run, so that help is there at once."""

from importlib import import_module

import click

SUMMARIES = {
    "init": "Write a commented bakery.yaml.",
    "validate": "Check the cluster file, offline.",
    "plan": "Show what the cluster will be, and what a launch would change.",
    "build-image": "Bake the snapshot with Packer.",
    "images": "List the snapshots that bakery baked.",
    "launch": "Bring every role, or one, to its count.",
    "status": "Is the cluster healthy?",
    "env": "Print the variables for consul and nomad.",
    "destroy": "Destroy the cluster, one node or one role.",
    "render": "Write user-data files that also work by hand.",
    "bootstrap": "Create ACLs and tokens on a cluster made by hand.",
    "access": "Who may reach the APIs from outside.",
    "browser-cert": "Export a client certificate for the browser (PKCS#12).",
    "credentials": "Show the cluster's certificates and when they expire.",
    "gc": "Find, and with --delete remove, orphans of dead runs.",
    "doctor": "Check that everything bakery needs works from here.",
    "emulator": "A local DigitalOcean whose droplets really boot.",
    "completion": "Print a shell completion script.",
}
"""In the order of a user's day, not of the alphabet."""


class Verbs(click.Group):
    """A group whose commands are modules of this package: ``browser-cert`` is ``browser_cert.browser_cert``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in SUMMARIES:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"bakery.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in SUMMARIES and not ctx.resilient_parsing:
            from bakery.cli.values import guess

            ctx.fail(f"no such command {args[0]!r}{guess(args[0], list(SUMMARIES))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))
