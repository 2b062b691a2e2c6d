"""Which legal form does a company name bear?"""

from __future__ import annotations

import pytest

from crmsync.core.match.compare.fold import fold
from crmsync.core.match.compare.forms import FORMS, form_at_end, form_inside, unglued

SPELLED = {
    "sro": ["s.r.o.", "s. r. o.", "S.R.O.", "sro", "s.r.o", "s r.o.", "spol. s r.o.", "spol. s r. o.", "spol.s r.o.",
            "společnost s ručením omezeným", "spoločnosť s ručením obmedzeným", "spol. s ručením obmedzeným"],
    "as": ["a.s.", "a. s.", "as", "A.S.", "A/S", "akciová spoločnosť", "akciová společnost", "akc. spol."],
    "ks": ["k.s.", "k. s.", "komanditná spoločnosť", "komanditní společnost"],
    "vos": ["v.o.s.", "v. o. s.", "verejná obchodná spoločnosť", "veřejná obchodní společnost", "ver. obch. spol."],
    "jsa": ["j.s.a.", "jednoduchá spoločnosť na akcie"],
    "sp": ["š.p.", "s. p.", "štátny podnik", "státní podnik", "n.p."],
    "druzstvo": ["družstvo", "DRUŽSTVO", "výrobní družstvo", "v.d."],
    "oz": ["o.z.", "občianske združenie", "občanské sdružení"],
    "zs": ["z.s.", "z. s.", "zapsaný spolek"],
    "no": ["n.o.", "nezisková organizácia"],
    "ops": ["o.p.s.", "obecně prospěšná společnost"],
    "zu": ["z.ú.", "zapsaný ústav"],
    "po": ["příspěvková organizace", "p.o."],
    "spzoo": ["sp. z o.o.", "Sp. z o. o.", "sp zoo", "SP. Z O.O.", "spółka z ograniczoną odpowiedzialnością",
              "spółka z o.o."],
    "spzook": ["sp. z o.o. sp. k.", "Sp. z o.o. Sp.k.", "sp. z o.o. spółka komandytowa"],
    "sa": ["S.A.", "SA", "spółka akcyjna", "Société Anonyme"],
    "psa": ["P.S.A.", "prosta spółka akcyjna"],
    "spj": ["sp. j.", "Sp.j.", "spółka jawna"],
    "spk": ["sp. k.", "spółka komandytowa"],
    "sc": ["s.c.", "spółka cywilna"],
    "gmbh": ["GmbH", "G.m.b.H.", "Ges.m.b.H.", "Gesellschaft m.b.H.", "Gesellschaft mit beschränkter Haftung", "gGmbH"],
    "gmbhkg": ["GmbH & Co. KG", "GmbH & Co KG", "GmbH u. Co. KG", "GmbH und Co. KG", "AG & Co. KG", "GmbH&Co.KG"],
    "ag": ["AG", "A.G.", "Aktiengesellschaft", "Aktiengeselschaft"],
    "kg": ["KG", "Kommanditgesellschaft", "& Co. KG"],
    "kgaa": ["KGaA", "KG a.A."],
    "ohg": ["OHG", "OG", "offene Handelsgesellschaft"],
    "ug": ["UG", "UG haftungsbeschränkt"],
    "ek": ["e.K.", "e. Kfm."],
    "ev": ["e.V.", "eingetragener Verein"],
    "kft": ["Kft.", "Kft", "KFT", "Korlátolt Felelősségű Társaság", "Nonprofit Kft."],
    "bt": ["Bt.", "Betéti Társaság"],
    "zrt": ["Zrt.", "Zártkörűen Működő Részvénytársaság", "Rt."],
    "nyrt": ["Nyrt.", "Nyilvánosan Működő Részvénytársaság"],
    "ltd": ["Ltd", "Ltd.", "Limited", "Co., Ltd.", "Co. Ltd", "Pvt. Ltd.", "Private Limited", "Company Limited"],
    "plc": ["PLC", "P.L.C.", "Public Limited Company"],
    "llp": ["LLP", "L.L.P."],
    "llc": ["LLC", "L.L.C.", "Limited Liability Company"],
    "inc": ["Inc", "Inc.", "Incorporated", ", Co., Inc."],
    "corp": ["Corp", "Corp.", "Corporation"],
    "co": ["& Co.", "Company", "and Company", "a spol.", "i spółka"],
    "pty": ["Pty Ltd", "Pty. Limited"],
    "sarl": ["SARL", "S.à r.l.", "S.A.R.L."],
    "srl": ["S.r.l.", "SRL"],
    "spa": ["S.p.A.", "società per azioni"],
    "sadecv": ["S.A. de C.V.", "SA de CV"],
    "lda": ["Lda.", "Ltda."],
    "bv": ["B.V.", "BV"],
    "nv": ["N.V.", "NV"],
    "ab": ["AB", "Aktiebolag"],
    "aps": ["ApS", "Anpartsselskab"],
    "oy": ["Oy", "Oyj", "Oy Ab"],
    "doo": ["d.o.o."],
    "ood": ["OOD", "EOOD", "ЕООД"],
    "ooo": ["ООО", "OOO", "ТОВ"],
    "ao": ["ЗАО", "ОАО", "ПАО", "JSC", "OJSC", "Joint Stock Company"],
    "uab": ["UAB"],
    "ou": ["O.Ü."],
    "kk": ["K.K.", "Kabushiki Kaisha"],
    "se": ["SE", "S.E."],
}  # fmt: skip
ALL = [(spelling, code) for code, spellings in SPELLED.items() for spelling in spellings]


@pytest.mark.parametrize(("spelling", "code"), ALL, ids=[f"{code}: {spelling}" for spelling, code in ALL])
def test_every_spelling_of_a_form_has_one_code(spelling: str, code: str) -> None:
    words = fold(f"Kovoplast {spelling}").split()
    assert form_at_end(words) == (code, len(words) - 1)


@pytest.mark.parametrize(
    "name", ["Hotel Spa", "Foto PD", "Radio No", "Studio OS", "Kovo", "Visro Metalsas", "", "Club PC"]
)
def test_a_word_that_only_looks_like_a_form_stays(name: str) -> None:
    assert form_at_end(fold(name).split()) == ("", 0)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ABC s.r.o. Žilina", ("sro", 1, 3)),
        ("ABC sp. z o.o. Kraków", ("spzoo", 1, 4)),
        ("Muster GmbH Wien", ("gmbh", 1, 1)),
        ("Foto AS Studio", ("", 0, 0)),
        ("ABC s.r.o.", ("", 0, 0)),
        ("GmbH", ("", 0, 0)),
    ],
)
def test_an_unmistakable_form_is_told_inside_a_name(name: str, found: tuple[str, int, int]) -> None:
    assert form_inside(fold(name).split()) == found


def test_a_form_that_is_glued_to_the_name_is_parted() -> None:
    assert [unglued(name) for name in ("SiemensAG", "KovoGmbH", "McDonald", "eBay", "SAP AG", "ŠkodaSE")] == [
        "Siemens AG",
        "Kovo GmbH",
        "McDonald",
        "eBay",
        "SAP AG",
        "Škoda SE",
    ]


def test_no_spelling_is_of_two_forms() -> None:
    spelled = [spelling.replace(" ", "") for spellings in FORMS.values() for spelling in spellings.split(",")]
    assert sorted(spelled) == sorted(set(spelled))
