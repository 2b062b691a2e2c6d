"""Which numbers does a company bear in registers, and do two companies bear the same?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.pl import nip

from crmsync.core.match.compare.company_id import company_id, gauge, keys, reason
from crmsync.core.match.compare.laws import rarity
from crmsync.core.match.compare.registers import is_told

CASES = {
    "IČO": ("31333532", "ico:31333532"),
    "IČO with blanks": ("31 333 532", "ico:31333532"),
    "IČO with dots": ("31.333.532", "ico:31333532"),
    "IČO with label": ("IČO: 31333532", "ico:31333532"),
    "IČO with label, no diacritics": ("ICO 31333532", "ico:31333532"),
    "IČO with label, English": ("IC:31333532", "ico:31333532"),
    "IČO with country": ("SK31333532", "ico:31333532"),
    "IČO with leading zeros": ("00006947", "ico:00006947"),
    "IČO without its leading zeros": ("6947", "ico:00006947"),
    "IČO in Arabic digits": ("٣١٣٣٣٥٣٢", "ico:31333532"),
    "Czech DIČ of a company": ("CZ25286366", "ico:25286366"),
    "Czech DIČ of a company, label": ("DIČ: CZ25286366", "ico:25286366"),
    "Czech DIČ of a person": ("CZ640903926", "cz.dic:640903926"),
    "Slovak VAT": ("SK2022749619", "sk.dic:2022749619"),
    "Slovak VAT with blanks": ("SK 202 274 96 19", "sk.dic:2022749619"),
    "Slovak DIČ": ("DIČ: 2022749619", "sk.dic:2022749619"),
    "Slovak DIČ, label of VAT": ("IČ DPH: SK2022749619", "sk.dic:2022749619"),
    "Slovak DIČ alone": ("2022749619", "sk.dic:2022749619"),
    "NIP": ("856-734-62-15", "nip:8567346215"),
    "NIP with label": ("NIP 8567346215", "nip:8567346215"),
    "Polish VAT": ("PL8567346215", "nip:8567346215"),
    "REGON": ("192598184", "regon:192598184"),
    "REGON with label": ("REGON: 192598184", "regon:192598184"),
    "REGON of a branch": ("12345678512347", "regon:123456785"),
    "KRS": ("KRS 0000123456", "krs:0000123456"),
    "KRS alone": ("0000123456", "krs:0000123456"),
    "adószám": ("12892312-2-42", "hu:12892312"),
    "adószám with label": ("Adószám: 12892312-2-42", "hu:12892312"),
    "Hungarian VAT": ("HU12892312", "hu:12892312"),
    "Austrian VAT": ("ATU13585627", "at.uid:13585627"),
    "Austrian VAT with blank": ("AT U13585627", "at.uid:13585627"),
    "Firmenbuch": ("FN 122119m", "at.fn:122119m"),
    "German VAT": ("DE 136695976", "de.vat:136695976"),
    "British VAT": ("GB980780684", "gb.vat:980780684"),
    "French VAT": ("FR40303265045", "fr.vat:40303265045"),
    "Dutch VAT": ("NL4495445B01", "nl.vat:4495445b01"),
    "Greek VAT": ("GR094259216", "el.vat:094259216"),
    "Spanish VAT": ("ESA13585625", "es.vat:a13585625"),
    "EIN": ("91-1144442", "us.ein:911144442"),
    "EIN with label": ("EIN 911144442", "us.ein:911144442"),
    "German VAT, label": ("USt-IdNr. DE136695976", "de.vat:136695976"),
    "German VAT, short label": ("USt-ID: DE 136 695 976", "de.vat:136695976"),
    "German VAT, long label": ("Umsatzsteuer-Identifikationsnummer: DE136695976", "de.vat:136695976"),
    "German VAT, label without country": ("USt-IdNr. 136695976", "de.vat:136695976"),
    "German VAT alone": ("136695976", "de.vat:136695976"),
    "German VAT with register": ("HRB 12345, USt-IdNr. DE136695976", "de.vat:136695976"),
    "German VAT and register without comma": ("DE136695976 HRB 12345", "de.vat:136695976"),
    "UID": ("UID ATU13585627", "at.uid:13585627"),
    "UID, number": ("UID-Nr.: ATU13585627", "at.uid:13585627"),
    "UID without country": ("UID 13585627", "at.uid:13585627"),
    "UID alone": ("U13585627", "at.uid:13585627"),
    "UID with blanks": ("U 135 856 27", "at.uid:13585627"),
    "Austrian VAT without U": ("AT13585627", "at.uid:13585627"),
    "Swiss UID": ("UID CHE-100.155.212", "ch.uid:100155212"),
    "Firmenbuch alone": ("122119m", "at.fn:122119m"),
    "adószám with blanks": ("12892312 2 42", "hu:12892312"),
    "adószám in one": ("12892312242", "hu:12892312"),
    "adószám with country": ("HU12892312-2-42", "hu:12892312"),
    "Hungarian VAT, label": ("Közösségi adószám: HU12892312", "hu:12892312"),
    "British VAT, label": ("VAT Reg No GB 980 7806 84", "gb.vat:980780684"),
    "British VAT alone": ("980780684", "gb.vat:980780684"),
    "Polish VAT, label": ("VAT UE: PL8567346215", "nip:8567346215"),
    "Slovak VAT, English label": ("VAT No. SK2022749619", "sk.dic:2022749619"),
    "Czech VAT without country": ("VAT 25286366", "ico:25286366"),
    "Tax ID": ("Tax ID: 91-1144442", "us.ein:911144442"),
    "two numbers": ("IČO: 31333532, DIČ: 2022749619", "ico:31333532,sk.dic:2022749619"),
    "two numbers with a slash": ("31333532/2022749619", "ico:31333532,sk.dic:2022749619"),
    "two numbers without comma": ("IČO 31333532 DIČ 2022749619", "ico:31333532,sk.dic:2022749619"),
    "the same twice": ("25286366, CZ25286366", "ico:25286366"),
}
NOTHING = ["", " ", "0", "-", "nemá", "n/a", "bez ičo", "00000000", "12345678", "11111111", "99999999", "12345679",
           "00000001",
           "31333533", "SK2022749618", "PL8567346216", "HRB 12345", "x", "1" * 10_000, "x" * 10_000, "IČO", "123",
           "1234567890", "0000000000", "tel. 0905123456", "911144442",
           "Tax ID 136695976", "VAT 123456785", "UID 31333532", "Cg. 01-09-123456", "Steuernummer 143/815/08154",
           "143/815/08154", "12892312", "13585627", "12892312942", "00000000-0-00", "12345678-1-41", "12a",
           "USt-IdNr. DE136695977", "ATU00000000", "DE123456789", "CZ00000000", "😀"]  # fmt: skip


@pytest.mark.parametrize(("text", "normal"), CASES.values(), ids=CASES)
def test_valid_numbers_are_told_by_register(text: str, normal: str) -> None:
    assert company_id(text) == normal
    assert company_id(normal) == normal


@pytest.mark.parametrize("text", NOTHING, ids=[text[:20] or "empty" for text in NOTHING])
def test_a_wrong_or_made_up_number_is_evidence_of_nothing(text: str) -> None:
    assert company_id(text) is None


def likeness(first: str, second: str) -> float:
    return float(gauge([first, second], rarity)(np.array([0]), np.array([1]))[0][0])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("ico:31333532", "ico:31333532", 1.0),
        ("ico:31333532", "ico:31333523", 0.5),
        ("ico:31333532", "ico:31338532", 0.5),
        ("ico:31333532", "ico:25286366", 0.0),
        ("ico:31333532,sk.dic:2022749619", "sk.dic:2022749619", 1.0),
        ("ico:25286366,sk.dic:2022749619", "ico:31333532,sk.dic:2022749619", 1.0),
        ("ico:25286366,ico:31333532", "ico:31333532", 1.0),
        ("ico:25286366,ico:31333532", "ico:31333523", 0.5),
        ("ico:25286366,ico:31333532", "ico:00006947", 0.0),
        ("nip:8567346215,regon:192598184", "nip:9955597973,regon:192598184", 1.0),
    ],
)
def test_two_numbers_of_a_register_are_equal_one_slip_apart_or_different(
    first: str, second: str, expected: float
) -> None:
    assert likeness(first, second) == expected


def test_numbers_of_two_registers_say_nothing_about_each_other() -> None:
    assert np.isnan(likeness("ico:31333532", "nip:8567346215"))


def test_every_number_is_a_key() -> None:
    assert list(keys("ico:31333532,sk.dic:2022749619", rarity)) == ["ico:31333532", "sk.dic:2022749619"]


@pytest.mark.parametrize(
    ("first", "second", "features", "said"),
    [
        ("ico:31333532", "ico:31333532", [1.0], "the same ico 31333532"),
        ("ico:31333532", "ico:25286366", [0.0], "ico 31333532 against ico 25286366"),
        ("ico:31333532", "ico:31333523", [0.5], "ico 31333532 against ico 31333523, one slip apart"),
        ("ico:31333532", "nip:8567346215", [float("nan")], "no register in common"),
    ],
)
def test_the_reason_names_register_and_number(first: str, second: str, features: list[float], said: str) -> None:
    assert reason(first, second, features) == said


@pytest.mark.parametrize("other", ["cz.dic:640903926", "cz.dic:640903927", "cz.dic:710319274"])
def test_a_birth_number_is_never_said(other: str) -> None:
    said = reason("cz.dic:640903926", other, [likeness("cz.dic:640903926", other)])
    assert "cz.dic" in said
    assert not any(char.isdigit() for char in said)


@given(st.integers(0, 9_999_999))
def test_an_ico_is_read_however_it_is_written(number: int) -> None:
    seven = f"{number:07}"
    check = (11 - sum(int(digit) * weight for digit, weight in zip(seven, range(8, 1, -1), strict=True)) % 11) % 10
    ico = f"{seven}{check}"
    written = [ico, f"IČO: {ico}", f"SK{ico}", f"{ico[:3]} {ico[3:6]} {ico[6:]}", f"CZ {ico}"]
    assert len({company_id(each) for each in written}) == 1


pieces = st.sampled_from(["31333532", "SK", "CZ", "2022749619", "856-734-62-15", "IČO", ":", " ", ",", "/", "FN",
                          "122119m",
                          "ico:", "nip:", "0", "HU12892312", "12892312-2-42", "ESA13585625", "x"])  # fmt: skip


@given(st.lists(pieces | st.text(max_size=5), max_size=8).map("".join))
def test_normal_numbers_are_themselves(text: str) -> None:
    normal = company_id(text)
    assert normal is None or company_id(normal) == normal


@given(st.from_regex(r"\A[0-9]{10}\Z"))
def test_a_nip_is_what_python_stdnum_takes_for_one(number: str) -> None:
    assert (f"nip:{number}" in (company_id(f"NIP {number}") or "")) == (nip.is_valid(number) and is_told(number))


def test_numbers_of_stopgaps_are_told_by_no_digit() -> None:
    assert [is_told(number) for number in ("00000000", "7777", "12345678", "31333532", "")] == [
        False, False, False, True, False,
    ]  # fmt: skip
