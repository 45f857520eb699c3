"""Requests that Nomad's servers pass on to a client, with the caller's token.

Root on the client can read it (hashicorp/nomad v1.11.3, client/alloc_endpoint.go, ResolveToken).
"""

import re
from posixpath import normpath
from urllib.parse import unquote, urlsplit

_PATHS = re.compile(r"/v1/client/.*|/v1/allocation/[^/]+/checks")
_QUERIES = ("node_id=", "client_id=")


def path_of(url: str) -> str:
    """Return the path of ``url``, a path or a whole URL, as an agent reads it."""
    return normpath(unquote(urlsplit(url).path))


def reaches_client(url: str) -> bool:
    """Return whether a request for ``url``, a path or a whole URL, may be passed on to a client.

    Paths: hashicorp/nomad v1.11.3, command/agent/http.go, and the handlers that call ``rpcHandlerForAlloc`` or
    ``rpcHandlerForNode``.
    """
    query = unquote(urlsplit(url).query)
    return bool(_PATHS.fullmatch(path_of(url))) or any(mark in query for mark in _QUERIES)
