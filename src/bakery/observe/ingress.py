"""Conditions of the ingress nodes: Traefik takes requests, and the tags of services make routes that it takes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bakery.console import counted
from bakery.observe.gather import Facts
from bakery.observe.model import Condition
from bakery.observe.rules import rule_problem
from bakery.observe.verdict import judged, plain, unknown
from bakery.plan.model import ClusterPlan

_ENABLED = "traefik.enable=true"
_RULE = re.compile(r"traefik\.http\.routers\.([^.=]+)\.rule=(.*)", re.IGNORECASE)
_HELP = "see the tags of the services: consul catalog services -tags"


def takes_requests(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that Traefik's health endpoint answers on every planned ingress node."""
    passing = facts.consul.ingress
    if passing.value is None:
        return unknown("ingress", passing.error)
    names = [node.name for node in plan.ingress_nodes]
    faults = [f"{name}: {fault}" for name in names if (fault := ingress_fault(name, passing.value))]
    return judged("ingress", faults, f"{len(names)} of {len(names)} ingress nodes take requests")


def ingress_fault(name: str, passing: tuple[str, ...]) -> str | None:
    """Return why an ingress node is not healthy; None if it is."""
    return None if name in passing else "Traefik does not take requests"


def routes(facts: Facts) -> Condition:
    """Check the rules in the tags of services. A wrong rule concerns its service only, so it blocks nothing."""
    tags = facts.consul.tags
    if tags.value is None:
        return replace(unknown("ingress-routes", tags.error), blocks=False)
    exposed = {name: found for name, found in sorted(tags.value.items()) if _ENABLED in map(str.lower, found)}
    good = f"{counted(len(exposed), 'service')} with tags for Traefik"
    return replace(judged("ingress-routes", tuple(_faults(exposed)), good, help_text=_HELP), blocks=False)


def _faults(exposed: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    by_router: dict[str, dict[str, str]] = {}
    for service, tags in exposed.items():
        for router, rule in (found.groups() for found in map(_RULE.fullmatch, tags) if found):
            problem = rule_problem(rule)
            if problem is not None:
                yield f"{plain(service)}: the rule {plain(rule)} is not valid: {problem}"
            by_router.setdefault(router.lower(), {})[service] = rule
    yield from _one_router_of_two(by_router)
    yield from _one_rule_of_two(by_router)


def _one_router_of_two(by_router: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield routers that services define differently: Traefik then leaves out the router, for all of them."""
    for router, rules in by_router.items():
        if len(set(rules.values())) > 1:
            services = " and ".join(map(plain, rules))
            yield f"{services} define the router {plain(router)} with different rules, and neither is routed"


def _one_rule_of_two(by_router: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield rules that routers of different services have: one of them gets every request.

    A service may have several, for example one for HTTP and one for HTTPS.
    """
    by_rule: dict[str, list[str]] = {}
    for rules in by_router.values():
        if len(set(rules.values())) == 1:
            services, rule = " and ".join(map(plain, rules)), next(iter(rules.values()))
            by_rule.setdefault("".join(rule.split()), []).append(services)
    for rule, claimed_by in by_rule.items():
        if len(set(claimed_by)) > 1:
            yield f"{' and '.join(claimed_by)} claim {plain(rule)}: one of them gets all requests"
