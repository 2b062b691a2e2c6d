"""What is a transform, and what may it know?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from crmsync.core.model import ABSENT, Chain, Json, Table
from crmsync.core.values.gives import WORDS, Gives, either


class Unfit(ValueError):
    """A value that a transform cannot take. The text says what was expected and never holds the value.

    `hold`: a person should look at the record, it is not simply rejected. Raise it `from None`, since the text of a
    cause may hold the value.
    """

    hold: bool = False

    def __init__(self, expected: str, hold: bool = False) -> None:
        super().__init__(expected)
        self.hold = hold


class Misuse(ValueError):
    """Arguments with which a transform cannot be built, whatever the value: `check_chain` makes a finding of it."""

    def __init__(self, message: str, mend: str = "", rule: str = "transform/argument") -> None:
        super().__init__(message)
        self.mend = mend
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Context:
    """What the transforms of one direction may look into.

    `source` and `target` are side names: the columns that a lookup reads from and gives. `entities` are the loaded
    values of `{lookup: {entity: pm.user, by: email, take: id}}`, under `("pm.user", "email", "id")`. `country` is the
    two-letter code assumed where a phone, company or VAT number does not tell its own.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    source: str = ""
    target: str = ""
    entities: Mapping[tuple[str, str, str], Mapping[Json, Json]] = field(default_factory=dict)
    country: str = ""


Word: TypeAlias = Literal["text", "number", "boolean", "list", "date", "datetime", "any"]
Args: TypeAlias = Mapping[str, Json]
Step: TypeAlias = Callable[[Json], Json]
Build: TypeAlias = Callable[[Args, Context], Step]
Types: TypeAlias = Callable[[Json, Args, Context], Gives]


@dataclass(frozen=True, slots=True)
class Param:
    """One argument. `default` ABSENT: it must be given. `least` and `most` bound a whole number."""

    doc: str
    type: Literal["text", "integer", "number", "boolean", "list", "any"] = "text"
    default: Json = ABSENT
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """With `args` as written in YAML, `value` becomes `gives`; ABSENT: the value is a misfit."""

    args: Json
    value: Json
    gives: Json = ABSENT


@dataclass(frozen=True, slots=True)
class Transform:
    """One named transform: pure, and described so far that a check, the documentation and the laws can use it.

    `build` gets complete arguments (defaults filled in), may raise `Misuse`, and gives the function that a value
    passes. That function never sees null (unless `takes_null`), nor a list (unless `elementwise` is off, else it gets
    the elements one by one). `main` is the argument meant by `{truncate: 80}`. `canonical`: the result is a normal
    form, `f(f(x)) == f(x)`. The way back is `inverse` where there is one, given as calls; else, when it `normalises`
    (only spelling was lost, the result itself may be written back), no step at all; else there is none.

    `types` gives the JSON Schema of the results for all values of a schema, see `crmsync.core.values.gives`; without
    it, they are what `takes` and `gives` say.
    """

    name: str
    doc: str
    takes: Word
    gives: Word
    build: Build
    params: Mapping[str, Param] = field(default_factory=dict)
    main: str | None = None
    examples: tuple[Example, ...] = ()
    inverse: Callable[[Args, Context], Chain | None] | None = None
    canonical: bool = False
    normalises: bool = False
    elementwise: bool = True
    takes_null: bool = False
    types: Types | None = None

    def given(self, schema: Json, args: Args, context: Context) -> Gives:
        """What it gives for values of a schema of one type; a list is one that it takes as a whole."""
        if self.types is not None:
            return self.types(schema, args, context)
        gives = WORDS[self.gives]
        return Gives(gives if gives is True else either(gives, {"type": "null"}))


def text_of(value: Json) -> str:
    """The value as the text it must be. Raises `Unfit`."""
    if type(value) is str:
        return value
    raise Unfit(f"expected text, got {kind_of(value)}")


KINDS: Mapping[type, str] = {
    type(None): "null", bool: "a boolean", int: "a number", Decimal: "a number", str: "text", list: "a list",
    dict: "an object",
}  # fmt: skip


def kind_of(value: Json) -> str:
    """The kind of a value in a word that says nothing of the value: `a number`."""
    return KINDS.get(type(value), "something that is not JSON")


def present(args: Args) -> dict[str, Json]:
    """The arguments that were given, or have a default."""
    return {name: value for name, value in args.items() if value is not None}


def identity(value: Json) -> Json:
    """`value -> value`"""
    return value
