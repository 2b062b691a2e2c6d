"""How is a value spelled, once everything that means nothing is taken away?"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_FREE_MAIL: Final = """
    gmail.com outlook.com hotmail.com yahoo.com icloud.com live.com azet.sk centrum.sk zoznam.sk post.sk seznam.cz
    centrum.cz email.cz volny.cz atlas.cz wp.pl onet.pl o2.pl interia.pl gazeta.pl gmx.de gmx.at web.de t-online.de
    freemail.hu citromail.hu
"""
FREE_MAIL: Final = frozenset(_FREE_MAIL.split())

LEGAL_FORMS: Final[tuple[tuple[str, str], ...]] = (
    # what remains of the form after folding -> the form; longer spellings first
    (r"spol(?:ecnost|ocnost)? s(?:e)? r(?:ucenim|ucenym)? o(?:mezenym|bmedzenym)?|s r o|sro", "sro"),
    (r"komanditna spolocnost|komanditni spolecnost|k s", "ks"),
    (r"verejna obchodna spolocnost|verejna obchodni spolecnost|v o s|vos", "vos"),
    (r"akciova spolocnost|akciova spolecnost|a s", "as"),
    (r"spolka z ograniczona odpowiedzialnoscia|sp z o o|sp zoo|spzoo", "spzoo"),
    (r"spolka akcyjna|s a", "sa"),
    (r"spolka jawna|sp j", "spj"),
    (r"gesellschaft mit beschrankter haftung|ges m b h|gesmbh|g m b h|gmbh", "gmbh"),
    (r"aktiengesellschaft|ag", "ag"),
    (r"korlatolt felelossegu tarsasag|kft", "kft"),
    (r"zartkoruen mukodo reszvenytarsasag|zrt", "zrt"),
    (r"nyilvanosan mukodo reszvenytarsasag|nyrt", "nyrt"),
    (r"private limited company|limited|ltd", "ltd"),
    (r"public limited company|plc", "plc"),
    (r"incorporated|inc", "inc"),
    (r"corporation|corp", "corp"),
    (r"limited liability company|l l c|llc", "llc"),
)
_FORM: Final = re.compile("|".join(f"(?P<{name}>\\b(?:{text})\\b)" for text, name in LEGAL_FORMS))
_NOISE: Final = re.compile(r"\bv likvidac(?:ii|i)\b|\bw likwidacji\b|\bin liquidation\b|\bi l\b")
_FOLDED: Final = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "&": " a ", "'": "", "’": ""})


def fold(text: str) -> str:
    """Lower case, no diacritics, no punctuation, single blanks."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char)).translate(_FOLDED)
    return " ".join(re.sub(r"[^\w]+|_", " ", letters).split())


@lru_cache(maxsize=65536)
def company(text: str) -> str | None:
    """The core of a company name: folded, without its legal form and without "in liquidation"."""
    folded = _NOISE.sub(" ", fold(text[:1000]))
    core = " ".join(_FORM.sub(" ", folded).split())
    return core or folded or None


def domain(text: str) -> str | None:
    """The host of a URL, an e-mail address or a bare domain, without www; free mail is evidence of nothing."""
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.strip().casefold()).split("/")[0].rsplit("@", 1)[-1]
    host = host.split(":")[0].removeprefix("www.").rstrip(".")
    return None if not host or host in FREE_MAIL else host
