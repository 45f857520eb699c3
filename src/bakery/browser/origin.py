"""Which requests a server on loopback answers: those of its own pages, and those that a user types.

Every page on the web can make a browser send requests to 127.0.0.1. It can also give a name of its own that
address (DNS rebinding), so that the browser lets it read the replies.
"""

from email.message import Message

_HTTP_PORT = 80
_PAGES = ("/", "/ui")
"""Paths below which a link leads to a page. Some of Nomad's other paths change the cluster by GET."""


def refusal(method: str, path: str, headers: Message, here: tuple[str, int]) -> str | None:
    """Return why a request to the server at ``here``, its address and port, is refused; None if it is not.

    A rebound name is in Host. Another page's script or form is in Origin, or in Sec-Fetch-Site where a browser
    sends no Origin (https://www.w3.org/TR/fetch-metadata/). A link on another page to a page of
    ours is answered: the other page cannot read the reply.
    """
    own = own_hosts(*here)
    hosts = headers.get_all("Host") or []
    if len(hosts) != 1 or hosts[0] not in own:
        return f"this server is http://{own[0]}, and the request is for another"
    origins = headers.get_all("Origin") or []
    if any(origin != f"http://{hosts[0]}" for origin in origins):
        return "the request is from another page"
    if headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and not _is_link(
        method, path, headers
    ):
        return "the request is from another page"
    return None


def own_hosts(address: str, port: int) -> tuple[str, ...]:
    """Return how a browser may write the server in Host, best first. It leaves the port out if it is 80.

    Never "localhost": another user of the machine can serve that name at its IPv6 address, at the same port.
    """
    with_port = f"{address}:{port}"
    return (address, with_port) if port == _HTTP_PORT else (with_port,)


def _is_link(method: str, path: str, headers: Message) -> bool:
    """Return whether a user follows a link: the whole window shows the page, not a frame in another page."""
    first = path.partition("?")[0]
    return (
        method == "GET"
        and (first in _PAGES or first.startswith("/ui/"))
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
    )
