"""How is text brought into another form?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from crmsync.core.model import Json
from crmsync.core.values.gives import (
    NOTHING,
    Gives,
    cut,
    kept,
    kind,
    longer,
    of_text,
    swapped,
    with_single_spaces,
    without_ends,
)
from crmsync.core.values.transform import Args, Build, Context, Example, Misuse, Param, Step, Transform, text_of


def always(change: Callable[[str], str]) -> Build:
    """For transforms without arguments."""
    return lambda _args, _context: lambda value: change(text_of(value))


SPACES = re.compile(r"\s+")
WORD = re.compile(r"[^\s\-]+")
MARKS = re.compile("[\u0300-\u036f]")
STROKES = str.maketrans("łŁđĐøØħĦŧŦ", "lLdDoOhHtT")  # marks that Unicode does not take apart


def titled(value: str) -> str:
    """Not `str.title`, which makes `O'Neil'S` of `o'neil's`."""
    return WORD.sub(lambda word: word[0][:1].title() + word[0][1:].lower(), value)


def stripped_of_diacritics(value: str) -> str:
    bare = MARKS.sub("", unicodedata.normalize("NFD", value))
    return unicodedata.normalize("NFC", bare).translate(STROKES)


def build_truncate(args: Args, _context: Context) -> Step:
    length: int = args["length"]
    return lambda value: text_of(value)[:length]


def build_replace(args: Args, _context: Context) -> Step:
    find, put = args["find"], args["with"]
    if not find:
        raise Misuse("replace: find must not be empty", "say which text is to be replaced")
    return lambda value: text_of(value).replace(find, put)


def truncated(schema: Json, args: Args, _context: Context) -> Gives:
    return Gives(cut(schema, args["length"]), False) if kind(schema) == "string" else NOTHING


def replaced(schema: Json, args: Args, _context: Context) -> Gives:
    return Gives(swapped(schema, args["find"], args["with"]), False) if kind(schema) == "string" else NOTHING


TRANSFORMS = (
    Transform(
        "trim", "No white space at the ends.", "text", "text", always(str.strip),
        canonical=True, normalises=True, types=of_text(without_ends),
        examples=(
            Example(None, "  Novák s.r.o. ", "Novák s.r.o."), Example(None, ["a ", None], ["a", None]),
            Example(None, 5),
        ),
    ),
    Transform(
        "collapse_spaces", "Every run of white space, also line ends and non-breaking spaces, becomes one space.",
        "text", "text", always(lambda value: SPACES.sub(" ", value)), canonical=True, normalises=True,
        types=of_text(with_single_spaces),
        examples=(Example(None, "Novák  a\tsyn", "Novák a syn"),),
    ),
    Transform(
        "upper", "Capital letters.", "text", "text", always(str.upper), canonical=True, normalises=True,
        types=of_text(longer(3)),
        examples=(Example(None, "eur", "EUR"),),
    ),
    Transform(
        "lower", "Small letters.", "text", "text", always(str.lower), canonical=True, normalises=True,
        types=of_text(longer(3)),
        examples=(Example(None, "ŽILINA", "žilina"),),
    ),
    Transform(
        "title", "Every word (a hyphen parts words too) with one capital letter, at its beginning.",
        "text", "text", always(titled), types=of_text(longer(3)),
        examples=(Example(None, "BANSKÁ bystrica-sásová", "Banská Bystrica-Sásová"),),
    ),
    Transform(
        "strip_diacritics", "Letters without their accents and strokes.", "text", "text",
        always(stripped_of_diacritics), canonical=True,
        types=of_text(lambda schema: longer(4)(kept(schema, "maxLength"))),
        examples=(Example(None, "Łódź, Košice", "Lodz, Kosice"),),
    ),
    Transform(
        "truncate", "At most so many characters, as JSON Schema's maxLength counts them; the rest is lost.",
        "text", "text", build_truncate, canonical=True, main="length", types=truncated,
        params={"length": Param("how many characters may stay", "integer", least=1)},
        examples=(Example(5, "Bratislava", "Brati"), Example({"length": 20}, "Bratislava", "Bratislava")),
    ),
    Transform(
        "replace", "Another text wherever one occurs; no pattern, the text itself.", "text", "text", build_replace,
        types=replaced,
        params={"find": Param("the text to look for"), "with": Param("what to put there", default="")},
        examples=(Example({"find": "/", "with": "-"}, "2024/31", "2024-31"), Example({"find": "."}, "s.r.o.", "sro")),
    ),
)  # fmt: skip
