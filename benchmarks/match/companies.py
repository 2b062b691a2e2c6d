"""What do the companies of two systems look like, as clerks, web forms and imports left them there?

python -m benchmarks.match.companies ENTITIES SEED FOLDER writes `records.csv` and `pairs.csv` in the layout of `sets`.
The same seed gives the same files. Slovak, Czech, Polish and German companies and sole traders: every one is true first
(`Company`), then written down once or several times (`NOISES`). Of the columns, `ent`, `group` and `noises` are not for
matching: the true entity, the holding or the namesakes it belongs to, and what was done to the record. Names are made
up; check digits are right until a noise spoils them.
"""

from __future__ import annotations

import csv
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

Fields: TypeAlias = dict[str, str]

HEAD: Final = (
    "id", "source", "ent", "group", "country", "name", "ico", "vat", "domain", "email", "phone", "street", "city",
    "zip", "noises",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """A legal form: how it is spelled, the official way first, and its share among a country's companies."""

    spelled: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Land:
    code: str
    prefix: str  # of phone numbers
    mobile: tuple[str, ...]  # what a number begins with, after the prefix
    digits: int  # of a phone number after the prefix
    forms: tuple[Form, ...]
    families: tuple[str, ...]
    given: tuple[str, ...]
    towns: tuple[str, ...]
    trades: tuple[str, ...]
    streets: tuple[str, ...]  # with the short way of writing "street" first, where there is one
    branch: tuple[str, ...]
    formerly: str
    dissolving: str
    heirs: str
    number: Callable[[Random], str]
    vat: Callable[[Random, str], str]


@dataclass(frozen=True, slots=True)
class Company:
    """The truth about one company. `parent` is the registry number of the holding's mother, "" where there is none."""

    land: Land
    name: str
    form: Form
    number: str
    vat: str
    domain: str
    phone: str
    street: str
    town: str
    zip: str
    owner: str
    former: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What all companies share: buildings with one reception, accountants who lend their e-mail address, and the
    company that the last record was of, from which a hurried clerk copies."""

    chance: Random
    receptions: tuple[str, ...]
    accountants: tuple[str, ...]
    other: Company


def _checked(weights: Sequence[int], digits: Sequence[int]) -> int:
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11


def ico(chance: Random) -> str:
    """Czech and Slovak registry number: seven digits and a check digit, weights 8 to 2, modulo 11."""
    digits = [0 if chance.random() < 0.1 else chance.randrange(1, 7), *(chance.randrange(10) for _ in range(6))]
    return "".join(map(str, digits)) + str((11 - _checked(range(8, 1, -1), digits)) % 10)


def nip(chance: Random) -> str:
    """Polish tax number: nine digits and a check digit, modulo 11; a remainder of 10 is never given out."""
    while True:
        digits = [chance.randrange(1, 10), *(chance.randrange(10) for _ in range(8))]
        if (check := _checked((6, 5, 7, 2, 3, 4, 5, 6, 7), digits)) < 10:
            return "".join(map(str, digits)) + str(check)


def hrb(chance: Random) -> str:
    """A number in a German trade register; it has no check digit."""
    return f"HRB {chance.randrange(1000, 250_000)}"


def ust_id(chance: Random, _number: str) -> str:
    """German VAT number: eight digits and a check digit by ISO 7064, MOD 11,10."""
    digits = [chance.randrange(1, 10), *(chance.randrange(10) for _ in range(7))]
    product = 10
    for digit in digits:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return "DE" + "".join(map(str, digits)) + str((11 - product) % 10)


def ic_dph(chance: Random, _number: str) -> str:
    """Slovak VAT number: ten digits, a multiple of 11; it has nothing to do with the registry number."""
    return f"SK{chance.randrange(2_020_000_000 // 11, 2_129_999_999 // 11) * 11}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SLOVAKIA: Final = Land(
    "SK", "+421", ("903", "905", "911", "915", "940", "948"), 9,
    (
        Form(("s. r. o.", "s.r.o.", "spol. s r.o.", "sro", "s.r.o", "spoločnosť s ručením obmedzeným", "S.R.O."), 0.74),
        Form(("a. s.", "a.s.", "akciová spoločnosť", "as"), 0.08),
        Form(("k. s.", "komanditná spoločnosť"), 0.02),
        Form(("družstvo", "druž."), 0.02),
        Form(("o. z.", "občianske združenie", "o.z."), 0.04),
        Form(("",), 0.1),
    ),
    _words("Baláž Bielik Cibula Daňo Ďurčo Gavalec Gregor Hanzel Chovan Ivanič Jurík Kminiak Lehotský Ličko Majerský "
           "Ondruš Paška Remiáš Slezák Šebesta Štefánik Ťažký Uhrín Valach Vanek Zachar Žilka Mrázik Hlaváč Kubica"),
    _words("Ján Peter Jozef Marek Tomáš Lukáš Zuzana Katarína Eva Štefan Ľubomír Miroslav"),
    _words("Bratislava Košice Prešov Žilina Nitra Trnava Trenčín Martin Poprad Zvolen Partizánske Rožňava Levoča "
           "Myjava Šaľa Detva Kežmarok Topoľčany Čadca Dunajská_Streda"),
    _words("Stavebniny Elektroinštalácie Kúrenárstvo Stolárstvo Zámočníctvo Čalúnnictvo Záhradníctvo Mliekareň "
           "Preprava Upratovanie Geodézia Tlač Klampiarstvo Optika Zverolekár Kaviareň Sklárstvo Výťahy"),
    ("ul. {}", "{} ulica", "{}", "Nám. {}"),
    ("pobočka {}", "prevádzka {}", "závod {}", "stredisko {}"),
    "predtým", "v likvidácii", "a synovia", ico, ic_dph,
)  # fmt: skip
CZECHIA: Final = Land(
    "CZ", "+420", ("602", "603", "724", "736", "777", "605"), 9,
    (
        Form(("s.r.o.", "s. r. o.", "spol. s r.o.", "sro", "společnost s ručením omezeným", "S.R.O."), 0.74),
        Form(("a.s.", "a. s.", "akciová společnost", "as"), 0.09),
        Form(("z.s.", "zapsaný spolek", "z. s."), 0.05),
        Form(("družstvo",), 0.02),
        Form(("",), 0.1),
    ),
    _words("Bartošek Brabec Čapek Dostál Hejl Holub Chalupa Janda Kadlec Kopecký Kratochvíl Líbal Matoušek Mašek Musil "
           "Nedvěd Ondráček Pešek Pokorný Říha Soukup Staněk Šimek Šťastný Tichý Toman Vacek Vlček Zach Žák"),
    _words("Jan Petr Josef Marek Tomáš Lukáš Zuzana Kateřina Eva Jiří Jaroslav Vlastimil"),
    _words("Praha Brno Ostrava Plzeň Liberec Olomouc Zlín Jihlava Kutná_Hora Litoměřice Uherské_Hradiště Svitavy "
           "Blansko Žatec Rakovník Šumperk Louny Klatovy Domažlice Třebíč"),
    _words("Stavebniny Elektroinstalace Topenářství Truhlářství Zámečnictví Čalounictví Zahradnictví Mlékárna Přeprava "
           "Úklid Geodézie Tisk Klempířství Optika Veterina Kavárna Sklářství Výtahy"),
    ("ul. {}", "{} ulice", "{}", "nám. {}"),
    ("pobočka {}", "provozovna {}", "závod {}", "středisko {}"),
    "dříve", "v likvidaci", "a synové", ico, lambda _chance, number: f"CZ{number}",
)  # fmt: skip
POLAND: Final = Land(
    "PL", "+48", ("501", "602", "608", "660", "791", "512"), 9,
    (
        Form(("sp. z o.o.", "Sp. z o. o.", "sp zoo", "spółka z ograniczoną odpowiedzialnością", "SP. Z O.O."), 0.72),
        Form(("S.A.", "SA", "spółka akcyjna"), 0.09),
        Form(("sp. j.", "spółka jawna", "sp.j."), 0.06),
        Form(("sp. k.", "spółka komandytowa"), 0.04),
        Form(("",), 0.09),
    ),
    _words("Adamczyk Bielecki Borkowski Chmielewski Czarnecki Domański Fijałkowski Gajewski Głowacki Jasiński "
           "Kaczmarek Kubiak Łukasik Maciejewski Mroczek Nowicki Olszewski Pawlak Pietrzak Rogalski Różański Sawicki "
           "Sobczak Szewczyk Śliwa Tomczak Urbański Walczak Zając Żurek"),
    _words("Jan Piotr Józef Marek Tomasz Łukasz Zuzanna Katarzyna Ewa Paweł Michał Mirosław"),
    _words("Warszawa Kraków Łódź Wrocław Poznań Gdańsk Lublin Katowice Białystok Rzeszów Zielona_Góra Nowy_Sącz "
           "Bielsko-Biała Słupsk Piła Żory Ełk Jasło Sanok Świdnica"),
    _words("Budownictwo Instalacje Ogrzewanie Stolarnia Ślusarstwo Tapicerstwo Ogrodnictwo Mleczarnia Przewozy "
           "Sprzątanie Geodezja Drukarnia Blacharstwo Optyk Weterynaria Kawiarnia Szkło Windy"),
    ("ul. {}", "ulica {}", "{}", "al. {}"),
    ("oddział {}", "filia {}", "zakład {}", "punkt {}"),
    "dawniej", "w likwidacji", "i synowie", nip, lambda _chance, number: f"PL{number}",
)  # fmt: skip
GERMANY: Final = Land(
    "DE", "+49", ("170", "171", "172", "173", "175", "177"), 10,
    (
        Form(("GmbH", "Gesellschaft mit beschränkter Haftung", "G.m.b.H.", "Ges.m.b.H.", "gmbh"), 0.68),
        Form(("AG", "Aktiengesellschaft"), 0.08),
        Form(("GmbH & Co. KG", "GmbH und Co KG", "GmbH & Co KG"), 0.12),
        Form(("UG (haftungsbeschränkt)", "UG"), 0.06),
        Form(("",), 0.06),
    ),
    _words("Albrecht Böhm Brandt Dietrich Engel Frank Götz Haas Jäger Keller Krämer Lorenz Möller Nowack Otto Pohl "
           "Roth Sauer Schütz Seidel Thoma Ulrich Vogt Winkler Ziegler"),
    _words("Jan Peter Josef Markus Thomas Lukas Susanne Katharina Eva Stefan Jürgen Günther"),
    _words("Berlin Hamburg München Köln Leipzig Dresden Nürnberg Görlitz Zwickau Würzburg Fürth Bad_Tölz Jena Ulm"),
    _words("Bau Elektro Heizung Tischlerei Schlosserei Polsterei Gärtnerei Molkerei Spedition Reinigung Vermessung "
           "Druckerei Klempnerei Optik Tierarzt Café Glas Aufzüge"),
    ("{}str.", "{}straße", "{}weg", "{}platz"),
    ("Niederlassung {}", "Filiale {}", "Werk {}", "Zweigstelle {}"),
    "vormals", "i. L.", "& Söhne", hrb, ust_id,
)  # fmt: skip
LANDS: Final = (SLOVAKIA, CZECHIA, POLAND, GERMANY)
SHARES: Final = (0.4, 0.34, 0.18, 0.08)

SOUNDS: Final = _words("ba be bo bri da del do dra fa fer fi fla ga gen go gra ha he ka kel ko kri la len lo lu ma mer "
                       "mi mo na ner no nu pa per po pri ra ren ri ro sa sel si sta ta ter ti tor tra va ver vi vo za "
                       "zel zo zu")  # fmt: skip
TAILS: Final = _words("tec mont plex form lab line bau stav kov dom net soft med agro energ print pack cargo gast n r "
                      "x s t")  # fmt: skip
MEMBERS: Final = _words(
    "Holding Group Invest Services Trade Energy Development Reality Logistika Finance Tech Sever Juh"
)
FREE: Final = _words("gmail.com seznam.cz azet.sk centrum.cz wp.pl o2.pl gmx.de post.cz outlook.com zoznam.sk web.de")
DESKS: Final = _words("info office obchod sekretariat kontakt biuro fakturace")
PLACEHOLDERS: Final = ("00000000", "12345678", "99999999", "11111111", "0", "-", "nemá", "N/A")
REMARKS: Final = ("(klient)", "- fakturácia", "!!!", "*", "DUPLICITA", "NEVOLAŤ", "(nový)")
TITLES: Final = ("Ing.", "Mgr.", "p.", "JUDr.", "Ing. arch.")
CONFUSED: Final = (("rn", "m"), ("m", "rn"), ("l", "1"), ("I", "l"), ("O", "0"), ("o", "0"), ("S", "5"), ("B", "8"))
DIGITS_MISREAD: Final = str.maketrans("015", "OlS")
LATIN: Final = _words("šč sch ch zh š č ž c a b d e f g h i j k l m n o p r s t u v w x y z")
CYRILLIC: Final = _words("щ щ х ж ш ч ж ц а б д е ф г г и й к л м н о п р с т у в в кс ы з")


def companies(entities: int, chance: Random) -> Iterator[tuple[int, Company]]:
    """So many true companies, each with the number of its group: a holding, sisters abroad, namesakes, or itself."""
    common = min(1.0, 20_000 / entities)  # names that say little: the more companies, the less may they be shared
    owners: dict[str, int] = {}  # of domains: one that a group has is not free for another
    made = 0
    while made < entities:
        land = chance.choices(LANDS, SHARES)[0]
        first = _company(chance, land, _name(chance, land, common))
        first = _registered(owners, made, first)
        family = [first, *_relatives(chance, first)][: entities - made]
        yield from ((made, _registered(owners, made, each)) for each in family)
        made += len(family)


def _registered(owners: dict[str, int], group: int, company: Company) -> Company:
    name, dot, tail = company.domain.partition(".")
    domain, number = company.domain, 2
    while domain and owners.setdefault(domain, group) != group:
        domain, number = f"{name}{number}{dot}{tail}", number + 1
    return replace(company, domain=domain)


def _relatives(chance: Random, first: Company) -> list[Company]:
    lot = chance.random()
    if lot < 0.06:  # a holding: one brand, often one domain, and nothing else in common
        names = chance.sample(MEMBERS, chance.choice((1, 1, 2, 3, 5)))
        return [_member(chance, first, f"{first.name} {each}") for each in names]
    if lot < 0.085:  # a sister abroad has the same name
        sister = _company(chance, chance.choice([land for land in LANDS if land is not first.land]), first.name)
        return [replace(sister, domain=first.domain) if chance.random() < 0.4 else sister]
    if lot < 0.105:  # a stranger with the same name in the same country
        stranger = _company(chance, first.land, first.name)
        return [replace(stranger, domain=stranger.domain and f"moje-{stranger.domain}")]
    return []


def _member(chance: Random, mother: Company, name: str) -> Company:
    land = mother.land if chance.random() < 0.65 else chance.choice(LANDS)
    member = replace(_company(chance, land, name), parent=mother.number)
    if chance.random() < 0.6:
        member = replace(member, domain=mother.domain)
    if land is mother.land and chance.random() < 0.4:  # they sit in one building
        member = replace(member, street=mother.street, town=mother.town, zip=mother.zip, phone=mother.phone)
    return member


def _company(chance: Random, land: Land, name: str) -> Company:
    number = land.number(chance)
    form = chance.choices(land.forms, [each.share for each in land.forms])[0]
    town = chance.choice(land.towns).replace("_", " ")
    tail = land.code.lower() if chance.random() < 0.8 else chance.choice(("com", "eu", "net", "info"))
    slug = _slug(name)[:24]
    if chance.random() < 0.1:
        slug = f"{slug}-{_slug(town)}"
    return Company(
        land, name, form, number, land.vat(chance, number),
        f"{slug}.{tail}" if chance.random() < 0.8 else "",
        chance.choice(land.mobile) + "".join(chance.choices("0123456789", k=land.digits - 3)),
        f"{chance.choice(land.streets).format(chance.choice(land.families))} {chance.randrange(1, 220)}",
        town,
        f"{chance.randrange(10_000, 99_000):05}",
        f"{chance.choice(land.given)} {chance.choice(land.families)}",
        _brand(chance),
    )  # fmt: skip


def _name(chance: Random, land: Land, common: float) -> str:
    lot = chance.random()
    if lot < 0.36:
        return _brand(chance)
    if lot < 0.5:
        return f"{_brand(chance)} {chance.choice(land.trades)}"
    if lot < 0.58:
        return f"{_brand(chance)} {_brand(chance)}"
    name = _plain_name(chance, land, (lot - 0.58) / 0.42)
    return name if chance.random() < common else f"{name} {_brand(chance)}"


def _plain_name(chance: Random, land: Land, lot: float) -> str:
    """What many companies might be called alike."""
    family = chance.choice(land.families)
    if lot < 0.25:
        return f"{chance.choice(land.trades)} {chance.choice(land.towns).replace('_', ' ')}"
    if lot < 0.5:
        return f"{family} - {chance.choice(land.trades)}"
    if lot < 0.65:
        return f"{family} & {chance.choice(land.families)}"
    if lot < 0.72:
        return f"{family} {land.heirs}"
    if lot < 0.85:
        return f"{''.join(chance.choices('ABCDEGHIKLMNOPRSTVZ', k=3))} {chance.choice(land.trades)}"
    return f"{chance.choice(land.given)} {family}"  # a sole trader


def _brand(chance: Random) -> str:
    made = "".join(chance.choices(SOUNDS, k=chance.choice((2, 2, 3)))) + chance.choice(TAILS)
    return made.upper() if chance.random() < 0.25 else made.capitalize()


@lru_cache(maxsize=200_000)
def bare(text: str) -> str:
    """Without diacritics."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L").replace("ß", "ss"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _slug(text: str) -> str:
    return "".join(letter for letter in bare(text).lower() if letter.isalnum()) or "firma"


Noise: TypeAlias = Callable[[World, Company, Fields], Fields]
"""What a record says instead, by column, given what it says so far."""


def _typo(chance: Random, text: str) -> str:
    if len(text) < 4:
        return text
    place = chance.randrange(1, len(text) - 1)
    before, letter, after = text[:place], text[place], text[place + 1 :]
    return chance.choice(
        (before + after, before + letter + letter + after, before + after[:1] + letter + after[1:],
         before + chance.choice("aeinorst") + after)
    )  # fmt: skip


def mistyped(world: World, _company: Company, said: Fields) -> Fields:
    return {"name": _typo(world.chance, said["name"])}


def misread(world: World, _company: Company, said: Fields) -> Fields:
    """As character recognition does, in the name or in the number."""
    found = [(right, wrong) for right, wrong in CONFUSED if right in said["name"]]
    if said["ico"] and (not found or world.chance.random() < 0.3):
        return {"ico": said["ico"].translate(DIGITS_MISREAD)}
    return {"name": said["name"].replace(*world.chance.choice(found), 1)} if found else {}


def without_diacritics(_world: World, _company: Company, said: Fields) -> Fields:
    return {column: bare(said[column]) for column in ("name", "street", "city")}


def in_capitals(_world: World, _company: Company, said: Fields) -> Fields:
    return {column: bare(said[column]).upper() for column in ("name", "street", "city")}


def in_small_letters(_world: World, _company: Company, said: Fields) -> Fields:
    return {"name": said["name"].lower()}


def turned_around(world: World, company: Company, said: Fields) -> Fields:
    words = company.name.split()
    world.chance.shuffle(words)
    return _renamed(company, said, " ".join(words))


def _renamed(company: Company, said: Fields, name: str) -> Fields:
    """Another name with the same legal form; nothing where an earlier noise took the name already."""
    changed = said["name"].replace(company.name, name)
    return {"name": changed} if changed != said["name"] else {}


def abbreviated(world: World, company: Company, said: Fields) -> Fields:
    long = [word for word in company.name.split() if len(word) > 5] if " " in company.name else []
    return (
        _renamed(company, said, company.name.replace(word := world.chance.choice(long), word[:4] + ".")) if long else {}
    )


def one_word_short(_world: World, company: Company, said: Fields) -> Fields:
    return _renamed(company, said, company.name.rpartition(" ")[0] or company.name)


def in_cyrillic(_world: World, company: Company, _said: Fields) -> Fields:
    name = bare(company.name).lower()
    for latin, cyrillic in zip(LATIN, CYRILLIC, strict=True):
        name = name.replace(latin, cyrillic)
    return {"name": name.title()}


def romanised_otherwise(_world: World, company: Company, said: Fields) -> Fields:
    name = bare(company.name).lower().replace("v", "w").replace("ch", "kh").replace("y", "i").replace("c", "ts")
    return _renamed(company, said, name.title())


def with_another_company(world: World, _company: Company, said: Fields) -> Fields:
    other = world.other
    return {"name": f"{said['name']} / {other.name} {other.form.spelled[0]}".strip()}


def after_a_person(world: World, company: Company, said: Fields) -> Fields:
    return {"name": f"{world.chance.choice(TITLES)} {company.owner} - {said['name']}"}


def of_a_branch(world: World, company: Company, said: Fields) -> Fields:
    where = world.chance.choice(company.land.towns).replace("_", " ")
    return {"name": f"{said['name']}, {world.chance.choice(company.land.branch).format(where)}", "city": where}


def with_former_name(world: World, company: Company, said: Fields) -> Fields:
    old = f"{company.former} {company.form.spelled[0]}".strip()
    return {"name": f"{said['name']} ({world.chance.choice(('ex', company.land.formerly))} {old})"}


def dissolving(_world: World, company: Company, said: Fields) -> Fields:
    return {"name": f"{said['name']} {company.land.dissolving}"}


def with_remark(world: World, _company: Company, said: Fields) -> Fields:
    return {"name": f"{said['name']} {world.chance.choice(REMARKS)}"}


def cut_short(_world: World, _company: Company, said: Fields) -> Fields:
    return {"name": said["name"][:30].strip()}


def without_form(_world: World, company: Company, said: Fields) -> Fields:
    return {"name": company.name} if company.form.spelled[0] and said["name"].startswith(company.name) else {}


def form_first(_world: World, company: Company, _said: Fields) -> Fields:
    return {"name": f"{company.form.spelled[0]} {company.name}".strip()}


def number_wrong(world: World, _company: Company, said: Fields) -> Fields:
    number = said["ico"]
    if len(number) < 8:
        return {}
    place = world.chance.randrange(len(number) - 1)
    if world.chance.random() < 0.4:
        return {"ico": number[:place] + number[place + 1] + number[place] + number[place + 2 :]}
    return {"ico": number[:place] + str(world.chance.randrange(10)) + number[place + 1 :]}


def number_short(_world: World, _company: Company, said: Fields) -> Fields:
    return {"ico": said["ico"].lstrip("0")}


def number_spaced(_world: World, _company: Company, said: Fields) -> Fields:
    number = said["ico"]
    return {"ico": f"{number[:3]} {number[3:6]} {number[6:]}"} if number.isdigit() else {}


def number_prefixed(world: World, company: Company, said: Fields) -> Fields:
    return {"ico": world.chance.choice(("IČO: ", "ICO ", company.land.code)) + said["ico"]} if said["ico"] else {}


def number_made_up(world: World, _company: Company, _said: Fields) -> Fields:
    return {"ico": world.chance.choice(PLACEHOLDERS)}


def number_of_the_mother(_world: World, company: Company, _said: Fields) -> Fields:
    return {"ico": company.parent} if company.parent else {}


def mail_of_the_accountant(world: World, _company: Company, _said: Fields) -> Fields:
    return {"email": f"{world.chance.choice(DESKS)}@{world.chance.choice(world.accountants)}"}


def free_mail(world: World, company: Company, _said: Fields) -> Fields:
    name = _slug(company.name if world.chance.random() < 0.5 else company.owner)[:16]
    return {"email": f"{name}@{world.chance.choice(FREE)}"}


def phone_of_the_reception(world: World, company: Company, _said: Fields) -> Fields:
    return {"phone": company.land.prefix + world.chance.choice(world.receptions)}


def phone_as_dialled_here(_world: World, company: Company, _said: Fields) -> Fields:
    number = company.phone
    trunk = "0" if company.land in (SLOVAKIA, GERMANY) else ""
    return {"phone": f"{trunk}{number[:3]} {number[3:6]} {number[6:]}"}


def page_on_a_platform(world: World, company: Company, _said: Fields) -> Fields:
    page = world.chance.choice(("facebook.com/", "linkedin.com/company/", "instagram.com/"))
    return {"domain": page + _slug(company.name)}


def page_of_a_site(world: World, _company: Company, said: Fields) -> Fields:
    if not said["domain"]:
        return {}
    before = world.chance.choice(("https://", "http://www.", "https://shop.", "www."))
    return {"domain": before + said["domain"] + world.chance.choice(("", "/", "/kontakt", "/index.php?lang=sk"))}


def moved(world: World, company: Company, _said: Fields) -> Fields:
    elsewhere = _company(world.chance, company.land, company.name)
    return {"street": elsewhere.street, "city": elsewhere.town, "zip": elsewhere.zip}


def street_otherwise(world: World, _company: Company, said: Fields) -> Fields:
    street = said["street"].removeprefix("ul. ").replace("straße", "str.").replace("Nám.", "Námestie")
    return {"street": street + world.chance.choice(("", "/A", f"/{world.chance.randrange(1, 99)}"))} if street else {}


def town_with_district(world: World, _company: Company, said: Fields) -> Fields:
    return {"city": f"{said['city']} {world.chance.randrange(1, 11)}"} if said["city"] else {}


def postcode_spaced(_world: World, _company: Company, said: Fields) -> Fields:
    return {"zip": f"{said['zip'][:3]} {said['zip'][3:]}".strip()}


def copied_from_another(world: World, _company: Company, _said: Fields) -> Fields:
    """The clerk copied the last record and changed its name and number alone."""
    other = world.other
    phone = other.land.prefix + other.phone
    return {"street": other.street, "city": other.town, "zip": other.zip, "phone": phone, "domain": "", "vat": ""}


NOISES: Final[Mapping[Noise, float]] = {
    copied_from_another: 0.006,
    without_form: 0.1,
    form_first: 0.01,
    in_cyrillic: 0.006,
    romanised_otherwise: 0.008,
    abbreviated: 0.04,
    one_word_short: 0.03,
    turned_around: 0.04,
    mistyped: 0.12,
    misread: 0.03,
    with_former_name: 0.015,
    after_a_person: 0.02,
    of_a_branch: 0.025,
    with_another_company: 0.008,
    dissolving: 0.01,
    with_remark: 0.02,
    without_diacritics: 0.25,
    in_capitals: 0.08,
    in_small_letters: 0.05,
    cut_short: 0.02,
    number_of_the_mother: 0.05,
    number_wrong: 0.03,
    number_short: 0.05,
    number_spaced: 0.06,
    number_prefixed: 0.02,
    number_made_up: 0.015,
    mail_of_the_accountant: 0.02,
    free_mail: 0.15,
    phone_of_the_reception: 0.03,
    phone_as_dialled_here: 0.2,
    page_on_a_platform: 0.02,
    page_of_a_site: 0.35,
    moved: 0.06,
    street_otherwise: 0.15,
    town_with_district: 0.08,
    postcode_spaced: 0.3,
}
NAMED: Final = tuple((noise, noise.__name__, share) for noise, share in NOISES.items())
FILLED: Final = {"country": 0.9, "ico": 0.66, "vat": 0.3, "domain": 0.72, "email": 0.6, "phone": 0.62, "street": 0.6,
                 "city": 0.8, "zip": 0.55}  # fmt: skip
TRIED_OUT: Final = 0.002
CARELESS: Final = 1.3  # so much more often do noises strike in the PM tool, where nobody sells anything


def written(world: World, company: Company, source: str) -> Fields:
    """One record of a company, as a system has it."""
    chance = world.chance
    said = _said(chance, company)
    said |= {column: "" for column, share in FILLED.items() if chance.random() > share}
    strength = CARELESS if source == "pm" else 1.0
    struck = []
    for noise, name, share in NAMED:
        if chance.random() < share * strength and (changed := noise(world, company, said)):
            said |= changed
            struck.append(name)
    return said | {"source": source, "noises": " ".join(struck)}


def _said(chance: Random, company: Company) -> Fields:
    spelled = company.form.spelled
    form = spelled[0] if chance.random() < 0.5 else chance.choice(spelled)
    comma = ", " if chance.random() < 0.3 and form else " "
    desk = chance.choice(DESKS) if chance.random() < 0.7 else _slug(company.owner.rpartition(" ")[2])
    return {
        "country": company.land.code,
        "name": f"{company.name}{comma}{form}".strip(),
        "ico": company.number,
        "vat": company.vat,
        "domain": company.domain,
        "email": f"{desk}@{company.domain}" if company.domain else "",
        "phone": company.land.prefix + company.phone,
        "street": company.street,
        "city": company.town,
        "zip": company.zip,
    }


def rows(entities: int, seed: int) -> Iterator[tuple[int, Fields]]:
    """Every record with the number of its entity: nearly all in the CRM, a half in the PM tool, some twice in either.
    A few are nobody's, left from trying the form out: each of them is an entity of its own."""
    chance = Random(seed)
    receptions = tuple(f"2{chance.randrange(10_000_000, 99_999_999)}" for _ in range(max(entities // 400, 3)))
    accountants = tuple(f"ucto-{_slug(_brand(chance))}.sk" for _ in range(max(entities // 300, 3)))
    last = _company(chance, SLOVAKIA, "Vzor")
    for entity, (group, company) in enumerate(companies(entities, chance)):
        world = World(chance, receptions, accountants, last)
        for source in _sources(chance):
            yield entity, written(world, company, source) | {"ent": str(entity), "group": str(group)}
        if chance.random() < TRIED_OUT:
            yield -entity - 1, _tried_out(chance) | {"ent": str(-entity - 1), "group": str(-entity - 1)}
        last = company


def _tried_out(chance: Random) -> Fields:
    name = (
        f"{chance.choice(('TEST', 'Test firma', 'asdf', 'XXX', 'Skúška'))} {chance.choice(('', 's.r.o.', '2', '123'))}"
    )
    number = chance.choice(PLACEHOLDERS)
    return {"source": "crm", "name": name.strip(), "ico": number, "email": "test@test.sk", "phone": "000000000"}


def _sources(chance: Random) -> list[str]:
    sources = ["crm"] if chance.random() < 0.93 else []
    if chance.random() < 0.5 or not sources:
        sources.append("pm")
    while chance.random() < 0.12:
        sources.append(chance.choice(("crm", "crm", "pm")))
    return sources


def write(folder: Path, entities: int, seed: int) -> int:
    """`records.csv` and `pairs.csv`; returns how many records there are."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "records.csv").open("w", encoding="utf-8", newline="") as records,
        (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as truth,
    ):
        record, pair = csv.DictWriter(records, HEAD, restval=""), csv.writer(truth)
        record.writeheader()
        pair.writerow(("id_a", "id_b"))
        number, entity, same = 0, -1, [""]
        for number, (mine, said) in enumerate(rows(entities, seed), start=1):
            if mine != entity:
                pair.writerows(combinations(same, 2))
                entity, same = mine, []
            same.append(f"c{number}")
            record.writerow(said | {"id": f"c{number}"})
        pair.writerows(combinations(same, 2))
    return number


if __name__ == "__main__":
    print(write(Path(sys.argv[3]), int(sys.argv[1]), int(sys.argv[2])), "records")
