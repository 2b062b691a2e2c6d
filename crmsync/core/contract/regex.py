"""What does a regular expression of a contract say, and does it say it in words that every validator reads alike?

Contracts are read by more than one program: an editor, a gateway, a colleague's script. JSON Schema asks for the subset
that they all share (2020-12, section 6.4): characters, classes, `* + ? {n,m}`, `^ $`, plain groups and `|`. Whatever is
beyond it is read here too, as ECMA-262 means it, and named with what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""A set of code points: pairs of first and last, sorted, apart from each other."""

_LAST: Final = 0x10FFFF
ALL: Final[Ranges] = ((0, _LAST),)
END: Final[Ranges] = ((_LAST + 1, _LAST + 1),)  # what stands behind the last character
_PROPERTIES: Final = _LAST + 2  # from here on: one number for each \p{...}, of which we do not know the characters


class Chars(NamedTuple):
    """One character out of a set."""

    of: Ranges


class Edge(NamedTuple):
    """Where the text begins, or ends."""

    of: Literal["^", "$"]


class Sequence(NamedTuple):
    parts: tuple[Node, ...]


class Either(NamedTuple):
    options: tuple[Node, ...]


class Repeat(NamedTuple):
    """`high` None: without end. The text from `start` to `end` spells it."""

    body: Node
    low: int
    high: int | None
    start: int
    end: int


class Opaque(NamedTuple):
    """What depends on what stands elsewhere: a look around, a boundary of a word, a reference to a group."""


Node: TypeAlias = Chars | Edge | Sequence | Either | Repeat | Opaque


class Unportable(NamedTuple):
    """What not every validator reads alike, from which character on, and what to write instead."""

    offset: int
    text: str
    instead: str


@dataclass(frozen=True, slots=True)
class Regex:
    """`tree` is None where we cannot read it; a validator may. `anchored`: it begins with `^` or ends with `$`."""

    tree: Node | None
    unportable: tuple[Unportable, ...]
    anchored: bool


def read_regex(text: str) -> Regex:
    reader = _Reader(text)
    tree: Node | None
    try:
        tree = reader.whole()
    except (_Unreadable, RecursionError, OverflowError):
        tree = None
    return Regex(tree, tuple(sorted(reader.unportable)), reader.anchored)


class _Unreadable(Exception):
    pass


def overlap(first: Ranges, second: Ranges) -> bool:
    """Is there a character in both?"""
    return any(low <= other_high and other_low <= high for low, high in first for other_low, other_high in second)


def union(*sets: Ranges) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(each for ranges in sets for each in ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """Of all characters; a \\p{...} has none that we know."""
    found, after = [], 0
    for low, high in ranges:
        if low > _LAST:
            break
        if after < low:
            found.append((after, low - 1))
        after = high + 1
    return (*found, (after, _LAST)) if after <= _LAST else tuple(found)


def _of(*spans: str) -> Ranges:
    return union(*(((ord(span[0]), ord(span[-1])),) for span in spans))


_DIGITS: Final = _of("09")
_WORD: Final = _of("09", "AZ", "az", "_")
_SPACE: Final = _of(
    "\t\r", " ", "\xa0", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f", "\u205f", "\u3000", "\ufeff"
)
_DOT: Final = complement(_of("\n"))  # as both validators read it; to ECMA three more characters end a line
_CLASSES: Final = {
    "d": _DIGITS, "D": complement(_DIGITS), "w": _WORD, "W": complement(_WORD), "s": _SPACE, "S": complement(_SPACE),
}  # fmt: skip
_INSTEAD: Final = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "s": "[ \\t\\r\\n]", "S": "[^ \\t\\r\\n]",
    "b": "the characters that may stand on both sides", "B": "the characters that may stand on both sides",
    "A": "^", "Z": "$", "z": "$",
}  # fmt: skip
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_GROUPS: Final = (  # longest first
    ("(?<=", "a pattern of its own, in allOf", True),
    ("(?<!", "a pattern of its own, in not", True),
    ("(?=", "a pattern of its own, in allOf", True),
    ("(?!", "a pattern of its own, in not", True),
    ("(?:", "", False),
)
_NAMED: Final = re.compile(r"\(\?P?<[A-Za-z_]\w*>")
_FLAGS: Final = re.compile(r"\(\?[a-z-]+[:)]")
_COUNT: Final = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_HEX: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]+)\}")
_PROPERTY: Final = re.compile(r"[pP](\{[^}]*\}|[A-Z])")
_REFERENCE: Final = re.compile(r"\\(k<[^>]*>|[1-9][0-9]*)")
_POSIX: Final = re.compile(r"\[:\^?[a-z]+:\]")


