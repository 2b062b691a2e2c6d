"""Is every transform described in docs/transforms.md, and is every example there true?"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from crmsync.core.model import ABSENT, Call, Chain, Json, Table, from_json
from crmsync.core.values import Context, Unfit, check_chain, compile_chain, invert, registry
from crmsync.core.values.chain import BUILT_IN, arguments
from crmsync.core.values.laws import same

PAGE = (Path(__file__).parents[3] / "docs" / "transforms.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| `(.*?)` \| `(.*?)` \| (misfit|`.*?`) \| (none|`.*?`) \|$", re.MULTILINE)
EXAMPLES = [(name, *row) for name, entry in ENTRIES.items() for row in ROW.findall(entry)]


class Decimals(yaml.SafeLoader):
    """YAML without binary fractions."""


Decimals.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(str(node.value)))


def read(text: str) -> Any:
    return yaml.load(text, Decimals)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def context() -> Context:
    """What the page says its examples know."""
    written = next(read(block) for block in blocks("yaml") if block.startswith("delivery_status"))["delivery_status"]
    table = Table("delivery_status", tuple(written["columns"]), tuple(map(tuple, written["rows"])), written["prefer"])
    return Context({"delivery_status": table}, "crm", "pm", {("pm.user", "email", "id"): {"jana@firma.sk": 7}})


def call(written: Json) -> Call:
    return Call(written) if isinstance(written, str) else Call(*next(iter(written.items())))


def complete(chain: Chain) -> list[tuple[str, Json]]:
    return [(call.name, arguments(registry()[call.name], call.args)) for call in chain]


def test_the_page_describes_the_built_in_transforms_and_no_others() -> None:
    assert list(ENTRIES) == [transform.name for transform in BUILT_IN]


@pytest.mark.parametrize("transform", BUILT_IN, ids=lambda transform: transform.name)
def test_an_entry_tells_what_the_transform_declares(transform: Any) -> None:
    entry = ENTRIES[transform.name]
    canonical = " Canonical." if transform.canonical else ""
    assert f"\n{transform.doc}\n\nTakes {transform.takes}, gives {transform.gives}.{canonical}\n" in entry
    for name, param in transform.params.items():
        assert f"| `{name}`" in entry
        assert f"| {param.type}: {param.doc}" in entry
        assert all(choice in entry for choice in param.choices)


@pytest.mark.parametrize(("name", "written", "value", "becomes", "way_back"), EXAMPLES)
def test_an_example_is_true(name: str, written: str, value: str, becomes: str, way_back: str) -> None:
    chain = (call(read(written)),)
    assert chain[0].name == name
    assert check_chain(chain, context()) == []
    step, back = compile_chain(chain, context()), invert(chain, context())
    if becomes == "misfit":
        with pytest.raises(Unfit):
            step(from_json(value))
    else:
        assert same(step(from_json(value)), from_json(becomes.strip("`")))
    if way_back == "none":
        assert back is None
    else:
        assert back is not None
        assert complete(back) == complete(tuple(map(call, read(way_back.strip("`")))))


@pytest.mark.parametrize("transform", BUILT_IN, ids=lambda transform: transform.name)
def test_the_page_shows_the_examples_of_the_transform(transform: Any) -> None:
    shown = [(read(written), from_json(value)) for name, written, value, *_ in EXAMPLES if name == transform.name]
    assert [(arguments(transform, call(written).args), value) for written, value in shown] == [
        (arguments(transform, example.args), example.value) for example in transform.examples
    ]
    assert any(example.gives is not ABSENT for example in transform.examples)


def test_the_mapping_lines_of_the_page_pass_the_check() -> None:
    fields = next(read(block) for block in blocks("yaml") if block.startswith("name:"))
    chains = {name: tuple(map(call, field["to_pm"])) for name, field in fields.items()}
    assert all(check_chain(chain, context()) == [] for chain in chains.values())
    assert all(invert(chains[name], context()) is not None for name in fields if fields[name]["owner"] == "shared")


def test_the_transform_of_the_page_passes_the_laws() -> None:
    made: dict[str, Any] = {}
    exec(blocks("python")[0], made)
    assert made["INITIALS"].name == "initials"
