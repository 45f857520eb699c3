"""The page of examples/ingress, and a reader's shell in which its commands run on the cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.helpers.cluster_e2e import BAKERY, PATIENCE, ROOT, Cluster
from tests.helpers.console_blocks import read_page
from tests.helpers.file_server import served
from tests.helpers.go.programs import build_client
from tests.helpers.image_tar import tar_of
from tests.helpers.page_shell import PageShell, with_programs

FOLDER = ROOT / "examples" / "ingress"
PAGE = read_page((FOLDER / "README.md").read_text(encoding="utf-8"))
"""Its steps, by section."""


@contextmanager
def program_archives(cluster: Cluster) -> Iterator[dict[str, str]]:
    """Variables of the jobs: programs of this machine in place of the official releases."""
    template, fabio = (build_client(name).read_bytes() for name in ("consul-template", "fabio"))
    files = {"consul-template.tar": tar_of({"consul-template": template}), "fabio": fabio}
    with served(cluster.operator, files) as base:
        yield {
            "NOMAD_VAR_consul_template": f"{base}/consul-template.tar",
            "NOMAD_VAR_fabio": f"{base}/fabio",
        }


def reader_shell(cluster: Cluster, archives: dict[str, str], **variables: str) -> PageShell:
    """The shell of a reader at the top of the checkout."""
    environment = {"NO_COLOR": "1", **archives, **variables}
    return PageShell(ROOT, with_programs(environment, BAKERY.parent), secrets=cluster.tokens, seconds=PATIENCE)


def operator_shell(cluster: Cluster, archives: dict[str, str]) -> PageShell:
    """The page says ``bakery env`` as on DigitalOcean; these variables name the emulator as if it were that."""
    variables = {
        "BAKERY_CLUSTER_FILE": str(cluster.work / "bakery.yaml"),
        "DIGITALOCEAN_API_URL": cluster.endpoint,
        "DIGITALOCEAN_TOKEN": cluster.token,
    }
    return reader_shell(cluster, archives, **variables)
