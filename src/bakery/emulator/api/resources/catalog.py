"""The account, regions and sizes."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from bakery.emulator.account.catalog import REGION_NAMES, SIZES, Size
from bakery.emulator.api.call import Call, Reply, page


def get_account(call: Call) -> Reply:
    settings = call.settings
    account = {
        "droplet_limit": settings.droplet_limit,
        "floating_ip_limit": settings.reserved_ip_limit,
        "reserved_ip_limit": settings.reserved_ip_limit,
        "volume_limit": 100,
        "email": "operator@emulator.invalid",
        "name": "Emulator",
        "uuid": "00000000-0000-4000-8000-000000000001",
        "email_verified": True,
        "status": "active",
        "status_message": "",
        "team": {"uuid": settings.team_uuid, "name": settings.team_name},
    }
    return Reply(body={"account": account})


def get_balance(call: Call) -> Reply:
    """Answer with a balance of zero; amounts are strings (OpenAPI: resources/billing/models/balance.yml)."""
    nothing = dict.fromkeys(("month_to_date_balance", "account_balance", "month_to_date_usage"), "0.00")
    return Reply(body={**nothing, "generated_at": timestamp(call.state.clock())})


def list_regions(call: Call) -> Reply:
    settings = call.settings
    return page(call, "regions", settings.regions, lambda slug: region_view(slug, settings.region_features))


def list_sizes(call: Call) -> Reply:
    regions = call.settings.regions
    return page(call, "sizes", list(SIZES.values()), lambda size: size_view(size, regions))


@lru_cache
def region_view(slug: str, features: tuple[str, ...]) -> Mapping[str, Any]:
    return {
        "name": REGION_NAMES.get(slug, slug),
        "slug": slug,
        "features": list(features),
        "available": True,
        "sizes": list(SIZES),
    }


@lru_cache
def size_view(size: Size, regions: tuple[str, ...]) -> Mapping[str, Any]:
    return {
        "slug": size.slug,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "transfer": size.transfer,
        "price_monthly": size.price_monthly,
        "price_hourly": size.price_hourly,
        "regions": list(regions),
        "available": True,
        "description": "Basic",
        "disk_info": [disk_view(size.disk)],
    }


def disk_view(gigabytes: int) -> dict[str, Any]:
    return {"type": "local", "size": {"amount": gigabytes, "unit": "gib"}}


def timestamp(moment: datetime) -> str:
    """Format as RFC 3339, in whole seconds, with Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
