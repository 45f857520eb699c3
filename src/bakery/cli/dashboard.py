"""``bakery dashboard``: the cluster as a page in the browser."""

import click

from bakery.cli.browsing import browser_options, open_pages, wait_for_signal
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.where import cloud_json, other_cloud_option

EVERY_SECONDS = 5.0


@click.command()
@browser_options
@other_cloud_option
@common_options
@read_only()
@click.pass_context
def dashboard(context: click.Context, port: int | None, no_open: bool, other_cloud: bool) -> int:  # noqa: FBT001 - click flags
    """Show the cluster as a page at an address of this machine, until Ctrl-C. Changes nothing.

    The page has the droplets by role, the leaders, versions, ages, certificates, jobs and the price a month.
    bakery looks at the cluster every 5 seconds while a page is open. The page contains no secret, loads nothing
    from the internet, and fits a phone and a wall, in light or dark as the browser is set.

    \b
    Examples:
      bakery dashboard
      bakery dashboard --port 8080 --no-open
      curl http://127.0.0.1:8080/report.json
    """
    from bakery.browser.dashboard import serve_dashboard
    from bakery.browser.looker import Looker
    from bakery.cli.crash import crash_error
    from bakery.cli.dashboard_json import error_json, view_json
    from bakery.operations.watch_cluster import ClusterWatcher

    invocation = invocation_of(context)
    watcher, cloud = ClusterWatcher(invocation, other_cloud=other_cloud), cloud_json(invocation)
    looker = Looker(
        lambda: view_json(watcher.look(), cloud, invocation.settings.spell),
        lambda error: error_json(error, invocation.settings.spell),
        lambda error: crash_error(error, invocation.settings),
        every=EVERY_SECONDS,
    )
    watcher.check()
    looker.seen()
    with serve_dashboard(looker, port or 0) as url:
        open_pages(invocation, {"Dashboard": url}, opens=not no_open)
        return wait_for_signal()
