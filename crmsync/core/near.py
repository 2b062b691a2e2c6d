"""Which name may somebody have meant who wrote one that is not there, and how are they asked?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

_FEW: Final = 30
_NEAR: Final = 5
_ALIKE: Final = 0.6
_MOST: Final = 20


def closest(word: str, names: Iterable[str], alike: float = _ALIKE) -> str | None:
    """The one that may be meant; None where none is like it. `alike`: how much of both they must share (0..1)."""
    known = sorted(names)
    near = known if len(known) <= _FEW else _likeliest(word, known, alike)
    found = get_close_matches(word, near, 1, alike)
    return found[0] if found else None


def _likeliest(word: str, names: Sequence[str], alike: float) -> list[str]:
    """Those with the longest common subsequences: `get_close_matches`, which never finds more in common, is slow."""
    from rapidfuzz.distance.Indel import normalized_similarity
    from rapidfuzz.process import extract  # only a mistake among many names needs it

    return [name for name, _, _ in extract(word, names, scorer=normalized_similarity, limit=_NEAR, score_cutoff=alike)]


def meant(near: str | None, otherwise: str = "") -> str:
    """The question whether it is this one; `otherwise` where there is none to ask for."""
    return f"did you mean {near!r}?" if near is not None else otherwise


def perhaps(near: str | None) -> str:
    """The question behind a message."""
    return f"; {meant(near)}" if near is not None else ""


def choose(word: str, names: Iterable[str], what: str = "there are") -> str:
    """The mend for a name that is not among `names`: the closest one, and which there are."""
    known = sorted(names)
    more = ", ..." if len(known) > _MOST else ""
    told = f"{what}: {', '.join(known[:_MOST])}{more}" if known else f"{what} none"
    return " ".join(filter(None, (meant(closest(word, known)), told)))


def nearest(name: str, names: Iterable[str]) -> str:
    """The few that are most alike, whatever their case, behind a message."""
    folded = {other.casefold(): other for other in names}
    near = get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    return f"; the nearest names: {', '.join(folded[other] for other in near)}" if near else ""
