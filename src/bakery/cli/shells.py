"""The lines that set and unset variables in a shell: a POSIX shell, fish or PowerShell."""

import os
import shlex
from collections.abc import Mapping, Sequence

from bakery.cli import env_path

SHELLS = ("sh", "fish", "powershell")
# A folder of BAKERY_ENV_PATH is removed at any position: the user may have changed PATH since.
_FISH_FORGET = """\
if set -q BAKERY_ENV_PATH
  for folder in (string split : -- $BAKERY_ENV_PATH)
    if set -l index (contains -i -- $folder $PATH)
      set -e PATH[$index]
    end
  end
  set -e BAKERY_ENV_PATH
end"""
_POWERSHELL_FORGET = f"""\
if ($env:BAKERY_ENV_PATH) {{
  $old = $env:BAKERY_ENV_PATH -split '{os.pathsep}'
  $env:PATH = (($env:PATH -split '{os.pathsep}') | Where-Object {{ $old -notcontains $_ }}) -join '{os.pathsep}'
  Remove-Item Env:BAKERY_ENV_PATH
}}"""


def set_lines(shell: str, values: Mapping[str, str], programs: env_path.Programs) -> list[str]:
    """Return lines that set the variables, and put the folders of the programs in front of PATH."""
    folders = os.pathsep.join(str(folder) for folder in programs.folders)
    if shell == "fish":
        path = [f"set -gx PATH {' '.join(map(_fish, map(str, programs.folders)))} $PATH"]
        remembered = [*path, f"set -gx {env_path.VARIABLE} {_fish(folders)}"] if folders else []
        return [
            *(f"set -gx {name} {_fish(value)}" for name, value in values.items()),
            _FISH_FORGET,
            *remembered,
        ]
    if shell == "powershell":
        path = [f"$env:PATH = {_powershell(folders + os.pathsep)} + $env:PATH"]
        remembered = [*path, f"$env:{env_path.VARIABLE} = {_powershell(folders)}"] if folders else []
        lines = (f"$env:{name} = {_powershell(value)}" for name, value in values.items())
        return [*lines, _POWERSHELL_FORGET, *remembered]
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
        *env_path.exports(programs),
    ]


def unset_lines(shell: str, names: Sequence[str]) -> list[str]:
    """Return lines that unset the variables, and remove from PATH what :func:`set_lines` put there."""
    if shell == "fish":
        return [*(f"set -e {name}" for name in names), _FISH_FORGET]
    if shell == "powershell":
        return [
            *(f"Remove-Item Env:{name} -ErrorAction SilentlyContinue" for name in names),
            _POWERSHELL_FORGET,
        ]
    return [*(f"unset {name}" for name in names), *env_path.FORGET]


def _fish(text: str) -> str:
    """Quote for fish: https://fishshell.com/docs/current/language.html#quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell(text: str) -> str:
    """Quote for PowerShell.

    https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
    """
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
