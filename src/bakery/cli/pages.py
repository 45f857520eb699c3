"""Help pages: a command's own options first, the global ones in one paragraph, the variables that it reads."""

from collections.abc import Iterable
from functools import partial

import click

GLOBAL = ("cluster_file", "output", "local", "json", "quiet", "verbose", "yes", "no_color")
"""Parameters that every command takes."""
OF_FILE = ("BAKERY_CLUSTER_FILE", "BAKERY_STATE_DIR")
OF_CLOUD = ("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_TOKEN_FILE", "DIGITALOCEAN_API_URL", "BAKERY_EMULATOR")
OF_CREDENTIALS = ("BAKERY_AGE_IDENTITY",)
OF_TOOLS = ("BAKERY_TOOLCHAIN_DIR", "BAKERY_RELEASES_URL", "BAKERY_GITHUB_URL")
OF_LAUNCH = (*OF_FILE, *OF_CLOUD, *OF_CREDENTIALS, "BAKERY_ADDRESS_URL", "BAKERY_DEADLINE_FACTOR")
VARIABLES: dict[str, tuple[str, ...]] = {
    "init": (*OF_FILE, *OF_CLOUD),
    "validate": (*OF_FILE, *OF_TOOLS),
    "events": OF_FILE,
    "version": (*OF_FILE, *OF_TOOLS),
    "build-image": (*OF_FILE, *OF_CLOUD, *OF_TOOLS),
    "launch": (*OF_LAUNCH, "BAKERY_AGE_RECIPIENT"),
    "access": OF_LAUNCH,
    "upgrade": (*OF_LAUNCH, *OF_TOOLS),
    "consul": (*OF_LAUNCH, *OF_TOOLS),
    "nomad": (*OF_LAUNCH, *OF_TOOLS),
    "browser-cert": (*OF_FILE, *OF_CREDENTIALS, "BAKERY_P12_PASSWORD"),
    "emulator": ("BAKERY_EMULATOR",),
    "demo": ("BAKERY_EMULATOR", *OF_TOOLS, "BAKERY_DEADLINE_FACTOR"),
    "tour": (),
    "env": (*OF_LAUNCH, *OF_TOOLS, "BAKERY_ENV_PATH"),
    "cleanup": OF_FILE,
    "completion": ("_BAKERY_COMPLETE",),
    "help": (),
}
"""The variables on the pages of a verb and of its subcommands, by verb. Other verbs have those of the default."""
DEFAULT = (*OF_FILE, *OF_CLOUD, *OF_CREDENTIALS, "BAKERY_DEADLINE_FACTOR")
OF_TERMINAL = ("NO_COLOR", "FORCE_COLOR")


def dress(command: click.Command) -> click.Command:
    """Give the command and its subcommands help pages in bakery's form, and return it."""
    command.format_options = partial(_write_options, command)  # type: ignore[method-assign]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            dress(child)
    return command


def variables_of(path: str) -> tuple[str, ...]:
    """Return the variables on the page of a command; ``path`` is like "bakery access add"."""
    words = path.split()
    verb = words[1] if len(words) > 1 else ""
    return (*VARIABLES.get(verb, DEFAULT), *OF_TERMINAL)


def _write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    is_root = context.parent is None
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    own = _records((each for each in options if is_root or not _is_global(each)), context)
    if own:
        with formatter.section("Options"):
            formatter.write_dl(own)
    shared = [] if is_root else _records(filter(_is_global, options), context)
    if shared:
        with formatter.section("Global options"):
            # As they are written: "-f, --cluster-file PATH".
            formatter.write_text(", ".join(names for names, _ in shared))
            formatter.write_text("bakery --help says what they mean; they may be before or after the verb.")
    if isinstance(command, click.Group):
        command.format_commands(context, formatter)
    with formatter.section("Environment"):
        formatter.write_text(", ".join(variables_of(context.command_path)))
        formatter.write_text("docs/configuration.md says what each one means.")


def _records(options: Iterable[click.Option], context: click.Context) -> list[tuple[str, str]]:
    """Return how each option is written, and its help; without the hidden ones."""
    return [record for each in options if (record := each.get_help_record(context)) is not None]


def _is_global(parameter: click.Parameter) -> bool:
    """Whether it is the global option; ``render`` has an option of its own of the same name."""
    return parameter.name in GLOBAL and not parameter.expose_value
