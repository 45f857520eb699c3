"""Addresses and MACs of droplets."""

from ipaddress import IPv4Address, IPv4Network

from bakery.emulator.account.errors import Unprocessable


class AddressPool:
    """The host addresses of one network, taken in ascending order, then from the start again.

    So a freed address is not used again at once, except with ``reuse``: then the lowest free one is taken.
    """

    def __init__(
        self, network: str, *, reserved: tuple[str, ...] = (), first: str | None = None, reuse: bool = False
    ) -> None:
        """Exclude ``reserved``, the network and broadcast addresses, and the first host address (the gateway)."""
        self._reuse = reuse
        self._network = IPv4Network(network)
        self._low = int(self._network.network_address) + 2
        self._high = int(self._network.broadcast_address) - 1
        self._next = self._low if first is None else int(IPv4Address(first))
        self._reserved = {int(IPv4Address(address)) for address in reserved}
        self._taken: set[int] = set()

    @property
    def network(self) -> str:
        return str(self._network)

    @property
    def netmask(self) -> str:
        """Dotted."""
        return str(self._network.netmask)

    @property
    def free(self) -> int:
        """How many addresses can still be taken."""
        held = sum(self._low <= address <= self._high for address in self._reserved)
        return self._high - self._low + 1 - held - len(self._taken)

    def take(self) -> str:
        """Take a free address. Raises Unprocessable if there is none."""
        if self._reuse:
            self._next = self._low
        for _ in range(self._high - self._low + 1):
            address = self._next
            self._next = self._low if address >= self._high else address + 1
            if address not in self._taken and address not in self._reserved:
                self._taken.add(address)
                return str(IPv4Address(address))
        message = f"There are no free addresses left in {self._network}."
        raise Unprocessable(message)

    def mark_taken(self, address: str) -> None:
        """Mark ``address`` as in use, when an account is restored."""
        number = int(IPv4Address(address))
        self._taken.add(number)
        if self._next <= number < self._high:
            self._next = number + 1

    def release(self, address: str) -> None:
        """Make ``address`` free again."""
        self._taken.discard(int(IPv4Address(address)))


def mac(droplet_id: int, interface: int) -> str:
    """Return the MAC of the droplet's ethN: locally administered, the same in every run."""
    octets = bytes([0x02, interface]) + (droplet_id % 2**32).to_bytes(4, "big")
    return ":".join(f"{octet:02x}" for octet in octets)
