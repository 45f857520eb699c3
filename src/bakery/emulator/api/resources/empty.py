"""What clients list and nothing here makes: always empty. Making one is 404, as every path that is not there."""

from bakery.emulator.api.call import Call, Handler, Reply, page


def nothing(key: str) -> Handler:
    """A handler that answers with an empty page under ``key``."""

    def list_nothing(call: Call) -> Reply:
        return page(call, key, (), dict)

    return list_nothing