class _Reader:
    """Goes through the text once, from `at`."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.unportable: list[Unportable] = []
        self.anchored = self._in_class = False
        self._properties: dict[str, int] = {}

    def whole(self) -> Node:
        tree = self._either()
        if self.at < len(self.text):
            raise _Unreadable
        return tree

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, size: int = 1) -> str:
        taken = self.text[self.at : self.at + size]
        if len(taken) < size:
            raise _Unreadable
        self.at += size
        return taken

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def _beware(self, start: int, instead: str) -> None:
        self.unportable.append(Unportable(start, self.text[start : self.at], instead))

    def _either(self) -> Node:
        options = [self._sequence()]
        while self._next() == "|":
            self._take()
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated())
        return Sequence(tuple(parts))

    def _repeated(self) -> Node:
        start = self.at
        node = self._atom()
        counts = self._counts()
        if counts is None:
            return node
        end = self.at
        if self._next() == "?":  # as few as possible: the same texts
            self._take()
        elif self._next() == "+":
            self._take()
            self._beware(end, "the quantifier alone")
            return Opaque()
        return Repeat(node, *counts, start, end)

    def _counts(self) -> tuple[int, int | None] | None:
        plain: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._next() in plain:
            return plain[self._take()]
        found = self._match(_COUNT)
        if not found:
            return None
        low = int(found[1])
        high = low if found[2] is None else int(found[3]) if found[3] else None
        if high is not None and high < low:
            raise _Unreadable
        return low, high

    def _atom(self) -> Node:
        match self._next():
            case "(":
                return self._group()
            case "[":
                return Chars(self._class())
            case "\\":
                return self._escape()
            case "^":
                self.anchored |= not self.at
                self._take()
                return Edge("^")
            case "$":
                self._take()
                self.anchored |= self.at == len(self.text)
                return Edge("$")
            case ".":
                self._take()
                return Chars(_DOT)
            case "*" | "+" | "?":
                raise _Unreadable
        if _COUNT.match(self.text, self.at):  # of nothing, or once more
            raise _Unreadable
        return Chars(_of(self._take()))

    def _group(self) -> Node:
        opaque = self._open()
        body = self._either()
        if self._take() != ")":
            raise _Unreadable
        return Opaque() if opaque else body

    def _open(self) -> bool:
        """Goes past the opening of a group; whether what stands in it is only looked at."""
        start = self.at
        for opening, instead, opaque in _GROUPS:
            if self.text.startswith(opening, start):
                self._take(len(opening))
                if instead:
                    self._beware(start, instead)
                return opaque
        if self._match(_NAMED):
            self._beware(start, "a group without a name: (...)")
        elif self._match(_FLAGS):
            self._beware(start, "both cases of each letter: [Aa]")
            raise _Unreadable
        elif self.text.startswith("(?", start):
            raise _Unreadable
        else:
            self._take()
        return False

    def _escape(self) -> Node:
        """A backslash outside a class."""
        start = self.at
        letter = self.text[start + 1 : start + 2]
        if letter and letter in "bBAZz":
            self._take(2)
            self._beware(start, _INSTEAD[letter])
            return Opaque() if letter in "bB" else Edge("^" if letter == "A" else "$")
        if letter and letter in "123456789k":
            self._match(_REFERENCE)
            self._beware(start, "the group itself once more")
            return Opaque()
        return Chars(self._escaped())

    def _escaped(self) -> Ranges:
        """A backslash and what belongs to it, as a set of characters."""
        start = self.at
        self._take()
        if hexed := self._match(_HEX):
            if hexed[3]:
                self._beware(start, "the character itself")
            return _of(chr(int(hexed[1] or hexed[2] or hexed[3], 16)))
        if self._match(_PROPERTY):
            self._beware(start, "the letters themselves, such as [A-Za-zÀ-ž]")
            name = self.text[start : self.at]
            number = self._properties.setdefault(name, _PROPERTIES + 2 * len(self._properties))
            return ((number, number),)
        letter = self._take()
        if letter in _CLASSES:
            in_class = "the characters themselves" if letter.isupper() else _INSTEAD[letter][1:-1]
            self._beware(start, in_class if self._in_class else _INSTEAD[letter])
            return _CLASSES[letter]
        if letter == "c":
            self._take()
            self._beware(start, "the character itself")
            return _of(chr(ord(self.text[self.at - 1]) % 32))
        if letter.isalnum() and letter not in _CONTROLS:
            raise _Unreadable
        return _of(_CONTROLS.get(letter, letter))

    def _class(self) -> Ranges:
        self._take()
        negated = self._next() == "^"
        if negated:
            self._take()
        if self._next() == "]":  # to ECMA the end of an empty class, to others a bracket in it
            self._take()
            self._beware(self.at - 1, "\\]")
            raise _Unreadable
        found: list[Ranges] = []
        self._in_class = True
        while self._next() != "]":
            found.append(self._span())
        self._in_class = False
        self._take()
        ranges = union(*found)
        return complement(ranges) if negated else ranges

    def _span(self) -> Ranges:
        """One character of a class, or a range, or a class in a class."""
        start = self.at
        if self._match(_POSIX):
            self._beware(start, "the characters themselves, such as [A-Za-z]")
            raise _Unreadable
        if self._next() == "[":  # to some a class in a class
            self._take()
            self._beware(start, "\\[")
            return _of("[")
        low = self._member()
        if self._next() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low
        self._take()
        high = self._member()
        first, last = low[0][0], high[0][0]
        if low != ((first, first),) or high != ((last, last),) or first > last:
            raise _Unreadable
        return ((first, last),)

    def _member(self) -> Ranges:
        if self._next() != "\\":
            return _of(self._take())
        if self.text[self.at + 1 : self.at + 2] == "b":  # in a class: backspace
            self._take(2)
            return _of("\b")
        return self._escaped()
