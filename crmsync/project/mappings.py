"""What does a mapping file say, as nouns?

A file whose parts are damaged still becomes a mapping, without those parts, so that the checks can go on and find
everything else that is wrong. What a mapping names but the project does not have is stood in for by an open contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar, cast

from crmsync.core.model import (
    ABSENT,
    KINDS,
    LIKELY,
    LINK_AT,
    REVIEW_AT,
    SIDES,
    At,
    Both,
    Call,
    Chain,
    Check,
    Compare,
    Contract,
    End,
    Field,
    Finding,
    Json,
    Limit,
    Limits,
    Match,
    Rollout,
    Severity,
    Side,
)
from crmsync.core.model import Mapping as MappingNoun
from crmsync.project.contracts import pick_contract
from crmsync.project.shapes import Misfit, known_keys, misfits
from crmsync.project.yaml import Document, Where

T = TypeVar("T")

_NEEDED: Final = ("version", "mapping", "between", "fields")
_PARTS: Final = ("fields", "checks", "limits", "create", "delete", "scope")  # of these one entry can be left out alone


@dataclass(frozen=True, slots=True)
class Draft:
    """A mapping with the file it was read from. `damaged` are the fields that were left out: they exist, but nothing
    more is to be said about them."""

    mapping: MappingNoun
    document: Document
    damaged: frozenset[str] = frozenset()

    @property
    def sides(self) -> Both[str]:
        first, second = self.mapping.ends
        return first.name, second.name

    @property
    def file(self) -> str:
        return self.document.file

    def wrong(self, rule: str, message: str, mend: str, *where: str | int, severity: Severity = "error") -> Finding:
        """A finding at the value that `where` leads to."""
        return Finding(f"mapping/{rule}", message, mend, severity, self.document.at(*where))

    def wrong_key(self, rule: str, message: str, mend: str, *where: str | int, severity: Severity = "error") -> Finding:
        """A finding at the key that `where` leads to."""
        return Finding(f"mapping/{rule}", message, mend, severity, self.document.key_at(*where))


def read_mapping(document: Document, contracts: Mapping[str, Contract]) -> tuple[Draft | None, list[Finding]]:
    """A mapping, or None where too little of it is whole; with all that is wrong with its shape."""
    sides = side_names(document.data)
    wrong = misfits("mapping", document, sides)
    reserved = _reserved_sides(document, sides)
    findings = [finding for _, finding in wrong] + reserved
    data, damaged = _whole(document, wrong) if sides and not reserved else (None, frozenset())
    if data is None:
        return None, findings
    findings += _sides_of_checks(document, sides, data.get("checks", ()))
    return Draft(_mapping(document, data, cast(Both[str], sides), contracts), document, damaged), findings


def side_names(data: Json) -> tuple[str, ...]:
    """The two sides, or () where the file does not name exactly two."""
    between = data.get("between") if isinstance(data, dict) else None
    names = tuple(between) if isinstance(between, dict) else ()
    return names if len(names) == 2 and all(name.isidentifier() and name.islower() for name in names) else ()


def _reserved_sides(document: Document, sides: Iterable[str]) -> list[Finding]:
    """A side called `owner` could not be told from the key `owner`."""
    words = ("shared", "review", "newest", "percent")
    reserved = {*known_keys("mapping", "field"), *known_keys("mapping", "check"), *words}
    return [
        Finding(
            "mapping/reserved-side",
            f"{side!r} is a word of the mapping language and cannot name a side",
            f"call the side otherwise, and name its system in it: {{system: {side}, ...}}",
            at=document.key_at("between", side),
        )
        for side in sides
        if side in reserved or side.startswith("to_")
    ]


def _sides_of_checks(document: Document, sides: Iterable[str], written: Json) -> list[Finding]:
    return [
        Finding(
            "mapping/check-side",
            f"check {index + 1} must read exactly one side",
            f"write one of {', '.join(sides)}: with the expression",
            at=document.at("checks", index),
        )
        for index, body in enumerate(written)
        if sum(side in body for side in sides) != 1
    ]


def _whole(document: Document, wrong: Iterable[Misfit]) -> tuple[Json, frozenset[str]]:
    """The file's data without its damaged parts (None: not enough is left), and the names of the damaged fields."""
    data = {key: dict(value) if isinstance(value, dict) else value for key, value in document.data.items()}
    damaged = set()
    for where in [*(where for where, _ in wrong), *document.broken]:
        part, name = _part(where)
        if part == "fields" and name is not None:
            damaged.add(str(name))
        if name is not None and isinstance(data.get(part), dict):
            data[part].pop(name, None)
        else:
            data.pop(part, None)
    return (data if all(key in data for key in _NEEDED[1:]) else None), frozenset(damaged)


def _part(where: Where) -> tuple[str, str | int | None]:
    """The smallest part of the file that can be left out for what is wrong at `where`."""
    top = str(where[0]) if where else ""
    return (top, where[1]) if top in _PARTS and len(where) > 1 else (top, None)


# From plain data to nouns ----------------------------------------------------------------------------------------


