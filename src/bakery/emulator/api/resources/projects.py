"""The account's one project, which holds every droplet and load balancer (OpenAPI: resources/projects)."""

from typing import Any

from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.model import Droplet, LoadBalancer
from bakery.emulator.api.call import Call, Reply, page
from bakery.emulator.api.resources.catalog import timestamp

PROJECT_ID = "00000000-0000-4000-8000-000000000003"
OWNER_ID = "00000000-0000-4000-8000-000000000001"
CREATED_AT = "2026-01-01T00:00:00Z"


def list_projects(call: Call) -> Reply:
    return page(call, "projects", [PROJECT_ID], _project_view)


def get_project(call: Call) -> Reply:
    """Answer with the project, by its id or as ``default``."""
    return Reply(body={"project": _project_view(_find(call))})


def list_resources(call: Call) -> Reply:
    _find(call)
    resources: list[Droplet | LoadBalancer] = [*call.state.droplets.all(), *call.state.load_balancers.all()]
    return page(call, "resources", resources, lambda each: _resource_view(call, each))


def _find(call: Call) -> str:
    if call.params["project"].lower() not in {"default", PROJECT_ID}:
        raise NotFound
    return PROJECT_ID


def _project_view(project_id: str) -> dict[str, Any]:
    return {
        "id": project_id,
        "owner_uuid": OWNER_ID,
        "owner_id": 1,
        "name": "Default",
        "description": "Everything in this account",
        "purpose": "Just trying out DigitalOcean",
        "environment": "Development",
        "is_default": True,
        "created_at": CREATED_AT,
        "updated_at": CREATED_AT,
    }


def _resource_view(call: Call, resource: Droplet | LoadBalancer) -> dict[str, Any]:
    is_balancer = isinstance(resource, LoadBalancer)
    kind, path = ("loadbalancer", "load_balancers") if is_balancer else ("droplet", "droplets")
    return {
        "urn": f"do:{kind}:{resource.id}",
        "assigned_at": timestamp(resource.created_at),
        "links": {"self": f"{call.base_url}/v2/{path}/{resource.id}"},
        "status": "ok",
    }
