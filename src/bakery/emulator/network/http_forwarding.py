"""HTTP/1.1 as a load balancer forwards it: heads of requests as data, bodies by their framing (RFC 9112)."""

import asyncio
from dataclasses import dataclass

MOST = 65_536
"""Bytes of a request's head."""
_CHUNK = 65_536


@dataclass(frozen=True)
class Head:
    """The request line and the headers of one request, as received."""

    line: str
    headers: tuple[tuple[str, str], ...]

    @property
    def target(self) -> str:
        """The request target; ``/`` if the request line is malformed."""
        words = self.line.split()
        return words[1] if len(words) > 1 else "/"

    def value(self, name: str) -> str | None:
        """Return the first header of this name, in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def forwarded(self, *, client: str, scheme: str, port: int) -> bytes:
        """Return the head for the droplet: with the client's address, the scheme and the port of the client."""
        before = self.value("x-forwarded-for")
        chain = f"{before}, {client}" if before else client
        ours = {"x-forwarded-for": chain, "x-forwarded-proto": scheme, "x-forwarded-port": str(port)}
        kept = [(key, value) for key, value in self.headers if key.lower() not in ours]
        lines = [self.line, *(f"{key}: {value}" for key, value in [*kept, *ours.items()])]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader: asyncio.StreamReader, seconds: float) -> Head | None:
    """Return the head of the next request; None if the client is done, or sends nothing for ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
        return None
    line, *rest = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (each.partition(":") for each in rest)
    return Head(line, tuple((key.strip(), value.strip()) for key, _, value in pairs))


async def copy_body(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy the body of the request, if it has one; of an upgraded connection, everything that follows."""
    if head.value("upgrade") is not None:
        await copy_all(reader, writer)
    elif "chunked" in (head.value("transfer-encoding") or "").lower():
        await _copy_chunks(reader, writer)
    else:
        length = head.value("content-length") or "0"
        await _copy_exactly(int(length) if length.isdecimal() else 0, reader, writer)


async def copy_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's end, and pass that on."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _copy_exactly(count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while count > 0:
        data = await reader.read(min(count, _CHUNK))
        if not data:
            raise ConnectionResetError
        writer.write(data)
        await writer.drain()
        count -= len(data)


async def _copy_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy chunks up to the last one, and the trailer section."""
    while True:
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        await _copy_exactly(size + 2, reader, writer)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
    await writer.drain()
