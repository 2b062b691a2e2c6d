"""What does each kind of transform do, beyond the laws and the examples of its page?"""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import Call, Json, Table
from crmsync.core.values import Context, Unfit, check_chain, compile_chain, invert
from crmsync.core.values.company import COUNTRIES
from crmsync.core.values.laws import same
from crmsync.core.values.lookup import loads
from tests.core.values.drawn import CONTEXT


def run(value: Json, name: str, args: Json = None, context: Context = CONTEXT) -> Json:
    return compile_chain((Call(name, args),), context)(value)


def misfit(value: Json, name: str, args: Json = None, context: Context = CONTEXT) -> Unfit:
    with pytest.raises(Unfit) as caught:
        run(value, name, args, context)
    return caught.value


# Text ------------------------------------------------------------------------------------------------------

LETTERS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]


@pytest.mark.parametrize("name", ["upper", "lower", "strip_diacritics", "trim", "collapse_spaces"])
def test_no_letter_of_unicode_changes_twice(name: str) -> None:
    step = compile_chain((Call(name),), CONTEXT)
    assert [letter for letter in LETTERS if step(step(letter)) != step(letter)] == []


@given(st.text(), st.integers(1, 20))
def test_truncated_text_is_a_beginning_of_bounded_length(text: str, length: int) -> None:
    short = run(text, "truncate", length)
    assert text.startswith(short)
    assert len(short) == min(length, len(text))


@given(st.text())
def test_collapsed_text_has_no_two_spaces_in_a_row(text: str) -> None:
    assert run(text, "collapse_spaces").split() == text.split()
    assert "  " not in run(text, "collapse_spaces")


def test_strip_diacritics_leaves_other_scripts_whole() -> None:
    assert run("Ďuriš, Żółć, Œuvre ß हिन्दी", "strip_diacritics") == "Duris, Zolc, Œuvre ß हिन्दी"


def test_title_minds_apostrophes_and_hyphens() -> None:
    assert run("o'neil-SMITH  nováková", "title") == "O'neil-Smith  Nováková"


# Numbers ---------------------------------------------------------------------------------------------------


@given(st.decimals(-(10**15), 10**15, places=6), st.integers(-6, 8))
def test_rounding_moves_a_number_by_at_most_half_a_unit(number: Decimal, places: int) -> None:
    with localcontext(prec=60):
        assert abs(run(number, "round", places) - number) <= Decimal(1).scaleb(-places) / 2


@given(st.lists(st.integers() | st.decimals(-(10**15), 10**15, places=4), max_size=5))
def test_a_sum_and_a_product_are_exact(numbers: list[int | Decimal]) -> None:
    with localcontext(prec=500):
        product = Decimal(1)
        for number in numbers:
            product *= number
        assert run(numbers, "add") == sum(numbers)
        assert run(numbers, "multiply") == product


def test_a_product_is_not_cut_to_28_digits() -> None:
    assert run(Decimal("1." + "3" * 40), "multiply", 3) == Decimal("3." + "9" * 40)


def test_places_make_a_decimal_with_just_these_places() -> None:
    assert str(run(5, "round", 2)) == "5.00"
    assert str(run("1000", "decimal", 2)) == "1000.00"
    assert str(run([Decimal("1.005"), 1], "multiply", {"places": 2})) == "1.00"
    assert str(run([Decimal("1.015"), 1], "multiply", {"places": 2})) == "1.02"


def test_a_whole_result_without_places_is_an_int() -> None:
    assert [type(run(value, "round", 0)) for value in (5, Decimal("4.7"), "12.00")] == [int, int, int]
    assert type(run(Decimal("12.50"), "multiply", 100)) is int
    assert repr(run(15499, "round", -3)) == "15000"


def test_rounding_gives_no_negative_zero() -> None:
    assert str(run(Decimal("-0.001"), "round", 2)) == "0.00"


