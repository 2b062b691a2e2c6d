"""What does a YAML file say, and at which line and column does it say it?

Strict on purpose: scalars are those of the YAML 1.2 core schema (`NO` is text), and whatever means two things to two
readers (duplicate keys, anchors, tags, `01234`) is a finding instead of a guess. The file is read event by event, so
nothing is ever expanded and no nesting is too deep for us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

import yaml

from crmsync.core.model import At, Finding, Json

MAX_BYTES: Final = 2_000_000
MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 100

Where: TypeAlias = tuple[str | int, ...]
"""The way to a node from the top of a file: `("fields", "name", "to_pm", 0)`."""

_NOWHERE: Final = "\0"  # stands for a key that cannot be used: what is under it is read for its mistakes only
_INT: Final = re.compile(r"[-+]?[0-9]+")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_HUGE: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]{4,}")
_BLANK_ESCAPES: Final = frozenset("tnrvf \t\n_NLP")  # what a backslash makes a space or a line break of
_CONTROL: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WORDS: Final[dict[str, Json]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MENDS: Final = {
    "yaml/not-utf-8": "save the file as UTF-8",
    "yaml/bom": "save the file as UTF-8 without a byte order mark",
    "yaml/control-character": "delete it",
    "yaml/too-large": "split the file",
    "yaml/too-deep": "write it flatter",
    "yaml/empty": "write something into it, or delete the file",
    "yaml/tab": "indent with spaces",
    "yaml/several-documents": "put each document into a file of its own",
    "yaml/anchor": "write the text out where it is needed",
    "yaml/alias": "write the text out where it is needed",
    "yaml/merge-key": "write the keys out where they are needed",
    "yaml/tag": "delete the tag; quote the value if it is text",
    "yaml/complex-key": "use plain text as a key",
    "yaml/leading-zero": "quote it if it is text, or write the number without the zero",
    "yaml/not-a-number": "quote it if it is text; a number must be finite",
    "yaml/number-too-long": "quote it if it is text",
    "yaml/duplicate-key": "keep one of the two",
}


class Spot(NamedTuple):
    """Where a node begins. `start` counts characters of `text`; `style` is the quote or block sign of a scalar."""

    file: str
    text: str
    line: int
    column: int
    start: int
    style: str

    @property
    def at(self) -> At:
        return At(self.file, self.line, self.column)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain JSON, with the place of every value and of every key.

    `broken` are nodes that already have a finding: what is there now is not what the writer meant.
    """

    file: str
    data: Json
    values: dict[Where, Spot] = field(default_factory=dict)
    keys: dict[Where, Spot] = field(default_factory=dict)
    broken: frozenset[Where] = frozenset()

    def at(self, *where: str | int) -> At:
        """The place of a value, or of the nearest thing around it that is there."""
        return self._near(where, self.values)

    def key_at(self, *where: str | int) -> At:
        """The place of the key that leads to a value; of the value itself inside a list."""
        return self._near(where, self.keys)

    def _near(self, where: Where, first: dict[Where, Spot]) -> At:
        for size in range(len(where), -1, -1):
            spot = first.get(where[:size]) or self.values.get(where[:size])
            if spot is not None:
                return spot.at
        return At(self.file)

    def inside(self, where: Where, offset: int) -> At:
        """The place of the character `offset` (from 0) of the text at `where`: quotes, escapes and folded lines
        are counted as written in the file."""
        spot, value = self.values.get(where), self.look(where)
        if spot is None or not isinstance(value, str):
            return self.at(*where)
        return _locate(spot, value, offset)

    def look(self, where: Where) -> Json:
        """The value at `where`, or None."""
        found = self.data
        for step in where:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def overlaid(self, over: Document) -> Document:
        """This document with another one laid over it: objects are merged key by key, a null takes a key away,
        anything else replaces. Every node keeps the place where it was written."""
        values, keys = dict(self.values), dict(self.keys)
        data = _overlay(self, over, (), values, keys)
        return Document(self.file, data, values, keys, self.broken | over.broken)


def load_yaml(file: str, body: bytes) -> tuple[Document | None, list[Finding]]:
    """The document, or None where there is no reading on, and everything that is wrong with it as YAML."""
    text, findings = _text(file, body)
    if text is None:
        return None, findings
    reader = _Reader(file, text, findings)
    try:
        data = reader.document()
    except _Unreadable:
        return None, findings
    except yaml.YAMLError as error:
        findings.append(_syntax(file, text, error))
        return None, findings
    return Document(file, data, reader.values, reader.keys, frozenset(reader.broken)), findings


