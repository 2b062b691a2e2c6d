"""Which rows of the ledger does a plan rest on? They are copied as they are, from one ledger into another one.

Only what is small is copied as a whole; of links, records and candidates those that were asked for. An exclusion is
carried over by its key, for every ledger has hashes of its own; what was forgotten stays forgotten.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from crmsync.core.model import Json, Key, Seal, Side, key_from_text, key_text
from crmsync.ledger.database import PAGE, Access, Shape, chunks
from crmsync.ledger.decode import DEAD, KEY_OF
from crmsync.ledger.exclusions import exclude, exclusions, secret_of
from crmsync.ledger.schema import ASKED, LETTERED
from crmsync.ledger.store import Ledger

_ERA: Final = Shape("crmsync_era", ("mapping", "number", "hash", "complete", "began", "definition"), ("mapping",))
_CENSUS: Final = Shape("crmsync_census", ("mapping", "census"), ("mapping",))
_REVIEW: Final = Shape(
    "crmsync_review",
    (
        "n", "mapping", "left_key", "right_key", "kind", "field", "left_value", "right_value", "left_base",
        "right_base", "message", "run", "opened", "state", "take", "value", "who", "closed", "side", "score",
        "later_who", "later", "against",
    ),
    ("n",),
)  # fmt: skip
_DEAD: Final = Shape("crmsync_dead", tuple(DEAD.split(", ")), ("n",))
_DIFFERENT: Final = Shape(
    "crmsync_different", ("id", "mapping", "left_key", "right_key", "active", "who", "made"), ("id",)
)
_DISTINCT: Final = Shape(
    "crmsync_distinct", ("id", "mapping", "side", "first_key", "second_key", "active", "who", "made"), ("id",)
)
_MERGE: Final = Shape(
    "crmsync_merge", ("id", "mapping", "side", "survivor", "key", "active", "golden", "who", "made"), ("id",)
)
_LINK: Final = Shape(
    "crmsync_link",
    (
        "id", "mapping", "left_key", "right_key", "active", "state", "missing_left", "missing_right", "base", "score",
        "reason", "actor", "run", "made",
    ),
    ("id",),
)  # fmt: skip
_RECORD: Final = Shape(
    "crmsync_record",
    ("mapping", "side", "key", "bucket", "raw", "lifted", "era", "reason", "waits_for", "run"),
    ("mapping", "side", "key"),
)
_CANDIDATE: Final = Shape("crmsync_candidate", ("mapping", "side", "key", "features"), ("mapping", "side", "key"))
_BLOCK: Final = Shape("crmsync_block", ("mapping", "side", "block", "key"), ("mapping", "side", "block", "key"))

_WHOLE: Final = (
    (_ERA, "1 = 1"), (_CENSUS, "1 = 1"), (_REVIEW, ASKED), (_DEAD, LETTERED), (_DIFFERENT, "active = 1"),
    (_DISTINCT, "active = 1"), (_MERGE, "active = 1"),
)  # fmt: skip
_SHAPES: Final = {each.table: each for each in (*(shape for shape, _ in _WHOLE), _LINK, _RECORD, _CANDIDATE, _BLOCK)}
EXCLUDED: Final = "excluded"


def whole(ledger: Ledger, mapping: str) -> Iterator[Json]:
    """What is small, as plain JSON: table, and a row of it."""
    with ledger.database.reading() as access:
        for shape, where in _WHOLE:
            yield from _rows(access, shape, where, mapping=mapping)
        for each in exclusions(access, mapping):
            if each.key is not None:
                yield [EXCLUDED, [mapping, each.side, list(each.key), each.why, each.who, each.made]]


def links(ledger: Ledger, mapping: str, side: Side, keys: Iterable[Key]) -> Iterator[Json]:
    yield from _keyed(ledger, _LINK, f"active = 1 AND {KEY_OF[side]} {{any:keys}}", keys, mapping=mapping)


def end_of(row: Json, side: Side) -> Key:
    """The key on a side of a row of `links`."""
    return key_from_text(row[1][_LINK.columns.index(KEY_OF[side])])


def states(ledger: Ledger, mapping: str, side: Side, keys: Iterable[Key]) -> Iterator[Json]:
    where = "side = :side AND key {any:keys}"
    yield from _keyed(ledger, _RECORD, where, keys, mapping=mapping, side=side)


def candidates(ledger: Ledger, mapping: str, side: Side, keys: Iterable[Key]) -> Iterator[Json]:
    """With all their blocks."""
    where = "side = :side AND key {any:keys}"
    chosen = list(keys)
    for shape in (_CANDIDATE, _BLOCK):
        yield from _keyed(ledger, shape, where, chosen, mapping=mapping, side=side)


def bearer(seal: Seal, mapping: str, side: Side, block: str, key: Key) -> Json:
    """That a record bears a block."""
    return [_BLOCK.table, [mapping, side, seal(block), key_text(key)]]


SEALED: Final = frozenset({_CENSUS.table, _BLOCK.table})  # in which only one ledger reads


def take_secret(access: Access, ledger: Ledger) -> None:
    """What that ledger has sealed is read by this one, too."""
    with ledger.database.reading() as theirs:
        secret = secret_of(theirs)
    access.run("UPDATE crmsync_meta SET value = :secret WHERE name = 'secret'", secret=secret)


def put(access: Access, rows: Iterable[Json]) -> None:
    """Rows into a ledger of their own; one that is there already becomes the new one."""
    for table, group in groupby(rows, key=lambda row: row[0]):
        told = [row[1] for row in group]
        if table == EXCLUDED:
            for mapping, side, key, why, who, made in told:
                exclude(access, mapping, side, [tuple(key)], why, who, made)
        else:
            access.upsert(_SHAPES[table], (tuple(map(_unpacked, row)) for row in told))


def _keyed(ledger: Ledger, shape: Shape, where: str, keys: Iterable[Key], **values: object) -> Iterator[Json]:
    with ledger.database.reading() as access:
        for page in chunks(keys, PAGE):
            yield from _rows(access, shape, where, keys=[key_text(key) for key in page], **values)


def _rows(access: Access, shape: Shape, where: str, **values: object) -> Iterator[Json]:
    sql = f"SELECT {', '.join(shape.columns)} FROM {shape.table} WHERE mapping = :mapping AND {where}"
    for row in access.rows(sql, **values):
        yield [shape.table, _packed(row)]


def _packed(row: Sequence[Any]) -> list[Json]:
    return [{"bytes": b64encode(each).decode()} if isinstance(each, bytes | memoryview) else each for each in row]


def _unpacked(value: Json) -> Any:
    if isinstance(value, Decimal):  # JSON knows no other number that is not whole
        return float(value)
    return b64decode(value["bytes"]) if isinstance(value, dict) else value
