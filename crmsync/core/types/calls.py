"""What does a call of a built-in function give, and may it fail?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product
from typing import Final, TypeAlias

from crmsync.core.expression.functions import CALLS, EvaluationError, Kinds
from crmsync.core.model import Json
from crmsync.core.types.bounds import Bound, high, is_whole, low
from crmsync.core.types.kinds import KINDS, MOST
from crmsync.core.types.narrow import TYPE_WORDS
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View, union

Each: TypeAlias = "Type | None"
"""What an &... gives for an element."""

Args: TypeAlias = "list[Type]"


@dataclass(frozen=True, slots=True)
class Fit:
    """The part of an argument that a call takes, and the kinds of what else it may be, in words."""

    type: Type
    misfits: tuple[str, ...] = ()


_GROUPS: Final = {"numbers": "number", "texts": "text"}


def fit(arg: Type, kinds: Kinds) -> Fit:
    """`kinds` as in the table of functions; () takes all."""
    if not kinds:
        return Fit(arg)
    taken: list[View] = []
    misfits: list[str] = []
    groups = tuple(_GROUPS[kind] for kind in kinds if kind in _GROUPS)
    for view in arg.alternatives:
        if view.kind in kinds:
            taken.append(view)
        elif view.kind == "list" and groups:
            parts, others = _grouped(view, groups)
            taken += parts
            misfits += others
        else:
            misfits.append(view.kind)
    return Fit(Type(tuple(taken)), tuple(dict.fromkeys(misfits)))


def _grouped(view: View, groups: tuple[str, ...]) -> tuple[list[View], list[str]]:
    """Lists must be all of one group."""
    found = view.elements.kinds
    if not found or any(found <= {group} for group in groups) or (found <= {*groups} and view.most == 1):
        return [view], []
    parts = [
        part
        for group in groups
        if group in found
        for part in view.root.listing(view.elements.of_kind(group), view.least, view.most).alternatives
    ]
    if not parts and view.may_be_empty:
        parts = [view.root.constant_view([])]
    others = found - {*groups} or found
    return parts, [f"list of {kind}" for kind in KINDS if kind in others]


# Results ---------------------------------------------------------------------------------------------------------

_FOLDED: Final = 60


def result(name: str, args: Args, each: Each, root: Root) -> Type:
    """What a call gives, if it does not fail; `args` fit, without the &..., which is `each`."""
    if any(not arg.alternatives for arg in args):
        return root.never
    folded = None if each or name == "to_string" else _folded(name, args, root)
    return _RESULTS[name](args, each, root) if folded is None else folded


def _folded(name: str, args: Args, root: Root) -> Type | None:
    """Where all arguments are known one by one, so is what comes out; but 1 may be spelled 1.0, so its text is not."""
    pools = [arg.values for arg in args]
    count = 1
    for pool in pools:
        count *= _FOLDED + 1 if pool is None else len(pool)
    if count > _FOLDED:
        return None
    found = (_answers(name, given) for given in product(*(pool or () for pool in pools)))
    return union(root, *(root.constant(value) for values in found for value in values))


def _answers(name: str, given: tuple[Json, ...]) -> Iterator[Json]:
    try:
        yield CALLS[name](*given)
    except EvaluationError:
        return


def _lists(args: Args) -> Iterator[View]:
    yield from (view for arg in args for view in arg.alternatives if view.kind == "list")


def _each_view(arg: Type, gives: Callable[[View], Type]) -> Type:
    parts = [part for view in arg.alternatives for part in gives(view).parts]
    return Type(tuple(parts))


# Numbers


def _abs(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        bottom, top = low(view), high(view)
        fact: dict[str, Json] = {**_steps(view), "minimum": bottom.value if bottom and bottom.value > 0 else 0}
        if bottom is not None and top is not None:
            fact["maximum"] = max(_size(bottom), _size(top))
        return root.view("number", **fact)

    return _each_view(args[0], gives)


def _size(bound: Bound) -> Decimal | int:
    return bound.value if bound.value > 0 else -bound.value


def _steps(view: View) -> dict[str, Json]:
    """What holds of sums and differences as well."""
    steps = {"type": "integer"} if is_whole(view) else {}
    many = view.limits("multipleOf")
    return steps | ({"multipleOf": many[0]} if many else {})


def _rounded(rounding: str) -> Callable[[Args, Each, Root], Type]:
    def gives(view: View) -> Type:
        bottom, top = low(view), high(view)
        fact = {"minimum": _whole(bottom.value, rounding)} if bottom else {}
        fact |= {"maximum": _whole(top.value, rounding)} if top else {}
        return view.root.whole(**fact)

    return lambda args, each, root: _each_view(args[0], gives)


def _whole(number: int | Decimal, rounding: str) -> Json:
    return number if isinstance(number, int) else number.to_integral_value(rounding)


def _sum(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        elements = view.elements.alternatives
        steps = [_steps(element) for element in elements]
        fact = steps[0] if steps and all(each == steps[0] for each in steps) else {}
        if "type" not in fact and all(map(is_whole, elements)):
            fact = {"type": "integer"}
        bottoms = [low(element) for element in elements]
        if all(bottom is not None and bottom.value >= 0 for bottom in bottoms):
            fact = fact | {"minimum": 0}
        return root.view("number", **fact)

    return _each_view(args[0], gives)


_EXACT: Final = 28  # digits that a mean keeps


def _avg(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        elements = view.elements.alternatives
        bottoms, tops = [low(element) for element in elements], [high(element) for element in elements]
        fact: dict[str, Json] = {}
        if elements and None not in bottoms and _is_short(least := min(each.value for each in bottoms if each)):
            fact["minimum"] = least
        if elements and None not in tops and _is_short(most := max(each.value for each in tops if each)):
            fact["maximum"] = most
        mean = root.view("number", **fact) if elements else root.never
        return union(root, mean, root.null) if view.may_be_empty else mean

    return _each_view(args[0], gives)


def _is_short(number: Json) -> bool:
    return len(Decimal(number).as_tuple().digits) <= _EXACT


def _to_number(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        match view.kind:
            case "number":
                return Type((view,))
            case "text":
                return union(root, root.view("number"), root.null)
        return root.null

    return _each_view(args[0], gives)


# Text


_SPELLED: Final = {None: "null", True: "true", False: "false"}


def _to_string(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        match view.kind:
            case "text":
                return Type((view,))
            case "null" | "boolean":
                return union(root, *(root.constant(_SPELLED[value]) for value in view.values or (True, False)))
        return root.text(minLength=1 if view.kind == "number" else 2)

    return _each_view(args[0], gives)


def _join(args: Args, each: Each, root: Root) -> Type:
    glue, lists = args

    def gives(view: View) -> Type:
        texts = view.elements.alternatives
        most = [text.most for text in texts]
        glues = [view.most for view in glue.alternatives]
        fact: dict[str, Json] = {}
        gaps = max(view.least - 1, 0)
        least = view.least * min((text.least for text in texts), default=0)
        least += gaps * min(view.least for view in glue.alternatives)
        if least:
            fact["minLength"] = least
        if view.most is not None and None not in most and None not in glues:
            longest = max((each for each in most if each is not None), default=0)
            longest_glue = max(each for each in glues if each is not None)
            fact["maxLength"] = view.most * longest + max(view.most - 1, 0) * longest_glue
        return root.text(**fact)

    return _each_view(lists, gives)


def _boolean(args: Args, each: Each, root: Root) -> Type:
    return root.boolean


def _length(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        most = {} if view.most is None else {"maximum": view.most}
        return root.whole(minimum=view.least, **most)

    return _each_view(args[0], gives)


def _type(args: Args, each: Each, root: Root) -> Type:
    words = (word for word, kind in TYPE_WORDS.items() if kind in args[0].kinds)
    return union(root, *map(root.constant, words))


# Lists and objects


def _listed(gives: Callable[[View, Each], Type]) -> Callable[[Args, Each, Root], Type]:
    """A list of as many elements."""

    def of_all(args: Args, each: Each, root: Root) -> Type:
        parts = [part for view in _lists(args) for part in root.listing(gives(view, each), view.least, view.most).parts]
        return Type(tuple(parts))

    return of_all


_same_elements: Final = _listed(lambda view, each: view.elements)
_mapped: Final = _listed(lambda view, each: each or view.elements)


def _reverse(args: Args, each: Each, root: Root) -> Type:
    lists = _same_elements(args, each, root)
    texts = [_lengths_of(view) for view in args[0].alternatives if view.kind == "text"]
    return union(root, lists, *texts)


def _lengths_of(view: View) -> Type:
    most = {} if view.most is None else {MOST[view.kind]: view.most}
    return view.root.text(**({"minLength": view.least} if view.least else {}), **most)


def _one_element(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        return union(root, view.elements, root.null) if view.may_be_empty else view.elements

    return Type(tuple(part for view in _lists(args) for part in gives(view).parts))


def _to_array(args: Args, each: Each, root: Root) -> Type:
    single = args[0].but("list")
    lists = args[0].of_kind("list")
    return union(root, lists, root.listing(single, 1, 1)) if single.alternatives else lists


def _keys(args: Args, each: Each, root: Root) -> Type:
    def gives(view: View) -> Type:
        closed = not view.others.alternatives
        names = [name for name in view.names if view.property(name).alternatives]
        named = union(root, *map(root.constant, names)) if closed else root.text()
        return root.listing(named, view.least, view.most)

    return _each_view(args[0], gives)


def _values(args: Args, each: Each, root: Root) -> Type:
    return _each_view(args[0], lambda view: root.listing(union(root, *view.members()), view.least, view.most))


def _merge(args: Args, each: Each, root: Root) -> Type:
    """What stands later wins."""
    names = sorted({name for arg in args for view in arg.alternatives for name in view.names})
    others = union(root, *(view.others for arg in args for view in arg.alternatives))
    required = sorted({name for arg in args for name in _demanded(arg)})
    properties = {name: _last(name, args, root) for name in names}
    fact: dict[str, Json] = {"properties": properties, "additionalProperties": others if others.alternatives else False}
    return root.view("object", **fact, **({"required": required} if required else {}))


def _demanded(arg: Type) -> frozenset[str]:
    return frozenset.intersection(*(view.required for view in arg.alternatives))


def _last(name: str, args: Args, root: Root) -> Type:
    found: list[Type] = []
    for arg in reversed(args):
        found += [view.property(name) for view in arg.alternatives]
        if name in _demanded(arg):
            break
    return union(root, *found)


def _not_null(args: Args, each: Each, root: Root) -> Type:
    found: list[Type] = []
    for arg in args:
        found.append(arg.but("null"))
        if "null" not in arg.kinds:
            return union(root, *found)
    return union(root, *found, root.null)


_RESULTS: Final[Mapping[str, Callable[[Args, Each, Root], Type]]] = {
    "abs": _abs,
    "avg": _avg,
    "ceil": _rounded(ROUND_CEILING),
    "contains": _boolean,
    "ends_with": _boolean,
    "floor": _rounded(ROUND_FLOOR),
    "join": _join,
    "keys": _keys,
    "length": _length,
    "map": _mapped,
    "max": _one_element,
    "max_by": _one_element,
    "merge": _merge,
    "min": _one_element,
    "min_by": _one_element,
    "not_null": _not_null,
    "reverse": _reverse,
    "sort": _same_elements,
    "sort_by": _same_elements,
    "starts_with": _boolean,
    "sum": _sum,
    "to_array": _to_array,
    "to_number": _to_number,
    "to_string": _to_string,
    "type": _type,
    "values": _values,
}


def key_misfits(view: View, keys: Type) -> tuple[str, ...]:
    """What may come out of an &... that puts elements in order, and has none: keys are all numbers or all texts."""
    if view.most == 0 or keys.kinds in ({"number"}, {"text"}):
        return ()
    if keys.kinds == {"number", "text"}:
        return () if view.most == 1 else ("number", "text")
    return tuple(kind for kind in KINDS if kind in keys.kinds - {"number", "text"})
