"""How do people and systems spell yes and no?"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from crmsync.core.model import Call, Chain, Json
from crmsync.core.values.gives import NOTHING, WORDS, Gives, always, kind
from crmsync.core.values.number import plain, simplest
from crmsync.core.values.transform import Args, Context, Example, Misuse, Param, Step, Transform, Unfit, kind_of

YES = ["áno", "ano", "tak", "ja", "yes", "true", "1"]
DIGITS = range(10)  # numbers that may spell a boolean
NO = ["nie", "ne", "nein", "no", "false", "0"]


def spelling(value: Json) -> str | None:
    """One text for `Áno`, ` ÁNO ` and `áno`; for 1, `1` and 1.0. None: cannot spell a boolean."""
    if type(value) is str:
        return value.strip().casefold()
    return plain(simplest(value)) if type(value) in (int, Decimal) and value in DIGITS else None


def as_list(written: Json) -> list[Json]:
    return written if isinstance(written, list) else [written]


def spellings(args: Args) -> Mapping[str, bool]:
    yes, no = args["true"], args["false"]
    if (yes is None) != (no is None):
        raise Misuse("boolean needs both spellings, true and false, or neither", "add the other one")
    known: dict[str, bool] = {}
    for meaning, written in ((True, YES if yes is None else yes), (False, NO if no is None else no)):
        for text in map(spelling, as_list(written)):
            if text is None or known.get(text, meaning) is not meaning:
                raise Misuse("boolean: a spelling must be text or a digit, and mean one thing", "quote and part them")
            known[text] = meaning
    return known


def build_boolean(args: Args, _context: Context) -> Step:
    known = spellings(args)

    def read(value: Json) -> bool:
        meaning = value if type(value) is bool else known.get(spelling(value) or "")
        if meaning is None:
            raise Unfit(f"expected a boolean or one of its {len(known)} spellings, got {kind_of(value)}")
        return bool(meaning)

    return read


def undo_boolean(args: Args, _context: Context) -> Chain | None:
    if args["true"] is None:  # which language was it?
        return None
    return (Call("boolean_text", {"true": as_list(args["true"])[0], "false": as_list(args["false"])[0]}),)


def build_boolean_text(args: Args, _context: Context) -> Step:
    spellings(args)

    def write(value: Json) -> Json:
        if type(value) is bool:
            return args["true"] if value else args["false"]
        raise Unfit(f"expected a boolean, got {kind_of(value)}")

    return write


def gives_spelling(schema: Json, args: Args, _context: Context) -> Gives:
    return Gives({"enum": [args["true"], args["false"]]}, False) if kind(schema) == "boolean" else NOTHING


TRANSFORMS = (
    Transform(
        "boolean", "True or false from its spellings, upper or lower case: áno/nie, ano/ne, tak/nie, ja/nein, yes/no, "
        "true/false, 1/0; or from the ones declared, and then only those. Booleans pass.", "any", "boolean",
        build_boolean, canonical=True, inverse=undo_boolean,
        types=always(WORDS["boolean"], "string", "number", "boolean"),
        params={
            "true": Param("the spelling, or the list of spellings, of true", "any", None),
            "false": Param("the spelling, or the list of spellings, of false", "any", None),
        },
        examples=(
            Example(None, "Áno", True), Example(None, 0, False), Example(None, True, True), Example(None, "možno"),
            Example({"true": ["A", "T"], "false": "N"}, "t", True), Example({"true": "A", "false": "N"}, "yes"),
        ),
    ),
    Transform(
        "boolean_text", "The declared spelling of a boolean; it may be a number too.", "boolean", "any",
        build_boolean_text, types=gives_spelling,
        inverse=lambda args, _context: (Call("boolean", dict(args)),),
        params={"true": Param("how to write true", "any"), "false": Param("how to write false", "any")},
        examples=(Example({"true": "áno", "false": "nie"}, False, "nie"), Example({"true": 1, "false": 0}, True, 1)),
    ),
)  # fmt: skip
