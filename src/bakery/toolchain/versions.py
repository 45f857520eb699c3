"""Run a program to get its version. Output of any other form is not accepted."""

import json
import os
import re
from pathlib import Path

from bakery import proc
from bakery.errors import CommandError, MissingToolError
from bakery.toolchain.model import CNI_PLUGINS, ToolName

_ANSWER_SECONDS = 20
# First line of `consul version`, `nomad version`, `packer version`; "-dev" and "+ent" belong to the version.
_FIRST_LINE = re.compile(r"(Consul|Nomad|Packer) v(\d+\.\d+\.\d+\S*)")
_TRAEFIK_LINE = re.compile(r"Version: +(\d+\.\d+\.\d+\S*)")
_CNI_LINE = re.compile(r"CNI (\S+) plugin v(\d+\.\d+\.\d+\S*)")


def find_version(name: ToolName, path: Path, *, run: proc.Runner = proc.run) -> str | None:
    """Return the version of the program at ``path``.

    None if it does not exist, does not run, or is another program.
    """
    try:
        match name:
            case ToolName.CNI:
                return _version_of_set(path, run)
            case ToolName.PLUGIN:
                return parse_description(_ask(run, path, "describe").stdout)
            case ToolName.TRAEFIK:
                return parse_traefik_version(_ask(run, path, "version").stdout)
            case ToolName.CONSUL | ToolName.NOMAD | ToolName.PACKER:
                return parse_version_output(name, _ask(run, path, "version").stdout)
    except (CommandError, MissingToolError, OSError):
        return None


def parse_version_output(name: ToolName, output: str) -> str | None:
    """Return the version in the first line of ``<tool> version``; None if it is another program."""
    found = _FIRST_LINE.fullmatch(output.partition("\n")[0].strip())
    return found[2] if found and found[1].lower() == name else None


def parse_traefik_version(output: str) -> str | None:
    """Return the version in the first line of ``traefik version``; None if it is another program."""
    found = _TRAEFIK_LINE.fullmatch(output.partition("\n")[0].strip())
    return found[1] if found else None


def parse_description(output: str) -> str | None:
    """Return the version in a Packer plugin's answer to ``describe``.

    None if it is not the DigitalOcean plugin.
    """
    try:
        answer = json.loads(output)
        version = answer["version"]
    except (ValueError, TypeError, KeyError):
        return None
    return version if isinstance(version, str) and answer.get("datasources") == ["image"] else None


def parse_cni_version(plugin: str, output: str) -> str | None:
    """Return the version in a CNI plugin's answer to ``--version``; None if it is another plugin."""
    found = _CNI_LINE.fullmatch(output.partition("\n")[0].strip())
    return found[2] if found and found[1] == plugin else None


def _version_of_set(folder: Path, run: proc.Runner) -> str | None:
    versions = {
        # Plugins print the version on stderr, because stdout is for the CNI protocol.
        parse_cni_version(plugin, _ask(run, folder / plugin, "--version").stderr)
        for plugin in CNI_PLUGINS
    }
    return versions.pop() if len(versions) == 1 else None


def _ask(run: proc.Runner, path: Path, word: str) -> proc.Completed:
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(path)
    return run([path, word], env={"CHECKPOINT_DISABLE": "1"}, seconds=_ANSWER_SECONDS)
