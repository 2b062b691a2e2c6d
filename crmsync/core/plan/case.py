"""What do all cases of a decision ask of a pair, and say of it?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from crmsync.core.mapping import Compiled, Lifted, Seen
from crmsync.core.merge import Cross, Failed
from crmsync.core.model import ABSENT, Both, Field, Finding, Hold, Json, Side, Symbol, as_key
from crmsync.core.plan.pair import Pair, Resolve


@dataclass(frozen=True, slots=True)
class Case:
    compiled: Compiled
    pair: Pair
    resolve: Resolve

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def crosses(self, index: int) -> Both[Cross]:
        field = self.compiled.mapping.fields[index]
        if field.link:
            return self._follow(field.link, 1), self._follow(field.link, 0)
        return self.compiled.cross[0][index], self.compiled.cross[1][index]

    def _follow(self, link: str, side: Side) -> Cross:
        def cross(value: Json) -> Json | Symbol | Failed:
            if value is None or value is ABSENT:
                return value
            return self.resolve(link, side, as_key(value))

        return cross


def lifted_of(seen: Seen) -> Lifted:
    assert seen.lifted is not None  # a record without is rejected, and came no further
    return seen.lifted


def held_checks(case: Case, seen: Both[Seen | None]) -> tuple[Hold, ...]:
    return tuple(
        Hold(case.name, case.pair.keys, "check", finding.path, (None, None), (None, None), finding.message)
        for each in seen
        if each
        for finding in each.held
    )


def unfit(case: Case, field: Field, failed: Failed) -> Finding:
    key = case.pair.keys[failed.side]
    ref = case.compiled.ref(failed.side, key) if key is not None else None
    message, path = f"{field.name}: {failed.message}", _place(field, failed.side)
    mend = "mend the value at its source"
    return Finding(failed.rule, message, mend, at=field.at, ref=ref, path=path, field=field.name)


def _place(field: Field, side: Side) -> str:
    place = field.paths[side]
    return ",".join(place) if isinstance(place, tuple) else place or ""


def would_break(what: str, finding: Finding) -> Finding:
    return replace(finding, message=f"{what} would break its contract: {finding.message}", fact=finding.message)
