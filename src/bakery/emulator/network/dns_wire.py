"""DNS messages as bytes (RFC 1035): reads a query, and answers it from zones. No I/O."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from bakery.emulator.network.model import Zone, ZoneRecord

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "CAA": 257}
ANY = 255
_INTERNET = 1
_NOT_FOUND = 3
_FAILED = 2
_ANSWER = 0x8400
"""A response by an authoritative server."""
_RECURSION = 0x0180
"""Recursion is desired (copied from the query), and available."""
_MOST_ALIASES = 8


@dataclass(frozen=True)
class Question:
    """The question of a query."""

    id: int
    flags: int
    name: str
    """In lower case, without a dot at the end."""
    type: int
    raw: bytes
    """The question section, which an answer repeats."""


def parse_query(message: bytes) -> Question | None:
    """Return the question of a query; None if the message is not a query with one question."""
    try:
        number, flags, questions = struct.unpack_from(">HHH", message)
        labels, place = [], 12
        while (length := message[place]) != 0:
            if length > 63:
                return None
            labels.append(message[place + 1 : place + 1 + length].decode("ascii"))
            place += 1 + length
        kind, group = struct.unpack_from(">HH", message, place + 1)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if flags & 0x8000 or questions != 1 or group != _INTERNET:
        return None
    return Question(number, flags, ".".join(labels).lower(), kind, message[12 : place + 5])


def find_zone(question: Question, zones: Iterable[Zone]) -> Zone | None:
    """Return the zone that holds the name; of several the longest."""
    name = question.name
    holding = [zone for zone in zones if name == zone.name or name.endswith(f".{zone.name}")]
    return max(holding, key=lambda zone: len(zone.name), default=None)


def answer(question: Question, zone: Zone) -> bytes:
    """Return the answer of the zone's server: records, none of that type, or an error for an unknown name."""
    found = _lookup(question.name, question.type, zone)
    exists = bool(found) or bool(_named(question.name, zone))
    flags = _ANSWER | (question.flags & _RECURSION) | (0 if exists else _NOT_FOUND)
    authority = () if found else (_start_of(zone),)
    header = struct.pack(">HHHHHH", question.id, flags, 1, len(found), len(authority), 0)
    return header + question.raw + b"".join([*map(_encode, found), *authority])


def failure(question: Question) -> bytes:
    """Return the answer of a server that cannot answer now."""
    return struct.pack(">HHHHHH", question.id, 0x8000 | _FAILED, 1, 0, 0, 0) + question.raw


def _lookup(name: str, kind: int, zone: Zone) -> list[tuple[str, ZoneRecord]]:
    """Return the records of the name with the owner names to show, and those that an alias leads to."""
    found: list[tuple[str, ZoneRecord]] = []
    for _ in range(_MOST_ALIASES):
        records = _named(name, zone)
        matching = [record for record in records if kind in (TYPES[record.type], ANY)]
        alias = next((record for record in records if record.type == "CNAME"), None)
        if matching or alias is None:
            return [*found, *((name, record) for record in matching)]
        found.append((name, alias))
        name = alias.data.lower().rstrip(".")
    return found


def _named(name: str, zone: Zone) -> Sequence[ZoneRecord]:
    """Return the records of the name, or else those of a wildcard (RFC 4592)."""
    exact = [record for record in zone.records if record.name == name]
    if exact or name == zone.name:
        return exact
    parent = name.partition(".")[2]
    return [record for record in zone.records if record.name == f"*.{parent}"]


def _encode(owned: tuple[str, ZoneRecord]) -> bytes:
    owner, record = owned
    data = _data(record)
    return _name(owner) + struct.pack(">HHIH", TYPES[record.type], _INTERNET, record.ttl, len(data)) + data


def _data(record: ZoneRecord) -> bytes:
    match record.type:
        case "A":
            return IPv4Address(record.data).packed
        case "AAAA":
            return IPv6Address(record.data).packed
        case "MX":
            return struct.pack(">H", record.priority) + _name(record.data)
        case "SRV":
            return struct.pack(">HHH", record.priority, record.weight, record.port) + _name(record.data)
        case "TXT":
            text = record.data.encode()
            return b"".join(_text(text[start : start + 255]) for start in range(0, max(len(text), 1), 255))
        case "CAA":
            return bytes([record.flags & 0xFF]) + _text(record.tag.encode()) + record.data.encode()
        case _:
            return _name(record.data)


def _text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _name(name: str) -> bytes:
    labels = [label.encode("ascii", "replace")[:63] for label in name.rstrip(".").split(".") if label]
    return b"".join(map(_text, labels)) + b"\0"


def _start_of(zone: Zone) -> bytes:
    """Return the zone's SOA record, which limits how long resolvers remember that there is no answer."""
    data = _name("ns1.digitalocean.com") + _name(f"hostmaster.{zone.name}")
    data += struct.pack(">IIIII", 1, 10800, 3600, 604800, 60)
    return _name(zone.name) + struct.pack(">HHIH", TYPES["SOA"], _INTERNET, 60, len(data)) + data
