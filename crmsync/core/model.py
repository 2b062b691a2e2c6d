"""What are the nouns of crmsync? Read this file first.

*Declared* nouns are what a person wrote in YAML (`Mapping`, `Field`, `Entity`, ...); *flowing* nouns are what a run
makes of it (`Raw`, `Record`, `Pair`, `Action`, ...). All are frozen: a step that wants another one makes another one.
What is made a million times a run is a named tuple, which costs a fifth. The two sides of a mapping bear free names in
YAML; in here they are 0 and 1, in the order in which `between:` names them.
"""

from __future__ import annotations

import hashlib
import re
from collections import abc
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, unquote

import msgspec

T = TypeVar("T")

Json: TypeAlias = Any
"""Plain JSON: None, bool, int, Decimal, str, list, dict. Numbers that are not whole are Decimal,
never float. The one `Any` of the core."""

Side: TypeAlias = Literal[0, 1]
Both: TypeAlias = tuple[T, T]
SIDES: Final[Both[Side]] = (0, 1)


def other(side: Side) -> Side:
    return 0 if side else 1


class Absent(Enum):
    """Nothing there: a path that does not lead anywhere, or was not read. Neither null nor empty."""

    ABSENT = "\u0000absent"  # how it is spelled in plan lines and fingerprints: no system holds this text

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.ABSENT

_encoder: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def to_json(value: Json) -> bytes:
    """The one text of a plain JSON value: sorted keys, UTF-8, decimals as numbers with their places."""
    return _encoder.encode(value)


def from_json(text: bytes | str) -> Json:
    """Plain JSON from its text; numbers that are not whole become Decimal. NaN is not JSON and raises
    `msgspec.DecodeError` (a ValueError)."""
    return _decoder.decode(text)


