"""The global options: every verb takes them, before or after its name."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bakery.cli.command_lines import spell
from bakery.cli.values import Choice
from bakery.console import Console, Display
from bakery.hints import Text

if TYPE_CHECKING:
    from bakery.cli.recorder import Recorder
    from bakery.config.model import ClusterConfig
    from bakery.launch.base.model import Timings

FORMATS = ("table", "wide", "json", "yaml", "name")
DOCUMENTS = ("json", "yaml", "name")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """The values of the global options."""

    cluster_file: Path = Path("bakery.yaml")
    output: str = "table"
    """How the result is printed: one of :data:`FORMATS`."""
    columns: tuple[str, ...] = ()
    """The columns that ``--format`` chose: stdout is for that table only. Empty: all."""
    header: bool = True
    """Whether tables have their first line."""
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    no_color: bool = False
    local: bool = False
    named_file: bool = False
    """Whether the cluster file was named by an option, which a suggested command then needs too."""
    timings: "Timings | None" = None
    """Intervals and deadlines of a launch and a destroy, where a caller of ``run`` sets them."""
    arguments: tuple[str, ...] = ()
    """The command line, without the program's name."""
    cluster: "ClusterConfig | None" = None
    """The cluster file as this run has read it."""
    recorder: "Recorder | None" = None
    """Set if this run is recorded."""
    changes_nothing: bool = False
    """Whether nothing is left to continue after a signal."""
    _console: Console | None = None

    @property
    def json(self) -> bool:
        """Whether stdout is for one document or for names only, so that other lines of the result go to stderr."""
        return self.output in DOCUMENTS

    @json.setter
    def json(self, value: bool) -> None:
        """Choose JSON, as ``--json`` does."""
        self.output = "json" if value else "table"

    @property
    def given(self) -> tuple[str, ...]:
        """Options that a suggested command must repeat to work on the same cluster: ``--local -f prod.yaml``."""
        file = ("-f", str(self.cluster_file)) if self.named_file else ()
        return (*(("--local",) if self.local else ()), *file)

    def spell(self, text: Text) -> str:
        """Write the commands in ``text`` with the options that the user gave."""
        return spell(text, self.given)

    def console(self) -> Console:
        """Return the console of this run. It is made at the first call, when every option is known."""
        if self._console is None:
            self._console = Console(
                quiet=self.quiet,
                verbose=self.verbose,
                no_color=self.no_color,
                spell=self.spell,
                display=self._display,
            )
        return self._console

    def close_console(self, *, done: bool) -> None:
        """End the progress on the terminal; ``done`` is whether the command succeeded."""
        if self._console is not None:
            self._console.close(done=done)

    def _display(self) -> Display:
        from bakery.cli.progress import LiveProgress

        return LiveProgress(no_color=self.no_color or bool(os.environ.get("NO_COLOR")))


def settings_of(context: click.Context | None) -> Settings:
    """Return the settings of this run."""
    found = context.find_object(Settings) if context is not None else None
    return found or Settings()


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:  # noqa: ANN401 - click's signature
    """Store an option's value: given before or after the verb, it counts; the environment only without it."""
    settings = context.ensure_object(Settings)
    name = parameter.name or ""
    source = context.get_parameter_source(name)
    if source is click.core.ParameterSource.COMMANDLINE:
        setattr(settings, name, value)
        settings.named_file = settings.named_file or name == "cluster_file"
    elif source is click.core.ParameterSource.ENVIRONMENT and context.parent is None:
        setattr(settings, name, value)


def _cluster_file_option(*names: str) -> Callable[[F], F]:
    return click.option(
        *names,
        type=click.Path(path_type=Path, readable=False),  # bakery.config has better messages
        default=Path("bakery.yaml"),
        show_default=True,
        envvar="BAKERY_CLUSTER_FILE",
        show_envvar=True,
        help="The cluster file; - reads standard input, with .bakery/ in this folder.",
    )


_OUTPUT = click.option(
    "-o",
    "--output",
    type=Choice(FORMATS),
    metavar="FORMAT",
    help="Format of the result: table, wide (a table with every column), json, yaml or name (names only).",
)
_OPTIONS = (
    click.option(
        "--local",
        is_flag=True,
        help="Use the running emulator instead of DigitalOcean; BAKERY_EMULATOR names it (else: default).",
    ),
    click.option(
        "--json",
        is_flag=True,
        help="Print the result as JSON (-o json), and an error as JSON in the last line of stderr.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print only results, warnings and errors."),
    click.option("-v", "--verbose", is_flag=True, help="Also print timings and each API request."),
    click.option("-y", "--yes", is_flag=True, help="Answer every question with yes."),
    click.option("--no-color", is_flag=True, help="Print without colours, as with NO_COLOR=1."),
)


def common_options(function: F) -> F:
    """Add the global options to a command; users may write them before or after the verb."""
    return _with_options(function, _cluster_file_option("-f", "--cluster-file"), _OUTPUT)


def common_options_without_f(function: F) -> F:
    """Add the global options to a command whose ``-f`` is another option: it has ``--cluster-file`` only."""
    return _with_options(function, _cluster_file_option("--cluster-file"), _OUTPUT)


def common_options_without_o(function: F) -> F:
    """Add the global options to a command whose ``-o`` is a file: the format of its result is ``--json`` only."""
    return _with_options(function, _cluster_file_option("-f", "--cluster-file"))


def _with_options(function: F, *first: Callable[[Any], Any]) -> F:
    for option in reversed((*first, *_OPTIONS)):
        function = _hidden_option(option)(function)
    return function


def _hidden_option(option: Callable[[F], F]) -> Callable[[F], F]:
    """Return the option with its value stored in :class:`Settings` instead of passed to the function."""

    def decorate(function: F) -> F:
        decorated = option(function)
        parameters: list[click.Option] = decorated.__click_params__  # type: ignore[attr-defined]
        parameters[-1].callback = _keep
        parameters[-1].expose_value = False
        return decorated

    return decorate
