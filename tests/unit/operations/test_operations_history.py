"""The history file: runs from its events, whatever a crash left of it."""

import json
from pathlib import Path

import pytest

from bakery.operations import history
from bakery.operations.history import append_event, load_runs, shorten_history

AT = "2026-01-02T03:04:05Z"


def begin(run: str) -> dict[str, str]:
    return {"event": "begin", "run": run, "at": AT, "who": "ann@laptop", "command": "bakery launch"}


def end(run: str, code: int) -> dict[str, object]:
    return {"event": "end", "run": run, "at": "2026-01-02T03:05:05Z", "exit_code": code, "message": None}


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "done"), (2, "failed"), (6, "failed"), (130, "interrupted"), (143, "interrupted")]
)
def test_the_exit_code_is_the_outcome(tmp_path: Path, code: int, outcome: str) -> None:
    append_event(tmp_path / "events.jsonl", begin("a"))
    append_event(tmp_path / "events.jsonl", end("a", code))
    (run,) = load_runs(tmp_path / "events.jsonl")
    assert (run.outcome, run.who, run.began) == (outcome, "ann@laptop", AT)


def test_two_runs_at_once_are_kept_apart(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    node = {"event": "node", "run": "a", "at": AT, "name": "demo-nomad-client-1", "state": "requested"}
    warning = {"event": "warning", "run": "b", "at": AT, "text": "act on this"}
    for event in (begin("a"), begin("b"), node, warning, end("b", 0)):
        append_event(file, event)
    first, second = load_runs(file)
    assert [each.name for each in first.nodes] == ["demo-nomad-client-1"]
    assert (first.outcome, second.outcome, second.warnings) == ("not ended", "done", ("act on this",))


def test_what_a_crash_cut_off_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    append_event(file, begin("a"))
    whole = json.dumps(begin("b"))
    file.write_text(f'{file.read_text()}{whole[:30]}\n[]\n7\n{{"event": "end", "run": "unknown", "at": ""}}\n')
    assert [run.id for run in load_runs(file)] == ["a"]
    assert load_runs(tmp_path / "none") == ()


def test_a_large_file_loses_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "events.jsonl"
    for number in range(10):
        append_event(file, begin(str(number)))
    shorten_history(file)
    assert len(load_runs(file)) == 10, "control: it is small"
    monkeypatch.setattr(history, "MOST_BYTES", 100)
    shorten_history(file)
    assert [run.id for run in load_runs(file)] == ["5", "6", "7", "8", "9"]
    assert file.stat().st_mode & 0o777 == 0o600
