"""The verbs and one line about each. A verb's module is imported when the verb runs, so that help starts fast."""

from importlib import import_module

import click

SUMMARIES = {
    "init": "Write a commented bakery.yaml.",
    "validate": "Check the cluster file, offline.",
    "plan": "Show the planned cluster, and what a launch would change.",
    "build-image": "Bake the snapshot with Packer.",
    "images": "List the snapshots that bakery baked.",
    "launch": "Create missing droplets until each role has its count.",
    "replace": "Replace one node, new droplet first.",
    "roll": "Replace every node that differs, one at a time.",
    "upgrade": "Run other versions of Consul and Nomad on every node.",
    "scale": "Give a role another number of nodes, up or down.",
    "status": "Show whether the cluster is healthy, and what is missing.",
    "env": "Print environment variables for consul and nomad.",
    "consul": "Run consul against the cluster.",
    "nomad": "Run nomad against the cluster.",
    "logs": "Show what a node's agent logs, without SSH.",
    "destroy": "Destroy the cluster, one of its nodes or one role.",
    "render": "Write user-data for Terraform, autoscale pools or the control panel.",
    "bootstrap": "Create the ACL tokens of rendered nodes; launch does it itself.",
    "access": "Change which addresses may reach the cluster's APIs.",
    "browser-cert": "Write a client certificate for the browser (PKCS#12).",
    "credentials": "Show the CAs; issue and revoke credentials for other people.",
    "gc": "List what killed builds left in the account; --delete removes it.",
    "support": "Write a bundle for a person who helps, without secrets.",
    "doctor": "Check token, programs, snapshot and certificates.",
    "emulator": "Run a local DigitalOcean whose droplets really boot.",
    "completion": "Print a shell completion script.",
}
"""In the order in which a user needs them, not in alphabetical order."""


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

            ctx.fail(f"unknown command {args[0]!r}{guess(args[0], list(SUMMARIES))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))
