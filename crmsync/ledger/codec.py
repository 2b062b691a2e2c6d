"""How are agreed values written down, so that absent, null and empty stay three things?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crmsync.core.model import ABSENT, Agreed, Base, Json, Side, from_json, to_json

# One field of a base is `[code, value, ...]`: the code says which values follow and what the others are.
_SAME, _ABSENT_0, _ABSENT_1 = 1, 2, 4
_FILLED, _TO, _OWED, _SENT = 3, 4, 6, 8  # shifts; a side is 0 for nobody, 1 for side 0, 2 for side 1
_SENT_NULL, _SENT_AS_0, _SENT_AS_1, _SENT_GIVEN, _SENT_ABSENT = range(5)
_SIDE: Final[tuple[Side | None, ...]] = (None, 0, 1)
_HEAD: Final = {
    (to, owed, filled): filled << _FILLED | i << _TO | j << _OWED
    for i, to in enumerate(_SIDE)
    for j, owed in enumerate(_SIDE)
    for filled in (False, True)
}


def encode_agreed(agreed: Agreed) -> list[Json]:
    """Plain JSON; values that are the same to the letter (`5` and `5.00` are not) are written once."""
    first, second = agreed.values
    code = _HEAD[agreed.to, agreed.owed, agreed.filled]
    written = [code]
    if first is ABSENT:
        code |= _ABSENT_0
    else:
        written.append(first)
    if _same(first, second):
        code |= _SAME
    elif second is ABSENT:
        code |= _ABSENT_1
    else:
        written.append(second)
    if agreed.sent is not None:
        code |= _note_sent(agreed, written) << _SENT
    written[0] = code
    return written


def decode_agreed(written: list[Json]) -> Agreed:
    code, *rest = written
    values = iter(rest)
    first = ABSENT if code & _ABSENT_0 else next(values)
    second = first if code & _SAME else ABSENT if code & _ABSENT_1 else next(values)
    sent_code = code >> _SENT
    sent = next(values) if sent_code == _SENT_GIVEN else (None, first, second, None, ABSENT)[sent_code]
    return Agreed((first, second), _SIDE[code >> _TO & 3], sent, _SIDE[code >> _OWED & 3], bool(code >> _FILLED & 1))


def encode_base(base: Base) -> str:
    return to_json({name: encode_agreed(agreed) for name, agreed in base.items()}).decode()


def decode_base(text: str) -> dict[str, Agreed]:
    return {name: decode_agreed(written) for name, written in from_json(text).items()}


def merge_base(text: str, news: Mapping[str, Agreed | None]) -> str:
    """The text of a base in which the fields of `news` are new, without those that are None there, and all others as
    they were."""
    merged = from_json(text) | {name: agreed and encode_agreed(agreed) for name, agreed in news.items()}
    return to_json({name: written for name, written in merged.items() if written is not None}).decode()


def encode_value(value: Json) -> str | None:
    """The JSON text of a value; None (SQL's NULL) where it is absent."""
    return None if value is ABSENT else to_json(value).decode()


def decode_value(text: str | None) -> Json:
    return ABSENT if text is None else from_json(text)


def storable(text: str) -> str:
    """A message as every database takes it: what is not Unicode, and NUL, becomes a replacement mark."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _same(first: Json, second: Json) -> bool:
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if type(first) is str:
        return bool(first == second)
    return to_json(first) == to_json(second)


def _note_sent(agreed: Agreed, written: list[Json]) -> int:
    sent = agreed.sent
    if sent is ABSENT:
        return _SENT_ABSENT
    if _same(sent, agreed.values[1]):
        return _SENT_AS_1
    if _same(sent, agreed.values[0]):
        return _SENT_AS_0
    written.append(sent)
    return _SENT_GIVEN
