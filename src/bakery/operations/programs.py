"""The programs that a bake and a look at the cluster need, on this machine."""

from bakery.config.model import Image
from bakery.console import Reporter
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import PACKER_VERSION, PLUGIN_VERSION, Tool, ToolName, places_from_environment


def ensure_programs(image: Image, reporter: Reporter) -> tuple[Tool, ...]:
    """Return Packer, its plugin, Consul and Nomad; download from the official releases what is missing.

    Raises:
        MissingToolError: a program is not here and cannot be downloaded.
    """
    wanted = (
        (ToolName.PACKER, PACKER_VERSION),
        (ToolName.PLUGIN, PLUGIN_VERSION),
        (ToolName.CONSUL, image.consul),
        (ToolName.NOMAD, image.nomad),
    )
    places = places_from_environment(checksums=image.checksums)
    return tuple(find_tool(name, version, places=places, reporter=reporter) for name, version in wanted)
