"""What do people do in the two systems, and do both say afterwards what they must?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from crmsync.chaos.lab import SYSTEMS, Broken, Lab
from crmsync.chaos.model import ENTITIES, RULES, Kind, Thing, Values
from crmsync.connectors.base import Insert, Patch, Refused, Remove, Write
from crmsync.core.model import SIDES, Entity, Json, Key, Outcome, Side

PARENT: Final = ("account", "customer")  # what an initiation calls its customer
WORDS: Final = ("Žltý kôň", "Łódź", "Ångström", "Kovotrans", "Mlyn Nitra", "Stavby Dunaj", "çà et là", "Zoë & Söhne")
STATES: Final = ("open", "won", "on hold", "closed")
_DID: Final[Mapping[type, str]] = {Insert: "made", Patch: "edited", Remove: "deleted"}
TAGS: Final = ("a", "b", "c", "d", "e")


@dataclass
class Story:
    """Things by their code, and everything that people do to them."""

    lab: Lab
    random: Random
    things: dict[str, Thing] = field(default_factory=dict)
    gone: list[Thing] = field(default_factory=list)
    tokens: int = 0
    did: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for side in SIDES:
            self.lab.trouble[SYSTEMS[side]].move = partial(self._move, side)
        for kind, entities in ENTITIES.items():
            found = len(self.lab.records(f"pm.{entities[1]}"))
            if found:
                raise Refused(f"pm.{entities[1]} has {found} records; chaos writes and deletes: give it empty {kind}")

    # People at work

    def fill(self, records: int) -> None:
        """Customers with their initiations; some are on both sides already, some initiations only in the PM tool."""
        for number in range(records):
            self.new_customer(both=number % 4 == 0)
        for number in range(records // 2):
            self.new_initiation(0)
            if number % 3 == 0:
                self.new_initiation(1)

    def new_customer(self, *, both: bool = False) -> None:
        thing = self._thing("customers")
        values = {
            "code": thing.code, "name": self._words(), "status": self._state(), "notes": self._words(),
            "visits": self.random.randrange(9), "tags": self._tags(),
        }  # fmt: skip
        self._put(thing, 0, values)
        if both:
            self._put(thing, 1, {**values, "name": self._words(), "notes": None, "tags": self._tags()})

    def new_initiation(self, side: Side) -> None:
        """Of a customer that this side has."""
        owners = [each for each in self._of("customers") if each.keys[side] and not each.broken]
        if owners:
            owner = self.random.choice(owners)
            thing = self._thing("initiations", parent=owner.code)
            self._put(thing, side, {"code": thing.code, "title": self._words(), "state": self._state()})

    def edit_some(self, number: int) -> None:
        likely = [each for each in self.things.values() if each.base is not None]
        for thing in self.random.sample(likely, min(number, len(likely))):
            for side in self.random.choice(((0,), (1,), (0, 1))):
                self.edit(thing, 1 if side else 0, self._edit(thing, 1 if side else 0))

    def break_one(self) -> None:
        """An account without a name; the customers that have initiations keep theirs."""
        owners = {each.parent for each in self.things.values()}
        likely = [each for each in self._of("customers") if each.code not in owners]
        if likely:
            self.edit(self.random.choice(likely), 0, {"name": ""})

    def mend_some(self) -> None:
        for thing in [each for each in self._of("customers") if each.broken and self.random.random() < 0.5]:
            self.edit(thing, 0, {"name": self._words()})

    def delete_some(self) -> None:
        """In the CRM: an initiation, and a customer without one, that nobody has just edited."""
        owners = {each.parent for each in self.things.values()}
        still = [each for each in self.things.values() if each.base is not None and self._is_settled(each)]
        for kind in ENTITIES:
            likely = [each for each in still if each.kind == kind and each.code not in owners]
            if likely and self.random.random() < 0.7:
                self._delete(self.random.choice(likely))

    def _is_settled(self, thing: Thing) -> bool:
        return all(here == thing.base for here in thing.values)

    def _delete(self, thing: Thing) -> None:
        key = thing.keys[0]
        assert key is not None
        self._write(0, thing.kind, self._remove(0, thing.kind, key))
        thing.gone = True
        del self.things[thing.code]
        self.gone.append(thing)

    def edit(self, thing: Thing, side: Side, values: Values) -> None:
        key = thing.keys[side]
        assert key is not None
        self._write(side, thing.kind, self._patch(side, thing.kind, key, values))
        thing.edit(side, values)

    def _move(self, side: Side, entity: Entity, key: Key) -> bool:
        """Somebody is quicker than a write that is on its way. What they edit nobody else edits at that time, or it
        adds up."""
        thing = self._at(side, entity.name, key)
        here = thing.values[side] if thing else None
        if thing is None or here is None or thing.base is None:  # what a first link would make of it nobody can tell
            return False
        values: Values = {"state" if thing.parent else "status": self._state()} if side == 1 else {}
        written = dict(values)
        now = self.lab.records(entity.full_name)[key]  # which may be what we have just written
        if "visits" in here:
            # Unlike what any write on its way adds: of two equal sums nobody could tell whose is there.
            more = self.random.randrange(1000, 10**6)
            values["visits"], written["visits"] = here["visits"] + more, now["visits"] + more
        if all(now[name] == value for name, value in written.items()):
            return False  # nothing has moved
        self._write(side, thing.kind, self._patch(side, thing.kind, key, written))
        thing.edit(side, values)
        thing.moved = True
        return True

    def _at(self, side: Side, name: str, key: Key) -> Thing | None:
        for thing in self.things.values():
            if thing.keys[side] == key and ENTITIES[thing.kind][side] == name:
                return thing
        return None

    # What they write

    def _thing(self, kind: Kind, parent: str | None = None) -> Thing:
        self.tokens += 1
        thing = Thing(kind, f"{kind[0].upper()}{self.tokens:04}", [None, None], parent=parent)
        self.things[thing.code] = thing
        return thing

    def _put(self, thing: Thing, side: Side, values: Values) -> None:
        data = {**values, "memo": f"memo {self.random.randrange(10**6)}"}
        if thing.parent:
            key = self.things[thing.parent].keys[side]
            assert key is not None
            data[PARENT[side]] = key[0]
        self.tokens += 1
        outcome = self._write(side, thing.kind, Insert(data, f"people-{self.tokens}"))
        assert outcome.record is not None
        thing.keys[side], thing.values[side], thing.memos[side] = outcome.record.key, dict(values), data["memo"]

    def _patch(self, side: Side, kind: Kind, key: Key, values: Values) -> Patch:
        return Patch(key, tuple(values.items()), self._version(side, kind, key))

    def _remove(self, side: Side, kind: Kind, key: Key) -> Remove:
        return Remove(key, self._version(side, kind, key))

    def _version(self, side: Side, kind: Kind, key: Key) -> str:
        found = self.lab.door(entity(kind, side)).get([key])
        if len(found) != 1:
            raise Broken(9, f"{entity(kind, side)} {key} was there, and get gives {len(found)} records")
        return found[0].version

    def _write(self, side: Side, kind: Kind, write: Write) -> Outcome:
        self.did[_DID[type(write)]] += 1
        (outcome,) = self.lab.door(entity(kind, side)).write([write])
        if outcome.status != "done":
            raise Broken(9, f"{entity(kind, side)}: {type(write).__name__} is {outcome.status}: {outcome.message}")
        return outcome

    def _edit(self, thing: Thing, side: Side) -> Values:
        here = thing.values[side]
        assert here is not None
        name = self.random.choice([each for each in RULES[thing.kind] if each != "code"])
        match name:
            case "name" if here["name"] == "":
                return {"notes": self._words()}  # a broken one is mended on purpose
            case "status" | "state":
                return {name: self._state()}
            case "visits":
                return {name: here[name] + self.random.randint(1, 3)}
            case "tags":
                return {name: self._tags()}
        return {name: self._words()}

    def _words(self) -> str:
        return f"{self.random.choice(WORDS)} {self.random.randrange(10**6)}"

    def _state(self) -> str:
        return self.random.choice(STATES)

    def _tags(self) -> list[str]:
        return sorted(self.random.sample(TAGS, self.random.randrange(4)))

    def _of(self, kind: Kind) -> list[Thing]:
        return [each for each in self.things.values() if each.kind == kind]

    # What both sides must say when all is done

    def conflicts(self) -> set[tuple[str, str]]:
        """Code and field of what a person has to decide."""
        return {(each.code, name) for each in self.things.values() for name in each.conflicts()}

    def compare(self) -> None:
        """Every thing once on each side, with the values that are due; then they are the base. Raises Broken."""
        for thing in self.things.values():
            thing.agree()
        for kind, entities in ENTITIES.items():
            for side in SIDES:
                self._compare(kind, side, f"{SYSTEMS[side]}.{entities[side]}")

    def _compare(self, kind: Kind, side: Side, place: str) -> None:
        found = self.lab.records(place)
        by_code: dict[str, list[Key]] = {}
        for key, record in found.items():
            by_code.setdefault(record["code"], []).append(key)
        for thing in self._of(kind):
            keys = by_code.pop(thing.code, [])
            self.lab.keep(7, len(keys) <= 1, f"{thing.code} is {len(keys)} times in {place}")
            due = thing.values[side]
            self.lab.keep(
                9,
                bool(keys) == (due is not None),
                f"{thing.code} is {len(keys)} times in {place}, not {int(due is not None)}",
            )
            if due is not None:
                self._known(thing, side, keys[0])
                self._says(thing, side, due, found[keys[0]], place)
        for thing in self.gone:
            if thing.kind == kind:
                self._is_gone(thing, side, by_code.pop(thing.code, []), found, place)
        self.lab.keep(7, not by_code, f"{place} has records that nobody made: {sorted(by_code)[:3]}")

    def _known(self, thing: Thing, side: Side, key: Key) -> None:
        known = thing.keys[side] or key
        self.lab.keep(7, known == key, f"{thing.code} was {known} and is {key} now")
        thing.keys[side] = key

    def _says(self, thing: Thing, side: Side, due: Values, found: Json, place: str) -> None:
        here = {name: found.get(name) for name in due}
        if isinstance(here.get("tags"), list):
            here["tags"] = sorted(here["tags"])
        wrong = {name: (here[name], due[name]) for name in due if here[name] != due[name]}
        told = ", ".join(f"{name} is {is_} and not {must}" for name, (is_, must) in wrong.items())
        owned = any(RULES[thing.kind][name] == SYSTEMS[side] for name in wrong)
        self.lab.keep(3 if owned else 9, not wrong, f"{place} {thing.code}: {told}")
        memo = found.get("memo")
        self.lab.keep(3, memo == thing.memos[side], f"{place} {thing.code}: memo, which is in no mapping, was written")
        if thing.parent:
            owner = self.things[thing.parent].keys[side]
            child_of = found.get(PARENT[side])
            self.lab.keep(9, owner == (child_of,), f"{place} {thing.code} belongs to {child_of} and not to {owner}")

    def _is_gone(self, thing: Thing, side: Side, keys: Sequence[Key], found: Json, place: str) -> None:
        if side == 0 or thing.kind == "initiations":
            self.lab.keep(6, not keys, f"{thing.code} was deleted, and is {len(keys)} times in {place}")
            return
        archived = self.lab.project.systems["pm"].entities["customer"].archive or {}
        here = [found[key] for key in keys]
        done = len(here) == 1 and all(here[0].get(name) == value for name, value in archived.items())
        self.lab.keep(6, done, f"{thing.code} was deleted in the CRM, and is not archived in {place}")

    def letters(self) -> Iterator[Key]:
        """The accounts of which there must be a dead letter."""
        for thing in self._of("customers"):
            if thing.broken and thing.keys[0]:
                yield thing.keys[0]


def entity(kind: Kind, side: Side) -> str:
    return f"{SYSTEMS[side]}.{ENTITIES[kind][side]}"