@pytest.mark.parametrize(
    "value",
    [
        True,
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1e101"),
        10**100,
        Decimal("1e-101"),
        "1e999999999",
        "NaN",
        " 1",
        "1_000",
        "٣",
        "0x10",
        "",
        "1,5",
        "+1",
        "007",
        {},
        [[1]],
        0.5,
    ],
)
def test_what_is_no_plain_bounded_number_is_a_misfit(value: Json) -> None:
    assert "expected a number" in str(misfit(value, "to_number"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 234 567,5", "1234567.5"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234", "1234"),
        ("-1234,5", "-1234.5"),
        ("\u22121 234,5", "-1234.5"),
        (" +7 ", "7"),
        ("0012", "12"),
        ("0,10", "0.10"),
    ],
)
def test_decimal_reads_what_people_write(text: str, number: str) -> None:
    assert run(text, "decimal", {"decimal": ",", "thousands": " "}) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["1 23,5", "12 3456", "1  234", "1.5", "1,5,5", "1 234 ,5", ",5", "5,", "12,345 678", "", "-", "9" * 300]
)
def test_decimal_refuses_what_may_mean_two_things(text: str) -> None:
    assert str(misfit(text, "decimal", {"decimal": ",", "thousands": " "})).endswith("or text like # ###,##")


def test_numbers_pass_decimal_whatever_the_separators() -> None:
    assert run([5, Decimal("1.5")], "decimal", {"decimal": ",", "thousands": "."}) == [5, Decimal("1.5")]


@given(
    st.integers() | st.decimals(-(10**12), 10**12, places=3),
    st.sampled_from([(",", " "), (",", "."), (".", ","), (".", "'")]),
)
def test_text_of_a_number_is_read_as_that_number(number: int | Decimal, marks: tuple[str, str]) -> None:
    args = {"decimal": marks[0], "thousands": marks[1]}
    assert run(run(number, "to_text", args), "decimal", args) == number


def test_by_counts_with_each_number_of_a_list() -> None:
    assert run([1, "2.5", None, 0], "multiply", {"by": 2, "places": 1}) == [2, 5, None, 0]
    assert run([1, None, 0], "add", 10) == [11, None, 10]


def test_a_product_of_too_many_digits_is_a_misfit() -> None:
    assert "at most 1000 digits" in str(misfit([10**99 + 1] * 12, "multiply"))
    assert "at most 100 digits" in str(misfit([10**99, 10], "multiply"))


# Booleans --------------------------------------------------------------------------------------------------


def test_every_spelling_of_five_languages_is_read() -> None:
    yes, no = (
        ["áno", "ano", "Tak", "JA", "yes", "true", "1", 1, Decimal("1.0")],
        ["nie", "ne", "NEIN", " no ", "false", "0", 0],
    )
    assert run(yes, "boolean") == [True] * len(yes)
    assert run(no, "boolean") == [False] * len(no)
    others: list[Json] = ["", "2", 2, "n", {}, Decimal("0.5")]
    for value in others:
        assert "expected a boolean or one of its" in str(misfit(value, "boolean"))


def test_only_a_boolean_is_spelled() -> None:
    for value in (1, "true", 0):
        assert "expected a boolean, got" in str(misfit(value, "boolean_text", {"true": "A", "false": "N"}))


# Dates and moments -----------------------------------------------------------------------------------------

ZONES = ["Europe/Bratislava", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
recent = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)).map(lambda naive: naive.replace(microsecond=0))  # noqa: DTZ001


