"""The ACL bootstrap: one request form for Consul and Nomad, with different texts for "already done"."""

from bakery.agents.transport import AgentHttp


def bootstrap_acl(http: AgentHttp, method: str, secret: str, *, refused: int, already: str) -> bool:
    """Bootstrap the ACLs with ``secret``; return False if they were bootstrapped before.

    ``refused`` is the HTTP status of a refused request; ``already`` is the text in its body that means "already
    done".

    Raises:
        AgentError: the request was refused for another reason.
    """
    reply = http.call(
        method,
        "/v1/acl/bootstrap",
        {"BootstrapSecret": secret},
        anonymous=True,
        accept=frozenset({refused}),
        secrets=(secret,),
    )
    if reply.status != refused:
        return True
    if already in reply.error_text:
        return False
    raise http.error(what="refused the ACL bootstrap", details=reply.error_text, status=reply.status)
