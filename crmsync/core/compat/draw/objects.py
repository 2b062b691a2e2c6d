"""What may an object look like?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Final

from jsonschema_rs import canonical as forms

from crmsync.core.compat.canonical import Answer, Canonical
from crmsync.core.compat.choices import Choices, happens, nudged, one_of
from crmsync.core.compat.draw import texts
from crmsync.core.compat.draw.making import DEEP, DEEPEST, MANY, NAMES, Maker, Undrawable
from crmsync.core.compat.draw.violations import violation
from crmsync.core.compat.facts import matches
from crmsync.core.compat.regular import Language
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.compat.draw.makers import Makers

_NAMES_TRIED: Final = 100


class Objects:
    """Makes objects: what is required, some of what is declared, some of what is merely allowed."""

    def __init__(self, makers: Makers, view: forms.ObjectView) -> None:
        self._makers = makers
        self._properties = {name: Canonical(each) for name, each in view.properties.items()}
        self._patterns = {pattern: Canonical(each) for pattern, each in view.pattern_properties.items()}
        self._others = None if view.additional_properties is None else Canonical(view.additional_properties)
        self._names = None if view.property_names is None else Canonical(view.property_names)
        self._required = sorted(view.required)
        self._optional = sorted(self._properties.keys() - set(self._required))
        self._least, self._most = view.min_properties or 0, view.max_properties
        self._violations = [violation(makers, self, each) for each in view.violations]
        self._made: dict[str, Maker] = {}

    def __call__(self, choices: Choices, depth: int) -> Json:
        if depth > DEEPEST or self._least > MANY:
            raise Undrawable("too deep or too many")
        made = {name: self.maker(name)(choices, depth + 1) for name in self._required}
        for violate in self._violations:
            violate(made, choices, depth + 1)
        room = len(made) if depth > DEEP else MANY if self._most is None else self._most
        for name in self._optional:
            if len(made) < room and name not in made and happens(choices, 2):
                self._add(made, name, choices, depth)
        for _ in range(choices.integer(0, 2) if depth < DEEP and len(made) < room and self.is_open else 0):
            self._add(made, self.new_name(choices), choices, depth)
        self._fill(made, choices, depth)
        return made

    def _fill(self, made: dict[str, Json], choices: Choices, depth: int) -> None:
        """Up to as many as there must be: declared ones, drawn names, numbered names."""
        count = min(8 * max(0, self._least - len(made)), _NAMES_TRIED)
        drawn = (self.new_name(nudged(choices, attempt)) for attempt in range(count))
        for name in chain(self._optional, drawn, (f"p{at}" for at in range(self._least))):
            if len(made) >= self._least:
                return
            self._add(made, name, choices, depth)

    @property
    def is_open(self) -> bool:
        return bool(self._patterns) or self._others is None or self._others.satisfiability() is not Answer.NO

    def _add(self, made: dict[str, Json], name: str | None, choices: Choices, depth: int) -> None:
        if name is None or name in made:
            return
        try:
            made[name] = self.maker(name)(choices, depth + 1)
        except Undrawable:
            return

    def maker(self, name: str) -> Maker:
        if name not in self._made:
            self._made[name] = self._makers.meeting(self.schemas(name))
        return self._made[name]

    def schemas(self, name: str) -> list[Canonical]:
        """All that is said of a property of this name."""
        said = [schema for pattern, schema in self._patterns.items() if matches(pattern, name)]
        if name in self._properties:
            said.insert(0, self._properties[name])
        if not said:
            said = [self._others] if self._others is not None else [Canonical.of(True)]
        return said

    def new_name(self, choices: Choices) -> str | None:
        """A name that is not declared, but may be allowed."""
        if self._names is not None:
            return _or_none(self._makers.of(self._names), choices)
        if self._patterns and (self._others_are_closed or happens(choices, 2)):
            return texts.of_patterns(choices, Language((one_of(choices, sorted(self._patterns)),)))
        if self._others_are_closed:
            return None
        return one_of(choices, NAMES) if not happens(choices, 3) else texts.of_length(choices, 0, 12)

    @property
    def _others_are_closed(self) -> bool:
        return self._others is not None and self._others.satisfiability() is Answer.NO

    def put(
        self, made: dict[str, Json], name: str | None, wanted: list[Canonical], choices: Choices, depth: int
    ) -> None:
        """A property of this name, with a value that fits `wanted` too."""
        if name is None:
            raise Undrawable("no such name was found")
        made[name] = self._makers.meeting([*wanted, *self.schemas(name)])(choices, depth)

    def names_like(self, fits: Callable[[str], bool], language: Language, choices: Choices) -> str | None:
        """A name that fits: a declared one, one that is simple, or one of the language."""
        declared = [name for name in (*sorted(self._properties), *NAMES) if fits(name)]
        drawn = texts.of_patterns(choices, language)
        options = [*([drawn] if drawn is not None and fits(drawn) else []), *declared]
        return one_of(choices, options) if options else None


def _or_none(maker: Maker, choices: Choices) -> str | None:
    try:
        name = maker(choices, 0)
    except Undrawable:
        return None
    return name if isinstance(name, str) else None