@given(recent, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_a_moment_stays_the_same_moment_in_every_zone(naive: datetime, one: str, two: str) -> None:
    moment = naive.replace(tzinfo=UTC)
    there = run(moment.isoformat(), "datetime", {"to": one})
    assert datetime.fromisoformat(there) == moment
    assert run(run(there, "datetime", {"to": two}), "datetime", {"to": "UTC"}) == moment.isoformat()
    assert run(there, "date_of", two) == moment.astimezone(ZoneInfo(two)).date().isoformat()


@given(recent, st.sampled_from(ZONES), st.sampled_from(["first", "second"]), st.sampled_from(["earlier", "later"]))
def test_a_local_time_is_read_as_the_zone_database_says(naive: datetime, zone: str, fold: str, gap: str) -> None:
    read = datetime.fromisoformat(run(naive.isoformat(), "datetime", {"zone": zone, "fold": fold, "gap": gap}))
    candidates = sorted({naive.replace(tzinfo=ZoneInfo(zone), fold=side).astimezone(UTC) for side in (0, 1)})
    real = [moment for moment in candidates if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == naive]
    if not real:
        assert read == candidates[0 if gap == "earlier" else -1]
    else:
        assert read == real[0 if fold == "first" else -1]


JUMPS = {"gap": "2024-03-31T02:30:00", "fold": "2024-10-27T02:30:00"}


@pytest.mark.parametrize(
    ("case", "rule", "moment"),
    [
        ("gap", "earlier", "2024-03-31T01:30:00+01:00"),
        ("gap", "later", "2024-03-31T03:30:00+02:00"),
        ("fold", "first", "2024-10-27T02:30:00+02:00"),
        ("fold", "second", "2024-10-27T02:30:00+01:00"),
    ],
)
def test_a_jump_of_the_clock_follows_its_rule_and_is_refused_without_one(case: str, rule: str, moment: str) -> None:
    assert run(JUMPS[case], "datetime", {"zone": "Europe/Bratislava", case: rule}) == moment
    assert f"`{case}:` says which is meant" in str(misfit(JUMPS[case], "datetime", {"zone": "Europe/Bratislava"}))


def test_exact_notices_the_second_of_two_equal_hours() -> None:
    args = {"zone": "Europe/Bratislava", "fold": "first", "exact": True}
    assert run("2024-10-27T02:30:00+02:00", "datetime_text", args) == "2024-10-27T02:30:00"
    assert "hold without loss" in str(misfit("2024-10-27T02:30:00+01:00", "datetime_text", args))
    assert run("2024-10-27T02:30:00+01:00", "datetime_text", {"zone": "Europe/Bratislava"}) == "2024-10-27T02:30:00"


def test_a_whole_format_leads_back_without_exact() -> None:
    form = "%Y-%m-%d %H:%M:%S.%f %z"
    assert invert((Call("datetime_text", form),), CONTEXT) == (
        Call("datetime", {"format": form, "gap": "reject", "fold": "reject"}),
    )
    assert run("2024-05-31T10:00:00.5-03:30", "datetime_text", form) == "2024-05-31 10:00:00.500000 -0330"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-31 10:00:00+02", "2024-05-31T10:00:00+02:00"),
        ("2024-05-31T10:00Z", "2024-05-31T10:00:00+00:00"),
        ("2024-05-31T10:00:00.1234567Z", None),
        ("2024-05-31T10:00:00.1234560Z", "2024-05-31T10:00:00.123456+00:00"),
        ("2024-05-31T10:00:000Z", None),
        ("2024-05-31", None),
        ("20240531T100000Z", None),
        ("2024-05-31T24:00:00Z", None),
        ("2024-02-30T10:00:00Z", None),
        ("2024-05-31T10:00:00", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("9999-12-31T23:59:59-02:00", None),
        ("2024-05-31T10:00:00+25:00", None),
        ("2024-05-31T10:00:00+01:99", None),
    ],
)
def test_a_moment_is_read_from_iso_text(text: str, moment: str | None) -> None:
    assert run(text, "datetime") == moment if moment else "expected a" in str(misfit(text, "datetime"))


@given(st.dates(), st.sampled_from(["%d.%m.%Y", "%Y%m%d", "%d%m%Y", "day %d, month %m, 100%% of %Y"]))
def test_a_date_survives_its_format(day: date, form: str) -> None:
    assert run(run(day.isoformat(), "date_text", form), "date", form) == day.isoformat()


