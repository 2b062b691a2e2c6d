"""How do named transforms become one function, and one way back?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from crmsync.core.model import ABSENT, Call, Chain, Finding, Json
from crmsync.core.near import closest, meant
from crmsync.core.values import boolean, company, contact, lookup, number, structure, text, time
from crmsync.core.values.transform import Args, Context, Misuse, Param, Step, Transform, Unfit, Word, identity, kind_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "crmsync.transforms"
BUILT_IN = (
    *text.TRANSFORMS, *number.TRANSFORMS, *boolean.TRANSFORMS, *time.TRANSFORMS, *contact.TRANSFORMS,
    *company.TRANSFORMS, *lookup.TRANSFORMS, *structure.TRANSFORMS,
)  # fmt: skip


@cache
def registry() -> Mapping[str, Transform]:
    """All transforms by name: ours, and those that installed packages name in the group `crmsync.transforms`.
    Read once; raises `Misuse` when a package offers something else, or takes a name that is taken."""
    from importlib.metadata import entry_points  # imports half of the e-mail package

    found = {transform.name: transform for transform in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        transform = offered(point)
        if transform.name in found:
            raise Misuse(f"entry point {point.name} of {GROUP}: the name {transform.name} is taken", "rename it")
        found[transform.name] = transform
    return MappingProxyType(dict(sorted(found.items())))


def offered(point: EntryPoint) -> Transform:
    transform = point.load()
    if isinstance(transform, Transform):
        return transform
    raise Misuse(
        f"entry point {point.name} of {GROUP}: {point.value} is no Transform",
        "let it name a crmsync.core.values.Transform",
    )


def find(name: str) -> Transform:
    if name in registry():
        return registry()[name]
    raise Misuse(f"there is no transform {name!r}", did_you_mean(name, registry()), "transform/unknown")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    return meant(closest(name, names), f"one of: {', '.join(names)}")


# Arguments -----------------------------------------------------------------------------------------


def arguments(transform: Transform, written: Json) -> dict[str, Json]:
    """The arguments as named, defaults filled in; not checked yet. YAML reads the keys `true:` and `false:` as
    booleans, so names are taken as their text."""
    named = {str(key).lower(): value for key, value in as_named(transform, written).items()}
    return {name: param.default for name, param in transform.params.items()} | named


def as_named(transform: Transform, written: Json) -> Args:
    """`{default: {a: 1}}`: an object is the value itself where the main argument may be anything."""
    anything = transform.main is not None and transform.params[transform.main].type == "any"
    if isinstance(written, dict) and not anything:
        return written
    return {} if written is None else {transform.main or "": written}


def problems(transform: Transform, args: Args) -> Iterator[Misuse]:
    """All that is wrong with the arguments by themselves."""
    for name, value in args.items():
        if name in transform.params:
            yield from misfits(f"{transform.name}: {name}", transform.params[name], value)
        elif name:
            mend = did_you_mean(name, transform.params) if transform.params else "leave it out"
            yield Misuse(f"{transform.name} has no argument {name!r}", mend)
        else:
            mend = f"name it: {', '.join(transform.params)}" if transform.params else "leave it out"
            yield Misuse(f"{transform.name} takes no argument without a name", mend)


TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "integer": (int,), "number": (int, Decimal), "boolean": (bool,), "list": (list,),
}  # fmt: skip


def misfits(place: str, param: Param, value: Json) -> Iterator[Misuse]:
    if value is ABSENT or (value is None and param.default is ABSENT):
        yield Misuse(f"{place} is missing", param.doc)
    elif value is None and param.default is None:
        return  # left out
    elif param.type != "any" and type(value) not in TYPES[param.type]:
        yield Misuse(f"{place} must be {param.type}, not {kind_of(value)}", param.doc)
    elif param.choices and value not in param.choices:
        yield Misuse(f"{place} must be one of: {', '.join(param.choices)}", did_you_mean(value, param.choices))
    elif param.least is not None and value < param.least:
        yield Misuse(f"{place} must be at least {param.least}", param.doc)
    elif param.most is not None and value > param.most:
        yield Misuse(f"{place} must be at most {param.most}", param.doc)


def checked(transform: Transform, written: Json) -> Args:
    """Complete arguments. Raises `Misuse`."""
    args = arguments(transform, written)
    for problem in problems(transform, args):
        raise problem
    return args


# The chain -----------------------------------------------------------------------------------------


def compile_chain(chain: Chain, context: Context) -> Step:
    """One function from a value (never ABSENT) to a value. Calling it raises `Unfit`; compiling raises `Misuse`
    where `check_chain` has findings."""
    steps = tuple(lifted(find(call.name), call.args, context) for call in chain)
    if len(steps) < 2:
        return steps[0] if steps else identity

    def run(value: Json) -> Json:
        for step in steps:
            value = step(value)
        return value

    return run


def lifted(transform: Transform, written: Json, context: Context) -> Step:
    """The transform with these arguments, lifted over null and lists."""
    take = transform.build(checked(transform, written), context)
    name, takes_null, elementwise = transform.name, transform.takes_null, transform.elementwise

    def step(value: Json) -> Json:
        if value is None and not takes_null:
            return None
        try:
            return each(take, value, takes_null) if elementwise and type(value) is list else take(value)
        except Unfit as misfit:
            raise Unfit(f"{name}: {misfit}", misfit.hold) from None

    return step


def each(take: Step, values: list[Json], takes_null: bool) -> list[Json]:
    taken = []
    for index, value in enumerate(values):
        try:
            taken.append(take(value) if value is not None or takes_null else None)
        except Unfit as misfit:
            raise Unfit(f"element {index}: {misfit}", misfit.hold) from None
    return taken


def respells(chain: Chain, context: Context) -> bool:
    """Whether a chain loses nothing but spelling (`"1"` times 8 is 8, and that is 1), or what a table says is the
    same."""
    return all(
        call.name == "lookup" or registry()[call.name].normalises or invert((call,), context) is not None
        for call in chain
    )


def invert(chain: Chain, context: Context) -> Chain | None:
    """The chain from the target's value to the source's, or None where what is needed to go back was lost: by
    rounding, truncate, strip_diacritics, a lookup with several answers and no `prefer` ... Law: going there, back
    and there again gives what going there gave, or the way back raises `Unfit`. `context` is the forward one; the
    answer compiles under it, or under one with source and target swapped."""
    back: list[Call] = []
    for call in reversed(chain):
        step = way_back(find(call.name), call.args, context)
        if step is None:
            return None
        back.extend(replace(undo, at=call.at) for undo in step)
    return tuple(back)


def way_back(transform: Transform, written: Json, context: Context) -> Chain | None:
    args = checked(transform, written)
    if transform.inverse is not None:
        return transform.inverse(args, context)
    return () if transform.normalises else None


# The check -----------------------------------------------------------------------------------------


def check_chain(chain: Chain, context: Context) -> list[Finding]:
    """All that is wrong with a chain: unknown names, arguments, tables and columns, steps that do not fit."""
    findings = [finding for call in chain for finding in check_call(call, context)]
    return findings or list(check_fit(chain))


def check_call(call: Call, context: Context) -> Iterator[Finding]:
    try:
        transform = find(call.name)
        args = arguments(transform, call.args)
        found = list(problems(transform, args))
        if not found:
            transform.build(args, context)
    except Misuse as misuse:
        found = [misuse]
    for problem in found:
        yield Finding(problem.rule, str(problem), problem.mend, at=call.at)


FITS: frozenset[tuple[Word, Word]] = frozenset({
    ("text", "number"), ("text", "boolean"), ("text", "date"), ("text", "datetime"),  # it may spell one
    ("date", "text"), ("datetime", "text"),  # they are text
    ("number", "boolean"),  # 1 and 0
})  # fmt: skip


def check_fit(chain: Chain) -> Iterator[Finding]:
    """Does each step take what the one before gives? What is not known statically fits."""
    gives: Word = "any"
    scalar = False  # the value is known to be no list
    before = ""
    for call in chain:
        transform = registry()[call.name]
        if scalar if transform.takes == "list" else not fits(gives, transform.takes):
            message = f"{call.name} takes {transform.takes}, but {before} gives {gives}"
            yield Finding("transform/type", message, "put a transform between them, or change their order", at=call.at)
        scalar = transform.gives not in ("list", "any") and (scalar or not transform.elementwise)
        gives, before = "any" if transform.gives == "list" else transform.gives, call.name


def fits(gives: Word, takes: Word) -> bool:
    return gives == takes or "any" in (gives, takes) or (gives, takes) in FITS
