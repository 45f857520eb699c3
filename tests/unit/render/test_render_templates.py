"""The templates keep the rules that make their output safe, and a broken document is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes

from bakery.assets import CLOUD_INIT
from bakery.config.model import Kind
from bakery.errors import RenderError
from bakery.render import checks, document
from bakery.render.checks import check_document
from bakery.render.document import environment, render_document

TEMPLATES = sorted(CLOUD_INIT.glob("*.j2"))
SERIALISERS = {"tojson", "comment"}
MACROS = {"file", "for_jobs", "node_files", "consul_agent", "nomad_agent"}


def bare(source: str) -> Iterator[str]:
    """What a template prints without a serialising filter or one of our macros, which filter in turn."""
    for output in environment().parse(source).find_all(nodes.Output):
        for part in output.nodes:
            if isinstance(part, nodes.TemplateData):
                continue
            if isinstance(part, nodes.Filter) and part.name in SERIALISERS:
                continue
            if isinstance(part, nodes.Call) and isinstance(part.node, nodes.Name) and part.node.name in MACROS:
                continue
            yield type(part).__name__


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_value_is_serialised(template: Path) -> None:
    assert list(bare(template.read_text())) == []


def test_bare_interpolation_is_seen() -> None:
    """Control."""
    assert list(bare("owner: {{ owner }}\nmode: {{ mode | upper }}\nb: {{ b | tojson }}")) == ["Name", "Filter"]


def test_there_is_a_template_for_every_kind() -> None:
    assert {path.name for path in TEMPLATES} == {f"{kind.value}.yaml.j2" for kind in Kind} | {"macros.yaml.j2"}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_value_that_is_missing_is_an_error(kind: Kind) -> None:
    with pytest.raises(RenderError) as caught:
        render_document(f"{kind.value}.yaml.j2", {"header": "h", "node": "{}", "firewall": ""})
    assert caught.value.message == f"cloud-init/{kind.value}.yaml.j2 cannot be rendered"
    assert str(caught.value.details).startswith("UndefinedError: 'allow_ssh' is undefined")


def test_a_hostile_value_stays_a_value() -> None:
    """It can neither end its string nor add a key or a second entry."""
    hostile = 'x"\n  - path: "/etc/shadow"\n---\nruncmd: [reboot] # {{ 7 * 7 }} <&\'> \u2028'
    template = environment().from_string(
        '{% from "macros.yaml.j2" import file %}\nwrite_files:\n  {{ file("/etc/bakery/node.json", content) }}\n'
    )
    parsed = yaml.safe_load(template.render(content=hostile))
    assert parsed == {
        "write_files": [
            {
                "path": "/etc/bakery/node.json",
                "owner": "root:root",
                "permissions": "0644",
                "encoding": "text/plain",
                "content": hostile,
            }
        ]
    }


def test_a_comment_stays_on_its_line() -> None:
    assert document.comment("demo\nruncmd: [reboot]\r\nx") == "demo runcmd: [reboot] x"


GOOD = """#cloud-config
ssh_pwauth: false
write_files:
  - {path: /etc/bakery/node.json, owner: "root:root", permissions: "0644", encoding: text/plain, content: x}
"""


def test_a_good_document_passes() -> None:
    check_document(GOOD, "demo")


@pytest.mark.parametrize(
    ("wrong", "right", "details"),
    [
        ("#cloud-config", "## template: jinja\n#cloud-config", "its first line is not #cloud-config"),
        ("write_files:", "write_file:", "its keys are ssh_pwauth, write_file and not ssh_pwauth, write_files"),
        ("ssh_pwauth: false", "ssh_pwauth: false\nruncmd: []", "its keys are runcmd, ssh_pwauth, write_files"),
        ('"0644"', "0644", "the permissions of /etc/bakery/node.json are 420"),
        ('"0644"', '"644"', "the permissions of /etc/bakery/node.json are '644'"),
        ("/etc/bakery/node.json", "/root/.ssh/authorized_keys", "it writes /root/.ssh/authorized_keys"),
        ("content: x", "source: x", "the entry for /etc/bakery/node.json has the keys"),
        ("write_files:", "write_files: [", "it is not YAML"),
    ],
)
def test_a_broken_document_is_refused(wrong: str, right: str, details: str) -> None:
    with pytest.raises(RenderError) as caught:
        check_document(GOOD.replace(wrong, right), "demo")
    assert caught.value.message == "the user-data of demo is not valid"
    assert str(caught.value.details).startswith(details)


ENTRY = """#cloud-config
ssh_pwauth: false
write_files:
  - path: "/etc/bakery/node.json"
    owner: "root:root"
    permissions: "0644"
    encoding: "text/plain"
    content: {content}
"""


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_a_content_that_is_left_out_of_the_check_is_the_same_string_in_yaml(content: str) -> None:
    written = ENTRY.format(content=document.to_json(content))
    assert checks._shape(written) == ENTRY.format(content='""')
    check_document(written, "demo")
    assert yaml.safe_load(written)["write_files"][0]["content"] == content


@pytest.mark.parametrize(
    "content",
    [
        '"x" y',
        '"x',
        'x"',
        "x",
        '"\\q"',
        '"\\ud83d\\ude00"',
        '"\t"',
        '"é"',
        '"x"\nruncmd: [reboot]',
        '"x"\n    mode: "1"',
    ],
)
def test_any_other_content_is_checked_with_the_document(content: str) -> None:
    """Control: what is not one JSON string that YAML has too, stays."""
    assert checks._shape(ENTRY.format(content=content)) != ENTRY.format(content='""')


@pytest.mark.parametrize(
    ("content", "details"),
    [
        ('"x" y', "it is not YAML"),
        ('"\\ud83d\\ude00"', "it is not YAML"),
        ('"x"\nruncmd: [reboot]', "its keys are"),
    ],
)
def test_a_document_after_a_good_one_is_refused_by_its_own_name(content: str, details: str) -> None:
    check_document(ENTRY.format(content='"x"'), "good")
    for name in ("first", "second"):
        with pytest.raises(RenderError, match=f"the user-data of {name} is not valid") as caught:
            check_document(ENTRY.format(content=content), name)
        assert str(caught.value.details).startswith(details)


def test_a_structure_is_parsed_once_for_all_nodes_of_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    load = yaml.load

    def count(text: str, **options: Any) -> Any:  # noqa: ANN401 - YAML
        parsed.append(text)
        return load(text, **options)

    monkeypatch.setattr(yaml, "load", count)
    checks._defect.cache_clear()
    for node in ("demo-1", "demo-2"):
        check_document(ENTRY.replace("ssh_pw", f"# node {node}\nssh_pw").format(content=f'"{node}"'), node)
    assert parsed == [ENTRY.format(content='""')]
    check_document(ENTRY.replace("0644", "0640").format(content='"x"'), "other")
    assert len(parsed) == 2
