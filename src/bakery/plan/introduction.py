"""Where a new Nomad client finds its introduction: user-data and the launch have to agree on it."""


def introduction_key(node: str) -> str:
    """Return the key in Consul that holds the introduction of the client until it has fetched it."""
    return f"bakery/introduction/{node}"
