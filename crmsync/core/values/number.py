"""How are numbers read, counted with and rounded? Never as a float."""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import TypeAlias

from crmsync.core.model import Call, Chain, Json
from crmsync.core.values.gives import (
    NOTHING,
    NUMBER,
    TEXT,
    Gives,
    either,
    kind,
    rounded,
    scaled,
    shifted,
)
from crmsync.core.values.transform import (
    Args,
    Build,
    Context,
    Example,
    Misuse,
    Param,
    Step,
    Transform,
    Unfit,
    identity,
    kind_of,
)  # fmt: skip

Number: TypeAlias = int | Decimal

PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
BOUND = 100  # digits before and after the point: 1e999999999 is a number in JSON, and an attack here
SMALL = 10**18  # nearly all there are
EXACT = decimal.Context(prec=1000, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
WIDE = decimal.Context(prec=1000, traps=[decimal.InvalidOperation, decimal.Overflow])
MODES = {name.removeprefix("ROUND_").lower(): name for name in (
    decimal.ROUND_HALF_EVEN, decimal.ROUND_HALF_UP, decimal.ROUND_HALF_DOWN, decimal.ROUND_UP, decimal.ROUND_DOWN,
    decimal.ROUND_CEILING, decimal.ROUND_FLOOR,
)}  # fmt: skip


def number_of(value: Json) -> Number:
    """The number a value is, or spells as JSON does (`"12.50"`). Raises `Unfit`."""
    if type(value) is str:
        return spelled(value)
    if type(value) not in (int, Decimal):
        raise Unfit(f"expected a number, got {kind_of(value)}")
    return bounded(value)


def spelled(text: str) -> Number:
    match = PLAIN.fullmatch(text)
    if match is None:
        raise Unfit("expected a number, or text that spells one as JSON does")
    return bounded(int(text) if match[2] is None and match[3] is None else Decimal(text))


def bounded(number: Number) -> Number:
    if type(number) is int and -SMALL < number < SMALL:
        return number
    exact = Decimal(number)
    if exact.is_finite() and exact.adjusted() < BOUND and int(exact.as_tuple().exponent) >= -BOUND:
        return number
    raise Unfit(f"expected a number of at most {BOUND} digits on either side of its point")


def simplest(number: Number) -> Number:
    """The same value without zeros at its end; a whole number as int."""
    exact = Decimal(number).normalize(WIDE)
    return exact if int(exact.as_tuple().exponent) < 0 else int(exact)


def plain(number: Number) -> str:
    """Without exponent, with its places."""
    return format(number, "f") if isinstance(number, Decimal) else str(number)


def rounder(places: int, mode: str) -> Callable[[Number], Number]:
    """`places` may be negative: -3 rounds to thousands. With none, the result is an int."""
    unit, rounding = Decimal(1).scaleb(-places), MODES[mode]

    def rounded(number: Number) -> Number:
        result = Decimal(number).quantize(unit, rounding, WIDE)
        result = result if result else abs(result)  # no -0.00
        return bounded(result if places > 0 else int(result))

    return rounded


# Types -----------------------------------------------------------------------------------------------

SPELLED = {**TEXT, "pattern": "^-?[0-9]+([.][0-9]+)?$", "minLength": 1, "maxLength": 203}


def as_number(schema: Json) -> Json:
    """What a number, or a text that spells one, may be; False for anything else."""
    return {"number": schema, "string": NUMBER}.get(kind(schema), False)


def gives_number(schema: Json, args: Args, _context: Context) -> Gives:
    """A number, rounded where there are `places`."""
    number, places = as_number(schema), args.get("places")
    if number is False:
        return NOTHING
    return Gives(number if places is None else rounded(number, places))


def gives_whole(schema: Json, _args: Args, _context: Context) -> Gives:
    number = as_number(schema)
    return NOTHING if number is False else Gives({**number, "type": "integer"})


def gives_text(schema: Json, args: Args, _context: Context) -> Gives:
    plain = (args["decimal"], args["thousands"]) == (".", "")
    return NOTHING if as_number(schema) is False else Gives(SPELLED if plain else {**TEXT, "minLength": 1})


def folded(change: Callable[[Json, Json], Json]) -> Callable[[Json, Args, Context], Gives]:
    """With `by`, `change` is made to each number; without, a list becomes a number."""

    def types(schema: Json, args: Args, _context: Context) -> Gives:
        by, places = args["by"], args["places"]
        if kind(schema) == "array" and by is None:
            number = NUMBER if places is None else rounded(NUMBER, places)
            return Gives(either(number, {"type": "null"}))
        if kind(schema) == "array":
            return Gives({"type": "array", "items": {"type": ["number", "null"]}})
        number = False if by is None else as_number(schema)
        if number is False:
            return NOTHING
        found = change(number, by)
        return Gives(found if places is None else rounded(found, places) if "type" in found else NUMBER)

    return types


PLACES = Param("digits after the point; negative ones before it", "integer", None, least=-18, most=18)
MODE = Param("how to round", default="half_even", choices=tuple(MODES))

# Reading and writing ---------------------------------------------------------------------------------

POINT = Param("the decimal separator in text", default=".")
THOUSANDS = Param("the separator of thousands in text", default="")
MINUS = str.maketrans("\u2212", "-")
ANY_SPACE = "[ \u00a0\u2009\u202f]"  # what spreadsheets put between thousands


def separators(args: Args) -> tuple[str, str]:
    point, thousands = args["decimal"], args["thousands"]
    if len(point) != 1 or len(thousands) > 1 or point == thousands or re.search("[0-9+-]", point + thousands):
        raise Misuse("decimal and thousands must be two characters", "for example decimal: ',', thousands: ' '")
    return point, thousands


def reader(point: str, thousands: str) -> Callable[[str], Number]:
    """Reads `-1 234,50`: thousands stand in threes or not at all, so that no mistyped number passes."""
    gap = ANY_SPACE if thousands == " " else re.escape(thousands)
    whole = rf"[0-9]{{1,3}}(?:{gap}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"
    pattern = re.compile(rf"([+-]?)({whole})(?:{re.escape(point)}([0-9]+))?", re.ASCII)
    like = f"#{thousands}###{point}##"

    def read(text: str) -> Number:
        match = pattern.fullmatch(text.strip().translate(MINUS)) if len(text) <= 2 * BOUND else None
        if match is None:
            raise Unfit(f"expected a number, or text like {like}")
        sign, digits, fraction = match[1], re.sub("[^0-9]", "", match[2]), match[3]
        return bounded(Decimal(f"{sign}{digits}.{fraction}") if fraction else int(sign + digits))

    return read


def build_decimal(args: Args, _context: Context) -> Step:
    read = reader(*separators(args))
    finish = identity if args["places"] is None else rounder(args["places"], args["mode"])
    return lambda value: finish(read(value) if type(value) is str else number_of(value))


def undo_decimal(args: Args, _context: Context) -> Chain | None:
    if args["places"] is not None:
        return None
    if (args["decimal"], args["thousands"]) == (".", ""):
        return ()
    return (Call("to_text", {"decimal": args["decimal"], "thousands": args["thousands"]}),)


def build_to_text(args: Args, _context: Context) -> Step:
    point, thousands = separators(args)

    def write(value: Json) -> str:
        whole, dot, fraction = plain(number_of(value)).partition(".")
        grouped = format(int(whole), ",").replace(",", thousands)
        sign = "-" if whole == "-0" else ""
        return f"{sign}{grouped}{point if dot else ''}{fraction}"

    return write


def undo_to_text(args: Args, _context: Context) -> Chain:
    same = {"decimal": args["decimal"], "thousands": args["thousands"]}
    return (Call("to_number") if same == {"decimal": ".", "thousands": ""} else Call("decimal", same),)


def whole(value: Json) -> int:
    number = simplest(number_of(value))
    if isinstance(number, int):
        return number
    raise Unfit("expected a whole number")


def build_round(args: Args, _context: Context) -> Step:
    rounded = rounder(args["places"], args["mode"])
    return lambda value: rounded(number_of(value))


# Counting ----------------------------------------------------------------------------------------------


def folding(combine: Callable[[Number, Number], Number], start: int) -> Build:
    """With `by`, each number is combined with it; without, the numbers of a list with each other."""

    def build(args: Args, _context: Context) -> Step:
        by, places = constant(args["by"]), args["places"]
        finish = simplest if places is None else rounder(places, args["mode"])

        def fold(numbers: list[Json]) -> Number:
            try:
                return bounded(finish(total(combine, numbers, start)))
            except decimal.DecimalException:
                raise Unfit("expected numbers whose exact result has at most 1000 digits") from None

        if by is None:
            return lambda values: together(fold, values)
        return lambda value: (
            [None if one is None else fold([one, by]) for one in value] if type(value) is list else fold([value, by])
        )

    return build


def total(combine: Callable[[Number, Number], Number], numbers: list[Json], start: Number) -> Number:
    return reduce(combine, map(number_of, numbers), start)


def together(fold: Callable[[list[Json]], Number], values: Json) -> Number | None:
    if type(values) is not list:
        raise Unfit(f"expected a list of numbers (there is no `by`), got {kind_of(values)}")
    return None if None in values else fold(values)  # what is counted with an unknown is unknown


def constant(by: Number | None) -> Number | None:
    try:
        return None if by is None else bounded(by)
    except Unfit as misfit:
        raise Misuse(f"by: {misfit}", "write it shorter") from None


def undo_multiply(args: Args, _context: Context) -> Chain | None:
    by = args["by"]
    if not by or args["places"] is not None:
        return None
    try:
        return (Call("multiply", {"by": simplest(EXACT.divide(1, by))}),)
    except decimal.Inexact:  # 1/3 has no end
        return None


def undo_add(args: Args, _context: Context) -> Chain | None:
    if args["by"] is None or args["places"] is not None:
        return None
    return (Call("add", {"by": simplest(EXACT.minus(args["by"]))}),)


FOLD = {
    "by": Param("the number to count with; without it, the numbers of a list are counted together", "number", None),
    "places": PLACES,
    "mode": MODE,
}

TRANSFORMS = (
    Transform(
        "decimal", "A number from text as people and spreadsheets write it, by the declared separators; "
        "numbers pass. With `places` it is rounded.", "number", "number", build_decimal, types=gives_number,
        params={"places": PLACES, "mode": MODE, "decimal": POINT, "thousands": THOUSANDS}, main="places",
        inverse=undo_decimal, canonical=True,
        examples=(
            Example({"decimal": ",", "thousands": " "}, "1 234,50", Decimal("1234.50")),
            Example({"places": 2, "decimal": ",", "thousands": "."}, "1.234,5", Decimal("1234.50")),
            Example(2, "12.345", Decimal("12.34")),
            Example({"places": 2, "mode": "half_up"}, "12.345", Decimal("12.35")),
            Example({"thousands": " "}, "12 34"),
        ),
    ),
    Transform(
        "to_number", "The number that a text is in JSON's spelling; numbers pass.", "number", "number",
        lambda _args, _context: number_of, canonical=True, types=gives_number,
        inverse=lambda _args, _context: (Call("to_text"),),
        examples=(Example(None, "12.50", Decimal("12.50")), Example(None, "42", 42), Example(None, "042")),
    ),
    Transform(
        "to_text", "A number as text, without exponent, with all its places.", "number", "text", build_to_text,
        types=gives_text,
        params={"decimal": POINT, "thousands": THOUSANDS}, inverse=undo_to_text,
        examples=(
            Example(None, 42, "42"), Example(None, Decimal("12.50"), "12.50"),
            Example({"decimal": ",", "thousands": " "}, Decimal("1234567.5"), "1 234 567,5"),
        ),
    ),
    Transform(
        "integer", "A whole number; one with a fraction is a misfit, never rounded.", "number", "number",
        lambda _args, _context: whole, canonical=True, normalises=True, types=gives_whole,
        examples=(Example(None, Decimal("12.00"), 12), Example(None, "12", 12), Example(None, Decimal("12.5"))),
    ),
    Transform(
        "round", "A number rounded to so many places.", "number", "number", build_round, main="places", canonical=True,
        types=gives_number,
        params={"places": Param(PLACES.doc, "integer", 0, least=-18, most=18), "mode": MODE},
        examples=(
            Example(2, Decimal("2.345"), Decimal("2.34")), Example(None, Decimal("2.5"), 2),
            Example({"places": -3, "mode": "up"}, 12001, 13000),
        ),
    ),
    Transform(
        "multiply", "A number, or each of a list, times `by`; without `by` the product of a list, null when a factor "
        "is. Exact, unless `places` says to round.", "number", "number", folding(EXACT.multiply, 1),
        params=FOLD, main="by", inverse=undo_multiply, elementwise=False, types=folded(scaled),
        examples=(
            Example({"by": 100}, Decimal("12.50"), 1250), Example(100, "0.015", Decimal("1.5")),
            Example({"places": 2}, [3, Decimal("1.115")], Decimal("3.34")),
            Example({"places": 2}, [3, None], None), Example({"places": 2}, 3),
        ),
    ),
    Transform(
        "add", "A number, or each of a list, plus `by`; without `by` the sum of a list, null when a part is. Exact, "
        "unless `places` says to round.", "number", "number", folding(EXACT.add, 0),
        params=FOLD, main="by", inverse=undo_add, elementwise=False, types=folded(shifted),
        examples=(
            Example({"by": -1}, 10, 9), Example({"places": 2}, ["10.10", 5, Decimal("0.005")], Decimal("15.10")),
            Example({}, [], 0),
        ),
    ),
)  # fmt: skip
