"""Sound files of a project, with something at random places that does not belong there."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from crmsync.project.yaml import load_yaml
from tests.project.conftest import MAPPING, PROJECT, REFERENCE

FILES = {"project": PROJECT, "mapping": MAPPING, "reference": REFERENCE}
KINDS = tuple(FILES)
SCRAPS: list[Any] = [
    None, True, 0, -1, 5, Decimal("0.5"), "", "x", "30%", "a\n", "always", "name[", "a.b", "crm", "shared", [], ["x"],
    [[]], {}, {"x": 1}, {"crm": "x"}, [{"lookup": "x"}], ["trim"], "${X}",
]  # fmt: skip


def sound(kind):
    document, _ = load_yaml("f.yaml", FILES[kind].encode())
    assert document is not None
    return document.data


def ways(node, way=()):
    """The way to every value."""
    yield way
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in items:
        yield from ways(inner, (*way, step))


def put(node, way, value):
    if not way:
        return value
    copy = node.copy()
    copy[way[0]] = put(node[way[0]], way[1:], value)
    return copy


def rename(node, way, name):
    """The same value under another key, where it has one."""
    if len(way) > 1:
        return put(node, way[:1], rename(node[way[0]], way[1:], name))
    return {name if key == way[0] else key: value for key, value in node.items()} if isinstance(node, dict) else node


@st.composite
def spoilt(draw, kinds=KINDS):
    kind = draw(st.sampled_from(kinds))
    data = sound(kind)
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from([way for way in ways(data) if way]))
        if draw(st.booleans()):
            data = put(data, way, draw(st.sampled_from(SCRAPS)))
        else:
            data = rename(data, way, draw(st.sampled_from(["crm", "pm", "owner", "x", "to_pm", "name"])))
    return kind, data
