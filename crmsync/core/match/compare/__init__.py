"""How alike are two values? One page for each kind of value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from crmsync.core.match.compare.comparator import GROUP, Comparator, Feature, Rarity
from crmsync.core.model import Json, to_json

__all__ = ["Comparator", "Feature", "Rarity", "comparators", "normalise", "text_of"]

PAGES: Final = ("identifier", "company", "company_id", "domain", "phone", "address", "person", "plain")


def _built_in() -> Iterator[Comparator]:
    for page in PAGES:
        yield from import_module(f"crmsync.core.match.compare.{page}").COMPARATORS


@cache
def comparators() -> Mapping[str, Comparator]:
    """All comparators by name: ours, and those that installed packages name in the group `crmsync.comparators`.
    Raises ValueError when a package offers something else, or takes a name that is taken."""
    from importlib.metadata import entry_points  # imports half of the e-mail package

    found = {each.name: each for each in _built_in()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        offered = point.load()
        if not isinstance(offered, Comparator) or offered.name in found:
            raise ValueError(
                f"entry point {point.name} of {GROUP}: {point.value} is no Comparator with a name of its own"
            )
        found[offered.name] = offered
    return MappingProxyType(dict(sorted(found.items())))


def normalise(kind: str, value: Json) -> str | None:
    """The text that comparator `kind` compares; None where the value is evidence of nothing."""
    text = text_of(value)
    return (comparators()[kind].normal(text) or None) if text else None


def text_of(value: Json) -> str:
    """As it is, or as JSON; empty where there is no value."""
    return value if isinstance(value, str) else "" if value is None else to_json(value).decode()
