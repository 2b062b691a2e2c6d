"""What does the ledger take and give, besides the nouns of the core?

All times are UTC ISO 8601 texts that came in as arguments. What is made a million times a run is a named tuple: it
is as frozen as a dataclass and five times as fast to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from crmsync.core.model import SIDES, UNKNOWN_OUTCOME, Base, Both, Bucket, Json, Key, LinkState, Side

JournalStatus: TypeAlias = Literal["pending", "sent", "done", "stale", "refused", "unknown", "shadow"]
"""`shadow`: what would have been done, by a mapping that writes nothing."""
ReviewState: TypeAlias = Literal["open", "resolved", "settled", "lapsed", "withdrawn"]
"""`resolved`: the next run does as answered. `settled`: answered, and the answer already holds as a link or a judgement
`different`. `lapsed`: the values moved on, or the answer was used. `withdrawn`: an answer that was taken back, kept for
who wants to know; the question itself is open again under its own number."""
LetterState: TypeAlias = Literal["open", "closed", "dropped"]
Take: TypeAlias = Side | Literal["value", "same", "different"]
PairKeys: TypeAlias = Both[Key | None]


UNANSWERED: Final = "write/unanswered"  # the rule of a write that failed alone, with an error that may pass
POISON: Final = 5  # tries of one such write
MENDED_AT_SOURCE: Final = frozenset({"check", "loop", "together"})  # reviews that only other data can answer
CRMSYNC: Final = "crmsync"  # who judges and links, where it was no person
CREATED: Final = "created"  # why two records are linked, of which one was made from the other
MATCH: Final = "match"  # a review of two records, one a side
DUPLICATE: Final = "duplicate"  # a review of two records of one side
ASKED_BY: Final = "match dedupe"  # what stands for the run where a person looked for duplicates
PAIRS: Final = frozenset({MATCH, DUPLICATE})  # reviews of two records that are there both
WHICH_IS_WHICH: Final = frozenset({MATCH, DUPLICATE, UNKNOWN_OUTCOME})  # reviews that ask for same or different


class LedgerError(Exception):
    """The ledger will not do it; the text says why, and what to do."""


class LedgerUnreachable(LedgerError):
    """No database there, or not one that we can use. The text never holds a password or a record's value."""


class LedgerTooNew(LedgerError):
    """A later crmsync has changed the tables."""


class ReviewNotOpen(LedgerError):
    """Nobody waits for this answer: no such review, answered before, or lapsed."""


class WrongAnswer(LedgerError):
    """An answer that does not fit the question of the review."""


class MergeRefused(LedgerError):
    """Two records cannot be merged as they stand. `why`: itself; merged: `key` is `other` now; different: a person said
    that `key` and its counterpart `other` are two things; unknown-outcome: it may have a counterpart by now."""

    def __init__(self, why: str, key: Key, other: Key | None = None) -> None:
        super().__init__(f"two records cannot be merged: {why}")  # a key may be about a person
        self.why = why
        self.key = key
        self.other = other


class BothLinked(MergeRefused):
    """Both records have a counterpart: the survivor `kept`, the other one `moving`."""

    def __init__(self, key: Key, kept: Key, moving: Key) -> None:
        super().__init__("both are linked", key)
        self.kept = kept
        self.moving = moving


class AuditTampered(LedgerError):
    """What stands in the audit was not written by us."""


class LetterNotOpen(LedgerError):
    """No such dead letter, or closed or dropped before."""


class Locked(LedgerError):
    """Another run is at work; exit code 6. `fact` is the text without what a person can do."""

    def __init__(self, fact: str, holder: Holder) -> None:
        super().__init__(f"{fact}; wait for it (--if-locked wait SECONDS), or end that process")
        self.fact = fact
        self.holder = holder


class LockLost(LedgerError):
    """Somebody took our lock over, because we seemed dead: whatever we would write now comes too late."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the lock {name!r} is no longer ours: this run was silent for so long that another one took over; "
            "nothing more is written, run again"
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. `began`: when the process started, as its machine tells, so that a later process with the same
    number is not taken for it."""

    host: str
    pid: int
    began: str
    run: str


