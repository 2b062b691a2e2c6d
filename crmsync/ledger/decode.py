"""How does a row of the database become a noun, and which questions do reader and writer share?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from crmsync.core.model import SIDES, Both, Decision, Key, Link, Pin, Side, from_json, key_from_text, key_text, other
from crmsync.ledger.codec import decode_base, decode_value
from crmsync.ledger.database import Access
from crmsync.ledger.nouns import DeadLetter, JournalLine, LinkRow, PairKeys, Review, Run, Take
from crmsync.ledger.schema import ASKED

Row = tuple[Any, ...]

KEY_OF: Final = ("left_key", "right_key")  # the column of a side's key
ALIVE: Final = "active = 1 AND state <> 'gone'"

LINK: Final = "id, mapping, left_key, right_key, state, score, reason, actor, run, made, ended"
RUN: Final = "id, started, ended, mode, actor, host, pid, selected, exit, summary, whole, plan, trace"
JOURNAL: Final = "run, seq, mapping, side, key, kind, line, status, message, at, token, sent"
REVIEW: Final = (
    "n, mapping, left_key, right_key, kind, field, left_value, right_value, left_base, right_base, message, run, "
    "opened, state, take, value, who, closed, side, score, later_who, later, against"
)
DEAD: Final = (
    "n, mapping, side, key, kind, rule, path, message, mend, snapshot, raw, run, opened, tried, attempts, tries, "
    "retry, state, who, closed"
)
TAKES: Final[dict[str, Take]] = {"0": 0, "1": 1, "value": "value", "same": "same", "different": "different"}


def link(row: Row) -> Link:
    number, left, right, state, missing_left, missing_right, base = row
    keys = (key_from_text(left), key_from_text(right))
    return Link(keys, decode_base(base), state, (missing_left, missing_right), number)


def link_row(row: Row) -> LinkRow:
    number, mapping, left, right, *rest = row
    return LinkRow(number, mapping, (key_from_text(left), key_from_text(right)), *rest)


def review(row: Row) -> Review:
    n, mapping, left, right, kind, field, *rest = row
    values = [decode_value(text) for text in rest[:4]]
    message, run_id, opened, state, take, value, who, *more, against = rest[4:]
    fields: Row = (
        n, mapping, (key_or_none(left), key_or_none(right)), kind, field, (values[0], values[1]),
        (values[2], values[3]), message, run_id, opened, state, TAKES[take] if take else None,
        decode_value(value) if value else None, who, *more, tuple(from_json(against)),
    )  # fmt: skip
    return Review(*fields)


def decision(answered: Review) -> Decision:
    take: Any = answered.take
    return Decision(answered.field, answered.values, take, answered.value, answered.who)


def pin(asked: Review) -> Pin:
    return Pin(asked.field, asked.kind, asked.values, asked.message.removeprefix(f"{asked.field}: "))


def dead(row: Row) -> DeadLetter:
    n, mapping, side, key, *rest, retry, state, who, closed = row
    fields: Row = (n, mapping, side, key_from_text(key), *rest, bool(retry), state, who, closed)
    return DeadLetter(*fields)


def run(row: Row) -> Run:
    *head, selected, ended_with, summary, whole, plan, trace = row
    fields: Row = (*head, from_json(selected), ended_with, from_json(summary), bool(whole), plan, trace)
    return Run(*fields)


def journal_line(row: Row) -> JournalLine:
    run_id, seq, mapping, side, key, kind, line, status, message, at, token, sent = row
    return JournalLine(
        run_id, seq, mapping, side, key_from_text(key), kind, line.encode(), status, message, at, token,
        sent and sent.encode(),
    )  # fmt: skip


def partners(access: Access, mapping: str, side: Side, texts: Sequence[str]) -> dict[str, Key]:
    """The other end of each link that is not gone, by the key text on `side`."""
    rows = access.rows(
        f"SELECT {KEY_OF[side]}, {KEY_OF[other(side)]} FROM crmsync_link "
        f"WHERE mapping = :mapping AND {ALIVE} AND {KEY_OF[side]} {{any:keys}}",
        mapping=mapping, keys=list(texts),
    )  # fmt: skip
    return {text: key_from_text(partner) for text, partner in rows}


def links_of(access: Access, mapping: str, side: Side, text: str) -> list[Row]:
    return access.rows(
        f"SELECT {LINK} FROM crmsync_link WHERE mapping = :mapping AND {KEY_OF[side]} = :key ORDER BY id",
        mapping=mapping, key=text,
    )  # fmt: skip


def reviews_of(access: Access, mapping: str, pairs: Sequence[PairKeys]) -> list[Review]:
    """The reviews of exactly these pairs, one record a side, that are open or answered, by number."""
    wanted = set(pairs)
    lefts = [key_text(left) for left, _ in pairs if left is not None]
    rights = [key_text(right) for left, right in pairs if left is None and right is not None]
    rows = access.rows(
        f"SELECT {REVIEW} FROM crmsync_review "
        f"WHERE mapping = :mapping AND {ASKED} AND side IS NULL AND left_key {{any:lefts}}",
        mapping=mapping, lefts=lefts,
    ) + access.rows(
        f"SELECT {REVIEW} FROM crmsync_review "
        f"WHERE mapping = :mapping AND {ASKED} AND left_key IS NULL AND right_key {{any:rights}}",
        mapping=mapping, rights=rights,
    )  # fmt: skip
    return sorted((found for found in map(review, rows) if found.keys in wanted), key=lambda found: found.n)


def reviews_about(access: Access, mapping: str, side: Side, texts: Sequence[str]) -> list[Review]:
    """The open reviews that name one of these records and their counterparts, by number: none of duplicates."""
    rows = access.rows(
        f"SELECT {REVIEW} FROM crmsync_review WHERE mapping = :mapping AND {ASKED} AND state = 'open' "
        f"AND side IS NULL AND {KEY_OF[side]} {{any:keys}} ORDER BY n",
        mapping=mapping, keys=list(texts),
    )  # fmt: skip
    return [review(row) for row in rows]


def duplicates_about(access: Access, mapping: str, side: Side, texts: Sequence[str]) -> list[Review]:
    """The open reviews of duplicates that name one of these records, by number."""
    found = {
        row[0]: row
        for column in KEY_OF
        for row in access.rows(
            f"SELECT {REVIEW} FROM crmsync_review "
            f"WHERE mapping = :mapping AND {ASKED} AND state = 'open' AND side = :side AND {column} {{any:keys}}",
            mapping=mapping, side=side, keys=list(texts),
        )
    }  # fmt: skip
    return [review(found[n]) for n in sorted(found)]


def agreements(access: Access, mapping: str, pairs: Sequence[Both[Key]]) -> Iterator[tuple[Both[Key], str]]:
    """When these linked pairs were linked, and when a record of theirs was last written, or found to agree."""
    wanted = set(pairs)
    for left, right, made in access.rows(
        "SELECT left_key, right_key, made FROM crmsync_link "
        "WHERE mapping = :mapping AND active = 1 AND left_key {any:keys}",
        mapping=mapping, keys=[key_text(keys[0]) for keys in pairs],
    ):  # fmt: skip
        if (keys := (key_from_text(left), key_from_text(right))) in wanted:
            yield keys, made
    for side in SIDES:
        by_text = {key_text(keys[side]): keys for keys in pairs}
        for text, at in access.rows(
            "SELECT key, max(at) FROM crmsync_journal WHERE mapping = :mapping AND side = :side AND key {any:keys} "
            "AND status = 'done' AND kind IN ('update', 'adopt') GROUP BY key",
            mapping=mapping, side=side, keys=list(by_text),
        ):  # fmt: skip
            yield by_text[text], at


def key_or_none(text: str | None) -> Key | None:
    return None if text is None else key_from_text(text)


def text_or_none(key: Key | None) -> str | None:
    return None if key is None else key_text(key)
