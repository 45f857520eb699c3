"""The import law of the rooms, read from the source itself.

ROOMS is the picture in docs/architecture.md as a table: what each room may import besides the leaves.
EMULATOR_ROOMS and LAUNCH_ROOMS are the same for the rooms inside the emulator and inside launch.
FENCES names the only places that may import a third-party module.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "bakery"

LEAVES = {"errors", "hidden", "hints", "console", "proc", "assets", "wait", "files", "loopback"}
ROOMS: dict[str, set[str]] = {
    "config": set(),
    "plan": {"config"},
    "credentials": {"config"},
    "render": {"credentials", "plan", "config"},
    "agents": set(),
    "cloud": set(),
    "observe": {"plan", "cloud", "agents"},
    "launch": {"observe", "agents", "render", "credentials", "plan", "cloud", "config"},
    "bake": {"cloud", "config", "plan"},
    "browser": {"agents"},
    "toolchain": set(),
    "emulator": set(),
}
ROOMS["operations"] = set(ROOMS) - {"emulator"}
ROOMS["cli"] = set(ROOMS)
EMULATOR_ROOMS: dict[str, set[str]] = {
    "account": set(),
    "host": set(),
    "images": set(),
    "network": {"host"},
    "machines": {"network", "images", "host"},
    "faults": {"account"},
    "work": {"machines.interface", "account", "faults"},
    "api": {"work", "faults", "account"},
}
EMULATOR_ROOMS["daemon"] = set(EMULATOR_ROOMS)
EMULATOR_ROOMS["__main__"] = {"daemon"}
BEHIND_OPERATIONS = {
    "agents", "bake.bake", "bake.orphans", "bake.sweep", "launch.acl", "launch.base.journal", "launch.base.lock",
    "launch.base.session", "launch.converge.access", "launch.converge.run",
}  # fmt: skip
"""What carries out a use case: of these rooms ``cli`` sees what ``operations`` makes of them."""
EMULATOR_EXCEPTIONS = {
    # The metadata service answers a droplet with what its machine was made from, and names that type.
    ("emulator.api.metadata", "emulator.machines.interface"),
}
LAUNCH_ROOMS: dict[str, set[str]] = {
    "base": set(),
    "acl": set(),
    "teardown": {"base"},
    "converge": {"base", "teardown"},
    "roll": {"base", "converge", "teardown"},
}
FENCES: dict[str, set[str]] = {
    "click": {"cli"},
    "jinja2": {"render"},
    "cryptography": {"credentials", "agents.jwks", "emulator.account.certificates"},
    "pyrage": {"credentials"},
    "digitalocean": {"cloud.digitalocean"},
    "pydantic": {"config.schema", "credentials.codec", "emulator.account.serialization", "emulator.api.admin"},
    "rich": {"cli.progress"},
    "yaml": {"config", "render", "cli.answers", "cli.completions"},
    "requests": {"cloud", "agents", "toolchain"},
    "filelock": {"files"},
    "subprocess": {"proc"},
    "starlette": {"emulator.api", "emulator.daemon", "emulator.faults.effects"},
    "uvicorn": {"emulator.daemon.server"},
}


def _module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = {_module_name(file): _imports(file) for file in sorted(SOURCE.rglob("*.py"))}
INTERNAL = {
    name: {
        imported.removeprefix("bakery.")
        for imported in imports
        if imported.startswith("bakery.") and imported.removeprefix("bakery.") in MODULES
    }
    for name, imports in MODULES.items()
}


def _room(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def _forbidden(module: str, imports: set[str]) -> set[str]:
    room = _room(module)
    if room in {"", "__main__"}:
        return set()
    allowed = LEAVES | {room} | ROOMS.get(room, set()) | {""}
    return {imported for imported in imports if _room(imported) not in allowed}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_imports_only_what_lies_to_its_right(module: str) -> None:
    assert _forbidden(module, INTERNAL[module]) == set()


def test_the_law_can_be_broken() -> None:
    """Control: the same check refuses an import that the table forbids."""
    assert _forbidden("bake.packer", {"credentials.store"}) == {"credentials.store"}
    assert _forbidden("errors", {"config.model"}) == {"config.model"}
    assert _forbidden("launch.converge.run", {"operations.launch_cluster"}) == {"operations.launch_cluster"}
    assert _forbidden("operations.launch_cluster", {"cli.invocation"}) == {"cli.invocation"}
    assert _forbidden("operations.launch_cluster", {"emulator.daemon.app"}) == {"emulator.daemon.app"}


def _below(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def _forbidden_in_emulator(module: str, imports: set[str]) -> set[str]:
    """What ``module`` imports of the emulator against the law; from outside only ``daemon`` may be imported."""
    inside = module.startswith("emulator.")
    room = module.split(".")[1] if inside else ""
    allowed = {f"emulator.{name}" for name in ({room} | EMULATOR_ROOMS[room] if inside else {"daemon"})}
    return {
        imported
        for imported in imports
        if imported.startswith("emulator.")
        and not _below(imported, allowed)
        and (module, imported) not in EMULATOR_EXCEPTIONS
    }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_of_the_emulator_imports_only_what_is_below_it(module: str) -> None:
    assert _forbidden_in_emulator(module, INTERNAL[module]) == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("emulator.account.state", "emulator.api.call"),
        ("emulator.host.cgroups", "emulator.machines.interface"),
        ("emulator.network.router", "emulator.machines.nspawn_process"),
        ("emulator.machines.nspawn", "emulator.account.model"),
        ("emulator.faults.effects", "emulator.api.endpoint"),
        ("emulator.work.queues", "emulator.machines.nspawn"),
        ("emulator.work.queues", "emulator.network.model"),
        ("emulator.api.call", "emulator.machines.interface"),
        ("emulator.api.call", "emulator.daemon.app"),
        ("emulator.__main__", "emulator.api.routes"),
        ("cli.emulator", "emulator.machines.nspawn_exec"),
    ],
)
def test_the_emulators_law_can_be_broken(module: str, imported: str) -> None:
    """Control: the same check refuses an import that the table forbids."""
    assert _forbidden_in_emulator(module, {imported}) == {imported}


def test_every_exception_of_the_emulators_law_is_needed() -> None:
    assert all(imported in INTERNAL[module] for module, imported in EMULATOR_EXCEPTIONS)


def test_every_file_of_the_emulator_is_in_a_room() -> None:
    inside = {module.split(".")[1] for module in MODULES if module.startswith("emulator.")}
    assert inside == set(EMULATOR_ROOMS)


def _forbidden_in_launch(module: str, imports: set[str]) -> set[str]:
    """What ``module`` of launch imports of launch against the law. Other rooms may import each room of launch."""
    room = module.split(".")[1]
    allowed = {f"launch.{name}" for name in {room} | LAUNCH_ROOMS[room]}
    return {imported for imported in imports if imported.startswith("launch.") and not _below(imported, allowed)}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.startswith("launch.")))
def test_a_room_of_launch_imports_only_what_is_below_it(module: str) -> None:
    assert _forbidden_in_launch(module, INTERNAL[module]) == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("launch.base.members", "launch.converge.droplets"),
        ("launch.teardown.destroy", "launch.converge.prepare"),
        ("launch.acl.ensure", "launch.base.session"),
        ("launch.converge.run", "launch.acl.ensure"),
    ],
)
def test_the_law_of_launch_can_be_broken(module: str, imported: str) -> None:
    """Control: the same check refuses an import that the table forbids."""
    assert _forbidden_in_launch(module, {imported}) == {imported}


def test_every_file_of_launch_is_in_a_room() -> None:
    inside = {module.split(".")[1] for module in MODULES if module.startswith("launch.")}
    assert inside == set(LAUNCH_ROOMS)


@pytest.mark.parametrize("module", sorted(module for module in MODULES if _room(module) == "cli"))
def test_a_verb_calls_a_use_case(module: str) -> None:
    assert {imported for imported in INTERNAL[module] if _below(imported, BEHIND_OPERATIONS)} == set()


def test_each_module_behind_operations_exists() -> None:
    """Control: a module that is renamed does not leave the law, and its room is under it."""
    assert set(MODULES) >= BEHIND_OPERATIONS
    assert _below("launch.acl.ensure", BEHIND_OPERATIONS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_third_party_modules_stay_behind_their_fence(module: str) -> None:
    for imported in MODULES[module]:
        allowed = FENCES.get(imported.split(".")[0])
        if allowed is not None:
            assert _below(module, allowed), imported


def _closure(start: str) -> set[str]:
    seen: set[str] = set()
    todo = [module for module in MODULES if _room(module) == start]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo.extend(INTERNAL[module])
    return seen


def test_nothing_secret_can_reach_a_snapshot() -> None:
    assert {_room(module) for module in _closure("bake")} & {"credentials", "render"} == set()
    assert {module for module in _closure("bake") if _room(module) == "plan"} <= {"plan", "plan.tags"}


def test_the_product_does_not_know_the_emulator() -> None:
    """They meet over HTTP only: of the product only ``cli`` imports it."""
    users = {_room(module) for module, imports in INTERNAL.items() if any(_room(i) == "emulator" for i in imports)}
    assert users <= {"cli", "emulator"}


def test_files_and_functions_stay_small() -> None:
    too_long = []
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            too_long.append(str(file))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > 60:
                    too_long.append(f"{file}:{node.lineno} {node.name}")
    assert too_long == []
