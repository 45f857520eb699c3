"""Runs Packer and verifies the snapshot through the API."""

from bakery.bake.bake import bake as bake
from bakery.bake.model import BakeRequest as BakeRequest
from bakery.bake.model import Download as Download
from bakery.bake.model import Tools as Tools
from bakery.bake.request import build_request as build_request
from bakery.bake.sweep import sweep as sweep
