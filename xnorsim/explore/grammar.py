"""The language of constraints: text to a tree of plain data.

    memories.L2.size <= 256 KiB * threads and (simd.bits >= 256 or clock > 3 GHz)
    2 <= min(threads, cores) <= 8 and not recipes == 'larq'

    all        = every { "or" every }
    every      = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum { ("<" | "<=" | ">" | ">=" | "==" | "!=") sum }
    sum        = product { ("+" | "-") product }
    product    = sign { ("*" | "/" | "//" | "%") sign }
    sign       = "-" sign | operand
    operand    = number [unit] | field | 'word' | "(" all ")"
               | ("min" | "max") "(" all { "," all } ")"

Operators bind as in Python. A name in backquotes is a field whatever signs it has. A unit stands
behind its number, as "16 byte/cycle"; a name behind / or * belongs to it if it is a unit. What is
read is compared, added and multiplied by constraints.py, and never executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from xnorsim.units import UnknownUnitError, base_units

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Arithmetic",
    "Comparison",
    "ConstraintError",
    "Extremum",
    "Joint",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "Word",
    "parse",
]

MAX_LENGTH = 1000
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or with a unit a quantity, at a column of the text (from 1)."""

    column: int
    text: str
    unit: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word in quotes."""

    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A field."""

    column: int
    path: str


@dataclass(frozen=True, slots=True)
class Negative:
    """-operand."""

    column: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers joined by + - * / // %."""

    column: int
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Extremum:
    """The least ("min") or the greatest ("max") of some numbers."""

    column: int
    name: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """items[0] signs[0] items[1] signs[1] ...: each neighbour with the next."""

    column: int
    items: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """Conditions of which all ("and") or any ("or") must hold."""

    column: int
    word: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that must not hold."""

    column: int
    operand: Node


Node = Number | Word | Name | Negative | Arithmetic | Extremum | Comparison | Joint | Not


class ConstraintError(Exception):
    """A text is no constraint: what is wrong, and at which column (from 1)."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column
        self.message = message


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


