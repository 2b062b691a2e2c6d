"""Where do a name, an index and a slice lead?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crmsync.core.types.views import Type, View, union


def step(at: Type, name: str) -> tuple[Type, bool]:
    """What a name leads to, and whether that is declared, or nothing more can be said of it."""
    parts: list[Type] = []
    is_known = at.kinds <= {"null"}
    is_always_there = bool(at.alternatives)
    for view in at.alternatives:
        if view.kind == "object":
            parts.append(view.property(name))
            is_known = is_known or view.declares(name)
        is_always_there = is_always_there and view.kind == "object" and name in view.required
    root = at.alternatives[0].root
    return union(root, *parts) if is_always_there else union(root, *parts, root.null), is_known


def names_of(objects: Sequence[View]) -> Sequence[str]:
    """As declared; what a condition spoke of is not."""
    if len(objects) == 1 and not objects[0].known:
        return objects[0].names
    declared = (each for view in objects for each in view.limits("properties"))
    return sorted({name for each in declared for name, inner in each.items() if inner is not False})


def element_at(view: View, place: int) -> Type:
    """What stands at an index, counted from the end where it is negative; null beyond the ends."""
    root, most = view.root, view.most if view.kind == "list" else 0
    needed = place + 1 if place >= 0 else -place
    if view.kind != "list" or (most is not None and most < needed):
        return root.null
    if place >= 0:
        found = view.element(place)
    elif most == view.least:
        found = view.element(most + place)
    else:
        found = view.elements
    return found if view.least >= needed else union(root, found, root.null)


_COUNTED: Final = 100


def sliced(view: View, cut: slice) -> Type:
    """The lists that a slice gives; null of what is no list."""
    if view.kind != "list":
        return view.root.null
    if view.most is not None and view.most <= _COUNTED:
        lengths = [len(range(*cut.indices(length))) for length in range(view.least, view.most + 1)]
        least, most = (min(lengths), max(lengths)) if lengths else (0, 0)
        return view.root.listing(view.elements, least, most)
    start, stop = cut.start or 0, cut.stop
    is_short = stop is not None and (cut.step or 1) > 0 and start >= 0 and stop >= 0
    return view.root.listing(view.elements, 0, max(stop - start, 0) if is_short else view.most)
