"""JSON in user-data: as Python's and Jinja's own, which are slower."""

import json

from hypothesis import given
from hypothesis import strategies as st
from jinja2.utils import htmlsafe_json_dumps

from bakery.render.document import to_json
from bakery.render.indented import indented

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES)
def test_indented_is_what_python_writes(value: object) -> None:
    assert indented(value) == json.dumps(value, indent=1) + "\n"


@given(value=VALUES)
def test_the_filter_is_jinjas(value: object) -> None:
    assert to_json(value) == str(htmlsafe_json_dumps(value, sort_keys=True))


def test_by_hand() -> None:
    value = {"a": [], "b": {"c": [1, True, None, "\u00e4"]}}
    assert indented(value) == (
        '{\n "a": [],\n "b": {\n  "c": [\n   1,\n   true,\n   null,\n   "\\u00e4"\n  ]\n }\n}\n'
    )
    assert to_json("<it's & so on>") == '"\\u003cit\\u0027s \\u0026 so on\\u003e"'
