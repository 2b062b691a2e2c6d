"""Which tables does the ledger have, and how does an older one become a newer one?

A migration is a list of statements that is never edited once released: a change is one more entry of MIGRATIONS.
`{key}` is text that sorts by its UTF-8 bytes, as Python sorts it; `{bytes}` raw bytes; `{whole}` a whole number that a
table is stored by; `{keyed}` ends a table that is stored in the order of its primary key where the database can do so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crmsync.ledger.database import Access, Database
from crmsync.ledger.nouns import LedgerTooNew

Migration = tuple[str, ...]

UNSETTLED: Final = "raw IS NULL AND (bucket IN ('held', 'waiting', 'rejected', 'failed') OR waits_for IS NOT NULL)"
ASKED: Final = "state IN ('open', 'resolved')"
LETTERED: Final = "state IN ('open', 'dropped')"

_V1: Final[Migration] = (
    "CREATE TABLE crmsync_meta (name {key} PRIMARY KEY, value TEXT NOT NULL) {keyed}",
    "INSERT INTO crmsync_meta (name, value) VALUES ('schema_version', '0')",
    "INSERT INTO crmsync_meta (name, value) VALUES ('id', {random})",
    "INSERT INTO crmsync_meta (name, value) VALUES ('secret', {random} || {random})",
    "INSERT INTO crmsync_meta (name, value) VALUES ('audit_head', '0:')",
    "INSERT INTO crmsync_meta (name, value) VALUES ('uncompacted', 'no')",
    "CREATE TABLE crmsync_instance (system TEXT PRIMARY KEY, instance TEXT NOT NULL) {keyed}",
    """CREATE TABLE crmsync_era (
        mapping {key} PRIMARY KEY, number BIGINT NOT NULL, hash TEXT NOT NULL, complete INTEGER NOT NULL,
        began TEXT NOT NULL, definition TEXT
    ) {keyed}""",
    """CREATE TABLE crmsync_run (
        id {key} PRIMARY KEY, started TEXT NOT NULL, ended TEXT, mode TEXT NOT NULL, actor TEXT NOT NULL,
        host TEXT NOT NULL, pid BIGINT NOT NULL, selected TEXT NOT NULL, exit INTEGER, summary TEXT NOT NULL,
        whole INTEGER NOT NULL, plan TEXT, trace TEXT NOT NULL
    )""",
    """CREATE TABLE crmsync_ending (
        exit INTEGER PRIMARY KEY, n BIGINT NOT NULL, began TEXT NOT NULL, ended TEXT NOT NULL
    )""",
    """CREATE TABLE crmsync_journal (
        run {key} NOT NULL, seq BIGINT NOT NULL, mapping {key} NOT NULL, side INTEGER NOT NULL, key {key} NOT NULL,
        kind TEXT NOT NULL, line TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL, at TEXT,
        token TEXT, sent TEXT,
        PRIMARY KEY (run, seq)
    )""",
    "CREATE INDEX crmsync_journal_sent ON crmsync_journal (run, seq) WHERE status = 'sent'",
    "CREATE INDEX crmsync_journal_key ON crmsync_journal (mapping, side, key)",
    """CREATE TABLE crmsync_record (
        mapping {key} NOT NULL, side INTEGER NOT NULL, key {key} NOT NULL, bucket TEXT NOT NULL, raw TEXT, lifted TEXT,
        era BIGINT NOT NULL, reason TEXT NOT NULL, waits_for {key}, run TEXT NOT NULL, PRIMARY KEY (mapping, side, key)
    ) {keyed}""",
    # Not `WHERE bucket IN (...)`: to compare texts for every row would double the price of writing a settled one.
    "CREATE INDEX crmsync_record_unsettled ON crmsync_record (mapping, side, key) WHERE raw IS NULL",
    """CREATE INDEX crmsync_record_waiting ON crmsync_record (mapping, side, waits_for, key)
        WHERE waits_for IS NOT NULL""",
    """CREATE TABLE crmsync_link (
        id {number} PRIMARY KEY, mapping {key} NOT NULL, left_key {key} NOT NULL, right_key {key} NOT NULL,
        active INTEGER NOT NULL, state TEXT NOT NULL, missing_left INTEGER NOT NULL, missing_right INTEGER NOT NULL,
        base TEXT NOT NULL, score DOUBLE PRECISION NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, run TEXT,
        made TEXT NOT NULL, ended TEXT, review BIGINT
    )""",
    "CREATE UNIQUE INDEX crmsync_link_left ON crmsync_link (mapping, left_key) WHERE active = 1",
    "CREATE UNIQUE INDEX crmsync_link_right ON crmsync_link (mapping, right_key) WHERE active = 1",
    """CREATE TABLE crmsync_different (
        id {number} PRIMARY KEY, mapping {key} NOT NULL, left_key {key} NOT NULL, right_key {key} NOT NULL,
        active INTEGER NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL, ended TEXT, review BIGINT
    )""",
    "CREATE UNIQUE INDEX crmsync_different_left ON crmsync_different (mapping, left_key, right_key) WHERE active = 1",
    "CREATE INDEX crmsync_different_right ON crmsync_different (mapping, right_key) WHERE active = 1",
    """CREATE TABLE crmsync_merge (
        id {number} PRIMARY KEY, mapping {key} NOT NULL, side INTEGER NOT NULL, survivor {key} NOT NULL,
        key {key} NOT NULL, active INTEGER NOT NULL, golden TEXT NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL,
        ended TEXT, review BIGINT, link_before BIGINT, link_after BIGINT
    )""",
    "CREATE UNIQUE INDEX crmsync_merge_key ON crmsync_merge (mapping, side, key) WHERE active = 1",
    "CREATE INDEX crmsync_merge_survivor ON crmsync_merge (mapping, side, survivor)",
    """CREATE TABLE crmsync_distinct (
        id {number} PRIMARY KEY, mapping {key} NOT NULL, side INTEGER NOT NULL, first_key {key} NOT NULL,
        second_key {key} NOT NULL, active INTEGER NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL, ended TEXT,
        review BIGINT
    )""",
    """CREATE UNIQUE INDEX crmsync_distinct_pair ON crmsync_distinct (mapping, side, first_key, second_key)
        WHERE active = 1""",
    """CREATE TABLE crmsync_exclusion (
        mapping {key} NOT NULL, side INTEGER NOT NULL, record {key} NOT NULL, key {key}, why TEXT NOT NULL,
        who TEXT NOT NULL, made TEXT NOT NULL, PRIMARY KEY (mapping, side, record)
    ) {keyed}""",
    """CREATE TABLE crmsync_audit (
        n {whole} PRIMARY KEY, at TEXT NOT NULL, run {key}, trace TEXT NOT NULL, actor TEXT NOT NULL, mapping {key},
        side INTEGER, event TEXT NOT NULL, source {key}, target {key}, commitment TEXT NOT NULL, hash TEXT NOT NULL,
        told TEXT, salt TEXT, erased BIGINT
    )""",
    # Hashes lie anywhere: an index of them alone would touch as many pages as there are rows in a batch, of all that
    # was ever told. See ledger/shelves.py.
    "CREATE INDEX crmsync_audit_source ON crmsync_audit ((n >> 12), source) WHERE source IS NOT NULL",
    "CREATE INDEX crmsync_audit_target ON crmsync_audit ((n >> 12), target) WHERE target IS NOT NULL",
    """CREATE TABLE crmsync_halt (
        mapping {key} PRIMARY KEY, run TEXT NOT NULL, at TEXT NOT NULL, why TEXT NOT NULL
    ) {keyed}""",
    """CREATE TABLE crmsync_candidate (
        mapping {key} NOT NULL, side INTEGER NOT NULL, key {key} NOT NULL, features TEXT NOT NULL,
        PRIMARY KEY (mapping, side, key)
    ) {keyed}""",
    """CREATE TABLE crmsync_block (
        mapping {key} NOT NULL, side INTEGER NOT NULL, block {key} NOT NULL, key {key} NOT NULL,
        PRIMARY KEY (mapping, side, block, key)
    ) {keyed}""",
    "CREATE INDEX crmsync_block_key ON crmsync_block (mapping, side, key)",
    "CREATE TABLE crmsync_census (mapping {key} PRIMARY KEY, census TEXT NOT NULL) {keyed}",
    """CREATE TABLE crmsync_cursor (
        mapping {key} NOT NULL, side INTEGER NOT NULL, entity {key} NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (mapping, side, entity)
    ) {keyed}""",
    """CREATE TABLE crmsync_review (
        n BIGINT PRIMARY KEY, mapping {key} NOT NULL, left_key {key}, right_key {key}, kind TEXT NOT NULL,
        field TEXT NOT NULL, left_value TEXT, right_value TEXT, left_base TEXT, right_base TEXT, message TEXT NOT NULL,
        run TEXT NOT NULL, opened TEXT NOT NULL, state TEXT NOT NULL, take TEXT, value TEXT, who TEXT NOT NULL,
        closed TEXT, side INTEGER, score DOUBLE PRECISION, later_who TEXT, later TEXT, against TEXT NOT NULL
    )""",
    f"CREATE INDEX crmsync_review_left ON crmsync_review (mapping, left_key) WHERE {ASKED}",
    f"CREATE INDEX crmsync_review_right ON crmsync_review (mapping, right_key) WHERE {ASKED}",
    """CREATE TABLE crmsync_dead (
        n BIGINT PRIMARY KEY, mapping {key} NOT NULL, side INTEGER NOT NULL, key {key} NOT NULL, kind TEXT NOT NULL,
        rule TEXT NOT NULL, path TEXT NOT NULL, message TEXT NOT NULL, mend TEXT NOT NULL, snapshot {bytes} NOT NULL,
        raw TEXT NOT NULL, run TEXT NOT NULL, opened TEXT NOT NULL, tried TEXT NOT NULL, attempts INTEGER NOT NULL,
        tries INTEGER NOT NULL, retry INTEGER NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL, closed TEXT
    )""",
    f"CREATE UNIQUE INDEX crmsync_dead_key ON crmsync_dead (mapping, side, key) WHERE {LETTERED}",
    """CREATE TABLE crmsync_alert (
        scope {key} NOT NULL, channel {key} NOT NULL, state TEXT NOT NULL, PRIMARY KEY (scope, channel)
    ) {keyed}""",
    """CREATE TABLE crmsync_lock (
        name {key} PRIMARY KEY, token BIGINT NOT NULL, held INTEGER NOT NULL, host TEXT NOT NULL, pid BIGINT NOT NULL,
        began TEXT NOT NULL, run TEXT NOT NULL, taken TEXT NOT NULL, beat TEXT NOT NULL,
        repeats INTEGER NOT NULL DEFAULT 0
    )""",
)

MIGRATIONS: Final[tuple[Migration, ...]] = (_V1,)


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Brings the tables to the version of `migrations`, all steps in one transaction. Raises LedgerTooNew."""
    wanted = len(migrations)
    with database.reading() as access:
        present = _version(access)
    if present > wanted:
        raise LedgerTooNew(
            f"the ledger {database.name} has schema version {present}, this crmsync knows {wanted}; "
            "upgrade crmsync on this machine: pip install --upgrade crmsync"
        )
    if present < wanted:
        _apply(database, migrations)


def _apply(database: Database, migrations: Sequence[Migration]) -> None:
    with database.writing() as access:
        access.alone("crmsync schema")
        present = _version(access)  # asked again: another process may have been quicker
        for statement in (line for migration in migrations[present:] for line in migration):
            access.define(statement)
        version = str(max(present, len(migrations)))
        access.run("UPDATE crmsync_meta SET value = :version WHERE name = 'schema_version'", version=version)


def _version(access: Access) -> int:
    if not access.has_table("crmsync_meta"):
        return 0
    return int(access.rows("SELECT value FROM crmsync_meta WHERE name = 'schema_version'")[0][0])
