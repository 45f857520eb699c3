"""The condition that Consul accepts the identities that Nomad signs for tasks and services."""

from collections.abc import Sequence

from bakery.agents.model import SigningKey
from bakery.hints import Command
from bakery.observe.gather import AUTH_METHOD, Facts
from bakery.observe.model import Condition, ConditionState
from bakery.observe.verdict import judged, plain, unknown

NAME = "workload-identity"


def workload_identity(facts: Facts) -> Condition:
    """Check that Consul knows the key with which Nomad signs; otherwise no task with a Consul identity starts.

    A cluster without the auth method is healthy: an earlier version launched it, and its jobs run as before.
    """
    keys, accepted = facts.nomad.signing_keys, facts.consul.jwt_keys
    if keys.value is None or accepted.value is None:
        return unknown(NAME, keys.error or accepted.error)
    if not accepted.value:
        message = f"Consul has no auth method {AUTH_METHOD} with Nomad's keys: tasks cannot read Consul"
        help_text = f"to set it up: {Command('launch')}"
        return Condition(name=NAME, state=ConditionState.MISSING, message=message, help=help_text, blocks=False)
    return judged(
        NAME,
        _faults(keys.value, accepted.value),
        "Consul knows Nomad's active key",
        help_text=f"to give Consul the key: {Command('launch')}",
    )


def _faults(keys: Sequence[SigningKey], accepted: Sequence[str]) -> list[str]:
    active = [key for key in keys if key.active]
    if not active:
        return ["Nomad has no active key"]
    return [
        f"Consul does not know Nomad's active key {plain(key.id)}: tasks that read Consul do not start"
        for key in active
        if key.pem not in accepted
    ]
