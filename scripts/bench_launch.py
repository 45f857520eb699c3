"""Print the cost of a launch of 9, 100 and 500 droplets as table rows: requests, seconds, MiB, parallel requests.

Each request is answered after 10 ms: a server that answers at once is never asked twice at the same time.
DigitalOcean accepts 250 requests per minute, so 500 droplets take two minutes there.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.launch_processes import forker
from tests.helpers.launch_scale import measure

DELAY_SECONDS = 0.01


def main() -> None:
    with forker() as hand, tempfile.TemporaryDirectory() as folder:
        for droplets in (9, 100, 500):
            cost = measure(hand, Path(folder) / str(droplets), droplets, delay_s=DELAY_SECONDS)
            cells = (droplets, cost.requests, f"{cost.seconds:.1f}", f"{cost.mebibytes:.0f}", cost.at_once)
            sys.stdout.write("| " + " | ".join(map(str, cells)) + " |\n")


if __name__ == "__main__":
    main()