def test_two_digits_of_a_year_are_read_as_posix_does() -> None:
    assert run(["31.5.69", "31.5.68"], "date", "%d.%m.%y") == ["1969-05-31", "2068-05-31"]


@pytest.mark.parametrize("text", ["31.13.2024", "31/5/2024", "2024-05-31", "311.5.2024", ""])
def test_a_date_that_is_not_in_the_format_or_calendar_is_a_misfit(text: str) -> None:
    assert "expected a date" in str(misfit(text, "date", "%d.%m.%Y"))


def test_offsets_are_read_by_a_format() -> None:
    form = "%Y-%m-%d %H:%M %z"
    assert run("2024-05-31 10:00 Z", "datetime", form) == "2024-05-31T10:00:00+00:00"
    assert run("2024-05-31 10:00 -03:30", "datetime", form) == "2024-05-31T10:00:00-03:30"
    assert "expected a date and time" in str(misfit("2024-05-31 10:00 +9900", "datetime", form))
    assert "expected a date and time" in str(misfit("2024-05-31 10:00 +0199", "datetime", form))


def test_a_time_before_zones_kept_whole_minutes_is_a_misfit() -> None:
    assert "whole minutes" in str(misfit("1800-01-01T00:00:00Z", "datetime", {"to": "Europe/Bratislava"}))


# Contacts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "@firma.sk",
        "jana@",
        "jana@firma",
        "ja na@firma.sk",
        "jana@@firma.sk",
        "a@b@c.sk",
        ".a@firma.sk",
        "a..b@firma.sk",
        "jana@-x.sk",
        "jana@fir_ma.sk",
        f"{'a' * 65}@firma.sk",
        "žofia@firma.sk",
        5,
    ],
)
def test_what_is_no_address_is_a_misfit_of_email(text: Json) -> None:
    assert "expected" in str(misfit(text, "email"))


def test_email_keeps_plus_and_drops_the_last_dot() -> None:
    assert run("Jana+crm@Firma.SK.", "email") == "jana+crm@firma.sk"


@pytest.mark.parametrize(
    "region", ["SK", "CZ", "PL", "DE", "AT", "HU", "IT", "AR", "BR", "MX", "US", "GB", "JP", "SM", "CI"]
)
def test_numbers_are_read_as_written_at_home_and_abroad(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for form in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        assert run(phonenumbers.format_number(number, form), "phone", region) == e164
    assert run(e164, "phone") == run(e164, "phone", "SK") == e164


def test_the_country_of_the_project_is_the_region_of_a_phone() -> None:
    assert run("0905 123 456", "phone", None, Context(country="sk")) == "+421905123456"
    assert run("601 123 456", "phone", "CZ", Context(country="SK")) == "+420601123456"


def test_a_possible_number_need_not_be_in_use() -> None:
    assert "can be in use" in str(misfit("0123 456", "phone", "SK"))
    assert run("0123 4567", "phone", {"region": "SK", "check": "possible"}) == "+4211234567"
    assert "can be in use" in str(misfit("00000000", "phone", {"region": "SK", "check": "possible"}))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("HTTPS://user:pw@www.Firma.SK:8080/a?b=c#d", "firma.sk"),
        ("//firma.sk", "firma.sk"),
        ("mailto:jana@mail.firma.sk", "firma.sk"),
        ("firma.sk.", "firma.sk"),
        ("my_shop.firma.sk", "firma.sk"),
        ("www.firma.sk / kontakt", "firma.sk"),
        ("firma.github.io/x", "firma.github.io"),
        ("https://firma.sk/@user", "firma.sk"),
        ("WWW.KÔŇ.SK", "xn--k-xga6w.sk"),
        ("shop.город.рф", "xn--c1ac3aaj.xn--p1ai"),
    ],
)
def test_the_domain_is_found_in_what_people_write(text: str, domain: str) -> None:
    assert run(text, "domain") == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk",
        "co.uk",
        "s.r.o.",
        "firma.sk, firma.cz",
        "firma.sk firma.cz",
        "http:/firma.sk",
        "firma.local",
        "10.0.0.1",
        "[::1]",
        "firma..sk",
        "-.sk",
        "☃.sk/\u0000",
        "https://",
        "a@",
        5,
    ],
)
def test_what_has_no_registered_domain_is_a_misfit(text: Json) -> None:
    assert "expected" in str(misfit(text, "domain"))