def _finding(rule: str, message: str, at: At) -> Finding:
    return Finding(rule, message, _MENDS[rule], at=at)


def _text(file: str, body: bytes) -> tuple[str | None, list[Finding]]:
    if len(body) > MAX_BYTES:
        message = f"the file has {len(body)} bytes; {MAX_BYTES} is the most"
        return None, [_finding("yaml/too-large", message, At(file))]
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        before = body[: error.start].decode()
        message = f"byte 0x{body[error.start]:02x} is no UTF-8"
        return None, [_finding("yaml/not-utf-8", message, at_index(file, before, len(before)))]
    findings = []
    if text.startswith("\ufeff"):
        findings.append(_finding("yaml/bom", "the file begins with a byte order mark", At(file, 1, 1)))
        text = text[1:]
    for found in _CONTROL.finditer(text):
        message = f"control character U+{ord(found[0]):04X}"
        findings.append(_finding("yaml/control-character", message, at_index(file, text, found.start())))
    return _CONTROL.sub(" ", text), findings


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder, by name; none where there is no folder."""
    return sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml") and path.is_file())


def at_index(file: str, text: str, index: int) -> At:
    """The place of the character `index` (from 0) of a text."""
    return At(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None)
    at = At(file, mark.line + 1, mark.column + 1) if mark else At(file)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark and text[mark.index : mark.index + 1] == "\t":
        return _finding("yaml/tab", "a tab cannot be used here", at)
    if "<document start>" in problem:
        return _finding("yaml/several-documents", "a second document begins here", at)
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" {context}" if context else "")
    return Finding("yaml/syntax", message, "a text with : # ` @ % or quotes in it wants quotes around it", at=at)


class _Unreadable(Exception):
    """There is a finding after which reading on makes no sense."""


class _Reader:
    """Walks the events of one file; collects data, places and findings."""

    def __init__(self, file: str, text: str, findings: list[Finding]) -> None:
        self.file, self.text, self.findings = file, text, findings
        self.values: dict[Where, Spot] = {}
        self.keys: dict[Where, Spot] = {}
        self.broken: set[Where] = set()
        self._events = _events(text)

    def document(self) -> Json:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._refuse("yaml/empty", "the file is empty", At(self.file))
            raise _Unreadable
        first = next(self._events)
        data = self._node(first, ())
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse("yaml/several-documents", "a second document begins here", self._spot(after).at)
        if data is None and isinstance(first, yaml.ScalarEvent) and not first.value:  # comments only, or a lone ---
            self._refuse("yaml/empty", "the file is empty", At(self.file))
            raise _Unreadable
        return data

    def _refuse(self, rule: str, message: str, at: At, where: Where | None = None) -> None:
        self.findings.append(_finding(rule, message, at))
        if where is not None:
            self.broken.add(where)

    def _spot(self, event: yaml.Event) -> Spot:
        mark = _start(event)
        style = getattr(event, "style", None) or ""
        return Spot(self.file, self.text, mark.line + 1, mark.column + 1, mark.index, style)

    def _node(self, event: yaml.Event, where: Where) -> Json:
        spot = self.values[where] = self._spot(event)
        if len(where) > MAX_DEPTH:
            self._refuse("yaml/too-deep", f"nested more than {MAX_DEPTH} deep", spot.at)
            raise _Unreadable
        if isinstance(event, yaml.AliasEvent):
            self._refuse("yaml/alias", f"alias *{event.anchor} is not allowed", spot.at, where)
            return None
        if isinstance(event, yaml.NodeEvent):
            self._no_extras(event, where, spot)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, where, spot)
        return self._mapping(where) if isinstance(event, yaml.MappingStartEvent) else self._sequence(where)

    def _no_extras(self, event: yaml.NodeEvent, where: Where, spot: Spot) -> None:
        if event.anchor is not None:
            self._refuse("yaml/anchor", f"anchor &{event.anchor} is not allowed", spot.at)
        tag = getattr(event, "tag", None)
        if tag is not None:
            tag = tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse("yaml/tag", f"tag {tag} is not allowed", spot.at, where)

    def _sequence(self, where: Where) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*where, len(items))))
        return items

    def _mapping(self, where: Where) -> dict[str, Json]:
        found: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, where, found)
            if key is None:
                self._node(next(self._events), (*where, _NOWHERE))
            else:
                self.keys[(*where, key)] = self._spot(event)
                found[key] = self._node(next(self._events), (*where, key))
        return found

    def _key(self, event: yaml.Event, where: Where, found: dict[str, Json]) -> str | None:
        """The key that this event spells, or None (with a finding) where it cannot be used."""
        at = self._spot(event).at
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse("yaml/complex-key", "a key must be plain text", at)
            if not isinstance(event, yaml.AliasEvent):
                self._node(event, (*where, _NOWHERE))
            return None
        key: str = event.value
        self._no_extras(event, where, self._spot(event))
        if key == "<<" and not event.style:
            self._refuse("yaml/merge-key", "the merge key << is not allowed", at)
            return None
        if key in found:
            first = self.keys[(*where, key)]
            message = f"duplicate key {key!r}, first at {first.line}:{first.column}"
            self._refuse("yaml/duplicate-key", message, at, (*where, key))
            return None
        return key

    def _scalar(self, event: yaml.ScalarEvent, where: Where, spot: Spot) -> Json:
        text = event.value
        if event.style or event.tag is not None:
            return text
        rule = _refusal(text)
        if rule is not None:
            self._refuse(rule, _REFUSALS[rule].format(text=text[:40]), spot.at, where)
            return text
        return WORDS[text] if text in WORDS else _number(text)


_REFUSALS: Final = {
    "yaml/leading-zero": "{text} has a leading zero",
    "yaml/not-a-number": "{text} is no number that JSON knows",
    "yaml/number-too-long": "{text}... is too long for a number",
}


def _refusal(text: str) -> str | None:
    """The rule that forbids this plain scalar, if any."""
    numeric = _FLOAT.fullmatch(text) is not None
    if numeric and _LEADING_ZERO.match(text):
        return "yaml/leading-zero"
    if _NOT_FINITE.fullmatch(text) or _HUGE.fullmatch(text):
        return "yaml/not-a-number"
    if len(text) > MAX_DIGITS and (numeric or _BASED.fullmatch(text)):
        return "yaml/number-too-long"
    return None


def _number(text: str) -> Json:
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return Decimal(text) if _FLOAT.fullmatch(text) else text


def _start(event: yaml.Event) -> yaml.Mark:
    return cast(yaml.Mark, event.start_mark)  # every event read from a text has one


def _events(text: str) -> Iterator[yaml.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)  # a PyYAML built without libyaml has no C loader
    try:
        while (event := loader.get_event()) is not None:
            yield event
    finally:
        loader.dispose()


def _overlay(base: Document, over: Document, where: Where, values: dict[Where, Spot], keys: dict[Where, Spot]) -> Json:
    """Data of `base` under `over` from `where` down; moves the places of `over` into `values` and `keys`."""
    below, above = base.look(where), over.look(where)
    if not (isinstance(below, dict) and isinstance(above, dict)):
        values.update((at, spot) for at, spot in over.values.items() if at[: len(where)] == where)
        keys.update((at, spot) for at, spot in over.keys.items() if at[: len(where)] == where)
        return above
    merged = {key: value for key, value in below.items() if above.get(key, "") is not None}
    for key, value in above.items():
        if value is not None:
            merged[key] = _overlay(base, over, (*where, key), values, keys)
    return merged


def _locate(spot: Spot, value: str, offset: int) -> At:
    """Whitespace may be folded in the file, so the n-th visible character of the value is looked for."""
    wanted = sum(not char.isspace() for char in value[:offset])
    end = spot.start
    for index in _visible(spot):
        if not wanted:
            return at_index(spot.file, spot.text, index)
        wanted, end = wanted - 1, index + 1
        if offset >= len(value.rstrip()) and not wanted:
            break
    return at_index(spot.file, spot.text, end)


def _visible(spot: Spot) -> Iterator[int]:
    """Where the visible characters of a scalar stand in the file, from its first on."""
    text, index = spot.text, spot.start
    if spot.style in ("|", ">"):  # the content begins on the line after the sign
        index = text.find("\n", index)
    elif spot.style:
        index += 1
    while 0 <= index < len(text):
        blank = spot.style == '"' and text[index] == "\\" and text[index + 1 : index + 2] in _BLANK_ESCAPES
        if not (blank or text[index].isspace()):
            yield index
        index += _width(text, index, spot.style)


def _width(text: str, index: int, style: str) -> int:
    """How many characters of the file spell one character of the value."""
    if style == "'" and text.startswith("''", index):
        return 2
    if style == '"' and text[index] == "\\":
        return {"x": 4, "u": 6, "U": 10}.get(text[index + 1 : index + 2], 2)
    return 1
