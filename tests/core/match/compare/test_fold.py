"""How is a text spelled in plain letters?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.compare.fold import LONGEST, fold


def misread(text: str, page: str) -> str:
    """Written in UTF-8, read in a code page; a byte that the page leaves empty becomes a control character."""
    return "".join(bytes((byte,)).decode(page, errors="ignore") or chr(byte) for byte in text.encode())


CASES = {
    "slovak": ("Žltý kôň, s.r.o.", "zlty kon s r o"),
    "czech": ("Příliš žluťoučký kůň", "prilis zlutoucky kun"),
    "polish": ("Zażółć gęślą jaźń ŁÓDŹ", "zazolc gesla jazn lodz"),
    "german": ("Straße der Ölmühle", "strasse der olmuhle"),
    "hungarian": ("Győri Műszaki Hűtő", "gyori muszaki huto"),
    "nordic": ("Ærø Øl Ålborg", "aero ol alborg"),
    "croatian": ("Đakovo", "dakovo"),
    "turkish": ("İstanbul Kırşehir", "istanbul kirsehir"),
    "decomposed": ("Z\u030cilina", "zilina"),
    "plain": ("ELEKTRO  Novak,\tspol. s r.o.", "elektro novak spol s r o"),
    "quotation marks": ("„Kúria“ 'U Zlatého'", "kuria u zlateho"),
    "apostrophe": ("Precious Little One’s", "precious little ones"),
    "ampersand": ("H & M", "h m"),
    "HTML entity": ("Bertram Lud&#228;scher &amp; syn", "bertram ludascher syn"),
    "Cyrillic": ("ООО «Ромашка»", "ooo romashka"),
    "Ukrainian": ("Київ Щастя", "kiiv shchastya"),
    "Greek": ("Καλημέρα", "kalimera"),
    "Hebrew": ("שלום", "slvm"),
    "Chinese": ("東京", "dongjing"),
    "Arabic digits": ("٣١٣", "313"),
    "direction marks": ("\u202bKovo\u202c\u200f", "kovo"),
    "emoji": ("Café 😀 Bar", "cafe bar"),
    "trade mark": ("ACME™ ®", "acme"),
    "ligature": ("ﬁrma", "firma"),
    "lost letter": ("Ko\N{REPLACEMENT CHARACTER}ice", "koice"),
    "cp1250": (misread("Nováček Žižka Ľubomír řeřicha", "cp1250"), "novacek zizka lubomir rericha"),
    "cp1250, Polish": (misread("Łódź Dębica Święto", "cp1250"), "lodz debica swieto"),
    "cp1252": (misread("Musée du Müller Škoda", "cp1252"), "musee du muller skoda"),
    "cp1252, quotation mark": (misread("O’Neil – Ruská", "cp1252"), "oneil ruska"),
    "cut in the middle": (misread("Nováč", "cp1250")[:-1], "novaa"),
    "capitals that look broken": ("PAMÄŤ NÁRODA", "pamat naroda"),
    "Romanian capitals that look broken": ("ORĂŞENESC", "orasenesc"),
    "German capitals": ("ÄRZTE ÄRZTEHAUS", "arzte arztehaus"),
    "empty": ("", ""),
    "signs alone": (" -–—*/|", ""),
    "one letter": ("Ž", "z"),
    "long": ("a" * 10_000, "a" * LONGEST),
}


@pytest.mark.parametrize(("text", "folded"), CASES.values(), ids=CASES)
def test_a_text_is_folded_to_plain_letters(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(st.characters(codec="ascii"), max_size=100))
def test_ascii_folds_alone_as_it_does_beside_other_letters(text: str) -> None:
    assert f"c {fold(text)}".rstrip() == fold(f"č {text}")


@given(st.text(max_size=60) | st.text(st.sampled_from("ÂĂÃÄĹÅâ€Ť\x8dÄŤŞ ěščřžýáíé'-&;#aZ9"), max_size=30))
def test_a_folded_text_is_itself(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert set(folded) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")
    assert folded == " ".join(folded.split())


@given(st.text(st.sampled_from("áäčďéíĺľňóôŕšťúýžěřůąćęłńśźżőűÁČĎÉÍĽŇÓŠŤÚÝŽĚŘŮŁŚŻ abcdefgh"), max_size=40))
def test_what_was_misread_folds_as_what_was_written(text: str) -> None:
    assert fold(misread(text, "cp1250")) == fold(text)
