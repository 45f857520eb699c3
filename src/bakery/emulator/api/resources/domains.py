"""Domains and their DNS records (OpenAPI: resources/domains)."""

from dataclasses import asdict, replace
from ipaddress import IPv4Address
from typing import Any

from bakery.emulator.account.domains import APEX, NAME_SERVERS, check_record, full_name
from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Domain, DomainRecord
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page

_MOST = 2**31 - 1


def list_domains(call: Call) -> Reply:
    return page(call, "domains", call.state.domains.all(), domain_view)


def create_domain(call: Call) -> Reply:
    """Create a domain; the answer has no zone file yet."""
    address = fields.optional_text(call.body, "ip_address") or None
    if address is not None:
        _check_address(address)
    domain = call.state.domains.create(fields.text(call.body, "name"), address)
    return Reply(status=201, body={"domain": {**domain_view(domain), "zone_file": None}})


def get_domain(call: Call) -> Reply:
    return Reply(body={"domain": domain_view(_find(call))})


def delete_domain(call: Call) -> Reply:
    call.state.domains.remove(_find(call))
    return NO_CONTENT


def list_records(call: Call) -> Reply:
    """List the records, only those with ``name``, a full name, and ``type`` if the query has them."""
    domain = _find(call)
    name, kind = call.query.get("name"), call.query.get("type")
    found = [
        record
        for record in domain.records
        if kind in (None, record.type) and name in (None, full_name(record, domain))
    ]
    return page(call, "domain_records", found, record_view)


def create_record(call: Call) -> Reply:
    record = _read(call, DomainRecord(id=0, type="", name="", data=""))
    return Reply(
        status=201, body={"domain_record": record_view(call.state.domains.add(_find(call), _named(record)))}
    )


def get_record(call: Call) -> Reply:
    return Reply(body={"domain_record": record_view(_record(call))})


def update_record(call: Call) -> Reply:
    """Change the fields that the body has; PUT and PATCH are alike."""
    domain, old = _find(call), _record(call)
    new = _named(_read(call, old))
    check_record(new)
    domain.records[domain.records.index(old)] = new
    return Reply(body={"domain_record": record_view(new)})


def delete_record(call: Call) -> Reply:
    domain, record = _find(call), _record(call)
    domain.records.remove(record)
    return NO_CONTENT


def _find(call: Call) -> Domain:
    return call.state.domains.get(call.params["domain"])


def _record(call: Call) -> DomainRecord:
    return call.state.domains.get_record(_find(call), call.id("record"))


def _check_address(address: str) -> None:
    try:
        IPv4Address(address)
    except ValueError:
        message = "ip_address needs to be in IP format"
        raise Unprocessable(message) from None


def _read(call: Call, base: DomainRecord) -> DomainRecord:
    body = call.body
    texts = {name: fields.optional_text(body, name) for name in ("type", "name", "data", "tag")}
    numbers = {name: _number(body.get(name), name) for name in ("ttl", "priority", "port", "weight", "flags")}
    given: dict[str, Any] = {name: value for name, value in {**texts, **numbers}.items() if value is not None}
    record = replace(base, **given)
    if not record.type or not record.data:
        message = "type and data can't be blank"
        raise Unprocessable(message)
    return record


def _number(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        message = f"{name} must be a number"
        raise Unprocessable(message)
    return value


def _named(record: DomainRecord) -> DomainRecord:
    """Return the record with ``@`` for an empty name, and without the dot at the end of a host name."""
    hosts = {"CNAME", "MX", "NS", "SRV"}
    data = record.data.rstrip(".") if record.type in hosts else record.data
    return replace(record, name=record.name or APEX, data=data)


def domain_view(domain: Domain) -> dict[str, Any]:
    return {"name": domain.name, "ttl": domain.ttl, "zone_file": _zone_file(domain)}


def record_view(record: DomainRecord) -> dict[str, Any]:
    return asdict(record)


def _zone_file(domain: Domain) -> str:
    lines = [
        f"$ORIGIN {domain.name}.",
        f"$TTL {domain.ttl}",
        f"{domain.name}. IN SOA {NAME_SERVERS[0]}. hostmaster.{domain.name}. 1 10800 3600 604800 1800",
    ]
    for record in domain.records:
        numbers = (record.priority, record.weight, record.port)
        data = " ".join(str(part) for part in (*numbers, record.data) if part is not None)
        lines.append(f"{full_name(record, domain)}. {record.ttl} IN {record.type} {data}")
    return "\n".join(lines) + "\n"
