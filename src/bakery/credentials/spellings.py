"""The forms in which programs write a secret into logs and errors."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters. A shorter password is not searched for: it may be in any text."""
_SAME_EVERYWHERE = re.compile(r"[A-Za-z0-9._~-]*")
"""A text of letters, digits and RFC 3986's other unreserved characters is never escaped."""
_UNESCAPED = (
    "",  # Go's url.QueryEscape, curl --data-urlencode
    "=", "/", "/=",  # Python's urllib.parse.quote leaves "/"
    "!'()*", "!'()*;,/?:@&=+$#",  # encodeURIComponent and encodeURI of browsers (ECMA-262 19.2.6)
    "$&+=:@", "$&+,/:;=@", "$&+,;=",  # Go's net/url, shouldEscape: a segment, a path, a user name
    "!#$%&'()*+,/:;=?@[]~",  # requests' utils.requote_uri
)  # fmt: skip
"""The characters that programs leave as they are when they escape a text for a URL, beside the unreserved ones."""


def spelled(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return each secret of at least ``SHORTEST`` characters as it is, and in the other forms of this module.

    These are base64, the escapes of URLs, and those of Python, Go and JSON, also of JSON in JSON. The longest are
    first: a secret may be a part of another.
    """
    found: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            found.update(_forms(secret))
    return tuple(sorted(found, key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield b64encode(_bytes(secret)).decode()
    if _SAME_EVERYWHERE.fullmatch(secret):
        return
    yield from _in_urls(secret)
    for quoted in set(_quoted(secret)):
        yield quoted
        yield from _quoted(quoted)


def _in_urls(secret: str) -> Iterator[str]:
    content = _bytes(secret)
    for escaped in (*(quote(content, safe=left) for left in _UNESCAPED), quote_plus(content)):
        yield escaped
        yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), escaped)


def _quoted(text: str) -> Iterator[str]:
    """Yield the text without its quotation marks as ``repr`` and JSON write it."""
    # repr escapes an apostrophe only in a text that has a quotation mark too; this one may be a part of that text.
    longer = f"{text}'\""
    yield from (repr(text)[1:-1], repr(longer)[1:-4])
    yield from (repr(_bytes(text))[2:-1], repr(_bytes(longer))[2:-4])
    for ascii_only in (True, False):
        in_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield in_json
        yield _with_codes(in_json, "<>&")  # Go's encoding/json
        yield _with_codes(in_json, "<>&'")  # the templates (render/document.py, to_json)


def _with_codes(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _bytes(text: str) -> bytes:
    # A variable that is not UTF-8 has surrogates, which UTF-8 refuses otherwise.
    return text.encode(errors="surrogatepass")
