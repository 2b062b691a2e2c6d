"""Which values and names does a schema speak of, or stop just short of?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from crmsync.core.compat.choices import Seeded
from crmsync.core.compat.draw import texts
from crmsync.core.compat.regular import Language, Unregular
from crmsync.core.contract.shape import subschemas
from crmsync.core.model import Json, to_json

_LIMITS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LENGTHS: Final = ("minLength", "maxLength")
_COUNTS: Final = ("minItems", "maxItems", "minContains", "maxContains")
_LONGEST: Final = 300
_PLAIN: Final[tuple[Json, ...]] = (
    None, False, True, 0, 1, -1, Decimal("0.5"), Decimal("-1.25"), "", "a", "A1", "2024-02-29", "zz zz", [], {}, ["a"],
    [1],
)  # fmt: skip


def values(*schemas: Json) -> list[Json]:
    """Values at the edges of these schemas, each once: constants, limits and one off, texts by length and pattern."""
    found = list(_PLAIN)
    for schema in schemas:
        for _, inner in subschemas(schema):
            if isinstance(inner, dict):
                found += _of(inner)
    found += _between(_patterns(*schemas))
    return list({(type(value).__name__, to_json(value)): value for value in found}.values())


def _of(schema: dict[str, Json]) -> Iterator[Json]:
    yield from schema.get("enum", ())
    yield from (schema[keyword] for keyword in ("const", "default") if keyword in schema)
    yield from schema.get("examples", ())
    for keyword in _LIMITS:
        if keyword in schema:
            yield from _around(schema[keyword])
    for keyword in _LENGTHS:
        if schema.get(keyword, _LONGEST) < _LONGEST:
            yield from ("a" * count for count in _beside(schema[keyword]))
    for keyword in _COUNTS:
        if schema.get(keyword, _LONGEST) < _LONGEST:
            yield from (list(range(count)) for count in _beside(schema[keyword]))
    if "format" in schema:
        yield from (texts.of_format(Seeded(seed), schema["format"]) for seed in range(3))


def _around(limit: Json) -> Iterator[Json]:
    yield from (
        limit,
        limit + 1,
        limit - 1,
        limit + Decimal("0.5"),
        limit - Decimal("0.01"),
        2 * limit,
        3 * limit,
        -limit,
    )


def _beside(count: int) -> Iterator[int]:
    yield from (each for each in (count, count + 1, count - 1) if each >= 0)


def _patterns(*schemas: Json) -> list[str]:
    dicts = [inner for schema in schemas for _, inner in subschemas(schema) if isinstance(inner, dict)]
    return sorted({inner["pattern"] for inner in dicts if "pattern" in inner})


def _between(patterns: list[str]) -> Iterator[str]:
    """Texts of each pattern, and of each but not of another one."""
    languages = [Language((each,)) for each in patterns]
    languages += [Language((each,), (other,)) for each in patterns for other in patterns if each != other][:60]
    languages += [Language((), (each,)) for each in patterns]
    for language in languages:
        yield from _some(language)


def _some(language: Language) -> Iterator[str]:
    try:
        drawn = [language.shortest(), *(language.drawn(Seeded(seed)) for seed in range(2))]
    except Unregular:
        return
    yield from (text for text in drawn if text is not None)


def names(*schemas: Json) -> list[str]:
    """Names that these schemas speak of, names that match their patterns, and unknown ones; the simplest first."""
    dicts = [inner for schema in schemas for _, inner in subschemas(schema) if isinstance(inner, dict)]
    found = {name for inner in dicts for name in inner.get("properties", {})}
    found |= {name for inner in dicts for name in inner.get("required", ())}
    for inner in dicts:
        for given, needs in inner.get("dependentRequired", {}).items():
            found |= {given, *needs}
        found |= set(inner.get("dependentSchemas", {}))
    patterns = sorted({pattern for inner in dicts for pattern in inner.get("patternProperties", {})})
    found |= set(_between(patterns)) | {"x", "extra"}
    return sorted(found, key=lambda name: (len(name), name))