def fingerprint(body: bytes) -> str:
    """32 hex digits that differ when the bytes do."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


Seal: TypeAlias = abc.Callable[[str], str]
"""Stands for a text where it is not to be read: 16 hex digits that differ when the texts do."""


def seal_of(secret: bytes) -> Seal:
    """One that nobody can guess a text from who has not the secret (at most 64 bytes)."""
    begun = hashlib.blake2b(digest_size=8, key=secret, person=b"seal")

    def seal(text: str) -> str:
        found = begun.copy()
        found.update(text.encode())
        return found.hexdigest()

    return seal


# Places and findings ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class At:
    """A place in a file; line and column count from 1, 0 = the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, said so that the reader can mend it.

    `rule` is a stable id such as `yaml/duplicate-key`; `path` a JSON path inside a record (`address.city`); `field` the
    name of the one in the mapping that it is about; `fact` what a contract says of a record that is not written for it.
    A message never holds the value of a field that its contract marks `x-pii`.
    """

    rule: str
    message: str
    mend: str = ""
    severity: Severity = "error"
    at: At | None = None
    ref: Ref | None = None
    path: str = ""
    field: str = ""
    fact: str = ""


# Addresses ---------------------------------------------------------------------------------------

Key: TypeAlias = tuple[str | int, ...]
"""The key of a record: one or more typed scalars. `("042",)` is not `(42,)`."""


def key_text(key: Key) -> str:
    """The one text of a key, for storage and sorting: `["042"]`, `[7,3]`."""
    return _encoder.encode(key).decode()


def key_from_text(text: str) -> Key:
    return tuple(_decoder.decode(text))


def as_key(value: Json) -> Key:
    """The key that a field holds; () where it holds none."""
    parts = value if isinstance(value, list) else [value]
    return tuple(parts) if all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts) else ()


EACH: Final = "[]"  # in a path: every element of a list

Telling: TypeAlias = abc.Callable[[Key], str]
"""How a key is told that is about a person (see `handle`)."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """The address of one record, as people write it: `pm.budget_line/7,3`; with a `telling` as that tells the key."""

    system: str
    entity: str
    key: Key
    telling: Telling | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.system}.{self.entity}/{self.telling(self.key) if self.telling else plain_key(self.key)}"


def plain_key(key: Key) -> str:
    """Its parts as they are, percent-encoded and joined by a comma: `7,3`. What begins with a tilde is a handle, so a
    part never does."""
    return ",".join(quote(text, safe="").replace("~", "%7E", text.startswith("~")) for text in map(str, key))


_NAME: Final = re.compile(r"[\w-]+")


def split_ref(text: str) -> tuple[str, str, tuple[str, ...]]:
    """System, entity and key parts (all as text) of a written Ref. Raises ValueError with the mend; it does not repeat
    what was written, which may be an e-mail."""
    place, slash, parts = text.partition("/")
    system, dot, entity = place.partition(".")
    if not (slash and dot and _NAME.fullmatch(system) and _NAME.fullmatch(entity) and parts):
        raise ValueError("this is no reference to a record; write it like crm.account/42")
    return system, entity, tuple(unquote(part) for part in parts.split(","))


# Declared: systems and contracts -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Modified:
    """How a system says when a record was last changed."""

    field: str
    timezone: str = "UTC"
    granularity: float = 0.0  # seconds: how coarse the system's clock is
    overlap: float = 0.0  # seconds: how far back a delta looks behind its cursor


@dataclass(frozen=True, slots=True)
class Embed:
    """One read-only hop: the record of `entity` whose key is at `by` is put into the record as `name`."""

    name: str
    entity: str
    by: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record of a system, from `crmsync.yaml`.

    `key` are plain paths into the record; `deleted` is a JMESPath that says "this is a tombstone";
    `archive` the values that archiving sets, by plain path. `options` belong to the connector (table,
    columns, file ...). With `each`, a record is one element of the array at that path, put into its
    document under `each_as` (read-only).
    """

    system: str
    name: str
    key: tuple[str, ...]
    modified: Modified | None = None
    deleted: str | None = None
    archive: abc.Mapping[str, Json] | None = None
    assigned_by: Literal["system", "caller"] = "system"
    recover_by: Literal["idempotency header", "origin field", "natural key", "none"] = "none"
    origin: str | None = None  # plain path of the field that keeps where a created record came from
    natural_key: tuple[str, ...] = ()
    embed: tuple[Embed, ...] = ()
    each: str | None = None
    each_as: str = ""
    max_bytes: int = 10_000_000
    options: abc.Mapping[str, Json] = field(default_factory=dict)
    at: At | None = None
    trace: str | None = None  # plain path of the field that keeps the trace of the run that wrote the record last

    @property
    def full_name(self) -> str:
        return f"{self.system}.{self.name}"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how patiently, a system that fails for a moment is asked again. Times are in seconds.

    `wait` comes before the second attempt and doubles with each one more, up to `longest`; a system that asks for a
    longer wait gets it. `budget` is what all waits for the system may take in one run.
    """

    attempts: int = 5
    wait: float = 0.5
    longest: float = 30.0
    budget: float = 300.0


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A record that is known to be there. Where it is not seen, or `expect` is not true of it, nothing else that the
    system says is believed."""

    entity: str
    key: Key
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class System:
    """`rate`: it is asked at most so many times a second (None: as often as we like)."""

    name: str
    connector: str
    entities: abc.Mapping[str, Entity]
    options: abc.Mapping[str, Json] = field(default_factory=dict)  # url ...: may hold secrets
    instance: str | None = None
    timezone: str = "UTC"
    at: At | None = None
    retry: Retry = Retry()
    rate: float | None = None
    sentinel: Sentinel | None = None


Status: TypeAlias = Literal["draft", "active", "deprecated", "retired"]
Mode: TypeAlias = Literal[
    "NONE", "BACKWARD", "FORWARD", "FULL", "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE"
]
"""How a contract may change: BACKWARD, every record of the older version keeps the newer one; FORWARD, the other way
round; FULL, both. TRANSITIVE: so it is with every earlier version of the same major."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A break of compatibility that somebody answers for, until a day. `pointer` "" stands for the whole contract."""

    rule: str
    reason: str
    expires: str  # 2027-01-31, the last day on which it holds
    pointer: str = ""
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a contract says of itself, in annotations: `x-owner`, `x-status`, `x-deprecated`, `x-replaced-by`,
    `x-compatibility`, `x-waivers`. `deprecated` is the last day on which it may be read."""

    owner: str = ""
    status: Status = "active"
    deprecated: str | None = None
    replaced_by: str | None = None
    compatibility: Mode = "BACKWARD"
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """What a record of one entity must look like: a JSON Schema 2020-12 with a name and a version."""

    name: str  # crm.account
    version: str  # 1.2.0
    schema: Json
    file: str = ""
    envelope: Envelope = Envelope()

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Table:
    """Reference data, named by `lookup`: rows of values, one column a side or a name."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Json, ...], ...]
    prefer: abc.Mapping[str, abc.Mapping[Json, Json]] = field(default_factory=dict)
    unmapped: Json = "reject"  # reject | hold | {"value": x}
    at: At | None = None


