"""The template engine: undefined names are errors, and every value is serialised."""

import gzip
from base64 import b64encode
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from bakery.assets import CLOUD_INIT
from bakery.errors import RenderError

PACK_ABOVE = 4096
"""Bytes: what is longer travels compressed; what is shorter stays readable."""


def render_document(template: str, values: dict[str, Any]) -> str:
    """``cloud-init/<template>`` with ``values``.

    Raises:
        RenderError: the template is missing or asks for a value that it is not given.
    """
    try:
        return environment().get_template(template).render(values)
    except TemplateError as error:
        message = f"cloud-init/{template} cannot be rendered"
        raise RenderError(message=message, details=f"{type(error).__name__}: {error.message}") from error


@cache
def environment() -> Environment:
    """Jinja as the templates expect it: ``tojson`` (and ``comment``) let a value into the text.

    One for the process: it keeps the compiled templates, which take longer than all else in a render.
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
    """``text`` on one line, for a comment."""
    return " ".join(text.split())


def packed(content: str) -> dict[str, str]:
    """``encoding`` and ``content`` of a write_files entry: plain, or compressed when long and shorter so.

    The same content gives the same bytes: no time and no system's name goes into the gzip header.
    """
    if len(content.encode()) > PACK_ABOVE:
        squeezed = b64encode(_gzip(content.encode())).decode()
        if len(squeezed) < len(content):
            return {"encoding": "gz+b64", "content": squeezed}
    return {"encoding": "text/plain", "content": content}


def _gzip(content: bytes) -> bytes:
    squeezed = bytearray(gzip.compress(content, compresslevel=9, mtime=0))
    squeezed[9] = 255  # RFC 1952: operating system unknown
    return bytes(squeezed)
