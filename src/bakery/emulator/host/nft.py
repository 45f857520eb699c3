"""Sends rules to nftables of one network namespace, by libnftables, which the program nft(8) is made of.

A run of ``nft`` takes 30 ms on a busy machine, most of them for its start and its end; a change by a context that
stays open takes 1 to 4 ms. The functions: libnftables(3).
"""

import ctypes
import threading

from bakery.emulator.host import netns
from bakery.errors import CommandError, MissingToolError

LIBRARY = "libnftables.so.1"
"""Of Debian's package libnftables1, on which nftables depends."""


class Nft:
    """The tables of one namespace. Any thread may use it; changes wait for one another."""

    def __init__(self, namespace: str) -> None:
        """``namespace`` is a name of ip-netns(8). It need not exist before the first :meth:`run`."""
        self._namespace = namespace
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._context: int | None = None

    def run(self, text: str, *, check: bool = True) -> None:
        """Apply ``text``, which ``nft -f`` would read: the whole or, if there is an error in it, nothing.

        Raises:
            CommandError: nftables refuses it (with ``check``).
            MissingToolError: this machine has no libnftables.
            OSError: the namespace does not exist.
        """
        with self._lock:
            library, context = self._opened()
            status = library.nft_run_cmd_from_buffer(context, text.encode())
            # Reading the buffer rewinds it (nftables, src/libnftables.c, get_cookie_buffer).
            details = library.nft_ctx_get_error_buffer(context).decode(errors="replace").strip()
        if check and status != 0:
            message = "nftables refused the rules"
            command = f"nft -f - (in {self._namespace})"
            raise CommandError(message=message, details=details or None, command=command, returncode=status)

    def close(self) -> None:
        """Close the socket in the namespace, which the kernel keeps as long as it is open. Idempotent."""
        with self._lock:
            if self._library is not None and self._context is not None:
                self._library.nft_ctx_free(self._context)
            self._context = None

    def _opened(self) -> tuple[ctypes.CDLL, int]:
        if self._library is None:
            self._library = _load()
        if self._context is None:
            # Its socket belongs to the namespace of the thread that opens it.
            library = self._library
            self._context = netns.inside(self._namespace, lambda: _new_context(library))
        return self._library, self._context


def _new_context(library: ctypes.CDLL) -> int:
    context: int | None = library.nft_ctx_new(0)
    if context is None:
        message = "libnftables could not open a socket to the kernel"
        raise OSError(message)
    library.nft_ctx_buffer_output(context)
    library.nft_ctx_buffer_error(context)
    return context


def _load() -> ctypes.CDLL:
    """Return libnftables with the types of the functions that are used here (libnftables(3))."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        message = f"{LIBRARY} is not installed"
        raise MissingToolError(message=message, hint="apt-get install --no-install-recommends nftables") from error
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_get_error_buffer", "nft_ctx_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    return library
