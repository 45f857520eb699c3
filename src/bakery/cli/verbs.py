"""The verbs and one line about each. A verb's module is imported when the verb runs, so that help starts fast."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from bakery.cli.pages import dress

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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
    "dashboard": "Show the cluster as a page in the browser.",
    "ls": "List the clusters that are known here or in the account.",
    "events": "Show who changed the cluster, how and when.",
    "env": "Print environment variables for consul and nomad.",
    "consul": "Run consul against the cluster.",
    "nomad": "Run nomad against the cluster.",
    "ui": "Open the web UIs of Consul and Nomad in the browser.",
    "logs": "Show what a node's agent logs, without SSH.",
    "destroy": "Destroy the cluster, one of its nodes or one role.",
    "render": "Write user-data for Terraform, pools, the control panel.",
    "bootstrap": "Create the ACL tokens of rendered nodes.",
    "access": "Change which addresses may reach the cluster's APIs.",
    "browser-cert": "Write a client certificate for the browser (PKCS#12).",
    "credentials": "Show the CAs; issue and revoke credentials for other people.",
    "gc": "List (or --delete) what killed runs left behind.",
    "support": "Write a bundle for a person who helps, without secrets.",
    "doctor": "Check token, programs, snapshot and certificates.",
    "demo": "Run a whole cluster on this machine, in one command.",
    "tour": "Show the commands of a day, without root, in half a minute.",
    "emulator": "Run a local DigitalOcean whose droplets really boot.",
    "cleanup": "Delete what bakery keeps on this machine: caches and logs.",
    "help": "Show the help of a verb.",
    "version": "Show the versions of bakery and of the programs that it uses.",
    "completion": "Print a shell completion script.",
}
"""In the order in which a user needs them, not in alphabetical order."""
GROUPS: dict[str, tuple[str, ...]] = {
    "Start": ("init", "validate", "plan", "build-image", "launch"),
    "Look": ("status", "dashboard", "ls", "events", "images", "logs", "credentials", "doctor"),
    "Use": ("env", "consul", "nomad", "ui", "browser-cert", "access"),
    "Change": ("scale", "roll", "replace", "upgrade", "destroy", "gc"),
    "By hand": ("render", "bootstrap"),
    "Without an account": ("tour", "demo", "emulator"),
    "About bakery": ("help", "version", "completion", "support", "cleanup"),
}
"""The sections of ``bakery --help``."""


class Verbs(click.Group):
    """A group whose commands are modules of this package: ``browser-cert`` is ``browser_cert.browser_cert``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in SUMMARIES:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"bakery.cli.{name}")
        command: click.Command = getattr(module, "help_" if name == "help" else name)
        return dress(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in SUMMARIES and not ctx.resilient_parsing:
            from bakery.cli.values import guess

            ctx.fail(f"unknown command {args[0]!r}{guess(args[0], list(SUMMARIES))}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Offer the verbs with their summaries. Click would import the module of each."""
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=text) for verb, text in SUMMARIES.items() if verb.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(verb, SUMMARIES[verb]) for verb in verbs])
