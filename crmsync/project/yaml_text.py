"""How is plain JSON written as YAML that a person likes to read, and that we read back as the same?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from typing import Final

from crmsync.core.model import Json
from crmsync.project.yaml import WORDS

WIDTH: Final = 110
_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w ./()+@%=;-]*[\w./()+@%=;-])?")
_STEP: Final = 2
_EXACT: Final = Context(prec=10_000)


def yaml_lines(value: Json, indent: int = 0) -> list[str]:
    """The lines of an object or a list, indented: one thing a line, but what is flat stands on one line where it fits.
    The same value, in the same order, is the same text."""
    return [" " * indent + line for line in _block(value, WIDTH - indent)]


def flow(value: Json) -> str:
    """The value on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_scalar(name)}: {flow(each)}" for name, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
    return _scalar(value)


def _block(value: Json, width: int) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _entry(_scalar(name), each, width)
    else:
        for each in value:
            yield from _item(each, width)


def _entry(name: str, value: Json, width: int) -> Iterator[str]:
    line = f"{name}: {flow(value)}"
    if not _is_nested(value) or (_is_flat(value) and len(line) <= width):
        yield line
        return
    yield f"{name}:"
    yield from (" " * _STEP + line for line in _block(value, width - _STEP))


def _item(value: Json, width: int) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f"- {flow(value)}"
        return
    first, *rest = _block(value, width - _STEP)
    yield f"- {first}"
    yield from (" " * _STEP + line for line in rest)


def _is_nested(value: Json) -> bool:
    return isinstance(value, dict | list | tuple) and bool(value)


def _is_flat(value: Json) -> bool:
    """No object inside, and no list but of plain values."""
    nested = filter(_is_nested, _inner(value))
    return not any(isinstance(each, dict) or any(map(_is_nested, each)) for each in nested)


def _inner(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()


def _scalar(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case Decimal():
            return number_text(value)
    return value if _is_plain(value) else _quoted(value)


def number_text(number: Decimal) -> str:
    """Without places that say nothing: 1.50 is 1.5, 2.00 is 2; very large and very small ones with an exponent."""
    short = number.normalize(_EXACT)
    return f"{short:f}" if -20 <= short.adjusted() <= 20 else str(short)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text not in WORDS and text.isprintable()


def _quoted(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"
