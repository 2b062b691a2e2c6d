"""How does one line of a plan look to a person?

`~ pm.customer/7  name: "a" -> "b"  (owner-changed)`: what happens to which record, which field, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crmsync.cli import render
from crmsync.core.model import (
    ABSENT,
    Adopt,
    Archive,
    Change,
    Create,
    Delete,
    Hold,
    Json,
    Key,
    Mark,
    Project,
    Ref,
    Restore,
    Side,
    Update,
    other,
)

if TYPE_CHECKING:
    from crmsync.core.plan.lines import Line
    from crmsync.ledger.spool import Spool
    from crmsync.run.people.keyed import Names
    from crmsync.run.people.mask import Mask
    from crmsync.run.world import World


def show_actions(teller: Teller, spool: Spool, most: int | None) -> None:
    """The lines of the plan, `most` of them."""
    from crmsync.core.plan import decode

    left = 0
    for number, line in enumerate(spool.lines()):
        if most is None or number < most:
            for text in teller.lines(decode(line.text)):
                render.say(text)
        else:
            left += 1
    if left:
        render.say(f"... and {left} more: crmsync plan --all")


@dataclass(frozen=True, slots=True)
class Teller:
    """Words for lines of plans and journals, with people's data masked, and records called by handles where their keys
    are about people; with `show` as it is."""

    project: Project
    mask: Mask
    names: Names

    @classmethod
    def of(cls, world: World, show: bool = False) -> Teller:
        from crmsync.run.people.mask import Mask

        return cls(world.project, Mask(world.project, show), world.names.showing(show))

    def lines(self, line: Line) -> Iterator[str]:
        match line:
            case Create(mapping=mapping, side=side, source=source, changes=changes):
                end = self.project.mapping(mapping).ends[side]
                target = f"{end.system}.{end.entity}  from {self.ref(mapping, other(side), source)}"
                yield from self._fields(f"+ {target}", mapping, changes)
            case Update(mapping=mapping, side=side, key=key, changes=changes):
                yield from self._fields(f"~ {self.ref(mapping, side, key)}", mapping, changes)
            case Archive(mapping=mapping, side=side, key=key, reason=reason):
                yield f"- {self.ref(mapping, side, key)}  archive  ({reason})"
            case Delete(mapping=mapping, side=side, key=key, reason=reason):
                yield f"- {self.ref(mapping, side, key)}  delete  ({reason})"
            case Restore(mapping=mapping, side=side, key=key, relink=relink):
                yield f"+ {self.ref(mapping, side, key)}  restore{', and link again' if relink else ''}  (reverted)"
            case Hold():
                yield self._hold(line)
            case Adopt(judged=judged):
                why = f"link  ({judged[0]:.2f}: {judged[1]})" if judged else f"agree on {', '.join(line.base)}"
                yield f"= {self.pair(line.mapping, line.keys)}  {why}"
            case Mark(state=state):
                yield f". {self.pair(line.mapping, line.keys)}  link is {state}"

    def ref(self, mapping: str, side: Side, key: Key) -> str:
        return str(self.names.ref(self.project.mapping(mapping).ends[side], key))

    def told(self, ref: Ref) -> str:
        return str(self.names.told(ref))

    def pair(self, mapping: str, keys: tuple[Key | None, Key | None]) -> str:
        left, right = keys
        refs = (left and self.ref(mapping, 0, left), right and self.ref(mapping, 1, right))
        return " ".join(ref for ref in refs if ref)

    def value(self, mapping: str, field: str, value: Json) -> str:
        return render.value(self.mask.value(mapping, field, value))

    def change(self, mapping: str, change: Change) -> str:
        before = "" if change.before is ABSENT else f"{self.value(mapping, change.field, change.before)} -> "
        return f"{change.field}: {before}{self.value(mapping, change.field, change.after)}  ({change.reason})"

    def _fields(self, head: str, mapping: str, changes: Iterable[Change]) -> Iterator[str]:
        told = [self.change(mapping, change) for change in changes]
        if len(told) == 1:
            yield f"{head}  {told[0]}"
        else:
            yield head
            yield from (f"      {each}" for each in told)

    def _hold(self, line: Hold) -> str:
        if not line.field or line.values == (None, None):
            return f"? {self.pair(line.mapping, line.keys)}  held: {line.message}  ({line.kind})"
        values = " | ".join(self.value(line.mapping, line.field, value) for value in line.values)
        return f"? {self.pair(line.mapping, line.keys)}  {line.field}: {values}  held: {line.message}  ({line.kind})"
