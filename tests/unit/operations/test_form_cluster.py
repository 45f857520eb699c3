"""Which nodes get tokens by ``bakery bootstrap``: those with a droplet, and those that were rendered for one."""

from dataclasses import replace

import pytest

from bakery.config.model import Kind
from bakery.operations.form_cluster import nodes_with_tokens
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import make_droplet

FIRST, SECOND = (make_node(Kind.NOMAD_CLIENT, number) for number in (1, 2))
PLAN = replace(make_plan(), nodes=(FIRST, SECOND))


@pytest.mark.parametrize("rendered", [(), ("nomad-client",)])
def test_a_node_that_was_replaced_gets_none(rendered: tuple[str, ...]) -> None:
    """Its user-data may be in other hands: that is why it was replaced. Its slot has another name now, or none."""
    assert nodes_with_tokens(PLAN, (), rendered) == ()
    later = make_droplet(11, f"{FIRST.name}-f938", FIRST.tags)
    assert [node.name for node in nodes_with_tokens(PLAN, (later,), rendered)] == [later.name]


def test_a_node_that_was_rendered_under_its_name_gets_them() -> None:
    """Control."""
    assert nodes_with_tokens(PLAN, (), (SECOND.name,)) == (SECOND,)
    own = make_droplet(11, FIRST.name, FIRST.tags)
    assert nodes_with_tokens(PLAN, (own,), (SECOND.name,)) == (FIRST, SECOND)
