"""Do chains check, compile and invert as they say, and do own transforms join them?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import invalidate_caches
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import At, Call, Json, Table
from crmsync.core.values import Context, Unfit, check_chain, compile_chain, invert, registry
from crmsync.core.values.transform import Misuse
from tests.core.values.drawn import CONTEXT, junk

AT = At("mappings/account.yaml", 7, 12)


def run(value: Json, *chain: Call, context: Context = CONTEXT) -> Json:
    return compile_chain(chain, context)(value)


# Compiling -----------------------------------------------------------------------------------------------


@given(junk)
def test_an_empty_chain_changes_nothing(value: Json) -> None:
    assert compile_chain((), CONTEXT)(value) is value


@given(st.text())
def test_a_chain_is_its_steps_one_after_the_other(text: str) -> None:
    steps = [compile_chain((Call(name),), CONTEXT) for name in ("trim", "collapse_spaces", "upper")]
    assert run(text, Call("trim"), Call("collapse_spaces"), Call("upper")) == steps[2](steps[1](steps[0](text)))


def test_null_passes_a_chain_until_a_default_fills_it() -> None:
    assert run(None, Call("trim"), Call("email")) is None
    assert run(None, Call("trim"), Call("default", "eur"), Call("upper")) == "EUR"


def test_a_misfit_is_told_with_its_transform_and_the_place_in_a_list() -> None:
    with pytest.raises(Unfit, match=r"^trim: element 1: expected text, got a number$"):
        run(["a", 5], Call("trim"))


def test_a_misfit_leaves_no_value_in_a_traceback() -> None:
    with pytest.raises(Unfit) as caught:
        run("2024-02-31", Call("date"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_wrong_chain_does_not_compile() -> None:
    with pytest.raises(Misuse, match="there is no transform 'trimm'"):
        compile_chain((Call("trimm"),), CONTEXT)


# Checking --------------------------------------------------------------------------------------------------


def findings(*chain: Call, context: Context = CONTEXT) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.message, finding.mend) for finding in check_chain(chain, context)]


def test_an_unknown_transform_is_told_with_its_place_and_a_near_name() -> None:
    (finding,) = check_chain((Call("trimm", at=AT),), CONTEXT)
    assert (finding.rule, finding.at) == ("transform/unknown", AT)
    assert finding.message == "there is no transform 'trimm'"
    assert finding.mend == "did you mean 'trim'?"
    assert "trim, truncate, upper" in findings(Call("zzz"))[0][2]


def test_all_that_is_wrong_with_a_chain_is_told() -> None:
    found = findings(Call("trimm"), Call("truncate"), Call("round", {"places": "2", "mood": "up"}), Call("trim", 5))
    assert [message for _, message, _ in found] == [
        "there is no transform 'trimm'",
        "truncate: length is missing",
        "round: places must be integer, not text",
        "round has no argument 'mood'",
        "trim takes no argument without a name",
    ]
    assert found[3][2] == "did you mean 'mode'?"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (Call("truncate", 0), "truncate: length must be at least 1"),
        (Call("round", 19), "round: places must be at most 18"),
        (Call("round", True), "round: places must be integer, not a boolean"),
        (Call("round", {"places": None}), "round: places must be integer, not null"),
        (Call("round", {"mode": "haf_up"}), "round: mode must be one of: half_even, half_up, "),
        (Call("trim", {"places": 2}), "trim has no argument 'places'"),
        (Call("datetime_text", {"zone": 1}), "datetime_text: zone must be text, not a number"),
        (Call("replace", {"with": "a"}), "replace: find is missing"),
        (Call("replace", {"find": "a", "b": "c"}), "replace has no argument 'b'"),
        (Call("replace", {"find": ""}), "replace: find must not be empty"),
        (Call("constant"), "constant: value is missing"),
        (Call("split", ""), "split: the separator must not be empty"),
        (Call("concat", {"separator": "", "parts": 2}), "concat: parts needs a separator"),
        (Call("concat", {"parts": 1}), "concat: parts must be at least 2"),
        (Call("decimal", {"decimal": ".", "thousands": "."}), "decimal and thousands must be two characters"),
        (Call("decimal", {"decimal": ""}), "decimal and thousands must be two characters"),
        (Call("to_text", {"thousands": "0"}), "decimal and thousands must be two characters"),
        (Call("multiply", Decimal("1e999")), "by: expected a number of at most 100 digits"),
        (Call("boolean", {"true": "A"}), "boolean needs both spellings"),
        (
            Call("boolean", {"true": "A", "false": ["b", "a"]}),
            "boolean: a spelling must be text or a digit, and",
        ),
        (Call("boolean", {"true": {"a": 1}, "false": "b"}), "boolean: a spelling must be text or a digit"),
        (Call("date", "%B %d"), "date: the format may have each of"),
        (Call("date", "%d.%d.%Y"), "date: the format may have each of"),
        (Call("date", "%d %"), "date: the format may have each of"),
        (Call("date", "%d.%m."), "date: the format must say year, month and day"),
        (Call("datetime", "%d.%m.%Y %H:%M"), "datetime: a format without %z needs a zone"),
        (Call("datetime", "%d.%m.%Y %H:%M %%z"), "datetime: a format without %z needs a zone"),
        (Call("datetime_text", ""), "datetime_text: the format must say year, month and day"),
        (Call("datetime_text"), "datetime_text needs a format or a zone"),
        (Call("date_of", "Europe/Bratislva"), "there is no time zone 'Europe/Bratislva'"),
        (Call("date_of", "Europe"), "there is no time zone 'Europe'"),
        (Call("date_of", "../etc/passwd"), "there is no time zone '../etc/passwd'"),
        (Call("phone", "Slovakia"), "phone: there is no region 'Slovakia'"),
        (Call("company_id", "XX"), "company_id: no rules for the country 'XX'"),
        (Call("company_id", {"country": "CZ", "kind": "nip"}), "company_id: there is only one kind of number in CZ"),
        (Call("vat_id", "XX"), "vat_id: no rules for the country 'XX'"),
        (Call("lookup"), "lookup needs a table or an entity"),
        (Call("lookup", {"entity": "pm.user"}), "lookup in an entity needs by and take"),
        (Call("lookup", {"table": "flags", "by": "id"}), "lookup: by and take belong to an entity"),
        (Call("lookup", {"table": "flags", "unmapped": "ignore"}), "lookup: unmapped must be reject, hold or {value"),
    ],
)
def test_wrong_arguments_are_told_with_a_way_to_mend_them(call: Call, message: str) -> None:
    ((rule, said, mend),) = findings(call)
    assert rule == "transform/argument"
    assert said.startswith(message)
    assert mend


def test_a_near_time_zone_is_proposed() -> None:
    assert findings(Call("date_of", "Europe/Bratislva"))[0][2] == "did you mean 'Europe/Bratislava'?"


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ((Call("boolean"), Call("upper")), "upper takes text, but boolean gives boolean"),
        ((Call("round"), Call("date")), "date takes date, but round gives number"),
        ((Call("datetime"), Call("date")), "date takes date, but datetime gives datetime"),
        ((Call("concat"), Call("concat")), "concat takes list, but concat gives text"),
        ((Call("boolean"), Call("trim"), Call("multiply", 2)), "trim takes text, but boolean gives boolean"),
    ],
)
def test_a_step_that_cannot_take_what_the_one_before_gives_is_told(chain: tuple[Call, ...], message: str) -> None:
    assert [(rule, said) for rule, said, _ in findings(*chain)] == [("transform/type", message)]


@pytest.mark.parametrize(
    "chain",
    [
        (Call("trim"), Call("decimal"), Call("multiply", {"places": 2}), Call("to_text")),
        (Call("trim"), Call("concat", ", "), Call("upper")),
        (Call("split", ","), Call("trim"), Call("concat", ";")),
        (Call("date", "%d.%m.%Y"), Call("replace", {"find": "-"})),
        (Call("lookup", "flags"), Call("boolean")),
        (Call("datetime", {"zone": "UTC"}), Call("date_of", "UTC"), Call("date_text", "%d.%m.%Y")),
    ],
)
def test_steps_that_may_fit_pass_the_check(chain: tuple[Call, ...]) -> None:
    assert findings(*chain) == []


# Inverting -------------------------------------------------------------------------------------------------


def test_a_chain_that_only_normalises_needs_no_way_back() -> None:
    assert invert((Call("trim"), Call("collapse_spaces"), Call("email")), CONTEXT) == ()


def test_the_way_back_goes_through_the_steps_in_reverse_and_keeps_their_places() -> None:
    chain = (Call("trim"), Call("to_number"), Call("multiply", 100, AT))
    assert invert(chain, CONTEXT) == (Call("multiply", {"by": Decimal("0.01")}, AT), Call("to_text"))


@pytest.mark.parametrize(
    "call",
    [
        Call("round", 2), Call("truncate", 5), Call("strip_diacritics"), Call("decimal", 2), Call("multiply", 3),
        Call("multiply", 0), Call("multiply", {"by": 2, "places": 2}), Call("multiply"), Call("add"), Call("boolean"),
        Call("concat", ", "), Call("domain"), Call("date_text", "%d.%m.%y"), Call("date_of", "UTC"), Call("title"),
        Call("datetime_text", {"format": "%d.%m.%Y %H:%M", "zone": "UTC"}), Call("default", ""), Call("constant", 1),
        Call("phone", {"extension": "drop"}), Call("replace", {"find": "a"}),
    ],
    ids=str,
)  # fmt: skip
def test_there_is_no_way_back_where_more_than_spelling_was_lost(call: Call) -> None:
    assert invert((Call("trim"), call, Call("trim")), CONTEXT) is None


# Own transforms ---------------------------------------------------------------------------------------------

PLUGIN = """
from crmsync.core.values import Transform

