"""What names a company, once legal form, branch and notes are told apart?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.compare.company_name import NOTES, company_name, core_of, form_of

CASES = {
    "Slovak": ("Železničná spoločnosť Slovensko, a. s.", "zeleznicna spolocnost slovensko|as|"),
    "Czech": ("OBORA, spol. s r.o.", "obora|sro|"),
    "Czech, abbreviated": ("ČSOB Stavební spořitelna, a.s.", "csob stavebni sporitelna|as|"),
    "Polish": ("Zakład Stolarski „Dąb” Sp. z o.o.", "zaklad stolarski dab|spzoo|"),
    "Polish, limited partnership": ("Kowalski Meble Sp. z o.o. Sp. k.", "kowalski meble|spzook|"),
    "German": ("Müller & Söhne GmbH & Co. KG", "muller sohne|gmbhkg|"),
    "Austrian": ("Holzbau Pichler Ges.m.b.H.", "holzbau pichler|gmbh|"),
    "Hungarian": ("Kovács és Társa Bt.", "kovacs tarsa|bt|"),
    "British": ("Smith & Sons (Bakers) Ltd.", "smith sons bakers|ltd|"),
    "American": ("Int'l Business Machines Corp.", "international business machines|corp|"),
    "Cyrillic, form first": ("ООО «Ромашка»", "romashka|ooo|"),
    "Japanese": ("Toyota Kabushiki Kaisha", "toyota|kk|"),
    "Mexican": ("Cemex, S.A.B. de C.V.", "cemex|sadecv|"),
    "form first": ("s.r.o. Kovoplast", "kovoplast|sro|"),
    "form first, foundation": ("Fundacja Zdrowie", "zdrowie|fundacja|"),
    "form inside": ("ABC s.r.o. Žilina", "abc zilina|sro|"),
    "form glued": ("SiemensAG", "siemens|ag|"),
    "article": ("The Goldman Sachs Group, Inc.", "goldman sachs group|inc|"),
    "and between letters": ("H and M Hennes and Mauritz AB", "hm hennes mauritz|ab|"),
    "form at both ends": ("JSC Tactical Missiles Corporation", "tactical missiles|ao|"),
    "form cut off": ("Zemědělské zásobování, společnost s ruče", "zemedelske zasobovani|sro|"),
    "form cut off, Polish": ("Kowalski, spółka z ograniczoną odpo", "kowalski|spzoo|"),
    "letters like a state": ("S T A M I L spol. s r.o.", "stamil|sro|"),
    "member of an association": ("Pionýr, z.s. - Pionýrská skupina Svidník", "pionyr zs pionyrska skupina svidnik||"),
    "form cut to its first words": ("Kovo Nitra, spol. s", "kovo nitra|sro|"),
    "association before a dash": ("Občanské sdružení - Spolek dívek", "spolek divek|oz|"),
    "British spelling": ("World Health Organisation", "world health organization||"),
    "two forms": ("Ford Motor Company, Inc.", "ford motor|inc|"),
    "no form": ("Bank of the West", "bank of west||"),
    "form in capitals": ("INZINIERING NOKGROUP SENICA S.R.O.", "inziniering nokgroup senica|sro|"),
    "cooperative is part of the name": ("Zemědělské družstvo Podchlumí", "zemedelske druzstvo podchlumi||"),
    "cooperative is the form": ("Jednota Nitra, družstvo", "jednota nitra|druzstvo|"),
    "and company": ("Novák a spol., s.r.o.", "novak|sro|"),
    "and": ("Novák a syn, s.r.o.", "novak syn|sro|"),
    "ampersand for and": ("Novák & syn, s.r.o.", "novak syn|sro|"),
    "i for and": ("Kovo i Drewno S.C.", "kovo drewno|sc|"),
    "initials": ("I.B.M. Slovensko spol. s r. o.", "ibm slovensko|sro|"),
    "initials with ampersand": ("J&T Banka, a.s.", "jt banka|as|"),
    "initials with ampersand and blanks": ("J & T Banka, a.s.", "jt banka|as|"),
    "AT&T": ("AT&T Inc.", "att|inc|"),
    "roman number": ("Reality Fond II, s.r.o.", "reality fond 2|sro|"),
    "spelled number": ("Fond Two", "fond 2||"),
    "ordinal": ("První brněnská strojírna", "1 brnenska strojirna||"),
    "ordinal, English": ("1st National Bank", "1 national bank||"),
    "ordinal with dot": ("1. brněnská strojírna", "1 brnenska strojirna||"),
    "quotation marks": ("Reštaurácia „U Zlatého leva“", "restauracia u zlateho leva||"),
    "in liquidation": ("ABC s.r.o. v likvidácii", "abc|sro|likvidacia"),
    "in liquidation, Czech": ("ABC s.r.o. - v likvidaci", "abc|sro|likvidacia"),
    "in liquidation, Polish": ("ABC sp. z o.o. w likwidacji", "abc|spzoo|likvidacia"),
    "in liquidation, German": ("ABC GmbH i.L.", "abc|gmbh|likvidacia"),
    "bankrupt": ("ABC, a.s. v konkurze", "abc|as|konkurz"),
    "note in brackets": ("Slovenská sporiteľňa, a.s. (klient)", "slovenska sporitelna|as|klient"),
    "note behind a dash": ("Kovoplast s.r.o. - fakturácia", "kovoplast|sro|fakturacia"),
    "note at the end": ("Kovoplast TEST", "kovoplast||test"),
    "note in front": ("NEPLATIŤ - Kovoplast", "kovoplast||neplatit"),
    "two notes": ("Kovoplast s.r.o. v likvidácii (klient)", "kovoplast|sro|klient likvidacia"),
    "star": ("KovoPlast*", "kovoplast||"),
    "branch behind a dash": ("ABC, s. r. o. - Prevádzka Košice", "abc|sro|kosice prevadzka"),
    "branch behind a slash": ("ABC s.r.o. / prevádzka Žilina", "abc|sro|prevadzka zilina"),
    "branch behind a comma": ("ABC s.r.o., pobočka Trnava", "abc|sro|pobocka trnava"),
    "branch, Polish": ("ABC sp. z o.o. Oddział w Krakowie", "abc|spzoo|krakowie oddzial w"),
    "branch, German": ("ABC GmbH Niederlassung Wien", "abc|gmbh|niederlassung wien"),
    "plant": ("Siemens, s.r.o., odštěpný závod", "siemens|sro|odstepny zavod"),
    "organisational unit": ("DHL Express, organizačná zložka", "dhl express||organizacna zlozka"),
    "branch is the name": ("Prevádzka U Janka", "prevadzka u janka||"),
    "former name": ("ABC s.r.o. (predtým XYZ, a.s.)", "abc|sro|a predtym s xyz"),
    "former name, Czech": ("ABC s.r.o. (dříve Kovo)", "abc|sro|drive kovo"),
    "former name, English": ("ABC Ltd formerly Blue Bird", "abc|ltd|bird blue formerly"),
    "trading as": ("XYZ Ltd t/a Blue Bird", "xyz|ltd|bird blue dba"),
    "trade name behind a complete name": ("ABC s.r.o. - Kaviareň Luna", "abc|sro|kaviaren luna"),
    "dash inside a name": ("Novák - Obchod, s.r.o.", "novak obchod|sro|"),
    "person before company": ("Ján Novák - STAVMONT", "jan novak stavmont||"),
    "academic title": ("Ing. Ján Novák", "jan novak||"),
    "title that is a bank": ("ING Bank N.V.", "ing bank|nv|"),
    "country in brackets": ("Tesco Stores (SR), a.s.", "tesco stores sr|as|"),
    "form is the name": ("Vos", "vos||"),
    "spa is no form": ("Hotel & Spa", "hotel spa||"),
    "mojibake": ("Å½elezniÄ\x8dnÃ¡ a.s.", "zeleznicna|as|"),
    "right to left": ("שלום בע״מ", "slvm vm||"),
    "emoji": ("😀 Pizza 🍕", "pizza||"),
    "one letter": ("a", "a||"),
    "pipes": ("Kovo | Plast", "kovo plast||"),
}
NOTHING = [
    "",
    " ",
    "-",
    "***",
    "s.r.o.",
    "Kft.",
    "sp. z o.o.",
    "TEST",
    "(klient)",
    "NEPLATIŤ",
    "|||",
    "😀",
    "GmbH & Co. KG",
]
SAME = [
    ["Kovoplast, s.r.o.", "KOVOPLAST s. r. o.", "Kovoplast spol. s r.o.", "kovoplast SRO", '"Kovoplast" s.r.o.'],
    [
        "Kowalski i syn sp. z o.o.",
        "KOWALSKI & SYN SP. Z O.O.",
        "Kowalski & Syn spółka z ograniczoną odpowiedzialnością",
    ],
    ["První stavební a.s.", "1. stavební, akciová společnost", "PRVNÍ STAVEBNÍ A.S."],
    ["Müller GmbH", "MULLER G.m.b.H.", "Müller Gesellschaft mit beschränkter Haftung"],
]


@pytest.mark.parametrize(("text", "normal"), CASES.values(), ids=CASES)
def test_a_company_name_is_told_apart(text: str, normal: str) -> None:
    assert company_name(text) == normal


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_no_company_is_evidence_of_nothing(text: str) -> None:
    assert company_name(text) is None


@pytest.mark.parametrize("spellings", SAME, ids=[spellings[0] for spellings in SAME])
def test_spellings_of_one_name_are_one_normal_name(spellings: list[str]) -> None:
    assert len({company_name(each) for each in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bank of the West", "Bank of the East"),
        ("Kovo Holding a.s.", "Kovo Servis a.s."),
        ("Kovo Slovakia s.r.o.", "Kovo Polska sp. z o.o."),
        ("Fond II", "Fond III"),
    ],
)
def test_sisters_of_one_holding_stay_two_names(one: str, other: str) -> None:
    assert core_of(company_name(one) or "") != core_of(company_name(other) or "")


def test_core_and_form_are_read_from_a_normal_name() -> None:
    assert (core_of("jt banka|as|klient"), form_of("jt banka|as|klient")) == ("jt banka", "as")


def test_a_name_of_ten_thousand_characters_is_cut() -> None:
    assert len(company_name("Kovo " * 2_000) or "") < 500


pieces = st.sampled_from(
    ["Kovo", "Plast", "a", "i", "&", "s.r.o.", "s", "r", "o", "AG", "GmbH", "sp. z o.o.", "-", "(", ")", "/", ",", "|",
     "co",
     "TEST", "v", "likvidácii", "pobočka", "Košice", "II", "1st", "x", "družstvo", "predtým", "t/a", *NOTES]
)  # fmt: skip


@given(st.lists(pieces | st.text(max_size=8), max_size=12).map(" ".join) | st.text(max_size=40))
def test_a_normal_name_is_itself_and_has_a_core(text: str) -> None:
    normal = company_name(text)
    if normal is not None:
        assert company_name(normal) == normal
        assert core_of(normal)
