"""``bakery support``: a bundle for a person who helps, without secrets."""

import io
import shlex
import tarfile
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import click

from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options_without_o
from bakery.cli.output import refuse_existing, write_errors
from bakery.cli.read_only import read_only
from bakery.cli.signals import Terminated
from bakery.cli.values import WholeNumber
from bakery.cli.where import other_cloud_option
from bakery.errors import ExitCode

COMMANDS = (("status", "--json"), ("plan", "--json"), ("doctor", "--json"), ("credentials", "--json"))
README = """\
What bakery collected about one cluster: the answers of its own commands (*.json, with *.err.txt for stderr),
versions, the cluster file, what one server of each product answers, and a few seconds of the agents' logs.

Every secret of at least four characters that bakery knows is replaced by ***. In bakery.yaml so are the values of
merged configuration (roles.NAME.nomad and roles.NAME.consul), and in the other files those of at least eight
characters. It does not know secrets that jobs write into logs, or that you wrote elsewhere into the cluster file:
read the files before you send them.
"""


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Default: bakery-support-CLUSTER-TIME.tar.gz.",
)
@click.option(
    "--seconds",
    type=WholeNumber(1, 600),
    default=5,
    show_default=True,
    help="How long to read the agents' logs.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@other_cloud_option
@common_options_without_o
@read_only()
@click.pass_context
def support(
    context: click.Context,
    output: Path | None,
    seconds: int,
    force: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Write a bundle (tar.gz, 0600) for a person who helps you: status, plan, versions, members and agents' logs.

    Changes nothing. Secrets are replaced by ***; read the bundle before you send it.

    \b
    Example:
      bakery support
    """
    from bakery.files import write_secret_file
    from bakery.operations.support import collect_support

    invocation = invocation_of(context)
    name = f"bakery-support-{invocation.config.cluster}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    file = output or Path(f"{name}.tar.gz")
    refuse_existing(file, force=force)
    commands: dict[str, str] = {}
    for words in COMMANDS:
        with invocation.console.step(f"bakery {' '.join(words)}"):
            commands |= _run(invocation, words, other_cloud=other_cloud)
    with invocation.console.step(f"servers and logs, {seconds} s"):
        files = collect_support(invocation, commands, log_seconds=seconds)
    with write_errors(file):
        write_secret_file(file, _archive(name, {"README.txt": README, **files}))
    if invocation.settings.json:
        print_answer(invocation.settings, "support", {"file": str(file), "files": sorted(files)})
        return
    invocation.console.print(str(file))
    invocation.console.note(f"read the files in it before you send it: tar -xzf {shlex.quote(str(file))}")


def _run(invocation: Invocation, words: tuple[str, ...], *, other_cloud: bool) -> Mapping[str, str]:
    """Run a command of bakery in this process, and return what it printed, by file name."""
    from bakery.cli.main import run

    settings = invocation.settings
    takes_cloud = other_cloud and words[0] in {"status", "plan"}
    arguments = [*words, *settings.given, *(("--other-cloud",) if takes_cloud else ()), "--no-color"]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments, timings=settings.timings)
    if code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code == ExitCode.TERMINATED:
        raise Terminated
    files = {f"{words[0]}.json": out.getvalue(), f"{words[0]}.err.txt": err.getvalue()}
    return {name: text for name, text in files.items() if text} | {f"{words[0]}.exit.txt": f"{int(code)}\n"}


def _archive(name: str, files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, text in sorted(files.items()):
            member = tarfile.TarInfo(f"{name}/{path}")
            data = text.encode(errors="backslashreplace")  # a path may have bytes that are not UTF-8
            member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()
