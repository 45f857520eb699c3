"""Regions and sizes for a caller that has no account to ask."""

from bakery.emulator.account.catalog import REGION_NAMES, SIZES


def list_regions() -> tuple[str, ...]:
    """Return the slugs of DigitalOcean's regions in alphabetical order."""
    return tuple(sorted(REGION_NAMES))


def list_prices() -> dict[str, float]:
    """Return the list price of the basic sizes in US dollars a month, by slug, the cheapest first."""
    return {size.slug: size.price_monthly for size in sorted(SIZES.values(), key=lambda size: size.price_monthly)}
