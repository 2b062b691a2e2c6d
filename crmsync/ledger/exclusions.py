"""Which records are left alone for good, by a person's word?

A record is known by a keyed hash of its key, so that one that was forgotten is known again, and by nothing told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from crmsync.core.handle import Handles, handles_of
from crmsync.core.model import Key, Seal, Side, key_from_text, key_text, seal_of
from crmsync.ledger.database import Access, Shape
from crmsync.ledger.nouns import Exclusion, Why

_EXCLUSION: Final = Shape(
    "crmsync_exclusion", ("mapping", "side", "record", "key", "why", "who", "made"), ("mapping", "side", "record")
)


def keyed(secret: str, *parts: str) -> str:
    """32 hex digits that nobody can guess a text by who has not the ledger's secret (hex)."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16, key=bytes.fromhex(secret)).hexdigest()


def secret_of(access: Access) -> str:
    row = access.one("SELECT value FROM crmsync_meta WHERE name = 'secret'")
    return str(row[0]) if row else ""


def sealing(access: Access) -> Seal:
    """What stands for words and block keys in the memory of matching: many a one is a name, or a telephone."""
    return _sealing(secret_of(access))


@lru_cache(maxsize=16)
def _sealing(secret: str) -> Seal:
    return seal_of(bytes.fromhex(secret))


def handling(access: Access) -> Handles:
    """What stands for keys that are about people, wherever they are told."""
    return handles_of(bytes.fromhex(secret_of(access)))


def record_hash(secret: str, mapping: str, side: Side, text: str) -> str:
    """What a record is known by without its key; `text` is its key text."""
    found = _of_side(secret, mapping, side).copy()
    found.update(text.encode())
    return found.hexdigest()


@lru_cache(maxsize=256)
def _of_side(secret: str, mapping: str, side: Side) -> hashlib.blake2b:
    """What `keyed` begins with for all records of a side."""
    return hashlib.blake2b(f"{mapping}\0{side}\0".encode(), digest_size=16, key=bytes.fromhex(secret))


def excluded(access: Access, mapping: str, side: Side, texts: Sequence[str]) -> dict[str, Why]:
    """Why these records are left alone, by key text; nothing of those that are not."""
    sql = "SELECT 1 FROM crmsync_exclusion WHERE mapping = :mapping AND side = :side LIMIT 1"
    if access.one(sql, mapping=mapping, side=side) is None:  # most ledgers: nobody pays for what is not there
        return {}
    secret = secret_of(access)
    hashes = {record_hash(secret, mapping, side, text): text for text in texts}
    rows = access.rows(
        "SELECT record, why FROM crmsync_exclusion WHERE mapping = :mapping AND side = :side AND record {any:records}",
        mapping=mapping, side=side, records=list(hashes),
    )  # fmt: skip
    return {hashes[record]: why for record, why in rows}


def exclusions(access: Access, mapping: str) -> list[Exclusion]:
    """All of a mapping, in the order in which they were made."""
    rows = access.rows(
        "SELECT mapping, side, key, why, who, made FROM crmsync_exclusion WHERE mapping = :mapping "
        "ORDER BY made, side, record",
        mapping=mapping,
    )  # fmt: skip
    return [Exclusion(m, side, key and key_from_text(key), why, who, made) for m, side, key, why, who, made in rows]


def exclude(access: Access, mapping: str, side: Side, keys: Sequence[Key], why: Why, who: str, now: str) -> None:
    """From now on; what was forgotten stays forgotten."""
    secret, known = secret_of(access), excluded(access, mapping, side, [key_text(key) for key in keys])
    texts = [key_text(key) for key in keys if known.get(key_text(key)) != "forgotten"]
    told = [(record_hash(secret, mapping, side, text), None if why == "forgotten" else text) for text in texts]
    access.upsert(_EXCLUSION, ((mapping, side, record, text, why, who, now) for record, text in told))


def include(access: Access, mapping: str, side: Side, keys: Sequence[Key], whys: Sequence[Why]) -> None:
    """Those that are left alone for one of these reasons are not any more."""
    secret = secret_of(access)
    access.run(
        "DELETE FROM crmsync_exclusion WHERE mapping = :mapping AND side = :side AND record {any:records} "
        "AND why {any:whys}",
        mapping=mapping, side=side, records=[record_hash(secret, mapping, side, key_text(key)) for key in keys],
        whys=list(whys),
    )  # fmt: skip
