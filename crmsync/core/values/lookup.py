"""What does the other side call this value?"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TypeAlias

from crmsync.core.model import Call, Chain, Json, Table, to_json
from crmsync.core.values.gives import NOTHING, Gives, kind
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
)

Cell: TypeAlias = tuple[bool, Hashable]
Answers: TypeAlias = Mapping[Cell, Json]


def cell(value: Json) -> Cell:
    """What to look a value up by: `true` is not 1, but 5 is 5.00. Raises `Unfit`."""
    if isinstance(value, list | dict):
        raise Unfit(f"expected a single value, got {kind_of(value)}")
    return type(value) is bool, value


def loads(chain: Chain) -> frozenset[tuple[str, str, str]]:
    """What must be loaded into `Context.entities` before a value passes this chain: (entity, by, take)."""
    written = [call.args for call in chain if call.name == "lookup" and isinstance(call.args, dict)]
    return frozenset((args["entity"], args["by"], args["take"]) for args in written if args.get("entity"))


def table_of(call: Call) -> str | None:
    """The reference table that a step looks up in; None where it does something else."""
    name = call.args.get("table") if isinstance(call.args, dict) else call.args
    return name if call.name == "lookup" and isinstance(name, str) else None


def rows_of(call: Call, context: Context) -> Iterator[tuple[Json, Json]]:
    """What a step is meant to take, with what it gives for that: the rows of its table, by the columns that it reads
    from and gives. Nothing where it has none."""
    table, written = context.tables.get(table_of(call) or ""), call.args if isinstance(call.args, dict) else {}
    source, target = written.get("from") or context.source, written.get("to") or context.target
    if table is not None and {source, target} <= {*table.columns}:
        at, to = table.columns.index(source), table.columns.index(target)
        yield from ((row[at], row[to]) for row in table.rows)


def build(args: Args, context: Context) -> Step:
    if (args["table"] is None) == (args["entity"] is None):
        raise Misuse(
            "lookup needs a table or an entity", "write lookup: NAME, or lookup: {entity: ..., by: ..., take: ...}"
        )
    if args["entity"] is not None:
        return in_entity(args, context)
    table, source, target = columns(args, context)
    answers, unmapped = answers_of(table, source, target), policy(args, table)
    rest = otherwise(unmapped, f"expected a value of column {source} of {table.name}")

    def find(value: Json) -> Json:
        known = cell(value)
        if known in answers:
            return answers[known]
        return None if value is None else rest()

    return find


def otherwise(unmapped: Json, expected: str) -> Callable[[], Json]:
    """What happens to a value without answer."""
    if isinstance(unmapped, dict):
        return lambda: unmapped["value"]

    def misfit() -> Json:
        raise Unfit(expected, hold=unmapped == "hold")

    return misfit


def policy(args: Args, table: Table | None) -> Json:
    """reject | hold | {value: x}: the call's own, or the table's. Raises `Misuse`."""
    unmapped = args["unmapped"] if args["unmapped"] is not None or table is None else table.unmapped
    unmapped = unmapped or "reject"
    if unmapped in ("reject", "hold") or (isinstance(unmapped, dict) and set(unmapped) == {"value"}):
        return unmapped
    raise Misuse("lookup: unmapped must be reject, hold or {value: ...}", "without it, such a value is rejected")


# In a reference table ------------------------------------------------------------------------------------


def columns(args: Args, context: Context) -> tuple[Table, str, str]:
    """The table and the two columns. Raises `Misuse`."""
    name, tables = args["table"], sorted(context.tables)
    if name not in context.tables:
        mend = f"there are: {', '.join(tables)}" if tables else "write it into mappings/reference/"
        raise Misuse(f"there is no reference table {name!r}", mend, "lookup/unknown-table")
    if args["by"] or args["take"]:
        raise Misuse("lookup: by and take belong to an entity", "a table is read by its columns, `from` and `to`")
    table, source, target = context.tables[name], args["from"] or context.source, args["to"] or context.target
    for column in (source, target):
        if column not in table.columns:
            mend = f"it has: {', '.join(table.columns)}; name one with `from` or `to`"
            raise Misuse(f"{name} has no column {column!r}", mend, "lookup/unknown-column")
    return table, source, target


def answers_of(table: Table, source: str, target: str) -> Answers:
    """One answer a value of the source column. Raises `Misuse` where there are several and none is preferred."""
    at, to = table.columns.index(source), table.columns.index(target)
    found: dict[Cell, dict[Cell, Json]] = {}
    for row in table.rows:
        found.setdefault(cell(row[at]), {})[cell(row[to])] = row[to]
    preferred = {cell(value): cell(answer) for value, answer in table.prefer.get(source, {}).items()}
    place = f"{table.name}, column {source}"
    return {value: the_one(answers, preferred, value, place) for value, answers in found.items()}


def the_one(answers: Mapping[Cell, Json], preferred: Mapping[Cell, Cell], value: Cell, place: str) -> Json:
    if value in preferred and preferred[value] in answers:
        return answers[preferred[value]]
    if len(answers) == 1 and value not in preferred:
        return next(iter(answers.values()))
    text = to_json(value[1]).decode()
    fact = "the preferred answer is in no row" if value in preferred else f"{len(answers)} rows answer differently"
    raise Misuse(f"{place}: for {text} {fact}", f"say which of them under prefer, for {text}", "lookup/ambiguous")


def types(schema: Json, args: Args, context: Context) -> Gives:
    """Of values that are not known one by one: any answer of the table."""
    if kind(schema) in ("array", "object"):
        return NOTHING
    if args["entity"] is not None:
        return Gives(True)
    table, source, target = columns(args, context)
    unmapped = policy(args, table)
    answers = [*answers_of(table, source, target).values()]
    answers += [unmapped["value"]] if isinstance(unmapped, dict) else []
    return Gives({"enum": answers} if answers else False, not isinstance(unmapped, dict))


# In a system ---------------------------------------------------------------------------------------------


def in_entity(args: Args, context: Context) -> Step:
    """Raises LookupError at the first value when the entity was not loaded: `check` compiles without loading."""
    entity, by, take = args["entity"], args["by"], args["take"]
    if not by or not take or args["from"] or args["to"]:
        raise Misuse("lookup in an entity needs by and take", "for example {entity: pm.user, by: email, take: id}")
    rest = otherwise(policy(args, None), f"expected the {by} of one {entity}")

    def find(value: Json) -> Json:
        if value is None:
            return None
        answers = context.entities[entity, by, take]
        known = cell(value)[1]
        return rest() if type(value) is bool or known not in answers else answers[known]

    return find


# The way back --------------------------------------------------------------------------------------------


def undo(args: Args, context: Context) -> Chain | None:
    if args["entity"] is not None:
        if isinstance(args["unmapped"], dict):
            return None
        return (Call("lookup", {**present(args), "by": args["take"], "take": args["by"]}),)
    table, source, target = columns(args, context)
    unmapped = policy(args, table)
    try:
        there, back = answers_of(table, source, target), answers_of(table, target, source)
    except Misuse:
        return None
    if isinstance(unmapped, dict) and unmapped["value"] not in [*table.prefer.get(target, {})]:
        return None  # whatever was not in the table became this value
    if any(cell(there[cell(back[cell(answer)])]) != cell(answer) for answer in there.values()):
        return None  # the preferred ways lead round in a circle
    strict = "reject" if isinstance(unmapped, dict) else unmapped
    return (Call("lookup", {"table": table.name, "from": target, "to": source, "unmapped": strict}),)


TRANSFORMS = (
    Transform(
        "lookup", "The value of the other side's column in the same row of a reference table, or of the record of a "
        "system that has the value. A value in no row follows `unmapped`: reject, hold, or {value: x}.",
        "any", "any", build, main="table", inverse=undo, takes_null=True, types=types,
        params={
            "table": Param("name of the reference table", default=None),
            "from": Param("its column to look in; else the side that the value comes from", default=None),
            "to": Param("its column to take from; else the side that the value goes to", default=None),
            "entity": Param("system and entity to look in", default=None),
            "by": Param("its field to look in", default=None),
            "take": Param("its field to take", default=None),
            "unmapped": Param("reject, hold or {value: x}; else the table's own", "any", None),
        },
        examples=(
            Example("delivery_status", "Closed", "done"), Example("delivery_status", None, None),
            Example("delivery_status", "lost"),
            Example({"table": "delivery_status", "unmapped": {"value": "open"}}, "lost", "open"),
            Example({"table": "delivery_status", "from": "pm", "to": "crm"}, "open", "Won"),
            Example({"entity": "pm.user", "by": "email", "take": "id"}, "jana@firma.sk", 7),
            Example({"entity": "pm.user", "by": "email", "take": "id"}, "nobody@firma.sk"),
        ),
    ),
)  # fmt: skip
