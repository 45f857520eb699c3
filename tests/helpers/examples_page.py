"""The commands of ``examples/README.md``, run in its folder as a user of the cluster runs them."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.helpers.cluster_e2e import BAKERY, EMULATOR, PATIENCE, ROOT, Cluster
from tests.helpers.console_blocks import read_sections
from tests.helpers.page_shell import PageShell, with_programs

EXAMPLES = ROOT / "examples"
SECTIONS = read_sections((EXAMPLES / "README.md").read_text())


def run_section(cluster: Cluster, title: str, variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """Run the section's commands in a shell with ``bakery env`` and ``variables``.

    A command whose output the page shows is repeated until it prints it; every other must succeed at once.
    """
    environment = {
        **cluster.shell_env,
        "BAKERY_EMULATOR": EMULATOR,
        "BAKERY_CLUSTER_FILE": str(cluster.work / "bakery.yaml"),
        "DIGITALOCEAN_API_URL": cluster.endpoint,
        "DIGITALOCEAN_TOKEN": cluster.token,
        **variables,
    }
    environment = with_programs(environment, BAKERY.parent, cluster.tools)
    shell = PageShell(EXAMPLES, environment, secrets=cluster.shell_tokens, seconds=PATIENCE)
    for shown in SECTIONS[title]:
        shell.take(shown)
