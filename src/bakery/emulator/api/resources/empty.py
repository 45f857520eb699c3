"""Resource types that the emulator does not support: lists are empty, and a create answers 404."""

from bakery.emulator.api.call import Call, Handler, Reply, page


def empty_page(key: str) -> Handler:
    """Return a handler that answers with an empty page under ``key``."""

    def list_empty(call: Call) -> Reply:
        return page(call, key, (), dict)

    return list_empty
