"""How is a text spelled in plain letters?"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

LONGEST: Final = 400
"""Characters of a text that are read; a name does not go on that long, and every step after this is bounded by it."""


class _Plain(dict[int, str]):
    """Plain letters by code point; what was met once is remembered, so that `str.translate` stays in C."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(chr(code))
        return plain


_DROPPED: Final = frozenset("'`’‘´ʼʹ′\N{REPLACEMENT CHARACTER}")
_SPELLED: Final = {"ß": "ss", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i"}


def _plain(char: str) -> str:
    """Letters and digits in ASCII, nothing for marks and apostrophes, a blank for the rest (emoji too)."""
    if char in _DROPPED or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf"):
        return ""
    if unicodedata.category(char)[0] not in "LN":
        return " "
    plain = _SPELLED.get(char.lower()) or "".join(
        part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part)
    )
    return re.sub(r"[^a-z0-9]+", "", (plain if plain.isascii() else _transliterated(plain)).lower())


def _transliterated(text: str) -> str:
    from anyascii import anyascii  # reads its tables when it is first asked

    return anyascii(text)


_LETTERS: Final = _Plain()
_ASCII: Final = bytes(ord(_plain(chr(code)) or " ") for code in range(128)).ljust(256)
_DROPPED_ASCII: Final = bytes(code for code in range(128) if not _plain(chr(code)))
"""Most texts are ASCII, and `bytes.translate` is three times as fast as that of `str`."""


def fold(text: str) -> str:
    """Lower case ASCII words, single blanks: no diacritics, no punctuation; "" where nothing is left. Other scripts are
    transliterated (anyascii), HTML entities and UTF-8 that was read as cp1250 or cp1252 are repaired. At most LONGEST
    characters. A folded text is itself."""
    return " ".join(folded(text))


def folded(text: str) -> list[str]:
    """The words of `fold`."""
    text = text[:LONGEST]
    if "&" in text and ";" in text:
        text = html.unescape(text)
    if text.isascii():
        plain = text.encode().translate(_ASCII, _DROPPED_ASCII).decode()
    else:
        plain = repaired(text).translate(_LETTERS)
    words = plain.split()
    return words if len(plain) <= LONGEST else " ".join(words)[:LONGEST].split()


# UTF-8 that was read as a code page -----------------------------------------------------------------------

_LEAD: Final = "[ÂĂÃÄĹÅ]"
_TRAIL: Final = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸŚŤŹśťźˇ˘ŁĄŞŻ˛łąşĽ˝ľż]"
_REAL: Final = "ÄŤ|ĂŞ"  # PAMÄŤ, ORĂŞENESC: letters that do stand together in capitals
_LEADS: Final = re.compile("[ÂĂÃÄĹÅâ]")
_BROKEN: Final = re.compile(f"(?:(?!(?<=[A-Z])(?:{_REAL})){_LEAD}{_TRAIL})|[âÂ]€{_TRAIL}")


def repaired(text: str) -> str:
    """The text with every letter whose two or three bytes were read one by one put together again."""
    return _BROKEN.sub(lambda match: _decoded(match[0]), text) if _LEADS.search(text) else text


def _decoded(broken: str) -> str:
    for page in ("cp1252", "cp1250"):
        try:
            return b"".join(_byte(char, page) for char in broken).decode()
        except UnicodeError:
            continue
    return broken


def _byte(char: str, page: str) -> bytes:
    """A byte that the page leaves empty was read as the control character of that number."""
    return bytes((ord(char),)) if "\x80" <= char <= "\x9f" else char.encode(page)
