"""Is this pair among those that a mapping is tried on first?

The share is of anchors: of the records that counterparts are made from. Whether one is in is told by a hash of its
system, its entity and its key, so that 5 % are among 20 %, nothing depends on the order of reading, and two mappings of
one entity have the same ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Final

from crmsync.core.mapping import Compiled
from crmsync.core.model import SIDES, Key, Mapping, Rollout, Side, key_text
from crmsync.core.plan.pair import Pair

ALL: Final = Decimal(100)
_PLACES: Final = 2**64
NOT_IN: Final = "not in the rollout"


def anchor_of(mapping: Mapping) -> Side:
    """The side whose records the share is of: where counterparts are made from, else the first."""
    return 1 if mapping.create[0] and not mapping.create[1] else 0


def in_share(percent: Decimal, entity: str, key: Key) -> bool:
    """Is the record among `percent` (0..100) of all that there may be? Who is in stays in when the share grows.
    `entity` is the full name: `crm.account`."""
    told = hashlib.blake2b(f"{entity}\0{key_text(key)}".encode(), digest_size=8).digest()
    return int.from_bytes(told) < _most(percent)


@lru_cache(maxsize=64)
def _most(percent: Decimal) -> int:
    return ceil(Fraction(percent) * _PLACES / 100)


def words(mapping: Mapping, rollout: Rollout) -> str:
    """`5 %, crm: type == 'pilot'`: who is in."""
    share = [] if rollout.percent is None else [f"{rollout.percent} %"]
    picked = [f"{mapping.ends[side].name}: {text}" for side in SIDES if (text := rollout.select[side])]
    return ", ".join([*share, *picked])


def within(compiled: Compiled, pair: Pair, left_out: bool = False) -> Pair:
    """The pair as the rollout lets it be decided: out of scope (`outside`) where it is not in. `left_out`: a record
    that is not there now was not in when it was last seen. Either part of a rollout lets a pair in."""
    mapping = compiled.mapping
    rollout, anchor = mapping.rollout, anchor_of(mapping)
    if rollout is None or rollout.percent == ALL:
        return pair
    if pair.keys[anchor] is None and not _is_picked(rollout, pair, left_out):
        return _without_anchor(compiled, rollout, pair, anchor)
    key = pair.keys[anchor]
    if (key is not None and _shared(compiled, rollout, anchor, key)) or _is_picked(rollout, pair, left_out):
        return pair
    return _outside(mapping, rollout, pair)


def _shared(compiled: Compiled, rollout: Rollout, anchor: Side, key: Key) -> bool:
    entity = compiled.entities[anchor].full_name
    return rollout.percent is not None and in_share(rollout.percent, entity, key)


def _is_picked(rollout: Rollout, pair: Pair, left_out: bool) -> bool:
    """Does a selector let it in? Of a record that cannot be read nobody knows, and nothing comes of it anyway; one that
    is gone is what it was when it was last seen."""
    for side in SIDES:
        if rollout.select[side] is None:
            continue
        seen = pair.seen[side]
        if seen is None:
            if pair.link is not None and not left_out:
                return True
        elif seen.lifted is None or seen.lifted.picked:
            return True
    return False


def _without_anchor(compiled: Compiled, rollout: Rollout, pair: Pair, anchor: Side) -> Pair:
    """A record of the other side, by itself. What it may be the same as is asked where that one is in; nothing is made
    from it, for nobody could tell later whether what is made is in."""
    unsure = tuple(each for each in pair.unsure if _shared(compiled, rollout, anchor, each.keys[anchor]))
    if unsure or not (pair.unsure or compiled.mapping.create[anchor]):
        return replace(pair, unsure=unsure)
    return _outside(compiled.mapping, rollout, pair)


def _outside(mapping: Mapping, rollout: Rollout, pair: Pair) -> Pair:
    return replace(pair, outside=pair.outside or f"{NOT_IN} ({words(mapping, rollout)})")
