"""The ACL bootstrap, which Consul and Nomad take in the same form and refuse in words of their own."""

from bakery.agents.transport import AgentHttp
from bakery.errors import AgentError


def bootstrap_acl(http: AgentHttp, method: str, secret: str, *, refused: int, already: str) -> bool:
    """Ask for the one bootstrap there is, with our own ``secret``; False if somebody has had it already.

    ``refused`` is the status of a refusal, ``already`` what it says in that case.

    Raises:
        AgentError: refused for another reason.
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
    message = f"{http.name} refused the ACL bootstrap"
    raise AgentError(message=message, details=reply.error_text, status=reply.status)
