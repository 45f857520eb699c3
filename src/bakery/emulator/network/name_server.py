"""The name server of the account's domains. It sends every other query to the resolver of this machine."""

import asyncio
import socket
import struct
from contextlib import suppress

from bakery.emulator.network.dns_wire import answer, failure, find_zone, parse_query
from bakery.emulator.network.model import Zone

PORT = 53
_UPSTREAM_S = 5.0
_Peer = tuple[str, int]


class NameServer:
    """Answers over UDP and TCP on one address. Use it inside one event loop."""

    def __init__(self, address: str, resolver: _Peer | None, *, port: int = PORT) -> None:
        """Without a ``resolver`` (address and port) queries for other names fail."""
        self.zones: tuple[Zone, ...] = ()
        self._address = (address, port)
        self._resolver = resolver
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, unless the server does. Raises OSError."""
        if self._udp is not None:
            return
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve_tcp, sock=socket.create_server(self._address))
        port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self._address[0], port)
        )

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return 0 if self._tcp is None else int(self._tcp.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        if self._udp is not None and self._tcp is not None:
            self._udp.close()
            self._tcp.close()
        self._udp = self._tcp = None

    async def reply(self, message: bytes, *, by_tcp: bool = False) -> bytes | None:
        """Return the answer to one query; None for a message that is not a query.

        Another server is asked as this one was: its answers over UDP may be cut.
        """
        question = parse_query(message)
        if question is None:
            return None
        zone = find_zone(question, self.zones)
        if zone is not None:
            return answer(question, zone)
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            if self._resolver is not None:
                async with asyncio.timeout(_UPSTREAM_S):
                    ask = _ask_by_tcp if by_tcp else _ask_by_udp
                    return await ask(self._resolver, message)
        return failure(question)

    def receive(self, message: bytes, peer: _Peer) -> None:
        """Answer a datagram."""
        task = asyncio.create_task(self._reply_by_udp(message, peer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _reply_by_udp(self, message: bytes, peer: _Peer) -> None:
        found = await self.reply(message)
        if found is not None and self._udp is not None:
            self._udp.sendto(found, peer)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while found := await self.reply(await _read(reader), by_tcp=True):
                    writer.write(struct.pack(">H", len(found)) + found)
                    await writer.drain()
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: _Peer) -> None:
        self._server.receive(data, addr)


class _OneAnswer(asyncio.DatagramProtocol):
    def __init__(self, answer: "asyncio.Future[bytes]") -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: _Peer) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


async def _read(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">H", await reader.readexactly(2))
    return await reader.readexactly(length)


async def _ask_by_tcp(resolver: _Peer, message: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*resolver)
    try:
        writer.write(struct.pack(">H", len(message)) + message)
        return await _read(reader)
    finally:
        writer.close()


async def _ask_by_udp(resolver: _Peer, message: bytes) -> bytes:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _OneAnswer(answer), remote_addr=resolver
    )
    try:
        transport.sendto(message)
        return await answer
    finally:
        transport.close()
