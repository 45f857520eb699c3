"""Holds the emulator's answers against tests/schemas, which were written by hand from the API's description."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from bakery.emulator.api.api_response import ApiResponse

SCHEMAS = Path(__file__).parents[1] / "schemas"
DOCUMENTED_ERRORS = {400, 401, 403, 404, 409, 412, 422, 429}
WHOLE_PAGE = 20
"""Of a longer page the first and the last ten items are checked."""

FORMATS = FormatChecker()

Form = Mapping[str, Any]


@FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    """Whole seconds in UTC, as every example of the API has them; jsonschema alone checks none."""
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None


@FORMATS.checks("uri")
def _is_url(value: object) -> bool:
    """Absolute."""
    return not isinstance(value, str) or re.match(r"https?://[^/]+/v2/", value) is not None


class SchemaChecker:
    """Remembers what is wrong with answers, so that a test can say it in the end."""

    def __init__(self, *, allows_500: bool = False) -> None:
        self.problems: list[str] = []
        self.seen: Counter[str] = Counter()
        """How many answers of each operation and status were checked."""
        self._allows_500 = allows_500

    def __call__(self, response: ApiResponse) -> None:
        self.seen[f"{_operation(response)} {response.status}"] += 1
        if response.status == 500 and self._allows_500:
            return
        title = f"{response.method} {response.path}?{response.query} -> {response.status}"
        self.problems += [f"{title}: {problem}" for problem in problems(response)]

    def verify(self) -> None:
        """Fails with the first few problems."""
        assert not self.problems, "\n".join(self.problems[:10])


def check_recording(file: Path, *, allows_500: bool = False) -> Counter[str]:
    """Check every answer that ``bakery emulator requests --record FILE`` wrote; gives what was seen."""
    checker = SchemaChecker(allows_500=allows_500)
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        checker(ApiResponse(**{**entry, "body": entry["body"].encode()}))
    checker.verify()
    return checker.seen


def problems(response: ApiResponse) -> list[str]:
    """What an answer has that the API's would not, or lacks."""
    return [*_header_problems(response), *_body_problems(response)]


def _header_problems(response: ApiResponse) -> list[str]:
    """OpenAPI, shared/headers.yml."""
    numbers = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    found = [f"no {name}" for name in numbers if not response.headers.get(name, "").isdecimal()]
    if (
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", response.headers.get("x-request-id", ""))
        is None
    ):
        found.append("no x-request-id")
    if response.body and response.headers.get("content-type") != "application/json":
        found.append(f"content-type is {response.headers.get('content-type')}")
    return found


def _body_problems(response: ApiResponse) -> list[str]:
    form = _forms().get(_operation(response), {}).get(str(response.status))
    if form is None:
        if response.status not in DOCUMENTED_ERRORS:
            return ["this status is not documented for it"]
        form = {"body": "error"}
    if form == "empty":
        return ["it has a body"] if response.body else []
    return _mismatches(form, _shortened(json.loads(response.body)))


def _mismatches(form: Form, body: Any) -> list[str]:  # noqa: ANN401 - JSON
    errors = _validator(json.dumps(form)).iter_errors(body)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def _shortened(body: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(body, dict):
        return body
    half = WHOLE_PAGE // 2
    return {
        name: [*value[:half], *value[-half:]] if isinstance(value, list) and len(value) > WHOLE_PAGE else value
        for name, value in body.items()
    }


@cache
def _validator(form: str) -> Draft202012Validator:
    schema = _schema(json.loads(form))
    return Draft202012Validator(schema, registry=_registry(), format_checker=FORMATS)


def _schema(form: Form) -> Form:
    """The schema of a whole body, from its short form in responses.json."""
    if "body" in form:
        return {"$ref": f"{form['body']}.json"}
    if "created" in form:
        return {"oneOf": [_created(form["created"], "droplet"), _created(form["created"], "droplets")]}
    [(kind, content)] = form.items()
    [(key, name)] = content.items()
    item = {"$ref": f"{name}.json"}
    if kind == "reserved":
        return _object({key: item, "links": {"$ref": "page.json#/$defs/reserved"}})
    properties = {key: item if kind == "one" else {"type": "array", "items": item}}
    if kind == "page":
        properties |= {name: {"$ref": f"page.json#/$defs/{name}"} for name in ("links", "meta")}
    return _object(properties)


def _created(content: Form, key: str) -> Form:
    """One droplet or several, with a link to the action of each."""
    item = {"$ref": f"{content[key]}.json"}
    value = item if key == "droplet" else {"type": "array", "items": item, "minItems": 1, "maxItems": 10}
    return _object({key: value, "links": {"$ref": "page.json#/$defs/actions"}})


def _object(properties: Form) -> Form:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@cache
def _registry() -> Registry[Any]:
    files = [file for file in SCHEMAS.glob("*.json") if file.name != "responses.json"]
    return Registry().with_resources(
        (file.name, Resource.from_contents(json.loads(file.read_text(encoding="utf-8")))) for file in files
    )


@cache
def _forms() -> dict[str, dict[str, Any]]:
    forms = json.loads((SCHEMAS / "responses.json").read_text(encoding="utf-8"))
    return {name: form for name, form in forms.items() if name != "$comment"}


@cache
def operations() -> dict[str, re.Pattern[str]]:
    """``GET /v2/droplets/{droplet}`` and its like, each with what matches it, literal paths first."""
    names = sorted(_forms(), key=lambda name: name.count("{"))
    return {name: re.compile(re.sub(r"\{\w+\}", "[^/]+", name)) for name in names}


def _operation(response: ApiResponse) -> str:
    text = f"{response.method} {response.path}"
    return next((name for name, pattern in operations().items() if pattern.fullmatch(text)), "")
