"""VPCs (OpenAPI: resources/vpcs)."""

from typing import Any

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Droplet, LoadBalancer, Vpc
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page
from bakery.emulator.api.resources.catalog import timestamp

MAX_DESCRIPTION = 255


def list_vpcs(call: Call) -> Reply:
    return page(call, "vpcs", call.state.vpcs.all(), vpc_view)


def create_vpc(call: Call) -> Reply:
    region = fields.text(call.body, "region")
    if region not in call.settings.regions:
        message = "You specified an invalid region for VPC creation."
        raise Unprocessable(message)
    vpc = call.state.vpcs.create(
        name=fields.text(call.body, "name"),
        description=_description(call) or "",
        region=region,
        ip_range=fields.optional_text(call.body, "ip_range") or None,
    )
    return Reply(status=201, body={"vpc": vpc_view(vpc)})


def get_vpc(call: Call) -> Reply:
    return Reply(body={"vpc": vpc_view(call.state.vpcs.get(call.params["vpc"]))})


def update_vpc(call: Call) -> Reply:
    """Update a VPC as PATCH does, but require the name."""
    fields.text(call.body, "name")
    return patch_vpc(call)


def patch_vpc(call: Call) -> Reply:
    vpc = call.state.vpcs.get(call.params["vpc"])
    name = fields.optional_text(call.body, "name") or vpc.name
    description = _description(call)
    default = fields.boolean(call.body, "default")
    call.state.vpcs.check_name(name, own=vpc)
    vpc.name = name
    vpc.description = vpc.description if description is None else description
    if default:
        call.state.vpcs.make_default(vpc)
    return Reply(body={"vpc": vpc_view(vpc)})


def delete_vpc(call: Call) -> Reply:
    vpc = call.state.vpcs.get(call.params["vpc"])
    members = len(call.state.droplets.members(vpc.id)) + len(call.state.load_balancers.members(vpc.id))
    call.state.vpcs.remove(vpc, members=members)
    return NO_CONTENT


def list_members(call: Call) -> Reply:
    vpc = call.state.vpcs.get(call.params["vpc"])
    wanted = call.query.get("resource_type")
    droplets = call.state.droplets.members(vpc.id) if wanted in (None, "droplet") else []
    balancers = call.state.load_balancers.members(vpc.id) if wanted in (None, "load_balancer") else []
    members: list[Droplet | LoadBalancer] = [*droplets, *balancers]
    return page(call, "members", members, member_view)


def list_peerings(call: Call) -> Reply:
    """Answer with an empty page: peerings are not supported."""
    call.state.vpcs.get(call.params["vpc"])
    return page(call, "peerings", (), dict)


def _description(call: Call) -> str | None:
    description = fields.optional_text(call.body, "description")
    if description is not None and len(description) > MAX_DESCRIPTION:
        message = f"description is too long (maximum is {MAX_DESCRIPTION} characters)"
        raise Unprocessable(message)
    return description


def vpc_view(vpc: Vpc) -> dict[str, Any]:
    return {
        "id": vpc.id,
        "urn": f"do:vpc:{vpc.id}",
        "name": vpc.name,
        "description": vpc.description,
        "region": vpc.region,
        "ip_range": vpc.ip_range,
        "default": vpc.default,
        "created_at": timestamp(vpc.created_at),
    }


def member_view(member: Droplet | LoadBalancer) -> dict[str, Any]:
    name = member.settings.name if isinstance(member, LoadBalancer) else member.name
    kind = "loadbalancer" if isinstance(member, LoadBalancer) else "droplet"
    return {"urn": f"do:{kind}:{member.id}", "name": name, "created_at": timestamp(member.created_at)}
