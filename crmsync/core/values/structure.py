"""What stands where nothing stands, and how are lists and texts taken apart and together?"""

from __future__ import annotations

from collections.abc import Callable

from crmsync.core.model import Call, Chain, Json
from crmsync.core.values.gives import NOTHING, TEXT, Gives, either, joined, kept, kind
from crmsync.core.values.number import number_of, plain
from crmsync.core.values.transform import (
    Args,
    Context,
    Example,
    Misuse,
    Param,
    Step,
    Transform,
    Unfit,
    kind_of,
    present,
    text_of,
)


def build_default(args: Args, _context: Context) -> Step:
    return lambda value: args["value"] if value is None else value


def build_constant(args: Args, _context: Context) -> Step:
    return lambda _value: args["value"]


def build_null_if(args: Args, _context: Context) -> Step:
    """Booleans and numbers are told apart, although True == 1."""
    written = args["value"]
    nothing = [(type(one) is bool, one) for one in (written if isinstance(written, list) else [written])]
    return lambda value: None if (type(value) is bool, value) in nothing else value


def unchanged(schema: Json, _args: Args, _context: Context) -> Gives:
    return Gives(schema, False)


def constantly(_schema: Json, args: Args, _context: Context) -> Gives:
    return Gives({"const": args["value"]}, False)


def or_null(schema: Json, args: Args, _context: Context) -> Gives:
    """Empty text is the value that there mostly is."""
    nothing = args["value"] if isinstance(args["value"], list) else [args["value"]]
    if kind(schema) == "string" and schema.get("minLength", 0) < 1 and "" in nothing:
        return Gives(either({**schema, "minLength": 1}, {"type": "null"}), False)
    return Gives(either(schema, {"type": "null"}) if any(map(may_be(schema), nothing)) else schema, False)


KINDS = {str: "string", bool: "boolean", list: "array", dict: "object", type(None): "null"}


def may_be(schema: Json) -> Callable[[Json], bool]:
    """Whether a value may be one of the schema, as far as its kind and its length tell."""

    def fits(value: Json) -> bool:
        if KINDS.get(type(value), "number") != kind(schema):
            return False
        return type(value) is not str or schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))

    return fits


# Lists and texts -----------------------------------------------------------------------------------


def build_concat(args: Args, _context: Context) -> Step:
    separator, parts = args["separator"], args["parts"]
    if parts is not None and not separator:
        raise Misuse("concat: parts needs a separator", "without one the text cannot be taken apart again")

    def join(values: Json) -> str | None:
        texts = [None if value is None else written(value) for value in list_of(values)]
        if parts is not None:
            must_come_apart(texts, separator, parts)
        present = [text for text in texts if text is not None]
        return separator.join(present) if present or not texts else None

    return join


def written(value: Json) -> str:
    if type(value) is str:
        return value
    if type(value) is bool:
        raise Unfit("expected a list of texts and numbers, got a boolean in it")
    return plain(number_of(value))


def must_come_apart(texts: list[str | None], separator: str, parts: int) -> None:
    """Raises `Unfit` unless `split` would give the same list again."""
    present = [text for text in texts if text is not None]
    if len(texts) != parts:
        raise Unfit(f"expected a list of {parts} elements, got {len(texts)}")
    if any(text is not None for text in texts[len(present) :]):
        raise Unfit("expected nulls only at the end of the list")
    followed = [text + separator[:-1] for text in present[:-1]] + present[-1:]
    if any(separator in text for text in followed[: parts - 1]):
        raise Unfit("expected elements that do not hold the separator")


def list_of(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise Unfit(f"expected a list, got {kind_of(value)}")


def build_split(args: Args, _context: Context) -> Step:
    separator, parts = args["separator"], args["parts"]
    if not separator:
        raise Misuse("split: the separator must not be empty", "say between which characters to split")
    if parts is None:
        return lambda value: text_of(value).split(separator) if value != "" else []

    def split(value: Json) -> list[str | None]:
        texts = text_of(value).split(separator, parts - 1)
        return [*texts, *[None] * (parts - len(texts))]

    return split


def undo_concat(args: Args, _context: Context) -> Chain | None:
    return None if args["parts"] is None else (Call("split", present(args)),)


def gives_joined(schema: Json, args: Args, _context: Context) -> Gives:
    return Gives(joined(schema, args["separator"])) if kind(schema) == "array" else NOTHING


def gives_parts(schema: Json, args: Args, _context: Context) -> Gives:
    if kind(schema) != "string":
        return NOTHING
    part, parts = {**TEXT, **kept(schema, "maxLength")}, args["parts"]
    if parts is None:
        return Gives({"type": "array", "items": part}, False)
    others = either(part, {"type": "null"})
    return Gives({"type": "array", "prefixItems": [part], "items": others, "minItems": parts, "maxItems": parts}, False)


JOINT = {
    "separator": Param("what stands between the parts", default=" "),
    "parts": Param("how many parts there are", "integer", None, least=2),
}

TRANSFORMS = (
    Transform(
        "default", "A value where there is null.", "any", "any", build_default, main="value", canonical=True,
        types=unchanged,
        params={"value": Param("what to put there", "any")}, elementwise=False, takes_null=True,
        examples=(Example("EUR", None, "EUR"), Example("EUR", "CZK", "CZK"), Example("EUR", "", "")),
    ),
    Transform(
        "null_if", "Null where there is one of these values: where a system writes empty text or a dash for nothing.",
        "any", "any", build_null_if, main="value", canonical=True, normalises=True, types=or_null,
        params={"value": Param("the value, or the list of values, that means nothing", "any")},
        examples=(Example("", "", None), Example(["", "-"], "-", None), Example(0, "0", "0")),
    ),
    Transform(
        "constant", "Always the same value; null stays null.", "any", "any", build_constant, main="value",
        params={"value": Param("the value", "any")}, canonical=True, elementwise=False, types=constantly,
        examples=(Example("external", "anything", "external"), Example("external", None, None)),
    ),
    Transform(
        "concat", "The texts and numbers of a list as one text; nulls are left out. With `parts` exactly so many, and "
        "only what `split` can take apart again.", "list", "text", build_concat, main="separator", params=JOINT,
        inverse=undo_concat, elementwise=False, types=gives_joined,
        examples=(
            Example(", ", ["Hlavná 1", None, "Košice"], "Hlavná 1, Košice"),
            Example({"separator": " ", "parts": 2}, ["Jana", "Nová Malá"], "Jana Nová Malá"),
            Example({"separator": " ", "parts": 2}, ["Anna Mária", "Nová"]),
        ),
    ),
    Transform(
        "split", "A text as the list of its parts. With `parts` exactly so many: the last one keeps the rest, missing "
        "ones are null.", "text", "list", build_split, main="separator", params=JOINT, elementwise=False,
        types=gives_parts,
        inverse=lambda args, _context: (Call("concat", present(args)),),
        examples=(
            Example(",", "a,b,c", ["a", "b", "c"]), Example(",", "", []),
            Example({"separator": " ", "parts": 2}, "Jana Nová Malá", ["Jana", "Nová Malá"]),
            Example({"separator": " ", "parts": 2}, "Jana", ["Jana", None]),
        ),
    ),
)  # fmt: skip
