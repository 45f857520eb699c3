"""Write the pictures in docs/images, in headless Chromium, from the running demo: the UIs and the dashboard.

`make screenshots` installs Chromium. The pages are those of `bakery ui` and `bakery dashboard`.
"""

import sys
from dataclasses import dataclass

from tests.helpers.chromium import Page, chromium
from tests.helpers.cluster_e2e import PATIENCE, ROOT, find_cluster
from tests.helpers.pages_e2e import opened_pages

IMAGES = ROOT / "docs" / "images"
STILL_SECONDS = 1.0
"""The pages' own transitions take less."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A page, and what it shows when it is complete."""

    file: str
    page: str
    """consul, nomad or dashboard."""
    text: str
    path: str = ""
    size: tuple[int, int] = (1100, 620)
    dark: bool = False
    whole: bool = False
    """Whether the picture has what is below the screen's end too."""


PICTURES = (
    Picture(file="consul-services", page="consul", path="demo/services", text="hello"),
    Picture(file="consul-nodes", page="consul", path="demo/nodes", text="demo-nomad-client-1"),
    Picture(file="nomad-servers", page="nomad", path="servers", text="demo-nomad-server-1"),
    Picture(file="nomad-clients", page="nomad", path="clients", text="demo-nomad-client-1"),
    Picture(file="nomad-jobs", page="nomad", path="jobs", text="hello"),
    Picture(file="dashboard", page="dashboard", text="jobs, all healthy", size=(1160, 800), whole=True),
    Picture(
        file="dashboard-dark", page="dashboard", text="jobs, all healthy", size=(1160, 800), dark=True, whole=True
    ),
    Picture(file="dashboard-phone", page="dashboard", text="jobs, all healthy", size=(390, 844)),
)


def main() -> int:
    cluster = find_cluster()
    if cluster is None:
        sys.stderr.write("error: the demo is not up\nhelp: KEEP=1 make demo\n")
        return 2
    for job in ("service", "batch", "system"):
        cluster.run_job(ROOT / "examples" / f"{job}.nomad.hcl")
    IMAGES.mkdir(exist_ok=True)
    with (
        opened_pages(cluster, "ui", "all") as uis,
        opened_pages(cluster, "dashboard") as board,
        chromium() as page,
    ):
        for picture in PICTURES:
            take(page, {**uis, **board}[picture.page], picture)
    return 0


def take(page: Page, url: str, picture: Picture) -> None:
    page.view(width=picture.size[0], height=picture.size[1], dark=picture.dark)
    page.goto(url + picture.path)
    page.wait_for_text(picture.text, seconds=PATIENCE)
    page.pause(STILL_SECONDS)
    file = IMAGES / f"{picture.file}.png"
    page.screenshot(file, whole=picture.whole)
    print(f"{file.relative_to(ROOT)} {file.stat().st_size} bytes")  # noqa: T201 - a script's output


if __name__ == "__main__":
    sys.exit(main())
