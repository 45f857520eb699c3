"""Many droplets, and a list of them that comes in pages."""

from tests.helpers.emulated import emulated

BATCH = 10
"""Most droplets of one request."""


def list_by_tag(droplets: int) -> None:
    """Create that many, follow the links from page to page, and delete them by their tag."""
    with emulated() as api:
        for batch in range(droplets // BATCH):
            names = [f"n{batch}-{number}" for number in range(BATCH)]
            api.create(names=names, tags=["all", f"batch:{batch}"])

        seen: set[int] = set()
        url: str | None = "/v2/droplets?tag_name=all&per_page=200"
        while url is not None:
            page = api.get(url.removeprefix(api.url)).json()
            seen |= {droplet["id"] for droplet in page["droplets"]}
            url = page["links"].get("pages", {}).get("next")

        assert len(seen) == droplets
        assert api.get("/v2/droplets?tag_name=batch:7").json()["meta"] == {"total": BATCH}
        assert api.delete("/v2/droplets?tag_name=all").status_code == 204
        api.settle()
        assert api.machines.machines == {}
