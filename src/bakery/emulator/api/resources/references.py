"""Finds the droplets and the VPC that a request's body names."""

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Droplet, Vpc
from bakery.emulator.api import fields
from bakery.emulator.api.call import Call


def read_droplet_ids(call: Call) -> list[int]:
    """Return ``droplet_ids``. Raises Unprocessable for one that does not exist."""
    ids = fields.integers(call.body, "droplet_ids")
    for droplet_id in ids:
        get_droplet(call, droplet_id)
    return ids


def get_droplet(call: Call, droplet_id: int) -> Droplet:
    """Return the droplet that the body names. Raises Unprocessable if it does not exist."""
    if not call.state.droplets.exists(droplet_id):
        message = f"Droplet {droplet_id} does not exist"
        raise Unprocessable(message)
    return call.state.droplets.get(droplet_id)


def read_vpc(call: Call, region: str, *, refusal: str) -> Vpc:
    """Return the VPC ``vpc_uuid``, or the region's default one; ``refusal`` is the message for a VPC elsewhere.

    Raises Unprocessable.
    """
    vpc_id = fields.optional_text(call.body, "vpc_uuid")
    if not vpc_id:
        return call.state.vpcs.default_of(region)
    vpc = call.state.vpcs.find(vpc_id)
    if vpc is None or vpc.region != region:
        raise Unprocessable(refusal)
    return vpc