def test_a_whole_host_must_be_a_proper_name() -> None:
    assert run("https://a.b.Kôň.sk/x", "domain", {"part": "host", "idn": "unicode"}) == "a.b.kôň.sk"
    assert "expected a domain" in str(misfit("my_shop.firma.sk", "domain", {"part": "host"}))


# Companies -------------------------------------------------------------------------------------------------


def check_digit(seven: str) -> int:
    """As the Czech and Slovak statistical offices word it: the remainder by 11 decides in three cases."""
    remainder = sum(int(digit) * weight for digit, weight in zip(seven, (8, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return {0: 1, 1: 0}.get(remainder, 11 - remainder)


@given(st.integers(0, 9_999_999))
def test_an_ico_has_one_check_digit_and_keeps_its_zeros(seven: int) -> None:
    body = f"{seven:07}"
    fits = [body + digit for digit in "0123456789" if digit == str(check_digit(body))]
    assert [run(ico, "company_id") for ico in fits] == fits
    assert run(fits[0].lstrip("0"), "company_id", "CZ") == run(int(fits[0]), "company_id", "SK") == fits[0]
    for digit in set("0123456789") - {fits[0][7]}:
        assert "expected an IČO" in str(misfit(body + digit, "company_id"))


@pytest.mark.parametrize("value", ["00000000", "12345678", "99999999", "0", "-", "nemá", "", "313335321", -6947, True])
def test_placeholders_are_no_company(value: Json) -> None:
    assert "expected" in str(misfit(value, "company_id"))


def test_the_project_tells_the_country_of_a_company() -> None:
    assert run("856-734-62-15", "company_id", None, Context(country="pl")) == "8567346215"
    assert run("192598184", "company_id", "PL") == "192598184"
    assert "expected a company number of PL" in str(
        misfit("8567346215", "company_id", {"country": "PL", "kind": "regon"})
    )


@pytest.mark.parametrize(
    ("country", "text", "number"),
    [
        ("AT", "FN 122119m", "122119m"),
        ("CH", "CHE-100.155.212", "CHE100155212"),
        ("DE", "Aachen HRA 11223", "Aachen HRA 11223"),
        ("HU", "HU-12892312", "12892312"),
        ("NO", "988 077 917", "988077917"),
        ("UA", "32855961", "32855961"),
        ("SE", "123456-7897", "1234567897"),
    ],
)
def test_numbers_of_other_countries_are_known(country: str, text: str, number: str) -> None:
    assert run(text, "company_id", country) == number
    assert run(number, "company_id", country) == number


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_rules_of_every_listed_country_are_there(country: str) -> None:
    assert check_chain((Call("company_id", country),), CONTEXT) == []
    assert "expected" in str(misfit("nemá", "company_id", country))


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("cz 25123891", None, "CZ25123891"),
        ("25123891", "CZ", "CZ25123891"),
        ("094259216", "GR", "EL094259216"),
        ("094259216", "EL", "EL094259216"),
        ("GR094259216", "SK", "EL094259216"),
        ("GB 980 7806 84", None, "GB980780684"),
        ("XI432525179", None, "XI432525179"),
        ("CHE-107.787.577 IVA", None, "CHE107787577IVA"),
        ("ATU13585627", "SK", "ATU13585627"),
        ("BE697449992", None, "BE0697449992"),
    ],
)
def test_a_vat_number_bears_the_prefix_of_its_country(text: str, country: str | None, number: str) -> None:
    assert run(text, "vat_id", country) == number
    assert run(number, "vat_id", country) == number


@pytest.mark.parametrize("value", ["SK2022749618", "2022749619", "", "SK", "XX123456789", "CZ", 2022749619])
def test_a_vat_number_without_prefix_or_check_is_a_misfit(value: Json) -> None:
    assert "expected a VAT number" in str(misfit(value, "vat_id"))


# Lookup ----------------------------------------------------------------------------------------------------


def table(rows: list[list[Json]], prefer: Json = None, unmapped: Json = "reject") -> Context:
    made = Table("t", ("crm", "pm"), tuple(map(tuple, rows)), prefer or {}, unmapped)
    return Context({"t": made}, "crm", "pm")


keys = st.sampled_from(["a", "b", "c", True, False, 1, 0, Decimal("2.5"), None])


@given(st.lists(st.tuples(keys, keys), unique_by=lambda row: (type(row[0]) is bool, row[0])))
def test_a_lookup_leads_back_just_where_rows_are_one_to_one(rows: list[tuple[Json, Json]]) -> None:
    context = table([list(row) for row in rows])
    back = invert((Call("lookup", "t"),), context)
    targets = {(type(target) is bool, target) for _, target in rows}
    assert (back is not None) == (len(targets) == len(rows))
    for source, target in rows:
        assert same(run(source, "lookup", "t", context), target)
        if back is not None:
            assert same(compile_chain(back, context)(target), source)


def test_several_answers_need_a_preferred_one() -> None:
    rows: list[list[Json]] = [["Won", "open"], ["Signed", "open"]]
    assert invert((Call("lookup", "t"),), table(rows)) is None
    backwards = Call("lookup", {"table": "t", "from": "pm", "to": "crm"})
    (finding,) = check_chain((backwards,), table(rows))
    assert finding.rule == "lookup/ambiguous"
    assert finding.message == 't, column pm: for "open" 2 rows answer differently'
    prefer = {"pm": {"open": "Signed"}}
    assert check_chain((backwards,), table(rows, prefer)) == []
    assert run("open", "lookup", backwards.args, table(rows, prefer)) == "Signed"
    assert invert((Call("lookup", "t"),), table(rows, prefer)) is not None


def test_a_preferred_answer_must_be_in_a_row() -> None:
    (finding,) = check_chain((Call("lookup", "t"),), table([["Won", "open"]], {"crm": {"Won": "done"}}))
    assert finding.message == 't, column crm: for "Won" the preferred answer is in no row'


def test_preferred_ways_that_lead_in_a_circle_are_no_way_back() -> None:
    rows: list[list[Json]] = [["a", 1], ["a", 2], ["b", 2]]
    assert invert((Call("lookup", "t"),), table(rows, {"crm": {"a": 1}, "pm": {2: "a"}})) is None
    assert invert((Call("lookup", "t"),), table(rows, {"crm": {"a": 1}, "pm": {2: "b"}})) is not None


def test_an_unmapped_value_is_rejected_held_or_replaced() -> None:
    rows: list[list[Json]] = [["Won", "open"]]
    assert not misfit("Lost", "lookup", "t", table(rows)).hold
    assert misfit("Lost", "lookup", "t", table(rows, unmapped="hold")).hold
    assert run("Lost", "lookup", "t", table(rows, unmapped={"value": None})) is None
    assert run("Lost", "lookup", {"table": "t", "unmapped": {"value": "x"}}, table(rows, unmapped="hold")) == "x"
    assert misfit(["Won", "Lost"], "lookup", {"table": "t", "unmapped": "hold"}, table(rows)).hold


def test_a_value_for_all_that_is_unmapped_leads_back_only_when_preferred() -> None:
    rows: list[list[Json]] = [["Won", "open"], ["Other", "rest"]]
    call = Call("lookup", {"table": "t", "unmapped": {"value": "rest"}})
    assert invert((call,), table(rows)) is None
    back = invert((call,), table(rows, {"pm": {"rest": "Other"}}))
    assert back == (Call("lookup", {"table": "t", "from": "pm", "to": "crm", "unmapped": "reject"}),)


def test_null_passes_a_lookup_unless_the_table_has_a_row_for_it() -> None:
    assert run(None, "lookup", "t", table([["a", "b"]])) is None
    assert run([None, "a"], "lookup", "t", table([["a", "b"], [None, "none"]])) == ["none", "b"]


def test_a_lookup_takes_no_object() -> None:
    assert "expected a single value, got an object" in str(misfit({"a": 1}, "lookup", "t", table([["a", "b"]])))


def test_true_is_not_looked_up_as_one_nor_in_a_system() -> None:
    assert "column crm of t" in str(misfit(True, "lookup", "t", table([[1, "one"]])))
    users = Context(entities={("pm.user", "id", "email"): {1: "jana@firma.sk"}})
    args = {"entity": "pm.user", "by": "id", "take": "email"}
    assert run(Decimal("1.0"), "lookup", args, users) == "jana@firma.sk"
    assert "expected the id of one pm.user" in str(misfit(True, "lookup", args, users))
    assert misfit(2, "lookup", {**args, "unmapped": "hold"}, users).hold


def test_what_a_chain_needs_loaded_is_known_and_missed_loudly() -> None:
    call = Call("lookup", {"entity": "pm.user", "by": "email", "take": "id"})
    assert loads((Call("trim"), call, Call("lookup", "t"))) == {("pm.user", "email", "id")}
    assert check_chain((call,), Context()) == []
    assert run(None, "lookup", call.args, Context()) is None
    with pytest.raises(KeyError):
        run("jana@firma.sk", "lookup", call.args, Context())


def test_a_lookup_in_a_system_leads_back_by_its_other_field() -> None:
    args = {"entity": "pm.user", "by": "email", "take": "id"}
    assert invert((Call("lookup", args),), CONTEXT) == (
        Call("lookup", {"entity": "pm.user", "by": "id", "take": "email"}),
    )
    assert invert((Call("lookup", {**args, "unmapped": {"value": 1}}),), CONTEXT) is None


# Null, lists, constants ------------------------------------------------------------------------------------


@given(st.lists(st.text("ab ,", max_size=4) | st.none(), min_size=2, max_size=3))
def test_a_list_that_concat_takes_by_parts_is_what_split_gives_again(parts: list[str | None]) -> None:
    args = {"separator": " ", "parts": len(parts)}
    try:
        text = run(parts, "concat", args)
    except Unfit:
        return
    assert run(text, "split", args) == (parts if text is not None else None)


@given(st.text("ab, "), st.sampled_from([",", ", ", "ab"]))
def test_text_that_is_split_is_joined_again(text: str, separator: str) -> None:
    assert run(run(text, "split", separator), "concat", separator) == text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a"], "a list of 2 elements, got 1"),
        ([None, "a"], "nulls only at the end"),
        (["a b", "c"], "do not hold the separator"),
        (["a", True], "got a boolean in it"),
        ("a b", "expected a list, got text"),
        (["a", {}], "got an object"),
    ],
)
def test_concat_by_parts_refuses_what_could_not_be_split_again(values: Json, said: str) -> None:
    assert said in str(misfit(values, "concat", {"separator": " ", "parts": 2}))


def test_concat_writes_numbers_plainly_and_nothing_as_null() -> None:
    assert run([1, Decimal("2.50"), "x"], "concat", "/") == "1/2.50/x"
    assert run([None, None], "concat", " ") is None
    assert run([], "concat", " ") == ""


def test_null_if_tells_true_from_one() -> None:
    assert run([True, 1, "1", Decimal("1.0")], "null_if", 1) == [True, None, "1", None]
    assert run([True, 1], "null_if", [True]) == [None, 1]


def test_default_and_constant_may_be_any_value() -> None:
    assert run(None, "default", {"a": [1]}) == {"a": [1]}
    assert run(["x"], "constant", {"value": 1}) == {"value": 1}
    assert run(False, "default", True) is False
