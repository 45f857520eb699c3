"""What the verbs that serve pages to a browser share: options, the printed addresses, the wait for Ctrl-C."""

import os
import sys
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, TypeVar

import click

from bakery.cli import signals
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation
from bakery.cli.values import WholeNumber
from bakery.errors import ExitCode

F = TypeVar("F", bound=Callable[..., Any])
LAST_PORT = 65_534
"""The second of two UIs has the next."""


def browser_options(function: F) -> F:
    """Add ``--port`` and ``--no-open``."""
    port = click.option(
        "--port",
        type=WholeNumber(1, LAST_PORT),
        metavar="N",
        help="The port on 127.0.0.1. Default: a free one.",
    )
    no_open = click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
    return port(no_open(function))


def open_pages(invocation: Invocation, pages: Mapping[str, str], *, opens: bool) -> None:
    """Print the addresses of the pages by name, and open them in the browser if there is one."""
    if invocation.settings.json:
        listed = [{"name": name.lower(), "url": url} for name, url in pages.items()]
        print_answer(invocation.settings, "ui", {"pages": listed})
    else:
        width = max(map(len, pages))
        for name, url in pages.items():
            invocation.console.print(f"{name:<{width}}  {url}")
    sys.stdout.flush()
    invocation.console.note("Ctrl-C ends it")
    if opens and has_browser():
        from bakery.proc import open_in_browser

        for url in pages.values():
            open_in_browser(url)


def has_browser() -> bool:
    """Whether this machine can show a page: not in a pipeline, as root, or on a server without a desktop."""
    if not sys.stdout.isatty() or os.geteuid() == 0:
        return False
    desktop = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return desktop or sys.platform == "darwin"


def wait_for_signal() -> int:
    """Wait until the user ends the command; return the exit code."""
    signals.say_nothing()
    try:
        Event().wait()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE
