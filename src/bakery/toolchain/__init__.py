"""Verified consul, nomad and packer: PATH, cache, official release."""

from bakery.toolchain.find import find_tool as find_tool
from bakery.toolchain.model import CNI_VERSION as CNI_VERSION
from bakery.toolchain.model import PACKER_VERSION as PACKER_VERSION
from bakery.toolchain.model import PLUGIN_VERSION as PLUGIN_VERSION
from bakery.toolchain.model import Origin as Origin
from bakery.toolchain.model import Places as Places
from bakery.toolchain.model import PublishedFile as PublishedFile
from bakery.toolchain.model import Tool as Tool
from bakery.toolchain.model import ToolName as ToolName
from bakery.toolchain.model import places_from_environment as places_from_environment
from bakery.toolchain.release import find_published as find_published
