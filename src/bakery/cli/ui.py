"""``bakery ui``: the web UIs of Consul and Nomad in the browser, without a certificate or a token in it."""

import click

from bakery.cli.browsing import browser_options, open_pages, wait_for_signal
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.values import Choice
from bakery.cli.where import other_cloud_option

PRODUCTS = {"consul": ("Consul",), "nomad": ("Nomad",), "all": ("Consul", "Nomad")}


@click.command()
@click.argument("product", type=Choice(tuple(PRODUCTS)), default="all")
@click.option(
    "--management", is_flag=True, help="Act with the management tokens: the UIs may then change everything."
)
@browser_options
@other_cloud_option
@common_options
@read_only()
@click.pass_context
def ui(
    context: click.Context,
    product: str,
    management: bool,  # noqa: FBT001 - a click flag
    port: int | None,
    no_open: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Open the web UI of consul, nomad or all (the default) at an address of this machine, until Ctrl-C.

    A proxy on loopback adds the certificate and the token to each request, so that the browser has neither. The
    token is created for this run, only reads, and is deleted at the end. The proxy uses a server that answers, and
    another one if that is gone. It refuses the requests of other web pages.

    With --port N and all, Nomad's UI has the port N + 1. Nomad's exec needs a terminal: bakery nomad alloc exec.

    \b
    Examples:
      bakery ui
      bakery ui nomad --port 4646 --no-open
      bakery ui nomad --management
    """
    from bakery.operations.open_ui import UiRequest, open_uis

    invocation = invocation_of(context)
    request = UiRequest(products=PRODUCTS[product], management=management, port=port or 0, other_cloud=other_cloud)
    with open_uis(invocation, request) as uis:
        if management:
            invocation.console.warn("the UIs act with the management tokens and may change everything")
        open_pages(invocation, {ui.product: ui.url for ui in uis}, opens=not no_open)
        return wait_for_signal()
