"""Read the version of an agent from what it reports about its build."""

import re

_RELEASE = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}")


def read_version(build: object) -> str | None:
    """Return the three numbers of a version with ``:REVISION`` or ``-beta.1`` after it; None for another form.

    Consul's tag "build" has the revision (hashicorp/consul agent/agent.go, consulConfig), Nomad's has not.
    """
    found = _RELEASE.match(build) if isinstance(build, str) else None
    return found[0] if found else None
