"""``python -m bakery.toolchain``, the command of ``make toolchain``."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bakery.console import Console
from bakery.errors import BakeryError, ExitCode
from bakery.hints import joined
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import ToolName, places_from_environment
from bakery.toolchain.source import build_tool, download_modules, read_version


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Build tools, or print the path of one; return the exit code."""
    console = console or Console()
    arguments = _parser().parse_args(argv)
    try:
        if arguments.verb == "build":
            _build(arguments.tools or list(ToolName), console)
        else:
            _print_path(ToolName(arguments.tool), arguments.version, console)
    except BakeryError as error:
        console.warn(joined("\n", (text for text in (error.message, error.details, error.hint) if text)))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _build(tools: Sequence[ToolName], console: Console) -> None:
    cache = places_from_environment().cache
    with _downloads(tools[1:], cache):
        for number, name in enumerate(tools, 1):
            console.note(f"{name} ({number} of {len(tools)})")
            build_tool(name, cache=cache, reporter=console)


@contextmanager
def _downloads(tools: Sequence[ToolName], cache: Path) -> Iterator[None]:
    """Download the modules of ``tools``, one tool after the other, while the block runs.

    Errors are not reported: the build of the tool meets them again.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    for name in tools:
        pool.submit(download_modules, name, cache=cache)
    try:
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _print_path(name: ToolName, version: str | None, console: Console) -> None:
    tool = find_tool(name, version or read_version(name), places=places_from_environment(), reporter=console)
    console.print(str(tool.path))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bakery.toolchain", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser(
        "build", help="build tools from the Go modules in toolchain/; without names, all of them"
    )
    build.add_argument("tools", nargs="*", type=ToolName, metavar="TOOL", help=", ".join(ToolName))
    path = verbs.add_parser("path", help="print the path of a tool; download it if this machine does not have it")
    path.add_argument("tool", choices=[name.value for name in ToolName])
    path.add_argument("--version", help="default: the one in toolchain/TOOL/go.mod")
    return parser


if __name__ == "__main__":
    sys.exit(main())
