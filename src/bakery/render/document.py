"""The Jinja environment: undefined names are errors, and every value is serialised."""

import gzip
from base64 import b64encode
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from bakery.assets import CLOUD_INIT
from bakery.errors import RenderError

PACK_ABOVE = 4096
"""Bytes. Longer files are compressed; shorter files stay readable."""


def render_document(template: str, values: dict[str, Any]) -> str:
    """Render ``cloud-init/<template>`` with ``values``.

    Raises:
        RenderError: the template does not exist, or uses a name that is not in ``values``.
    """
    try:
        return environment().get_template(template).render(values)
    except TemplateError as error:
        message = f"cloud-init/{template} cannot be rendered"
        raise RenderError(message=message, details=f"{type(error).__name__}: {error.message}") from error


@cache
def environment() -> Environment:
    """Return the Jinja environment. Templates write every value with ``tojson`` or ``comment``.

    The process has one, which caches the compiled templates: compiling takes most of the time of a render.
    """
    made = Environment(
        loader=FileSystemLoader(CLOUD_INIT),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, not HTML; values pass through tojson
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["packed"] = packed
    made.filters["comment"] = comment
    return made


def comment(text: str) -> str:
    """Return ``text`` on one line, for a comment."""
    return " ".join(text.split())


def packed(content: str) -> dict[str, str]:
    """Return ``encoding`` and ``content`` of a write_files entry: compressed if it is long and becomes shorter.

    Equal content gives equal bytes: the gzip header contains neither the time nor the operating system.
    """
    if len(content.encode()) > PACK_ABOVE:
        compressed = b64encode(_gzip(content.encode())).decode()
        if len(compressed) < len(content):
            return {"encoding": "gz+b64", "content": compressed}
    return {"encoding": "text/plain", "content": content}


def _gzip(content: bytes) -> bytes:
    compressed = bytearray(gzip.compress(content, compresslevel=9, mtime=0))
    compressed[9] = 255  # RFC 1952: operating system unknown
    return bytes(compressed)
