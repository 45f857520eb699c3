"""One load balancer: it accepts connections on its ports, and forwards each to a healthy droplet."""

import asyncio
import itertools
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from bakery.emulator.network.health import Health, unverified_tls
from bakery.emulator.network.http_forwarding import MOST, Head, copy_all, copy_body, read_head
from bakery.emulator.network.model import Balancer, Listener, TlsCertificate

CONNECT_S = 3.0
"""Seconds to wait for a droplet's answer to a connection, before the next droplet is tried."""
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BROKEN = (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
"""What a connection can end with."""

log = logging.getLogger("bakery.emulator")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Connection:
    """Both directions of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class BalancerServer:
    """Forwards the traffic of one load balancer. Use it inside one event loop."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._health = Health(balancer.source)
        self._turns = itertools.count()
        self._servers: dict[int, tuple[Listener, asyncio.Server]] = {}
        self._open: set[asyncio.StreamWriter] = set()

    async def update(self, balancer: Balancer) -> None:
        """Forward as ``balancer`` says from now on. Open connections stay.

        Raises OSError or ValueError if a port or a certificate cannot be used.
        """
        self._balancer = balancer
        self._health.update(balancer.targets, balancer.check)
        for port, (before, server) in list(self._servers.items()):
            listener = balancer.by_port.get(port)
            if listener is None or listener.tls != before.tls:
                server.close()
                del self._servers[port]
        for listener in balancer.listeners:
            if listener.port not in self._servers:
                self._servers[listener.port] = (listener, await self._listen(listener))

    async def close(self) -> None:
        """Close the ports and all connections."""
        self._health.close()
        for _, server in self._servers.values():
            server.close()
        for writer in list(self._open):
            writer.close()

    async def _listen(self, listener: Listener) -> asyncio.Server:
        context = None if listener.tls is None else server_tls(listener.tls)
        sock = socket.create_server((self._balancer.address, listener.port), backlog=1024)
        return await asyncio.start_server(self._handler(listener.port), sock=sock, limit=MOST, ssl=context)

    def _handler(self, port: int) -> Handler:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open.add(writer)
            try:
                listener = self._balancer.by_port.get(port)
                if listener is not None and self._admits(writer):
                    await self._forward(listener, Connection(reader, writer))
            except _BROKEN:
                log.debug("a connection to load balancer %s broke off", self._balancer.id)
            finally:
                self._open.discard(writer)
                with suppress(*_BROKEN):
                    writer.close()

        return serve

    def _admits(self, writer: asyncio.StreamWriter) -> bool:
        client = ip_address(writer.get_extra_info("peername")[0])
        balancer = self._balancer
        if any(client in ip_network(network, strict=False) for network in balancer.deny):
            return False
        return not balancer.allow or any(client in ip_network(network, strict=False) for network in balancer.allow)

    async def _forward(self, listener: Listener, client: Connection) -> None:
        if listener.is_http:
            await self._forward_http(listener, client)
            return
        droplet = await self._connect(listener, client)
        if droplet is not None:
            await _join(client, droplet)

    async def _forward_http(self, listener: Listener, client: Connection) -> None:
        """Forward the requests of one connection to one droplet, which is chosen at the first request."""
        head = await read_head(client.reader, self._balancer.idle_s)
        if head is None:
            return
        if listener.redirects:
            client.writer.write(_redirect(head))
            await client.writer.drain()
            return
        droplet = await self._connect(listener, client)
        if droplet is None:
            client.writer.write(_UNAVAILABLE)
            await client.writer.drain()
            return
        answers = asyncio.create_task(copy_all(droplet.reader, client.writer))
        requests = asyncio.create_task(self._copy_requests(listener, client, droplet, head))
        await _first_ended(answers, requests, droplet, self._balancer.idle_s)

    async def _copy_requests(
        self, listener: Listener, client: Connection, droplet: Connection, first: Head
    ) -> None:
        address = client.writer.get_extra_info("peername")[0]
        scheme = "http" if listener.tls is None else "https"
        head: Head | None = first
        while head is not None:
            droplet.writer.write(head.forwarded(client=address, scheme=scheme, port=listener.port))
            await copy_body(head, client.reader, droplet.writer)
            await droplet.writer.drain()
            head = await read_head(client.reader, self._balancer.idle_s)

    async def _connect(self, listener: Listener, client: Connection) -> Connection | None:
        """Connect to the next healthy droplet, or to another one if it does not answer; None if none does."""
        healthy = self._health.healthy()
        first = next(self._turns)
        for number in range(len(healthy)):
            target = healthy[(first + number) % len(healthy)]
            with suppress(OSError, TimeoutError):
                return await self._dial(listener, target, client)
        return None

    async def _dial(self, listener: Listener, target: str, client: Connection) -> Connection:
        balancer = self._balancer
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                target, listener.target_port, local_addr=(balancer.source, 0), limit=MOST
            )
            if balancer.proxy_protocol:
                writer.write(proxy_header(client.writer, balancer.address, listener.port))
            if listener.tls_to_target:
                await writer.start_tls(unverified_tls())
        return Connection(reader, writer)


async def _join(client: Connection, droplet: Connection) -> None:
    """Copy both directions until both have ended, or one is broken."""
    there = asyncio.create_task(copy_all(client.reader, droplet.writer))
    back = asyncio.create_task(copy_all(droplet.reader, client.writer))
    try:
        await asyncio.gather(there, back)
    finally:
        await _end(there, back, droplet)


async def _first_ended(
    answers: asyncio.Task[None], requests: asyncio.Task[None], droplet: Connection, seconds: float
) -> None:
    """Wait until the droplet closes its side, or the client has no more requests and has all its answers."""
    try:
        await asyncio.wait({answers, requests}, return_when=asyncio.FIRST_COMPLETED)
        if not answers.done():
            if droplet.writer.can_write_eof():
                droplet.writer.write_eof()
            await asyncio.wait({answers}, timeout=seconds)
    finally:
        await _end(answers, requests, droplet)


async def _end(one: asyncio.Task[None], other: asyncio.Task[None], droplet: Connection) -> None:
    one.cancel()
    other.cancel()
    with suppress(*_BROKEN):
        droplet.writer.close()
    await asyncio.gather(one, other, return_exceptions=True)


def _redirect(head: Head) -> bytes:
    host = (head.value("host") or "").partition(":")[0]
    return (
        f"HTTP/1.1 301 Moved Permanently\r\nLocation: https://{host}{head.target}\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")


def proxy_header(client: asyncio.StreamWriter, address: str, port: int) -> bytes:
    """Return a PROXY header: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, section 2.1."""
    host, source_port = client.get_extra_info("peername")[:2]
    return f"PROXY TCP4 {host} {address} {source_port} {port}\r\n".encode()


def server_tls(certificate: TlsCertificate) -> ssl.SSLContext:
    """Return a TLS context with the certificate. ssl reads files only, so the key is in a file in memory."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{certificate.private_key}\n{certificate.chain}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
