"""Domains whose DNS the account manages, and their records."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import Domain, DomainRecord
from bakery.emulator.account.source import Ids

NAME_SERVERS = ("ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com")
APEX = "@"
TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_HOST = re.compile(r"(\*|[a-z0-9_-]{1,63})(\.[a-z0-9_-]{1,63})*")


class Domains:
    """All domains of the account, by name in lower case."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._domains: dict[str, Domain] = {}

    def restore(self, domains: Iterable[Domain]) -> None:
        """Replace all domains."""
        self._domains = {domain.name: domain for domain in domains}

    def all(self) -> list[Domain]:
        return list(self._domains.values())

    def get(self, name: str) -> Domain:
        domain = self._domains.get(name.lower())
        if domain is None:
            raise NotFound
        return domain

    def find_holding(self, host: str) -> Domain | None:
        """Return the domain that ``host`` is in or is; of several the longest."""
        name = host.lower().rstrip(".")
        holding = [each for each in self._domains.values() if name == each.name or name.endswith(f".{each.name}")]
        return max(holding, key=lambda each: len(each.name), default=None)

    def create(self, name: str, address: str | None) -> Domain:
        """Create a domain with its name servers, and an A record if there is an address. Raises Unprocessable."""
        if len(name) > 253 or _DOMAIN.fullmatch(name.lower()) is None:
            message = "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
            raise Unprocessable(message)
        if name.lower() in self._domains:
            message = f"domain '{name.lower()}': name already exists"
            raise Unprocessable(message)
        domain = Domain(name=name.lower())
        for server in NAME_SERVERS:
            self.add(domain, DomainRecord(id=0, type="NS", name=APEX, data=server))
        if address is not None:
            self.add(domain, DomainRecord(id=0, type="A", name=APEX, data=address))
        self._domains[domain.name] = domain
        return domain

    def remove(self, domain: Domain) -> None:
        del self._domains[domain.name]

    def get_record(self, domain: Domain, record_id: int) -> DomainRecord:
        """Return the domain's record with this id. Raises NotFound."""
        record = next((each for each in domain.records if each.id == record_id), None)
        if record is None:
            raise NotFound
        return record

    def add(self, domain: Domain, record: DomainRecord) -> DomainRecord:
        """Add a record, whose id is new. Raises Unprocessable."""
        check_record(record)
        record.id = self._ids.number()
        domain.records.append(record)
        return record

    def point(self, host: str, address: str) -> None:
        """Add an A record of the host in the domain that holds it, unless there is one."""
        domain = self.find_holding(host)
        if domain is None:
            return
        name = relative_name(host, domain)
        if not any((each.type, each.name) == ("A", name) for each in domain.records):
            self.add(domain, DomainRecord(id=0, type="A", name=name, data=address))


def relative_name(host: str, domain: Domain) -> str:
    """Return the record name of a host in the domain."""
    name = host.lower().rstrip(".")
    return APEX if name == domain.name else name.removesuffix(f".{domain.name}")


def full_name(record: DomainRecord, domain: Domain) -> str:
    """Return the record's name with the domain, without a dot at the end."""
    return domain.name if record.name == APEX else f"{record.name}.{domain.name}"


def check_record(record: DomainRecord) -> None:
    """Raise Unprocessable for a record that its type does not allow (OpenAPI: domain_record_types.yml)."""
    if record.type not in TYPES:
        message = f"Type {record.type[:20]} is invalid."
        raise Unprocessable(message)
    if record.name != APEX and (len(record.name) > 253 or _HOST.fullmatch(record.name.lower()) is None):
        message = "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
        raise Unprocessable(message)
    if record.type in {"A", "AAAA"} and not _is_address(record.data, record.type):
        message = "Data needs to be in IP format"
        raise Unprocessable(message)
    for field, types in (("priority", {"MX", "SRV"}), ("port", {"SRV"}), ("weight", {"SRV"}), ("flags", {"CAA"})):
        value = getattr(record, field)
        if record.type in types and not (isinstance(value, int) and 0 <= value <= 65535):
            message = f"{field.capitalize()} can't be blank"
            raise Unprocessable(message)


def _is_address(text: str, kind: str) -> bool:
    try:
        if kind == "A":
            IPv4Address(text)
        else:
            IPv6Address(text)
    except ValueError:
        return False
    return True