def _mapping(document: Document, data: Json, sides: Both[str], contracts: Mapping[str, Contract]) -> MappingNoun:
    create, delete = data.get("create", {}), data.get("delete", {})
    common = {"oscillation": data["oscillation"]} if "oscillation" in data else {}
    return MappingNoun(
        name=data["mapping"],
        ends=_each(sides, lambda _, side: _end(side, data["between"][side], contracts)),
        fields=tuple(_field(document, sides, name, {**common, **body}) for name, body in data["fields"].items()),
        scope=_by_side(data.get("scope", {}), sides, None),
        match=_match(data["match"]) if "match" in data else None,
        create=_each(sides, lambda _, side: _create(create.get(side, "never"))),
        delete=_by_side(delete, sides, "ignore"),
        on_leave_scope=data.get("on_leave_scope", "freeze"),
        limits=_limits(data.get("limits", {})),
        checks=_checks(document, sides, data.get("checks", ())),
        after=_listed(data.get("after", ())),
        together=data.get("together", False),
        enabled=data.get("enabled", True),
        shadow=data.get("shadow", False),
        rollout=read_rollout(data["rollout"], sides) if "rollout" in data else None,
        at=document.key_at("mapping"),
    )


def _each(sides: Both[str], make: Callable[[Side, str], T]) -> Both[T]:
    return make(0, sides[0]), make(1, sides[1])


def _by_side(written: Json, sides: Both[str], default: Json) -> Both[Json]:
    return written.get(sides[0], default), written.get(sides[1], default)


def _listed(written: Json) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _end(side: str, body: Json, contracts: Mapping[str, Contract]) -> End:
    stand_in = Contract(body["contract"].partition("@")[0], "", True)
    contract = pick_contract(body["contract"], contracts) or stand_in
    return End(side, body.get("system", side), body["entity"], contract, body.get("strict", False))


def _create(written: Json) -> bool | str:
    if isinstance(written, dict):
        (expression,) = written["when"].values()
        return str(expression)
    return bool(written == "always")


def _match(body: Json) -> Match:
    written = body.get("compare", {})
    compare = tuple(Compare(name, each["as"], _float(each.get("weight"))) for name, each in written.items())
    by_points = compare and not any(each.weight is not None for each in compare)
    link_at, review_at = LIKELY if by_points else (LINK_AT, REVIEW_AT)
    return Match(
        decide=tuple(_listed(names) for names in body.get("decide", ())),
        compare=compare,
        link_at=float(body.get("link_at", link_at)),
        review_at=float(body.get("review_at", review_at)),
        within=body.get("within"),
        labels=body.get("labels"),
        min_precision=_float(body.get("min_precision")),
        golden=tuple((name, _golden(each)) for name, each in body.get("golden", {}).items()),
    )


def _golden(written: Json) -> tuple[str, ...]:
    return tuple(written["priority"]) if isinstance(written, dict) else (written,)


def _float(written: Json) -> float | None:
    return None if written is None else float(written)


def _limits(written: Json) -> Limits:
    unusual = written.get("unusual", Limits().unusual)
    return Limits(
        {kind: _limit(written[kind]) for kind in KINDS if kind in written},
        {name: _limit(each) for name, each in written.get("fields", {}).items()},
        _limit(written["missing"]) if "missing" in written else Limits().missing,
        None if unusual == "off" else Decimal(unusual),
        _limit(written["errors"]) if "errors" in written else None,
        _limit(written["conflicts"]) if "conflicts" in written else None,
    )


def read_rollout(written: Json, sides: Both[str]) -> Rollout:
    percent = Decimal(written["percent"]) if "percent" in written else None
    return Rollout(percent, _by_side(written, sides, None))


def _limit(written: Json) -> Limit:
    if isinstance(written, str):
        return Limit(percent=Decimal(written.removesuffix("%")))
    return Limit(count=int(written))


def _checks(document: Document, sides: Both[str], written: Json) -> tuple[Check, ...]:
    """Checks that name no side, or both, are left out here and found by the static checks."""
    return tuple(
        Check(
            side,
            body[sides[side]],
            _chain(document, body.get("apply", ()), ("checks", index, "apply")),
            body["equals"],
            Decimal(body.get("within", 0)),
            body.get("else", "reject"),
            document.at("checks", index),
        )
        for index, body in enumerate(written)
        for side in SIDES
        if sides[side] in body and sides[1 - side] not in body
    )


def _chain(document: Document, written: Json, where: Where) -> Chain:
    return tuple(_call(item, document.at(*where, index)) for index, item in enumerate(written))


def _call(item: Json, at: At) -> Call:
    if isinstance(item, str):
        return Call(item, None, at)
    ((name, args),) = item.items()
    return Call(name, args, at)


def _field(document: Document, sides: Both[str], name: str, body: Json) -> Field:
    side_of: dict[Json, Side] = {sides[0]: 0, sides[1]: 1}
    where = ("fields", name)
    settings = {key: body[key] for key in _AS_WRITTEN if key in body}
    if "equal_within" in body:
        settings["equal_within"] = Decimal(body["equal_within"])
    if "oscillation" in body:
        settings["oscillation"] = None if body["oscillation"] == "never" else int(body["oscillation"])
    if "on_conflict" in body:
        settings["on_conflict"] = side_of.get(body["on_conflict"], body["on_conflict"])
    paths = _by_side(body, sides, None)
    return Field(
        name,
        (_path(paths[0]), _path(paths[1])),
        owner=side_of.get(body.get("owner"), body.get("owner")),
        to=_each(sides, lambda _, side: _chain(document, body.get(f"to_{side}", ()), (*where, f"to_{side}"))),
        seed=side_of.get(body.get("seed")),
        default=_by_side(body.get("default", {}), sides, ABSENT),
        when=_by_side(body.get("when", {}), sides, None),
        at=document.key_at(*where),
        **settings,
    )


_AS_WRITTEN: Final = ("link", "merge", "group", "value", "on_foreign_edit", "on_first_link", "on_null")


def _path(written: Json) -> str | tuple[str, ...] | None:
    return tuple(written) if isinstance(written, list) else written
