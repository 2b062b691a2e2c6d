"""Where does what a contract marks as about people flow?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crmsync.core.contract import Checker
from crmsync.core.contract.personal import place_text
from crmsync.core.expression import Path, plain_path, problems, reaches
from crmsync.core.mapping import expressions
from crmsync.core.model import EACH, SIDES, Call, Contract, Field, Mapping, Side, other

Checkers = Callable[[Contract], Checker]


@dataclass(frozen=True, slots=True)
class Flow:
    """What one field of a mapping takes from a place (`path` of side `source`) to the other side. `marked`: the
    contract there knows that it is about people, or gets another value."""

    mapping: Mapping
    field: Field
    source: Side
    path: Path
    target: str
    marked: bool

    @property
    def chain(self) -> tuple[str, ...]:
        """The transforms on the way; of what is looked up in a system, where."""
        return tuple(map(_told, self.field.to[other(self.source)]))

    @property
    def place(self) -> str:
        return place_text(self.path)

    @property
    def only_at_creation(self) -> bool:
        return self.field.seed == self.source and self.field.owner == other(self.source)


def flows(mapping: Mapping, checkers: Checkers) -> Iterator[Flow]:
    """Every flow of personal values of a mapping, in the order of its fields."""
    for field in mapping.fields:
        for source in SIDES:
            if not _goes(field, source):
                continue
            to, here = other(source), checkers(mapping.ends[source].contract)
            there = checkers(mapping.ends[to].contract)
            targets = [path for text in expressions(field, to) if (path := plain_path(text))]
            # what is looked up in a system, or is the key of the linked record there, is another value
            another = field.link is not None or any(map(_looks_up, field.to[to]))
            marked = another or (bool(targets) and all(map(there.touches_pii, targets)))
            told = ", ".join(".".join(path) for path in targets)
            yield from (
                Flow(mapping, field, source, path, told, marked)
                for path in personal_reads(field, source)
                if here.touches_pii(tuple(0 if part == EACH else part for part in path))
            )


def personal_reads(field: Field, side: Side) -> list[Path]:
    """What a field reads on a side, into lists, sorted; nothing of what cannot be understood."""
    texts = [text for text in expressions(field, side) if not problems(text)]
    return sorted({path for text in texts for path in reaches(text)})


def _goes(field: Field, source: Side) -> bool:
    """Does a value of this side ever reach the other one?"""
    if field.paths[source] is None or field.paths[other(source)] is None:
        return False
    return field.owner in (source, "shared") or field.seed == source


def _looks_up(call: Call) -> bool:
    return call.name == "lookup" and isinstance(call.args, dict) and "entity" in call.args


def _told(call: Call) -> str:
    if _looks_up(call):
        return f"lookup in {call.args['entity']} by {call.args.get('by')}"
    return call.name
