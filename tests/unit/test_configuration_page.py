"""docs/configuration.md is what the generator writes now, and has every key and every variable."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.config.schema import keys_of
from scripts.configuration import PAGE, VARIABLES, page

SOURCE = Path(__file__).parents[2] / "src" / "bakery"
OF_REQUESTS = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"}
"""The library reads them (requests 2.32, sessions.py, merge_environment_settings)."""
READ_ELSEWHERE = {"BAKERY_TERRAFORM_PROVIDERS", "DIGITALOCEAN_END_POINT"}
"""By the tests, and by python-digitalocean where it is used without bakery."""
ENVIRONMENTS = {"environ", "environment", "_environment", "env"}
"""How the source calls a mapping of environment variables."""
OURS = re.compile(r"_?(BAKERY|DIGITALOCEAN)_[A-Z0-9_]+")


def variables_in(source: str) -> set[str]:
    """The environment variables that a module reads: bakery's own by their names, others by how they are read."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and OURS.fullmatch(node.value):
            found.add(node.value)
        for name in _names_read(node):
            value = name.value if isinstance(name, ast.Constant) else constants.get(getattr(name, "id", ""))
            if isinstance(value, str):
                found.add(value)
        if isinstance(node, ast.Attribute) and (kind := re.fullmatch(r"user_(\w+)_dir", node.attr)):
            # platformdirs, unix.py: logs are in the folder of the state
            found.add(f"XDG_{kind[1].upper().replace('LOG', 'STATE')}_HOME")
    return found


def _names_read(node: ast.AST) -> Iterator[ast.expr]:
    """The N of ``environ.get(N)``, ``environ[N]`` and ``envvar=N``."""
    if isinstance(node, ast.keyword) and node.arg == "envvar":
        yield node.value
    if isinstance(node, ast.Subscript) and _is_environment(node.value):
        yield node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        yield from node.args[:1] if _is_environment(node.func.value) else ()


def _is_environment(node: ast.expr) -> bool:
    return getattr(node, "attr", getattr(node, "id", "")) in ENVIRONMENTS


def rows(text: str) -> list[str]:
    """What the first cells of the page's tables name."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


def test_every_variable_that_the_source_reads_is_on_the_page() -> None:
    read = set().union(*(variables_in(file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py")))
    listed = {name for variable in VARIABLES for name in variable.name.split(", ")}
    assert listed - OF_REQUESTS == read
    assert listed <= set(rows(page()))


@pytest.mark.parametrize(
    "line",
    [
        'os.environ.get("NEW_ONE")', 'os.environ["NEW_ONE"]', 'environment.get("NEW_ONE", "1")',
        'self._environment.get("NEW_ONE")', 'click.option("--new", envvar="NEW_ONE")',
        'WHERE = "NEW_ONE"\nenv.get(WHERE)',
    ],
)  # fmt: skip
def test_a_new_variable_would_be_missed(line: str) -> None:
    """Control: each way to read a variable is seen."""
    assert variables_in(line) == {"NEW_ONE"}


def test_a_variable_of_ours_is_seen_wherever_it_is() -> None:
    """Control, and of what platformdirs reads."""
    assert variables_in('NAMES = ("DIGITALOCEAN_NEW", "BAKERY_NEW")') == {"DIGITALOCEAN_NEW", "BAKERY_NEW"}
    assert variables_in('platformdirs.user_state_dir("bakery")') == {"XDG_STATE_HOME"}
    assert variables_in('mapping.get("KEY")\nmapping["KEY"]\n"a BAKERY_NEW in a sentence"') == set()


def test_every_key_of_the_cluster_file_is_on_the_page() -> None:
    sections = ("vpc", "image", "access", "security", "docker", "ingress")
    keys = {f"{section}.{key}" for section in sections for key in keys_of((section,))}
    keys |= {f"roles.NAME.{key}" for key in keys_of(("roles", "x"))}
    keys |= {f"roles.NAME.host_volumes.NAME.{key}" for key in keys_of(("roles", "x", "host_volumes", "y"))}
    keys |= {f"docker.logs.{key}" for key in keys_of(("docker", "logs"))}
    keys -= {"docker.logs"}
    keys |= {f"docker.registries.NAME.{key}" for key in keys_of(("docker", "registries", "x"))}
    keys |= {f"ingress.load_balancer.{key}" for key in keys_of(("ingress", "load_balancer"))}
    keys |= {f"ingress.certificates[].{key}" for key in keys_of(("ingress", "certificates", 0))}
    keys |= set(keys_of(())) - set(sections)
    listed = rows(page().partition("| kind |")[0])
    assert set(listed) == keys
    assert len(listed) == len(keys)


def test_the_pages_name_no_variable_that_nothing_reads() -> None:
    root = SOURCE.parents[1]
    text = "\n".join(
        page.read_text(encoding="utf-8") for page in (root / "README.md", *(root / "docs").rglob("*.md"))
    )
    named = {found[0] for found in re.finditer(rf"\b{OURS.pattern}\b", text)}
    assert named - set(rows(page())) == READ_ELSEWHERE


def test_a_row_that_is_taken_out_is_missed() -> None:
    """Control for the two comparisons with the page."""
    whole = page()
    for name in ("roles.NAME.count", "BAKERY_STATE_DIR"):
        without = "\n".join(line for line in whole.splitlines() if not line.startswith(f"| `{name}` "))
        assert name in rows(whole)
        assert name not in rows(without)
