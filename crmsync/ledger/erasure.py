"""What does the ledger still hold of a record that is to be forgotten, and how is it taken out for good?

Rows about it are deleted, not emptied: a key may be an e-mail address. What stays is its tombstone (see `exclusions`)
and, in the audit, rows that tell nothing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from crmsync.core.model import SIDES, Json, Key, Side, as_key, from_json, key_from_text, key_text, other, to_json
from crmsync.ledger.codec import decode_base
from crmsync.ledger.database import PAGE, Access, Database, chunks
from crmsync.ledger.decode import KEY_OF
from crmsync.ledger.nouns import Tombstone
from crmsync.ledger.shelves import on_shelf, shelves

FORGOTTEN_EXAMPLE: Final = "(forgotten)"  # in place of a record that the summary of a run named
_BY_KEY: Final = ("record", "candidate", "block", "dead")
_TOLD_OF_PAIR: Final = "left_value", "right_value", "left_base", "right_base", "value"


def unanswered(access: Access, mapping: str, side: Side, key: Key) -> int:
    """How many writes about the record were sent, and never answered: the next run has to find out first."""
    rows = access.rows(
        "SELECT line FROM crmsync_journal WHERE mapping = :mapping AND status = 'sent' AND key {any:keys}",
        mapping=mapping, keys=[key_text(key), *_partners(access, mapping, side, key_text(key))],
    )  # fmt: skip
    return sum(_names(line, side, key) for (line,) in rows)


def erase(access: Access, mapping: str, side: Side, key: Key) -> Counter[str]:
    """Everything about one record of one mapping but the audit: how many rows of each table."""
    text = key_text(key)
    found = Counter({"journal": _erase_journal(access, mapping, side, key)})
    for table in _BY_KEY:
        found[table] += access.run(
            f"DELETE FROM crmsync_{table} WHERE mapping = :mapping AND side = :side AND key = :key",
            mapping=mapping, side=side, key=text,
        )  # fmt: skip
    for table, where in _WHERE.items():
        found[table] += access.run(
            f"DELETE FROM crmsync_{table} WHERE mapping = :mapping AND ({where.format(KEY_OF[side])})",
            mapping=mapping, key=text, **({"side": side} if ":side" in where else {}),
        )  # fmt: skip
    return +found


_WHERE: Final = {
    "link": "{} = :key",
    "different": "{} = :key",
    "distinct": "side = :side AND (first_key = :key OR second_key = :key)",
    "merge": "side = :side AND (survivor = :key OR key = :key)",
    "review": "(side IS NULL AND {} = :key) OR (side = :side AND (left_key = :key OR right_key = :key))",
}


def _erase_journal(access: Access, mapping: str, side: Side, key: Key) -> int:
    """Its own lines, and those of records that it was ever linked with, as far as they were about it."""
    texts = [key_text(key), *_partners(access, mapping, side, key_text(key))]
    rows = access.rows(
        "SELECT run, seq, line FROM crmsync_journal WHERE mapping = :mapping AND key {any:keys}",
        mapping=mapping, keys=texts,
    )  # fmt: skip
    lines = [(run, seq) for run, seq, line in rows if _names(line, side, key)]
    for run in sorted({run for run, _ in lines}):
        for page in chunks((seq for each, seq in lines if each == run), PAGE):
            access.run("DELETE FROM crmsync_journal WHERE run = :run AND seq {any:numbers}", run=run, numbers=page)
    return len(lines)


def _partners(access: Access, mapping: str, side: Side, text: str) -> list[str]:
    rows = access.rows(
        f"SELECT DISTINCT {KEY_OF[other(side)]} FROM crmsync_link WHERE mapping = :mapping AND {KEY_OF[side]} = :key",
        mapping=mapping, key=text,
    )  # fmt: skip
    return [row[0] for row in rows]


def names(line: Json, side: Side, key: Key) -> bool:
    """Is a line of a plan (plain JSON) about this record?"""
    if "keys" in line:
        return bool(line["keys"][side] == list(key))
    return bool(line.get("key" if line.get("side") == side else "source") == list(key))


def _names(text: str, side: Side, key: Key) -> bool:
    return names(from_json(text), side, key)


def note_bytes(access: Access) -> None:
    """The bytes of what was erased stay in the file until it is compacted, by whoever comes next if need be."""
    access.run("UPDATE crmsync_meta SET value = 'yes' WHERE name = 'uncompacted'")


def bytes_left(access: Access) -> bool:
    return access.one("SELECT 1 FROM crmsync_meta WHERE name = 'uncompacted' AND value = 'yes'") is not None


def note_compacted(access: Access) -> None:
    access.run("UPDATE crmsync_meta SET value = 'no' WHERE name = 'uncompacted'")


def keys_holding(access: Access, value: str) -> list[tuple[str, Side, str]]:
    """Every record (mapping, side, key text) that the ledger knows by a key with this text as a part; sorted."""
    pattern, asked = like(value), "LIKE :pattern ESCAPE '!'"
    rows = access.rows(f"SELECT mapping, side, key FROM crmsync_record WHERE key {asked}", pattern=pattern)
    for side in SIDES:
        found = f"SELECT mapping, {KEY_OF[side]} FROM crmsync_link WHERE {KEY_OF[side]} {asked}"
        rows += [(mapping, side, text) for mapping, text in access.rows(found, pattern=pattern)]
    return sorted({row for row in rows if value in key_from_text(row[2])})


def naming(access: Access, mapping: str, field: str, side: Side, parent: Key) -> list[str]:
    """The key texts of records of which it was agreed that they name this parent in a field; sorted."""
    rows = access.rows(
        f"SELECT {KEY_OF[side]}, base FROM crmsync_link WHERE mapping = :mapping AND base LIKE :holds ESCAPE '!'",
        mapping=mapping, holds=_pattern(to_json(parent[0]).decode()),
    )  # fmt: skip
    bases = ((text, decode_base(base).get(field)) for text, base in rows)
    return sorted({text for text, agreed in bases if agreed and as_key(agreed.values[side]) == parent})


def erase_value(access: Access, value: str | int) -> Counter[str]:
    """Where other records hold a personal key (a text, or a long number) as a value: journal lines, questions and dead
    letters go as a whole, bases lose the field, and nobody waits for it any more. How many rows of each table."""
    quoted = like(value)
    told = " OR ".join(f"{name} LIKE :quoted ESCAPE '!'" for name in _TOLD_OF_PAIR)
    found = Counter({"journal": access.run("DELETE FROM crmsync_journal WHERE line LIKE :q ESCAPE '!'", q=quoted)})
    found["review"] = access.run(
        f"DELETE FROM crmsync_review WHERE message LIKE :bare ESCAPE '!' OR {told}",
        quoted=quoted,
        bare=_pattern(str(value)),
    )
    found["dead"] = _erase_letters(access, value)
    waits = access.run("UPDATE crmsync_record SET waits_for = NULL WHERE waits_for LIKE :q ESCAPE '!'", q=quoted)
    rows = access.rows("SELECT id, base FROM crmsync_link WHERE base LIKE :q ESCAPE '!'", q=quoted)
    for number, base in rows:
        kept = {name: agreed for name, agreed in from_json(base).items() if not _holds(agreed, value)}
        access.run("UPDATE crmsync_link SET base = :b WHERE id = :id", id=number, b=to_json(kept).decode())
    if found.total() or waits or rows:
        note_bytes(access)
    return +found


def _erase_letters(access: Access, value: str | int) -> int:
    text = str(value)
    letters = access.rows("SELECT n, snapshot, message FROM crmsync_dead")
    numbers = [n for n, body, message in letters if text.encode() in bytes(body) or text in message]
    for page in chunks(iter(numbers), PAGE):
        access.run("DELETE FROM crmsync_dead WHERE n {any:numbers}", numbers=page)
    return len(numbers)


def _holds(data: Json, value: str | int) -> bool:
    if isinstance(data, dict):
        return any(_holds(each, value) for each in data.values())
    return any(_holds(each, value) for each in data) if isinstance(data, list) else bool(data == value)


def like(value: str | int) -> str:
    """The pattern of JSON that holds this value; its escape is `!`."""
    return _pattern(to_json(value).decode())


def _pattern(text: str) -> str:
    return "%" + "".join(f"!{char}" if char in "!%_" else char for char in text) + "%"


def erase_examples(access: Access, refs: Sequence[str]) -> int:
    """The records are not named any more by what runs told at their end: how many summaries were changed."""
    rows = access.rows("SELECT id, summary FROM crmsync_run")
    hidden = {run: new for run, text in rows if (new := _without(from_json(text), frozenset(refs))) != from_json(text)}
    for run, summary in hidden.items():
        access.run("UPDATE crmsync_run SET summary = :s WHERE id = :id", id=run, s=to_json(summary).decode())
    return len(hidden)


def _without(told: Json, refs: frozenset[str]) -> Json:
    """Where an `example` names one of them, it and what is said of it is gone."""
    if isinstance(told, list):
        return [_without(each, refs) for each in told]
    if not isinstance(told, dict):
        return told
    inner = {name: _without(each, refs) for name, each in told.items()}
    return {**inner, "example": FORGOTTEN_EXAMPLE, "message": ""} if inner.get("example") in refs else inner


def tombstones(database: Database) -> Iterator[Tombstone]:
    """Of every record that was forgotten, by time: never its key, which nobody knows any more."""
    with database.reading() as access:
        rows = access.rows(
            "SELECT e.mapping, e.side, e.record, e.who, e.made, (SELECT a.told FROM crmsync_audit a "
            f"WHERE a.event = 'forget' AND {on_shelf('source', 'a')} = e.record ORDER BY a.n DESC LIMIT 1) "
            "FROM crmsync_exclusion e WHERE e.why = 'forgotten' ORDER BY e.made, e.mapping, e.side, e.record",
            shelves=shelves(access),
        )
    for mapping, side, record, who, made, told in rows:
        yield Tombstone(mapping, side, record, who, made, from_json(told).get("reason", "") if told else "")