_TOKENS = re.compile(
    r"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_µμ]\w*(?:\.\w+)*)"
    r"|`(?P<field>[^`]+)`"
    r"|(?P<word>'[^']*'|\"[^\"]*\")"
    r"|(?P<power>\*\*)"
    r"|(?P<sign><=|>=|==|!=|//|[-+*/%<>(),])"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_COMPARED = ("<", "<=", ">", ">=", "==", "!=")
_KEYWORDS = ("and", "or", "not")
# What people write out of habit, and what it is here.
_INSTEAD = {
    "=": "write == to compare",
    "&": "write and",
    "|": "write or",
    "!": "write not",
    "^": "there are no powers",
    "**": "there are no powers",
}


def parse(text: str) -> Node:
    """The tree of a constraint.

    Raises:
        ConstraintError: it is longer than MAX_LENGTH, nested deeper than MAX_DEPTH, or not of the
            grammar; with the column.
    """
    if len(text) > MAX_LENGTH:
        raise ConstraintError(
            MAX_LENGTH + 1, f"longer than {MAX_LENGTH} characters (got {len(text)})"
        )
    reader = _Reader(list(_tokens(text)))
    node = reader.any(0)
    reader.expect("end", "", "an operator")
    return node


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or ""
        column = match.start() + 1
        if kind in ("other", "power"):
            hint = _INSTEAD.get(match[0], "it has no meaning here")
            raise ConstraintError(column, f"unexpected {match[0]!r}: {hint}")
        if kind == "name" and match[0] in _KEYWORDS:
            kind = "sign"
        if kind != "space":
            found.append(_Token(kind, match["field"] or match[0], column))
    return [*found, _Token("end", "", len(text) + 1)]


class _Reader:
    """Reads tokens from the left; one method a rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, *signs: str) -> _Token | None:
        """The next token if it is one of some signs."""
        token = self._next
        if token.kind != "sign" or token.text not in signs:
            return None
        self._place += 1
        return token

    def expect(self, kind: str, text: str, what: str) -> None:
        token = self._next
        if token.kind != kind or token.text != text:
            raise ConstraintError(token.column, f"expected {what}{_got(token)}")
        self._place += 1

    def any(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ConstraintError(self._next.column, f"nested deeper than {MAX_DEPTH} levels")
        return self._joined("or", self._every, depth)

    def _every(self, depth: int) -> Node:
        return self._joined("and", self._negation, depth)

    def _joined(self, word: str, item: Callable[[int], Node], depth: int) -> Node:
        items = [item(depth)]
        column = self._next.column
        while self._take(word):
            items.append(item(depth))
        return items[0] if len(items) == 1 else Joint(column, word, tuple(items))

    def _negation(self, depth: int) -> Node:
        tokens = []
        while token := self._take("not"):
            tokens.append(token)
            self._check(depth + len(tokens))
        node = self._comparison(depth + len(tokens))
        for token in reversed(tokens):
            node = Not(token.column, node)
        return node

    def _comparison(self, depth: int) -> Node:
        items, signs = [self._sum(depth)], []
        column = self._next.column
        while token := self._take(*_COMPARED):
            signs.append(token.text)
            items.append(self._sum(depth))
        return Comparison(column, tuple(items), tuple(signs)) if signs else items[0]

    def _sum(self, depth: int) -> Node:
        return self._chain(("+", "-"), self._product, depth)

    def _product(self, depth: int) -> Node:
        return self._chain(("*", "/", "//", "%"), self._sign, depth)

    def _chain(self, signs: tuple[str, ...], item: Callable[[int], Node], depth: int) -> Node:
        node, links = item(depth), 0
        while token := self._take(*signs):
            links += 1
            self._check(depth + links)
            node = Arithmetic(token.column, token.text, node, item(depth + links))
        return node

    def _sign(self, depth: int) -> Node:
        tokens = []
        while token := self._take("-"):
            tokens.append(token)
            self._check(depth + len(tokens))
        node = self._operand(depth + len(tokens))
        for token in reversed(tokens):
            node = Negative(token.column, node)
        return node

    def _operand(self, depth: int) -> Node:
        token = self._next
        if self._take("("):
            node = self.any(depth + 1)
            self.expect("sign", ")", "')'")
            return node
        self._place += 1
        if token.kind == "number":
            return Number(token.column, token.text, self._unit())
        if token.kind == "word":
            return Word(token.column, token.text[1:-1])
        if token.kind == "field":
            return Name(token.column, token.text)
        if token.kind == "name":
            is_call = self._next.text == "(" and self._next.kind == "sign"
            return self._call(token, depth) if is_call else Name(token.column, token.text)
        raise ConstraintError(token.column, f"expected a number or a field{_got(token)}")

    def _call(self, name: _Token, depth: int) -> Node:
        if name.text not in ("min", "max"):
            raise ConstraintError(
                name.column, f"there is no function {name.text!r}; valid choices: max, min"
            )
        self.expect("sign", "(", "'('")
        items = [self.any(depth + 1)]
        while self._take(","):
            items.append(self.any(depth + 1))
        self.expect("sign", ")", "',' or ')'")
        if len(items) < 2:
            raise ConstraintError(name.column, f"{name.text} takes two numbers or more")
        return Extremum(name.column, name.text, tuple(items))

    def _unit(self) -> str:
        """What stands behind a number: a unit, or products and quotients of units."""
        if self._next.kind != "name":
            return ""
        unit, column = self._next.text, self._next.column
        fault = _unit_fault(unit)
        if fault:
            raise ConstraintError(column, fault)
        self._place += 1
        while self._next.text in ("*", "/") and _is_unit(self._tokens[self._place + 1]):
            unit += self._next.text + self._tokens[self._place + 1].text
            self._place += 2
        return unit

    def _check(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ConstraintError(self._next.column, f"nested deeper than {MAX_DEPTH} levels")


def _unit_fault(text: str) -> str:
    if not text.isalpha():  # pint is shown names only
        return f"unknown unit {text!r}"
    try:
        base_units(text)
    except UnknownUnitError as fault:
        return str(fault)
    return ""


def _is_unit(token: _Token) -> bool:
    return token.kind == "name" and not _unit_fault(token.text)


def _got(token: _Token) -> str:
    return " before the end" if token.kind == "end" else f" (got {token.text!r})"
