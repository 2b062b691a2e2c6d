"""What is a way of records to the other side, and what can be said of one that was sent along?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from crmsync.core.mapping import Compiled
from crmsync.core.merge import Failed
from crmsync.core.model import ABSENT, At, Both, Finding, Json, Key, Side, other, to_json
from crmsync.core.plan import NOWHERE
from crmsync.core.trial.records import Records
from crmsync.core.values import Context

SHOWN: Final = 300  # characters of a record in a message
KEYS: Final[Both[Key]] = ((1,), (1,))


class Rule(NamedTuple):
    """Rule and path of a refusal, as in a dead letter: `("contract/minLength", "customer_name")`."""

    rule: str
    path: str


Fault: TypeAlias = tuple[str, str, str, int | None]  # what tells one failure from another


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that does not hold, with the smallest record that shows it."""

    rule: str
    path: str
    index: int | None  # of the field in the mapping
    message: str
    mend: str
    broken: str = ""  # the rule of the other side's contract
    record: Json = None
    beside: Json = ABSENT  # the record that it is linked with

    @property
    def fault(self) -> Fault:
        return self.rule, self.broken, self.path, self.index


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that refuses a record, in words that are the same for all such records, and where it is declared."""

    words: str
    at: At | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one record: what refuses it, and what does not hold. `stopped`: a check refuses it before anything
    is mapped."""

    refused: tuple[Refusal, ...] = ()
    failures: tuple[Failure, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class Way:
    """One mapping from one side to the other."""

    compiled: Compiled
    source: Side
    records: Records  # of the source
    others: Records
    partners: tuple[Json, ...]
    linked: Mapping[tuple[str, Side], Json]
    declared: frozenset[Rule]

    @property
    def target(self) -> Side:
        return other(self.source)

    @property
    def creates(self) -> bool:
        return self.compiled.mapping.create[self.target] is not False

    @property
    def context(self) -> Context:
        """In which the chains towards the target run."""
        source, target = (self.compiled.mapping.ends[side].name for side in (self.source, self.target))
        return Context(self.records.tables, source, target)

    @property
    def quiet(self) -> frozenset[int]:
        """The fields in which the other side has nothing to say: its own, and those that combine."""
        fields = enumerate(self.compiled.mapping.fields)
        return frozenset(at for at, each in fields if each.owner == self.target or each.merge)

    def partner(self, number: int) -> Json:
        return self.partners[number % len(self.partners)] if self.partners else ABSENT

    def resolve(self, link: str, side: Side, key: Key) -> Json | Failed:
        return self.linked.get((link, side), NOWHERE) if key else NOWHERE

    def declares(self, finding: Finding) -> bool:
        """Has somebody written down that the other side's contract refuses so?"""
        return Rule(finding.rule, finding.path) in self.declared


def cut(value: Json) -> str:
    text = to_json(None if value is ABSENT else value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"
