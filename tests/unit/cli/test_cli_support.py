"""``bakery support`` runs other commands: a signal during one of them ends all."""

from pathlib import Path

import pytest

from bakery.cli.main import run
from bakery.errors import ExitCode


@pytest.mark.parametrize("code", [ExitCode.INTERRUPTED, ExitCode.TERMINATED])
def test_a_signal_is_not_the_end_of_one_command_only(
    code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def interrupted(arguments: list[str], **_: object) -> int:
        asked.append(arguments[0])
        return code

    monkeypatch.chdir(tmp_path)
    (tmp_path / "bakery.yaml").write_text("version: 1\ncluster: demo\n")
    monkeypatch.setattr("bakery.cli.main.run", interrupted)
    assert run(["support"]) == code
    assert asked == ["status"]
    assert [file.name for file in tmp_path.iterdir()] == ["bakery.yaml"]
