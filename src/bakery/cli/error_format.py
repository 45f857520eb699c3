"""Format an error: as lines with the place and the next step, or as one JSON object."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

from bakery.cli.answers import SCHEMA_VERSION
from bakery.console import Console
from bakery.errors import BakeryError, CommandError, ConfigError, Problem
from bakery.hints import Text

MOST_OF_A_KIND = 5


def as_text(error: BakeryError, console: Console) -> str:
    """Return the lines ``error:``, the place with a caret, the details, and ``help:``."""
    head = console.style("error:", "red")
    if isinstance(error, ConfigError) and error.problems:
        blocks = [_problem(error.file, problem, more, console) for problem, more in _few(error.problems)]
        return "\n\n".join([*blocks, "\n".join([f"{head} {error.message}", *_help(error, console)])])
    lines = [f"{head} {error.message}"]
    if error.details:
        lines += [f"  {line}" for line in console.spell(error.details).splitlines()]
    if isinstance(error, CommandError) and error.command:
        lines.append(f"  command: {error.command}")
    return "\n".join([*lines, *_help(error, console)])


def as_json(error: BakeryError, code: int, spell: Callable[[Text], str] = str) -> str:
    """Return one JSON object: exit code, class, message, details, hint, and a file's problems with their places.

    It has no line breaks, so that it is the last line of stderr, after all that was printed before.
    """
    value: dict[str, object] = {
        "schema": "error",
        "schema_version": SCHEMA_VERSION,
        "code": code,
        "error": type(error).__name__,
        "message": error.message,
        "details": error.details and spell(error.details),
        "hint": error.hint and spell(error.hint),
    }
    if isinstance(error, ConfigError):
        value["file"] = error.file
        value["problems"] = [
            {"line": p.line, "column": p.column, "message": p.message, "hint": p.hint} for p in error.problems
        ]
    return json.dumps(value, sort_keys=True)


def _help(error: BakeryError, console: Console) -> list[str]:
    return [f"{console.style('help:', 'cyan')} {console.spell(error.hint)}"] if error.hint else []


def _few(problems: Sequence[Problem]) -> list[tuple[Problem, int]]:
    """Return at most :data:`MOST_OF_A_KIND` problems of each kind, in order, the last with the number left out.

    JSON output has all of them.
    """
    kinds = Counter(_kind(problem) for problem in problems)
    shown: Counter[str] = Counter()
    few = []
    for problem in problems:
        kind = _kind(problem)
        shown[kind] += 1
        if shown[kind] <= MOST_OF_A_KIND:
            last = shown[kind] == MOST_OF_A_KIND
            few.append((problem, kinds[kind] - MOST_OF_A_KIND if last else 0))
    return few


def _kind(problem: Problem) -> str:
    """Return the message without quoted words, field names and numbers: the same for problems of one kind."""
    return re.sub(r'"[^"]*"|\S*[.\[]\S+|\d+', "_", problem.message)


def _problem(file: str, problem: Problem, more: int, console: Console) -> str:
    number = str(problem.line)
    gutter = " " * len(number)
    lines = [
        f"{console.style('error:', 'red')} {problem.message}",
        f"{gutter}--> {file}:{problem.line}:{problem.column}",
    ]
    if problem.source.strip():
        # Repeat tabs, so that the caret is below the right column.
        before = problem.source[: problem.column - 1]
        blank = "".join(character if character == "\t" else " " for character in before)
        lines += [f"{number} | {problem.source}", f"{gutter} | {blank}^"]
    if problem.hint:
        lines.append(f"{gutter} = help: {problem.hint}")
    if more:
        lines.append(f"{gutter} = and {more} more of this kind")
    return "\n".join(lines)
