"""The Jinja environment: undefined names are errors, and every value is serialised."""

import gzip
import json
from base64 import b64encode
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from bakery.assets import CLOUD_INIT
from bakery.errors import RenderError

PACK_ABOVE = 4096
"""Bytes. Longer files are compressed; shorter files stay readable."""
SHORT = 100
"""Characters. Paths, owners and modes are shorter; the files of a node, which hold its secrets, are longer."""


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
        auto_reload=False,  # otherwise each render asks for the times of its templates
    )
    made.filters["packed"] = packed
    made.filters["tojson"] = to_json
    made.filters["comment"] = comment
    return made


def to_json(value: object) -> str:
    """Return ``value`` as JSON in which ``<``, ``>``, ``&`` and ``'`` are escaped: Jinja's own filter, but faster.

    A document has some sixty values, most of them the same in every document.
    """
    return _short_to_json(value) if isinstance(value, str) and len(value) < SHORT else _to_json(value)


@lru_cache(maxsize=1024)
def _short_to_json(value: str) -> str:
    return _to_json(value)


def _to_json(value: object) -> str:
    text = encode_basestring_ascii(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


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