class Era(NamedTuple):
    """The time during which one hash of mapping, contracts and lookups holds. Fingerprints of another era say
    nothing. `complete`: a whole batch run finished in it."""

    number: int
    hash: str
    complete: bool


class State(NamedTuple):
    """What we remember of one record. `raw` and `lifted` are fingerprints, None unless it was settled.
    `bucket` None: never read, known only by its link. `partner`: the other end of a link that is not gone.
    `survivor`: the record that it was merged into. `excluded`: why it is left alone for good."""

    bucket: Bucket | None
    raw: str | None
    lifted: str | None
    era: int
    reason: str
    waits_for: str | None
    partner: Key | None
    survivor: Key | None = None
    excluded: Why | None = None


class LinkKeys(NamedTuple):
    """A link without its base."""

    left: Key
    right: Key
    state: LinkState
    missing: Both[int]


class Halt(NamedTuple):
    """A mapping that no run touches until a person resumes it: which run halted it, when, and why."""

    mapping: str
    run: str
    at: str
    why: str


Why: TypeAlias = Literal["excluded", "forgotten", "reverted"]
"""`reverted`: its counterpart was made by a run that was taken back; none is made again."""


class Tombstone(NamedTuple):
    """A record that was forgotten: known by a keyed hash alone."""

    mapping: str
    side: Side
    record: str
    who: str
    made: str
    reason: str


class Exclusion(NamedTuple):
    """A record that is left alone for good. `key` None: it was forgotten, and is known by a hash alone."""

    mapping: str
    side: Side
    key: Key | None
    why: Why
    who: str
    made: str


class RecordRow(NamedTuple):
    """The verdict on one record, to be remembered. Give fingerprints only for a settled record."""

    mapping: str
    side: Side
    key: Key
    bucket: Bucket
    raw: str | None
    lifted: str | None
    era: int
    reason: str
    waits_for: str | None
    run: str


class NewLink(NamedTuple):
    """Two records judged to be the same, by a run or by a person (`actor`)."""

    mapping: str
    keys: Both[Key]
    base: Base
    score: float
    reason: str
    actor: str
    run: str | None
    now: str


class NewDuplicate(NamedTuple):
    """Two records of one side that may be one thing, to be asked about: the one that would stay comes first."""

    mapping: str
    side: Side
    keys: Both[Key]
    score: float
    message: str
    run: str
    now: str


class Label(NamedTuple):
    """What a person judged of two records, and when."""

    keys: Both[Key]
    same: bool
    who: str
    when: str


Says: TypeAlias = Mapping[str, Json]
"""What a record says natively, by field; what is not here is absent."""


class NewMerge(NamedTuple):
    """A person (`who`) says that the record `key` is `survivor`. `golden`: by field the value that stands for both,
    where it comes from and why; `says`: what the survivor itself says. `other` and `one`: how `key` and `survivor` are
    told."""

    mapping: str
    side: Side
    survivor: Key
    key: Key
    golden: Json
    says: Says
    who: str
    now: str
    other: str
    one: str


class Merge(NamedTuple):
    """Two records become one, and so do their `counterparts`, where both have one."""

    records: NewMerge
    counterparts: NewMerge | None = None


class NewDead(NamedTuple):
    """A record that fails its contract (`check`) or its write (`write`), with the source as it was then."""

    mapping: str
    side: Side
    key: Key
    kind: Literal["check", "write"]
    rule: str
    path: str
    message: str
    mend: str
    snapshot: bytes
    raw: str
    run: str
    now: str


class NewAudit(NamedTuple):
    """Something that was done, or judged, to be told for good. `records`: at most two, what it came from first; with
    them `told` (plain JSON by name) is what can be erased. `run` None: a person did it. `record`: in place of
    `records`, the hash of one that is not to be named."""

    event: str
    mapping: str | None
    side: Side | None
    records: tuple[tuple[Side, Key], ...]
    told: Mapping[str, Json]
    actor: str
    run: str | None
    now: str
    record: str | None = None


