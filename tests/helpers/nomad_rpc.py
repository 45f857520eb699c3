"""What an attacker writes to speak Nomad's and Consul's internal RPC: one connection, one call, no library.

Framing: hashicorp/nomad nomad/rpc.go, handleConn (a byte for TLS, the handshake, a byte for the protocol), and
hashicorp/net-rpc-msgpackrpc codec.go (a header and a body in msgpack each). Consul's bytes: agent/pool/conn.go.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bakery.agents.model import TlsFiles

SECONDS = 10.0
QUIET_SECONDS = 1.0
"""Within this time a server closes a connection that it refuses."""
CONSUL_TLS, CONSUL_RPC, CONSUL_RAFT = b"\x03", b"\x00", b"\x01"
CONSUL_TLS_WITHOUT_CERTIFICATE = b"\x07"
"""Consul asks for no certificate of the client then: ``RPCTLSInsecure``."""
NOMAD_TLS, NOMAD_RPC, NOMAD_RAFT = b"\x04", b"\x01", b"\x02"


class RpcError(Exception):
    """What the server answered to a call that it refused."""


def call(address: tuple[str, int], tls: TlsFiles, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call a method of Nomad and return its reply.

    Raises:
        RpcError: the server refused the call.
        OSError: it refused the connection.
    """
    with _connected(address, tls, NOMAD_TLS, NOMAD_RPC) as connection:
        return _exchange(connection, method, {"Region": "global", **body})


def call_consul(address: tuple[str, int], tls: TlsFiles, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call a method of Consul and return its reply. Raises what :func:`call` does."""
    with _connected(address, tls, CONSUL_TLS, CONSUL_RPC) as connection:
        return _exchange(connection, method, {"Datacenter": "demo", **body})


def call_consul_without_certificate(
    address: tuple[str, int], ca: Path, method: str, body: dict[str, Any] | bytes
) -> dict[str, Any]:
    """Call a method of Consul behind the door that asks for no certificate. Raises what :func:`call` does.

    The body is bytes where Consul reads a protobuf message.
    """
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    with socket.create_connection(address, timeout=SECONDS) as plain:
        plain.sendall(CONSUL_TLS_WITHOUT_CERTIFICATE)
        with context.wrap_socket(plain) as secure:
            return _exchange(secure, method, body)


def _exchange(connection: ssl.SSLSocket, method: str, body: dict[str, Any] | bytes) -> dict[str, Any]:
    connection.sendall(packed({"ServiceMethod": method, "Seq": 1}) + packed(body))
    with connection.makefile("rb") as stream:
        return _reply(_Reader(stream))


def _reply(reader: "_Reader") -> dict[str, Any]:
    header = reader.value()
    if header["Error"]:
        raise RpcError(header["Error"])
    reply: dict[str, Any] = reader.value()
    return reply


def keeps_open(address: tuple[str, int], tls: TlsFiles, tls_byte: bytes, protocol: bytes) -> bool:
    """Return whether the server keeps a connection of this protocol open, as it does for other servers."""
    try:
        with _connected(address, tls, tls_byte, protocol) as connection:
            connection.settimeout(QUIET_SECONDS)
            return connection.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


@contextmanager
def _connected(
    address: tuple[str, int], tls: TlsFiles, tls_byte: bytes, protocol: bytes
) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=tls.ca)
    context.check_hostname = False  # an attacker need not care whom it attacks
    context.load_cert_chain(tls.certificate, tls.key)
    with socket.create_connection(address, timeout=SECONDS) as plain:
        plain.sendall(tls_byte)
        with context.wrap_socket(plain) as secure:
            secure.sendall(protocol)
            yield secure


def packed(value: Any) -> bytes:  # noqa: ANN401 - anything that msgpack has
    """Return the value in msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md)."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return b"\xd3" + struct.pack(">q", value)
        case str():
            text = value.encode()
            return b"\xdb" + struct.pack(">I", len(text)) + text
        case bytes():
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case list():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(packed, value))
        case dict():
            pairs = (packed(key) + packed(item) for key, item in value.items())
            return b"\xdf" + struct.pack(">I", len(value)) + b"".join(pairs)
        case _:
            raise TypeError(type(value))


_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_BYTES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_EXTENSIONS = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
_LISTS = {0xDC: ">H", 0xDD: ">I"}
_MAPS = {0xDE: ">H", 0xDF: ">I"}


class _Reader:
    """Reads msgpack from a connection."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def value(self) -> Any:  # noqa: ANN401 - anything that msgpack has
        (first,) = self._read(1)
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 0x100
        if first < 0xC0:
            return self._short(first)
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            return self._number(_NUMBERS[first])
        return self._long(first)

    def _short(self, first: int) -> Any:  # noqa: ANN401
        if first < 0x90:
            return self._map(first & 0x0F)
        return self._list(first & 0x0F) if first < 0xA0 else self._text(first & 0x1F)

    def _long(self, first: int) -> Any:  # noqa: ANN401
        if first in _BYTES:
            return self._text(self._number(_BYTES[first]))
        if first in _LISTS:
            return self._list(self._number(_LISTS[first]))
        if first in _MAPS:
            return self._map(self._number(_MAPS[first]))
        # An extension, such as a time: a byte for its type, then 1 to 16 bytes or as many as are said.
        length = self._number(_EXTENSIONS[first]) if first in _EXTENSIONS else 1 << (first - 0xD4)
        return self._read(length + 1)

    def _map(self, length: int) -> dict[str, Any]:
        return {self.value(): self.value() for _ in range(length)}

    def _list(self, length: int) -> list[Any]:
        return [self.value() for _ in range(length)]

    def _text(self, length: int) -> str:
        return self._read(length).decode(errors="replace")

    def _number(self, form: str) -> Any:  # noqa: ANN401
        (number,) = struct.unpack(form, self._read(struct.calcsize(form)))
        return number

    def _read(self, length: int) -> bytes:
        found = self._stream.read(length)
        if len(found) != length:
            message = "the server closed the connection"
            raise ConnectionError(message)
        return found
