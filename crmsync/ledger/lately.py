"""What have earlier runs written to these records? Asked for all that are to be written again, so most have nothing to
tell: how often comes first, the lines themselves only where that is often enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from crmsync.core.model import Key, Side, key_from_text, key_text
from crmsync.ledger.database import Access

Place = tuple[str, Side]  # mapping, side

_OF: Final = (
    "FROM crmsync_journal WHERE mapping = :mapping AND side = :side AND key {any:keys} AND status = 'done' "
    "AND kind {any:kinds} AND at >= :since"
)
UPDATES: Final = ("update", "revert")
CREATES: Final = ("create",)


def written(
    access: Access, place: Place, keys: Sequence[Key], sources: Sequence[Key], bounds: tuple[str, int]
) -> list[tuple[str, Key, str, bytes]]:
    """See `Ledger.written_lately`; `bounds`: since when, and how often at least."""
    since, least = bounds
    texts = [key_text(key) for key in keys]
    times = _times(access, place, UPDATES, texts, since)
    made_from = {text: key_text(source) for text, source in zip(texts, sources, strict=False)}
    almost = {made_from[text]: text for text in texts if times[text] == least - 1 and text in made_from}
    made = _times(access, place, CREATES, list(almost), since)
    often = [text for text in texts if times[text] >= least or (text in made_from and made[made_from[text]])]
    rows = _lines(access, place, UPDATES, often, since)
    rows += _lines(access, place, CREATES, [made_from[text] for text in often if text in made_from], since)
    return [(run, key_from_text(key), kind, line.encode()) for _, run, key, kind, line in sorted(rows, reverse=True)]


def _times(access: Access, place: Place, kinds: Sequence[str], texts: Sequence[str], since: str) -> Counter[str]:
    if not texts:
        return Counter()
    sql = f"SELECT key, count(*) {_OF} GROUP BY key"
    return Counter(dict(access.rows(sql, mapping=place[0], side=place[1], keys=texts, kinds=list(kinds), since=since)))


def _lines(
    access: Access, place: Place, kinds: Sequence[str], texts: Sequence[str], since: str
) -> list[tuple[str, str, str, str, str]]:
    if not texts:
        return []
    sql = f"SELECT at, run, key, kind, coalesce(sent, line) {_OF}"
    return access.rows(sql, mapping=place[0], side=place[1], keys=texts, kinds=list(kinds), since=since)