# Declared: mappings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One named transform with its arguments, as written: `trim`, `{lookup: status}`, `{multiply: {places: 2}}`."""

    name: str
    args: Json = None
    at: At | None = None


Chain: TypeAlias = tuple[Call, ...]
Owner: TypeAlias = Side | Literal["shared"] | None


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a mapping: where a value lives on each side, who owns it, how it is transformed.

    `paths[side]` is an expression, a tuple of plain paths (a composite `link`), or None where the field
    has no place on that side. `to[side]` is the chain that a value passes on its way *to* that side.
    `owner` None: a constant (`value`) or a field that is only filled on create (`default`).
    """

    name: str
    paths: Both[str | tuple[str, ...] | None]
    owner: Owner = None
    to: Both[Chain] = ((), ())
    link: str | None = None
    merge: Literal["set", "counter", "append"] | None = None
    group: str | None = None
    seed: Side | None = None
    default: Both[Json] = (ABSENT, ABSENT)
    value: Json = ABSENT
    when: Both[str | None] = (None, None)
    on_conflict: Literal["review", "newest"] | Side = "review"
    on_foreign_edit: Literal["revert", "keep", "review"] = "revert"
    on_first_link: Literal["hold", "owner"] = "hold"
    on_null: Literal["propagate", "keep"] = "propagate"
    equal_within: Decimal | None = None
    oscillation: int | None = 3  # after how many writes that somebody takes back it is held; None: never
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    kind: str  # the comparator's name: company, domain, text, exact, ...
    weight: float | None = None  # its share in the weighted mean; None everywhere: a scorecard judges


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one feature, in natural log-odds: straight lines between the knots `at`, level beyond the ends,
    never falling."""

    at: tuple[float, ...]
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Additive log-odds that two records are the same: `base` for a pair of candidates of which nothing is known, and a
    curve for each feature of what is compared, by `entry.feature`. `method`: shipped, logistic or
    expectation-maximisation, from so many `labels`, of which so many said `same`."""

    base: float
    curves: abc.Mapping[str, Curve]
    method: str = "shipped"
    labels: int = 0
    same: int = 0


LINK_AT: Final = 0.93
REVIEW_AT: Final = 0.78
LIKELY: Final[Both[float]] = (0.95, 0.3)
"""`link_at` and `review_at` where a scorecard judges: its score is a probability."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which is which, for records that are not linked yet."""

    decide: tuple[tuple[str, ...], ...] = ()  # each inner tuple decides alone when all its fields are equal
    compare: tuple[Compare, ...] = ()
    link_at: float = LINK_AT
    review_at: float = REVIEW_AT
    within: str | None = None  # the link field whose parent bounds the candidates
    scorecard: Scorecard | None = None  # as learned; None: as shipped, where no weights are given by hand
    labels: str | None = None  # the file of labelled pairs that prove the thresholds
    min_precision: float | None = None  # of what would be linked among the labelled pairs
    golden: tuple[tuple[str, tuple[str, ...]], ...] = ()  # what stands for merged records: words in order, by field

    @property
    def weighted(self) -> bool:
        """Are there weights by hand?"""
        return any(each.weight is not None for each in self.compare)


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` actions, or `percent` of the live links on the target side (never below a floor of 20)."""

    count: int | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How big a plan may be unasked, on each side: by kind of action, by field that changes, and by linked records that
    a complete listing lacks. `unusual`: how many times what recent runs did (None: never mind what they did)."""

    kinds: abc.Mapping[Kind, Limit] = field(default_factory=dict)
    fields: abc.Mapping[str, Limit] = field(default_factory=dict)
    missing: Limit = Limit(percent=Decimal(20))
    unusual: Decimal | None = Decimal(10)
    errors: Limit | None = None  # records that are rejected, and writes that fail
    conflicts: Limit | None = None  # pairs in which both sides say something else


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which pairs a mapping is tried on: a stable share of them (`percent`, 0..100), and those that `select` is true of
    on its side. Either lets a pair in."""

    percent: Decimal | None = None
    select: Both[str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Check:
    """A record rule beyond the schema: on `side`, `expr` through `apply` must equal the value at `equals`."""

    side: Side
    expr: str
    apply: Chain
    equals: str
    within: Decimal
    otherwise: Literal["reject", "hold", "warn"]
    at: At | None = None


@dataclass(frozen=True, slots=True)
class End:
    """One side of a mapping."""

    name: str  # how the YAML calls this side: crm, pm, ...
    system: str
    entity: str
    contract: Contract
    strict: bool = False


Kind: TypeAlias = Literal["create", "update", "revert", "archive", "delete"]
KINDS: Final[tuple[Kind, ...]] = ("create", "update", "revert", "archive", "delete")


@dataclass(frozen=True, slots=True)
class Mapping:
    name: str
    ends: Both[End]
    fields: tuple[Field, ...]
    scope: Both[str | None] = (None, None)
    match: Match | None = None
    create: Both[bool | str] = (False, False)  # True = always; an expression reads the *other* side's record
    delete: Both[Literal["ignore", "archive", "delete"]] = ("ignore", "ignore")
    on_leave_scope: Literal["freeze", "archive"] = "freeze"
    limits: Limits = Limits()
    checks: tuple[Check, ...] = ()
    after: tuple[str, ...] = ()
    together: bool = False  # its new records belong together with those that they link to
    enabled: bool = True
    shadow: bool = False  # it is planned and remembered what it would do; nothing is written to a system
    rollout: Rollout | None = None
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder, read: systems, mappings in the order in which they run, reference tables."""

    root: str
    systems: abc.Mapping[str, System]
    mappings: tuple[Mapping, ...]  # in running order: parents first
    tables: abc.Mapping[str, Table]
    contracts: abc.Mapping[str, Contract]  # "crm.account@1.2.0" -> contract
    ledger: str  # SQLAlchemy URL: may hold secrets
    secrets: frozenset[str] = frozenset()  # values that came from ${VAR}: never print them
    record_inputs: int = 0  # of so many runs what they read is kept
    retention: abc.Mapping[str, str] = field(default_factory=dict)  # by what: how long it is kept, such as 90d

    def mapping(self, name: str) -> Mapping:
        return next(m for m in self.mappings if m.name == name)

    def entity(self, end: End) -> Entity:
        return self.systems[end.system].entities[end.entity]

    def file(self, at: At | None) -> str:
        """The name of a file within the project: wherever that lies, it is the same."""
        return at.file.removeprefix(f"{self.root}/") if at else ""

    def place(self, at: At | None) -> str:
        """`mappings/account-customer.yaml:12`; "" for what was not read from a file."""
        return f"{self.file(at)}:{at.line}" if at else ""


# Flowing: records ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as a door read it. `body` is a text that only its door can decode; equal bodies are equal
    records. `modified` is the system's own value, not in the body. `fault` says why it is no plain JSON."""

    key: Key
    body: bytes
    modified: Json = None
    fault: str | None = None

    @property
    def version(self) -> str:
        return fingerprint(self.body)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, decoded; `version` is what a conditional write expects to find."""

    ref: Ref
    data: Json
    version: str
    modified: Json = None


class Agreed(NamedTuple):
    """The base of one field: what both sides said when they last agreed.

    `values` are native, the receiver's as read back. `to` is the side that the value `sent` went to (None: nobody was
    written, they agreed by themselves). `owed` is a side that still has to get what `sent` holds, because only the
    other half of a value for both sides took effect. `sent` is ABSENT where a person gave the value, or both halves
    are done. `filled`: a default put in on create, which never flows back.
    """

    values: Both[Json]
    to: Side | None = None
    sent: Json = None
    owed: Side | None = None
    filled: bool = False


Base: TypeAlias = abc.Mapping[str, Agreed]


class Verdict(Enum):
    """A judgement that two records are, are not, or may be one thing."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


LinkState: TypeAlias = Literal["live", "missing", "gone"]


@dataclass(frozen=True, slots=True)
class Link:
    """Two records that were judged to be the same, with their base. `missing[side]` counts the complete
    listings in a row in which that record did not appear."""

    keys: Both[Key]
    base: Base = field(default_factory=dict)
    state: LinkState = "live"
    missing: Both[int] = (0, 0)
    id: int | None = None  # None: planned in this run


@dataclass(frozen=True, slots=True)
class Judgement:
    """One proposed link, with its score (0..1) and the reason in words. `against`: what keeps two records from being
    linked without a person, whatever their score."""

    keys: Both[Key]
    verdict: Verdict
    score: float
    reason: str
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person answered to a held field, bound to the two values they saw."""

    field: str
    seen: Both[Json]
    take: Side | Literal["value"]
    value: Json = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """A field that is not written until a person has answered: of what a revert restored (kind `reverted`) as long as
    both sides say what they said then (`seen`), of what is written back and forth (`oscillation`) whatever they say."""

    field: str
    kind: str
    seen: Both[Json]
    message: str


# Flowing: what must be done ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Symbol:
    """The key that a record planned in this run will have on the other side: apply resolves it after the
    parent's create. `source` is the parent's key on `side`, the side of its mapping that it comes from."""

    mapping: str
    side: Side
    source: Key


class Change(NamedTuple):
    """One field of one action: the value before and after at its native path, and why.

    `reason`: created | seeded | default | constant | first-link | owner-changed | peer-changed | mapping-changed |
    foreign-edit | merged | decided | archived | reverted. `agreed` is the base this write leads to, receiver's value as
    sent.
    """

    field: str
    path: str
    before: Json  # ABSENT where there was nothing
    after: Json
    reason: str
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Create:
    mapping: str
    side: Side  # where it is created
    source: Key  # the record of the other side it is made from
    changes: tuple[Change, ...]
    untold: tuple[tuple[str, Json], ...] = ()  # fields that the new record fills by itself, with the source's value


@dataclass(frozen=True, slots=True)
class Update:
    mapping: str
    side: Side
    key: Key
    source: Key
    changes: tuple[Change, ...]
    expect: str
    undoes: str = ""  # the run whose values it takes back, and that is pinned then


@dataclass(frozen=True, slots=True)
class Archive:
    """Set what archiving sets. Once it is done the link is gone; `missing` are its counts then (see `Link`). `before`:
    what the record says at these plain paths (ABSENT where it says nothing), so that it can be restored."""

    mapping: str
    side: Side
    key: Key
    source: Key
    expect: str
    reason: str
    missing: Both[int] = (0, 0)
    before: tuple[tuple[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """As `Archive`, for good."""

    mapping: str
    side: Side
    key: Key
    source: Key
    expect: str
    reason: str
    missing: Both[int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Restore:
    """Take an archiving back: set the `values` that stood at these plain paths. With `relink` the link is live again,
    with the base that it had."""

    mapping: str
    side: Side
    key: Key
    source: Key
    expect: str
    values: tuple[tuple[str, Json], ...]
    relink: bool

    @property
    def reason(self) -> str:
        return REVERTED


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing, and ask a person. `kind`: conflict | foreign-edit | first-link | match | delete | check | lookup |
    loop | limit | together | unknown-outcome | duplicate | reverted | oscillation. `keys` has None where that side has
    no record; `field` is "" where the whole pair is held. `score`: of a match, how likely it is (0..1); `against` as in
    its `Judgement`. Of a duplicate, `values` has, on its side, the key of the record that it may be another one of."""

    mapping: str
    keys: Both[Key | None]
    kind: str
    field: str
    values: Both[Json]
    base: Both[Json]
    message: str
    score: float | None = None
    against: tuple[str, ...] = ()


UNKNOWN_OUTCOME: Final = "unknown-outcome"  # a hold: it was sent once, and nobody knows what became of it
REVERTED: Final = "reverted"  # why a write takes an older one back; and a hold of what it has restored
OSCILLATION: Final = "oscillation"  # a hold: we and somebody else write a field by turns
FORGOTTEN: Final = "forgotten"  # why a record is taken away whose counterpart is to be forgotten with it
PINNED: Final = (REVERTED, OSCILLATION)  # holds that stand, whatever the rules of the field say

Action: TypeAlias = Create | Update | Archive | Delete | Restore | Hold


@dataclass(frozen=True, slots=True)
class Adopt:
    """An entry of the plan that writes to no system: these two are linked (score and reason, when the link
    is new), and agree on these fields."""

    mapping: str
    keys: Both[Key]
    base: Base
    judged: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry of the plan: the link's new state and counts of complete listings without it."""

    mapping: str
    keys: Both[Key]
    state: LinkState
    missing: Both[int]


Entry: TypeAlias = Adopt | Mark

Bucket: TypeAlias = Literal["unchanged", "applied", "held", "waiting", "rejected", "failed", "out_of_scope"]
BUCKETS: Final[tuple[Bucket, ...]] = (
    "unchanged", "applied", "held", "waiting", "rejected", "failed", "out_of_scope",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write. `record` is the target as read back, or as it is now when it moved. `recognised`: an
    insert that was not done again, since its token was known; the record may say something else by now."""

    status: Literal["done", "stale", "refused", "unknown"]
    record: Raw | None = None
    message: str = ""
    recognised: bool = False
