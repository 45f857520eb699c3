"""Death at the changes of a scale down, then the same command: every ninth here, all of them in ``make sweep``."""

from functools import partial
from pathlib import Path

import pytest

from tests.helpers.launch_harness import plan_of
from tests.helpers.roll_crash import changes_of, die_and_rerun, scale

STRIDE = 9
PLAN = plan_of({"consul-server": 3, "nomad-server": 3, "nomad-client": 2})
GOAL = {"consul-server": 1, "nomad-server": 1, "nomad-client": 1}


@pytest.mark.parametrize(("first", "after"), [(7, False), (1, True)])
def test_the_same_command_goes_on(tmp_path: Path, first: int, *, after: bool) -> None:
    command = partial(scale, GOAL)
    count = changes_of(tmp_path, PLAN, command)
    assert count > 30, "control: there are places to die"
    for number in range(first, count + 1, STRIDE):
        die_and_rerun(tmp_path, PLAN, command, number, plan_of(GOAL), after=after)
