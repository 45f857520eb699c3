"""Requests that Nomad's servers pass on to a client, with the caller's token.

Root on the client can read it (hashicorp/nomad v1.11.3, client/alloc_endpoint.go, ResolveToken).
"""

import re
from posixpath import normpath
from urllib.parse import unquote, urlsplit

_PATHS = re.compile(r"(^|/)v1/(client/|allocation/[^/]+/checks$|job/.+/action$)")
_QUERIES = ("node_id=", "client_id=", "allocID=")


def path_of(url: str) -> str:
    """Return the path of ``url``, a path or a whole URL, as an agent reads it."""
    return normpath(unquote(urlsplit(url).path))


def reaches_client(url: str) -> bool:
    """Return whether a request for ``url``, a path with its query, may be passed on to a client.

    ``url`` has no fragment, which servers leave out: the callers refuse one.

    Paths: hashicorp/nomad v1.11.3, command/agent/http.go, and the handlers that call ``rpcHandlerForAlloc`` or
    ``rpcHandlerForNode``, also by ``execStream`` (job_endpoint.go, jobRunAction).
    """
    path = normpath(unquote(url.partition("?")[0]))
    return bool(_PATHS.search(path)) or any(mark in unquote(url) for mark in _QUERIES)
