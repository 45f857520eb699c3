"""A program that is ``bakery``, but kills itself at one request to an agent.

Arguments: the product (Consul or Nomad), the method, the path's beginning, "before" or "after" the request, then
bakery's own. It dies at the first such request; a run that has none is an ordinary one.
"""

import os
import signal
import sys
from typing import Any

from bakery.agents.transport import AgentHttp, Reply
from bakery.cli.main import main


def die_at(product: str, method: str, path: str, moment: str) -> None:
    call = AgentHttp.call

    def crashing(http: AgentHttp, asked: str, where: str, *arguments: Any, **named: Any) -> Reply:  # noqa: ANN401 - stands in for call
        struck = http.name.startswith(product) and asked == method and where.startswith(path)
        if struck and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        reply = call(http, asked, where, *arguments, **named)
        if struck:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    setattr(AgentHttp, "call", crashing)  # noqa: B010 - mypy knows the method's type


if __name__ == "__main__":
    die_at(*sys.argv[1:5])
    sys.argv = ["bakery", *sys.argv[5:]]
    main()
