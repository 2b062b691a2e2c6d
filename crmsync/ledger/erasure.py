"""What does the ledger still hold of a record that is to be forgotten, and how is it taken out for good?

Rows about it are deleted, not emptied: a key may be an e-mail address. What stays is its tombstone (see `exclusions`)
and, in the audit, rows that tell nothing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from crmsync.core.model import Json, Key, Side, from_json, key_text, other, to_json
from crmsync.ledger.database import PAGE, Access, Database, chunks
from crmsync.ledger.decode import KEY_OF
from crmsync.ledger.nouns import Tombstone

FORGOTTEN_EXAMPLE: Final = "(forgotten)"  # in place of a record that the summary of a run named
_BY_KEY: Final = ("record", "candidate", "block", "dead")


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
            "WHERE a.event = 'forget' AND a.source = e.record ORDER BY a.n DESC LIMIT 1) "
            "FROM crmsync_exclusion e WHERE e.why = 'forgotten' ORDER BY e.made, e.mapping, e.side, e.record"
        )
    for mapping, side, record, who, made, told in rows:
        yield Tombstone(mapping, side, record, who, made, from_json(told).get("reason", "") if told else "")
