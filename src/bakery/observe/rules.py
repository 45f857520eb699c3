"""Check the syntax of a rule of Traefik's, as its documentation describes it; pure.

https://doc.traefik.io/traefik/reference/routing-configuration/http/routing/rules-and-priority/
"""

import re

from bakery.console import counted

_ARGUMENTS = {
    "host": (1, 1), "hostregexp": (1, 1), "path": (1, 1), "pathprefix": (1, 1), "pathregexp": (1, 1),
    "method": (1, 1), "clientip": (1, 1), "header": (2, 2), "headerregexp": (2, 2), "query": (1, 2),
    "queryregexp": (1, 2),
}  # fmt: skip
"""How many arguments a matcher takes, at least and at most. Traefik reads names of matchers in any case."""
_TOKEN = re.compile(r"\s*(?:(?P<word>[^\s`\"!(),&|]+)|(?P<text>`[^`]*`|\"[^\"]*\")|(?P<sign>&&|\|\||[!(),]))")
_SHOWN = 30


def rule_problem(rule: str) -> str | None:
    """Return what is wrong with the rule; None if Traefik accepts it."""
    try:
        reader = _Reader(rule)
        reader.alternatives()
        if not reader.at_end:
            return f"{reader.shown} is not expected"
    except ValueError as error:
        return str(error)
    return None


class _Reader:
    """Reads a rule from left to right; raises ValueError with the problem."""

    def __init__(self, rule: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, rule = 0, rule.rstrip()
        while position < len(rule):
            found = _TOKEN.match(rule, position)
            if found is None:
                message = f"{rule[position:].strip()[:_SHOWN]} is not expected"
                raise ValueError(message)
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    @property
    def at_end(self) -> bool:
        return not self._tokens

    @property
    def shown(self) -> str:
        return self._tokens[0][1][:_SHOWN] if self._tokens else "the end"

    def alternatives(self) -> None:
        """Read matchers that && and || join."""
        self._term()
        while self._skip("&&") or self._skip("||"):
            self._term()

    def _term(self) -> None:
        while self._skip("!"):
            pass
        if self._skip("("):
            self.alternatives()
            self._expect(")")
            return
        kind, name = self._tokens.pop(0) if self._tokens else ("", "")
        if kind != "word":
            message = f"a matcher such as Host(`example.com`) is expected, not {name or 'the end'}"
            raise ValueError(message)
        if name.lower() not in _ARGUMENTS:
            message = f"{name[:_SHOWN]} is not a matcher"
            raise ValueError(message)
        self._arguments(name)

    def _arguments(self, name: str) -> None:
        self._expect("(")
        count = 0
        while True:
            kind, _ = self._tokens.pop(0) if self._tokens else ("", "")
            if kind != "text":
                message = f"{name} needs its values in backticks"
                raise ValueError(message)
            count += 1
            if not self._skip(","):
                break
        self._expect(")")
        least, most = _ARGUMENTS[name.lower()]
        if not least <= count <= most:
            message = f"{name} takes {counted(most, 'value')}, not {count}"
            raise ValueError(message)

    def _skip(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            message = f"{sign} is expected, not {self.shown}"
            raise ValueError(message)
