"""Does a transform keep the laws that merging relies on?

For the tests of own transforms as of ours: `check = laws(transform)`, then `check(args, value)` for every value a
strategy draws, plain JSON and misfits too. It raises AssertionError with the law, never with a verdict of its own
about what the transform should compute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal

import jsonschema_rs

from crmsync.core.model import ABSENT, Json
from crmsync.core.values.chain import checked, find, lifted, way_back
from crmsync.core.values.transform import Context, Step, Transform, Unfit, Word

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trial:
    """One value before one transform with its arguments. `result` ABSENT: a misfit, and why."""

    transform: Transform
    args: Json
    context: Context
    step: Step
    value: Json
    result: Json = ABSENT
    misfit: Unfit | None = None

    def agrees(self, fact: bool, law: str) -> None:
        if not fact:
            raise AssertionError(f"{self.transform.name}: {law}; args {self.args!r}, value {self.value!r}")


def laws(transform: Transform, context: Context | None = None) -> Callable[[Json, Json], None]:
    """The check of one transform; its arguments are as written in YAML. Tries its examples at once."""
    known = context or Context()
    for example in transform.examples:
        keeps_example(begin(transform, example.args, example.value, known), example.gives)

    def check(args: Json, value: Json) -> None:
        trial = begin(transform, args, value, known)
        for law in LAWS:
            law(trial)

    return check


def begin(transform: Transform, args: Json, value: Json, context: Context) -> Trial:
    step, before = lifted(transform, args, context), deepcopy(value)
    trial = Trial(transform, args, context, step, value)
    try:
        result, misfit = step(value), None
    except Unfit as unfit:
        result, misfit = ABSENT, unfit
    trial.agrees(same(value, before), "must not change the value it is given")
    return Trial(transform, args, context, step, value, result, misfit)


def keeps_example(trial: Trial, gives: Json) -> None:
    trial.agrees(same(trial.result, gives), f"its own example gives {trial.result!r}, not {gives!r}")


# The laws ------------------------------------------------------------------------------------------------


def is_a_function(trial: Trial) -> None:
    if trial.misfit is None:
        trial.agrees(same(trial.step(trial.value), trial.result), "must give the same for the same value")


def null_passes(trial: Trial) -> None:
    if not trial.transform.takes_null:
        trial.agrees(trial.step(None) is None, "null must pass untouched")


def lists_go_elementwise(trial: Trial) -> None:
    if trial.transform.elementwise and trial.misfit is None and not isinstance(trial.value, list):
        trial.agrees(same(trial.step([trial.value]), [trial.result]), "must treat elements of a list one by one")


def gives_what_it_declares(trial: Trial) -> None:
    """Elements of a list, when a list came in; null is always allowed."""
    if trial.misfit is None:
        plain = all(type(part) in PLAIN for part in plain_parts(trial.result))
        trial.agrees(plain, "must give plain JSON: None, bool, int, Decimal, str, list, dict")
        gives = trial.transform.gives
        spread = isinstance(trial.value, list) and isinstance(trial.result, list) and gives != "list"
        results = trial.result if spread else [trial.result]
        trial.agrees(all(one is None or IS_A[gives](one) for one in results), f"must give {gives}")


def a_misfit_keeps_silent(trial: Trial) -> None:
    if trial.misfit is not None:
        said = str(trial.misfit).casefold()
        told = [text for text in texts(trial.value) if len(text) > 3 and text in said]
        trial.agrees(not told, "the message of Unfit must not hold the value")


def a_canonical_result_stays(trial: Trial) -> None:
    if trial.misfit is None and (trial.transform.canonical or trial.transform.normalises):
        trial.agrees(same(passed(trial.step, trial.result), trial.result), "must leave its own result as it is")


def the_way_back_leads_here(trial: Trial) -> None:
    """It may refuse (the second of two equal hours, to a column without offset), but never mislead."""
    back = way_back(trial.transform, trial.args, trial.context)
    if trial.misfit is None and back is not None:
        source = trial.result
        for call in back:
            own = call.name == trial.transform.name
            step = lifted(trial.transform if own else find(call.name), call.args, trial.context)
            source = passed(step, source)
        here = source is ABSENT or same(passed(trial.step, source), trial.result)
        trial.agrees(here, "there, back and there again must give the same")


def keeps_its_types(trial: Trial) -> None:
    """For each schema that the value keeps, the result keeps what is declared for all values of that schema."""
    spread = trial.transform.elementwise and isinstance(trial.value, list)
    if trial.value is None or spread:
        return
    args = checked(trial.transform, trial.args)
    for schema in schemas_of(trial.value):
        gives = trial.transform.given(schema, args, trial.context)
        if trial.misfit is not None:
            trial.agrees(gives.refuses, f"says that it takes all of {schema!r}")
        else:
            held = jsonschema_rs.Draft202012Validator(gives.schema, validate_formats=True).is_valid(
                _whole(trial.result)
            )
            trial.agrees(held, f"says that it gives {gives.schema!r} for {schema!r}, not {trial.result!r}")


def _whole(result: Json) -> Json:
    """Whole numbers without decimals: `jsonschema-rs` compares 9007199254743559.0 as a float, which is less."""
    is_whole = isinstance(result, Decimal) and abs(result) < 2**63 and result == result.to_integral_value()
    return int(result) if is_whole else result


LAWS = (
    is_a_function, null_passes, lists_go_elementwise, gives_what_it_declares, a_misfit_keeps_silent,
    a_canonical_result_stays, the_way_back_leads_here, keeps_its_types,
)  # fmt: skip


def passed(step: Step, value: Json) -> Json:
    """The value after the step; ABSENT where the step does not take it, and from then on."""
    try:
        return ABSENT if value is ABSENT else step(value)
    except Unfit:
        return ABSENT


# Values ----------------------------------------------------------------------------------------------------

PLAIN = (type(None), bool, int, Decimal, str, list, dict)

IS_A: Mapping[Word, Callable[[Json], bool]] = {
    "text": lambda value: type(value) is str,
    "number": lambda value: type(value) is int or (type(value) is Decimal and value.is_finite()),
    "boolean": lambda value: type(value) is bool,
    "list": lambda value: type(value) is list,
    "date": lambda value: type(value) is str and DATE.fullmatch(value) is not None,
    "datetime": lambda value: type(value) is str and DATETIME.fullmatch(value) is not None,
    "any": lambda value: True,
}


def schemas_of(value: Json) -> Iterator[Json]:
    """Schemas of one type that the value keeps, loose and tight ones."""
    match value:
        case bool():
            yield {"type": "boolean"}
        case int() | Decimal():
            yield from ({"type": "number"}, {"type": "number", "minimum": value, "maximum": value})
            if value == int(value):
                yield {"type": "integer", "exclusiveMinimum": int(value) - 1}
        case str():
            yield {"type": "string"}
            yield {"type": "string", "minLength": len(value), "maxLength": len(value)}
            if re.fullmatch("[a-z]+", value):
                yield {"type": "string", "pattern": "^[a-z]*$", "minLength": 1}
        case list():
            yield {"type": "array"}
            exact: list[Json] = [{"enum": [part]} for part in value] or [True]
            yield {"type": "array", "prefixItems": exact, "maxItems": len(value), "minItems": len(value)}
            loose = {"anyOf": [{"type": "null"}, {"type": ["string", "number", "boolean", "array", "object"]}]}
            yield {"type": "array", "items": loose, "maxItems": len(value) + 1}
        case dict():
            yield {"type": "object"}


def plain_parts(value: Json) -> Iterator[Json]:
    yield value
    if isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from plain_parts(part)


def texts(value: Json) -> list[str]:
    return [str(part).strip().casefold() for part in plain_parts(value) if type(part) in (str, int, Decimal)]


def same(one: Json, two: Json) -> bool:
    """Equal as JSON: 5 is 5.00, but `true` is not 1."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return (type(one) is bool) == (type(two) is bool) and bool(one == two)
