"""How is a rule on undeclared properties broken, as a difference of schemas asks for?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from jsonschema_rs import canonical as forms

from crmsync.core.compat.canonical import Canonical, Uncanonical
from crmsync.core.compat.choices import Choices, nudged
from crmsync.core.compat.draw.making import TRIES, Maker
from crmsync.core.compat.facts import matches
from crmsync.core.compat.regular import Language
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.compat.draw.makers import Makers
    from crmsync.core.compat.draw.objects import Objects

Violate: TypeAlias = Callable[[dict[str, Json], Choices, int], None]


def violation(
    makers: Makers,
    maker: Objects,
    view: forms.NameFailsView | forms.UndeclaredValueFailsView | forms.PatternValueFailsView,
) -> Violate:
    """What breaks a rule on names or on what is not declared, as a difference of schemas wants it."""
    match view:
        case forms.NameFailsView():
            names = makers.checked(_opposite(Canonical(view.schema)))

            def name_fails(made: dict[str, Json], choices: Choices, depth: int) -> None:
                name = next((each for each in _tries(names, choices) if isinstance(each, str)), None)
                maker.put(made, name, [], choices, depth)

            return name_fails
        case forms.PatternValueFailsView():
            pattern, wrong = view.pattern, _opposite(Canonical(view.schema))

            def pattern_fails(made: dict[str, Json], choices: Choices, depth: int) -> None:
                name = maker.names_like(lambda each: matches(pattern, each), Language((pattern,)), choices)
                maker.put(made, name, [wrong], choices, depth)

            return pattern_fails
    declared, patterns, other = set(view.names), view.patterns, _opposite(Canonical(view.additional))

    def undeclared(name: str) -> bool:
        return name not in declared and not any(matches(each, name) for each in patterns)

    def value_fails(made: dict[str, Json], choices: Choices, depth: int) -> None:
        name = maker.names_like(undeclared, Language((), tuple(patterns)), choices)
        maker.put(made, name, [other], choices, depth)

    return value_fails


def _opposite(schema: Canonical) -> Canonical:
    try:
        return schema.opposite()
    except Uncanonical:
        return Canonical.of({"not": {key: value for key, value in schema.schema.items() if key != "$schema"}})


def _tries(names: Maker, choices: Choices) -> Iterator[Json]:
    for attempt in range(TRIES):
        yield names(nudged(choices, attempt), 0)
