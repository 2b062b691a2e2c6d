"""Which legal form does a company name bear?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from crmsync.core.match.compare.phrases import Phrases, at_end, at_start

FORMS: Final = {
    # code: its spellings after folding; blanks do not matter: "s r o" is sro, and so is "sr o"
    # Slovakia, Czechia
    "sro": (
        "sro, spol sro, spol s r, spol s, spol, spol sr obmedz, spol s rucenim obmedzenym, "
        "spol s rucenim omezenym, spolocnost s rucenim "
        "obmedzenym, spolocnost sro, spolecnost s rucenim omezenym, spolecnost sro, spol s ruc obm, spol s ruc om, "
        "spolocnost s rucenim obm, s ro sro, jsro"
    ),
    "as": (
        "as, akc spol, akciova spolocnost, akciova spolecnost, akc spolocnost, akc spolecnost, ucastinna spolocnost, "
        "akciova spol"
    ),
    "jsa": "jsa, jednoducha spolocnost na akcie",
    "ks": "ks, kom spol, komanditna spolocnost, komanditni spolecnost",
    "vos": "vos, ver obch spol, verejna obchodna spolocnost, verejna obchodni spolecnost",
    "sp": "sp, statny podnik, statni podnik, np, narodni podnik, narodny podnik",
    "druzstvo": (
        "druzstvo, druz, vyrobni druzstvo, vyrobne druzstvo, bytove druzstvo, bytovni druzstvo, vd, bd, "
        "polnohospodarske druzstvo, rolnicke druzstvo, zemedelske druzstvo, pd, zd, rd, polnohosp druzstvo, spotrebni "
        "druzstvo, spotrebne druzstvo"
    ),
    "oz": "oz, obcianske zdruzenie, obcanske sdruzeni, os",
    "zs": "zs, zapsany spolek, spolek, ps, pobocny spolek",
    "no": "no, neziskova organizacia, nezisk org",
    "ops": "ops, obecne prospesna spolecnost, obec prosp spol",
    "zu": "zu, zapsany ustav",
    "po": "po, prispevkova organizace, prispevkova organizacia, prisp org, prispevkova org",
    "nf": "nadacny fond, nadacni fond, nadacia, nadace",
    "vvi": "vvi, verejna vyzkumna instituce",
    "szco": "szco, osvc, zivnostnik, fyzicka osoba podnikatel",
    # Poland
    "spzoo": (
        "spzoo, spolka zoo, spolka z ograniczona odpowiedzialnoscia, spolka z ogr odp, sp z ogr odp, spolka z ogr "
        "odpowiedzialnoscia, sp zo, sp z, jednoosobowa spolka zoo"
    ),
    "spzook": (
        "spzoo spk, spzoo sk, spolka zoo spk, spolka zoo sk, spolka z ograniczona odpowiedzialnoscia spolka "
        "komandytowa, spzoo spolka komandytowa, spolka zoo spolka komandytowa, spolka z ograniczona "
        "odpowiedzialnoscia spk, spolka z ograniczona odpowiedzialnoscia sk"
    ),
    "sa": "sa, spolka akcyjna, societe anonyme, sociedad anonima, sociedade anonima, societatea pe actiuni, sau",
    "psa": "psa, prosta spolka akcyjna",
    "ska": "ska, spolka komandytowo akcyjna",
    "spj": "spj, spolka jawna",
    "spk": "spk, spolka komandytowa",
    "spp": "spp, spolka partnerska",
    "sc": "sc, spolka cywilna",
    "fundacja": "fundacja, stowarzyszenie",
    # Germany, Austria, Switzerland
    "gmbh": (
        "gmbh, mbh, gesmbh, gesellschaft mbh, ggmbh, gesellschaft mit beschrankter haftung, ges mit beschr haftung, "
        "gemeinnutzige gmbh, gesellsch mbh"
    ),
    "gmbhkg": (
        "gmbh co kg, gmbh u co kg, gmbh und co kg, gmbh co, gmbh und co, gmbh kg, gesmbh co kg, gesmbh u co kg, "
        "gesellschaft mbh co kg, gmbh co kommanditgesellschaft, gmbh co kgaa, gesellschaft mit beschrankter haftung "
        "co kg, mbh co kg, ug co kg, ug haftungsbeschrankt co kg, ag co kg, se co kg, ag co, gmbh co ohg, se co kgaa, "
        "ag co kgaa"
    ),
    "ug": "ug, ug haftungsbeschrankt, unternehmergesellschaft, unternehmergesellschaft haftungsbeschrankt",
    "ag": "ag, akg, aktiengesellschaft, aktiengeselschaft, aktiengesellchaft, aktienges",
    "kg": "kg, kommanditgesellschaft, co kg, und co kg, u co kg, kommandit ges",
    "kgaa": "kgaa, kommanditgesellschaft auf aktien",
    "ohg": "ohg, offene handelsgesellschaft, og, offene gesellschaft, co ohg",
    "gbr": "gbr, gesellschaft burgerlichen rechts, gesbr, gesnbr",
    "ek": "ek, e kfm, e kfr, eingetragener kaufmann, eingetragene kauffrau, einzelunternehmen, einzelunternehmer",
    "ev": "ev, eingetragener verein",
    "eg": "eg, egen, eingetragene genossenschaft, reggenmbh, genossenschaft",
    # Hungary
    "kft": "kft, korlatolt felelossegu tarsasag, nonprofit kft, nkft, kozhasznu nonprofit kft",
    "bt": "bt, beteti tarsasag",
    "zrt": "zrt, zartkoruen mukodo reszvenytarsasag, zartkoru reszvenytarsasag, rt, reszvenytarsasag",
    "nyrt": "nyrt, nyilvanosan mukodo reszvenytarsasag",
    "kkt": "kkt, kozkereseti tarsasag",
    "szov": "szovetkezet, szov",
    # United Kingdom, United States, and who follows them
    "ltd": (
        "ltd, limited, ltd co, co ltd, co limited, company limited, company ltd, private limited company, private "
        "limited, private ltd, pvt ltd, pvt limited, pte ltd, pte limited, ltd liability company, limited company, "
        "sdn bhd, bhd, ltee"
    ),
    "pty": "pty ltd, pty limited, proprietary limited, pty, proprietary ltd",
    "plc": "plc, public limited company, public ltd company",
    "llp": "llp, limited liability partnership",
    "lp": "lp, limited partnership",
    "llc": "llc, limited liability company, limited liability co, pllc, professional limited liability company",
    "inc": "inc, incorporated, co inc, company inc, incorp, incorporation",
    "corp": "corp, corporation, co corp",
    "pc": "pc, professional corporation, pa",
    "co": "co, company, comp, and co, und co, u co, a spol, and company, et cie, cie, i spolka, et co, compagnie",
    "nfp": "nfp, not for profit",
    # elsewhere
    "sarl": "sarl, societe a responsabilite limitee, sarlu, eurl",
    "sas": "sas, societe par actions simplifiee, sasu",
    "srl": (
        "srl, societa a responsabilita limitata, societate cu raspundere limitata, societatea cu raspundere limitata, "
        "srls, bvba, sprl, sociedad de responsabilidad limitada"
    ),
    "spa": "spa, societa per azioni",
    "snc": "snc, societa in nome collettivo, societe en nom collectif",
    "sl": "sl, slu, sociedad limitada",
    "sadecv": "sa de cv, sab de cv, sapi de cv, s de rl de cv, s de rl, sociedad anonima de capital variable",
    "lda": "lda, ltda, limitada, limitda, cia ltda, eireli",
    "bv": "bv, besloten vennootschap",
    "nv": "nv, naamloze vennootschap",
    "ab": "ab, aktiebolag, aktiebolaget, ab publ, publ",
    "hb": "hb, handelsbolag",
    "aps": "aps, anpartsselskab",
    "asa": "asa, allmennaksjeselskap, aksjeselskap, aktieselskab",
    "oy": "oy, oyj, osakeyhtio, oy ab, osakeyhtio ab",
    "ou": "ou, osauhing",
    "sia": "sia, sabiedriba ar ierobezotu atbildibu",
    "uab": "uab, uzdaroji akcine bendrove",
    "doo": (
        "doo, drustvo s ogranicenom odgovornoscu, druzba z omejeno odgovornostjo, drustvo sa ogranicenom odgovornoscu"
    ),
    "dd": "dd, dionicko drustvo, delniska druzba, ad, akcionarsko drustvo",
    "ood": "ood, eood",
    "ooo": (
        "ooo, obshchestvo s ogranichennoy otvetstvennostyu, obshchestvo s ogranichennoi otvetstvennostyu, "
        "obschestvo s ogranichennoi otvetstvennostyu, tov, "
        "tovarystvo z obmezhenoyu vidpovidalnistyu, tzov"
    ),
    "ao": (
        "ao, oao, zao, pao, prat, aktsionernoe obshchestvo, aktsionernoye obshchestvo, otkrytoe aktsionernoe "
        "obshchestvo, zakrytoe aktsionernoe obshchestvo, publichnoe aktsionernoe obshchestvo, jsc, ojsc, cjsc, pjsc, "
        "joint stock company, open joint stock company, closed joint stock company, joint stock co, public joint "
        "stock company"
    ),
    "kk": "kk, kabushiki kaisha, kabushikigaisha",
    "se": "se, societas europaea",
    "eeig": "eeig, ehzs, ezig",
    "fze": "fze, fzco, fz llc, wll",
    "pt": "pt, perseroan terbatas",
    "tr": "anonim sirketi, anonim sti, limited sirketi, ltd sti, san ve tic as, san ve tic ltd sti",
}
"""An abbreviation for each form; forms that countries call the same share one. Source: the laws that name them, and the
spellings met in Slovak, Czech and Polish customer lists."""

_APART: Final = "np ps pd zd rd vd bd os po no nf zu oz zs ad dd sl sc sp eg ek ev ou pt pa pc ska spa spp psa sia"
_DOTTED: Final = frozenset(_APART.split())
"""Spellings that are words or brands of their own unless a dot or a blank parts their letters."""
_LEADING: Final = (
    "sro spzoo spzook gmbh gmbhkg kft zrt nyrt llc sarl srl uab ooo ao szco vos ops fundacja nf po oz zs no"
)
_BEFORE: Final = frozenset(_LEADING.split())
"""Forms that may stand before the name, OOO Romaschka, where they are spelled with three letters or more."""
UNMISTAKABLE: Final = frozenset(("sro", "spzoo", "spzook", "gmbh", "gmbhkg", "kft", "zrt", "nyrt", "sarl", "llc"))
"""Forms that are told anywhere in a name, "ABC s.r.o. Žilina"."""
_ALL: Final = Phrases.of(FORMS)
FORM_ENDINGS: Final = _ALL.ends.keys()
_CAPITAL: Final = re.compile(r"(?:GmbH|GMBH|AG|SE|KG|LLC|Kft|Zrt|SA|AB|Ltd|Inc|Corp)\b")
_GLUED: Final = re.compile(rf"(?<=[a-zà-ž])(?={_CAPITAL.pattern})")


def unglued(text: str) -> str:
    """`SiemensAG` as `Siemens AG`: a form that begins with a capital in the middle of a word."""
    return _GLUED.sub(" ", text) if _CAPITAL.search(text) else text


def form_at_end(words: Sequence[str]) -> tuple[str, int]:
    """Code of the longest form that ends the folded words, and how many words it takes; ("", 0) where there is none."""
    code, taken = at_end(words, _ALL)
    return ("", 0) if taken == 1 and words[-1] in _DOTTED else (code, taken)


def form_at_start(words: Sequence[str]) -> tuple[str, int]:
    """The same for a form that stands before the name, and cannot be a brand."""
    return _unmistakable(words, 0, _BEFORE) if words and words[0] in _ALL.starts else ("", 0)


def form_inside(words: Sequence[str]) -> tuple[str, int, int]:
    """Code, first word and number of words of an unmistakable form between other words; ("", 0, 0) without one."""
    for start in range(1, len(words) - 1):
        if words[start] in _ALL.starts:
            code, taken = _unmistakable(words, start, UNMISTAKABLE)
            if taken and start + taken < len(words):
                return code, start, taken
    return "", 0, 0


def _unmistakable(words: Sequence[str], start: int, allowed: frozenset[str]) -> tuple[str, int]:
    code, taken = at_start(words, _ALL, start)
    if code not in allowed or sum(map(len, words[start : start + taken])) < 3:
        return "", 0
    return code, taken