class NewRun(NamedTuple):
    """A run that begins. `whole`, `plan` and `trace`: see `Run`."""

    id: str
    started: str
    mode: str
    actor: str
    host: str
    pid: int
    selected: Json = None
    whole: bool = False
    plan: str | None = None
    trace: str = ""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One judgement `same` with its story. `ended`: when it was superseded; None: it holds."""

    id: int
    mapping: str
    keys: Both[Key]
    state: LinkState
    score: float
    reason: str
    actor: str
    run: str | None
    made: str
    ended: str | None


@dataclass(frozen=True, slots=True)
class MergeRow:
    """One merge with its story: `key` is `survivor` now. `ended`: when it was taken back; None: it holds. `link_before`
    is the link that the record had, `link_after` that of the survivor which took its place."""

    id: int
    mapping: str
    side: Side
    survivor: Key
    key: Key
    golden: Json
    who: str
    made: str
    ended: str | None
    review: int | None
    link_before: int | None
    link_after: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """One question to a person. `take`, `value`, `who`: the answer, once there is one. `side`: where both records are,
    None where there is one a side. `score`: how alike they are (0..1), where that is the question. `later`: since when
    `later_who` would rather answer it last. `against`: what kept two records from being linked without a person."""

    n: int
    mapping: str
    keys: PairKeys
    kind: str
    field: str
    values: Both[Json]
    base: Both[Json]
    message: str
    run: str
    opened: str
    state: ReviewState
    take: Take | None
    value: Json
    who: str
    closed: str | None
    side: Side | None
    score: float | None
    later_who: str | None
    later: str | None
    against: tuple[str, ...]

    @property
    def records(self) -> tuple[tuple[Side, Key], ...]:
        """The records that it is about, with their sides."""
        sides = SIDES if self.side is None else (self.side, self.side)
        return tuple((side, key) for side, key in zip(sides, self.keys, strict=True) if key is not None)

    @property
    def takes(self) -> tuple[Take, ...]:
        """What answers it; nothing where only other data can."""
        if self.kind in MENDED_AT_SOURCE or (self.kind == "lookup" and None in self.keys):
            return ()
        if self.kind in WHICH_IS_WHICH:
            return "same", "different"
        return (*SIDES, "value") if self.field else SIDES


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that waits for a mend. `attempts` counts all tries, `tries` those on this very snapshot (`raw` tells it,
    under one hash of the mapping). `retry`: a person asked that the next run tries it whatever the counts say."""

    n: int
    mapping: str
    side: Side
    key: Key
    kind: Literal["check", "write"]
    rule: str
    path: str
    message: str
    mend: str
    snapshot: bytes
    raw: str
    run: str
    opened: str
    tried: str
    attempts: int
    tries: int
    retry: bool
    state: LetterState
    who: str
    closed: str | None

    @property
    def rests(self) -> bool:
        """Nothing would be another time, unless the record or the mapping changes: it was refused for good, or it has
        failed so often that it is poison."""
        if self.kind == "check" or self.retry:
            return False
        return self.rule != UNANSWERED or self.tries >= POISON


@dataclass(frozen=True, slots=True)
class Run:
    """`exit` and `ended` are None while it runs, and after a crash until the next run. `whole`: it was asked for all
    records that there are, or that had changed. `plan`: the digest of the plan file that it applied. `trace`: 32 hex
    digits that its log lines bear, too."""

    id: str
    started: str
    ended: str | None
    mode: str
    actor: str
    host: str
    pid: int
    selected: Json
    exit: int | None
    summary: Json
    whole: bool
    plan: str | None
    trace: str


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of a run's plan and what became of it. `line` is JSON text as planned, `sent` as it was sent where that
    differs: with the keys of parents. `token`: what a create is known by at its target, where that keeps it."""

    run: str
    seq: int
    mapping: str
    side: Side
    key: Key
    kind: str
    line: bytes
    status: JournalStatus
    message: str
    at: str | None
    token: str | None = None
    sent: bytes | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What `status` shows of one mapping."""

    live_links: int
    open_reviews: int
    open_dead: int
    buckets: Both[Mapping[str, int]]
