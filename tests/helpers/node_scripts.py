"""The Python scripts of a node, loaded as modules: they have no suffix, and no package."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest

from bakery.assets import PACKER

SCRIPTS = PACKER / "files/usr/local/lib/bakery"


def load_script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script of that name, and write no bytecode beside it."""
    loader = SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    return module