def build(args, context):
    return lambda value: value[::-1]

MIRROR = Transform("mirror", "Backwards.", "text", "text", build)
TRIM = Transform("trim", "Ours.", "text", "text", build)
NOTHING = 5
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a package with one entry point, as pip leaves it on disk."""
    (tmp_path / "own_transforms.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def installed(point: str) -> None:
        folder = tmp_path / "own_transforms-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own-transforms\nVersion: 1.0\n", "utf-8")
        (folder / "entry_points.txt").write_text(f"[crmsync.transforms]\n{point}\n", "utf-8")
        invalidate_caches()
        registry.cache_clear()

    yield installed
    registry.cache_clear()
    sys.modules.pop("own_transforms", None)


def test_an_installed_package_adds_its_transform(install: Callable[[str], None]) -> None:
    install("mirror = own_transforms:MIRROR")
    assert "mirror" in registry()
    assert run(["abc", None], Call("mirror"), Call("upper")) == ["CBA", None]
    assert findings(Call("mirorr"))[0][2] == "did you mean 'mirror'?"


def test_an_installed_package_cannot_take_the_name_of_another_transform(install: Callable[[str], None]) -> None:
    install("trim = own_transforms:TRIM")
    with pytest.raises(Misuse, match=r"entry point trim of crmsync.transforms: the name trim is taken"):
        registry()


def test_an_entry_point_that_names_no_transform_is_refused(install: Callable[[str], None]) -> None:
    install("nothing = own_transforms:NOTHING")
    with pytest.raises(Misuse, match="own_transforms:NOTHING is no Transform"):
        registry()


def test_the_registry_is_sorted_and_cannot_be_changed() -> None:
    assert list(registry()) == sorted(registry())
    with pytest.raises(TypeError):
        registry()["own"] = registry()["trim"]  # type: ignore[index]  # that is the point


def test_a_table_that_is_not_there_is_told_before_a_run() -> None:
    empty = Context(source="crm", target="pm")
    assert findings(Call("lookup", "statuses"), context=empty)[0] == (
        "lookup/unknown-table", "there is no reference table 'statuses'", "write it into mappings/reference/",
    )  # fmt: skip
    table = Table("statuses", ("crm", "erp"), ())
    other = Context({"statuses": table}, "crm", "pm")
    assert findings(Call("lookup", "statuses"), context=other)[0] == (
        "lookup/unknown-column", "statuses has no column 'pm'", "it has: crm, erp; name one with `from` or `to`",
    )  # fmt: skip
