"""Which number does a company bear in its country's register, and for VAT?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import mul

from crmsync.core.model import Json
from crmsync.core.values.gives import NOTHING, TEXT, Gives, always, kind
from crmsync.core.values.transform import (
    Args,
    Context,
    Example,
    Misuse,
    Param,
    Step,
    Transform,
    Unfit,
    kind_of,
    text_of,
)

Validate = Callable[[str], str]

# Register numbers, by country ----------------------------------------------------------------------------

ICO = re.compile(r"(?:IČO?|ICO?)?:?([0-9]{1,8})")
ICO_WEIGHTS = (8, 7, 6, 5, 4, 3, 2)
ICO_ZERO = sum(ICO_WEIGHTS) * ord("0")
ICO_EXPECTED = "expected an IČO: up to eight digits, of which the last one checks the others"


def ico(text: str) -> str:
    """Eight digits with their leading zeros. Czech and Slovak ones are checked alike."""
    match = ICO.fullmatch(re.sub(r"[\s.-]", "", text).upper())
    if match is None:
        raise Unfit(ICO_EXPECTED)
    digits = match[1].zfill(8)
    if not is_ico(digits):
        raise Unfit(ICO_EXPECTED)
    return digits


def is_ico(digits: str) -> bool:
    """Whether there are eight ASCII digits of which the last one checks the others."""
    total = sum(map(mul, ICO_WEIGHTS, digits.encode()))  # matching asks it of every record
    return len(digits) == 8 and (11 - (total - ICO_ZERO) % 11) % 10 == int(digits[7])


MODULES: Mapping[str, tuple[str, ...]] = {  # of python-stdnum; the first that takes the number wins
    "AT": ("at.businessid",), "AU": ("au.abn",), "BE": ("be.vat",), "BG": ("bg.vat",), "BR": ("br.cnpj",),
    "CH": ("ch.uid",), "CN": ("cn.uscc",), "DE": ("de.handelsregisternummer",), "DK": ("dk.cvr",),
    "EE": ("ee.registrikood",), "ES": ("es.cif",), "FI": ("fi.ytunnus",), "FR": ("fr.siren",), "GR": ("gr.vat",),
    "HR": ("hr.oib",), "HU": ("hu.anum",), "IL": ("il.hp",), "IT": ("it.iva",), "JP": ("jp.cn",),
    "LI": ("li.peid",), "LV": ("lv.pvn",), "MD": ("md.idno",), "ME": ("me.pib",), "NO": ("no.orgnr",),
    "PL": ("pl.nip", "pl.regon"), "PT": ("pt.nif",), "RO": ("ro.cui",), "RS": ("rs.pib",), "RU": ("ru.ogrn",),
    "SE": ("se.orgnr",), "SI": ("si.maticna",), "TR": ("tr.vkn",), "UA": ("ua.edrpou",), "US": ("us.ein",),
}  # fmt: skip
COUNTRIES = sorted([*MODULES, "CZ", "SK"])


def build_company_id(args: Args, context: Context) -> Step:
    """Without a country: an IČO, which is the same in CZ and SK."""
    country = (args["country"] or context.country or "SK").upper()
    if args["kind"] is not None and country != "PL":
        raise Misuse(f"company_id: there is only one kind of number in {country}", "leave `kind` out")
    if country in ("CZ", "SK"):
        return lambda value: ico(str(value) if type(value) is int and value >= 0 else text_of(value))
    if country not in MODULES:
        raise Misuse(f"company_id: no rules for the country {country!r}", f"there are: {', '.join(COUNTRIES)}")
    names = [name for name in MODULES[country] if args["kind"] is None or name.endswith(f".{args['kind']}")]
    return first_of([validator(name) for name in names], f"expected a company number of {country}")


def gives_company_id(schema: Json, args: Args, context: Context) -> Gives:
    is_ours = (args["country"] or context.country or "SK").upper() in ("CZ", "SK")
    if kind(schema) not in (("string", "number") if is_ours else ("string",)):
        return NOTHING
    return Gives({**TEXT, "pattern": "^[0-9]{8}$", "minLength": 8, "maxLength": 8} if is_ours else TEXT)


def validator(name: str) -> Validate:
    from importlib import import_module  # one module a country: only the one that is needed

    validate: Validate = import_module(f"stdnum.{name}").validate
    return validate


def first_of(validators: list[Validate], expected: str) -> Step:
    def read(value: Json) -> str:
        text = text_of(value)
        for validate in validators:
            try:
                return validate(text)
            except ValueError:  # stdnum's ValidationError is one
                continue
        raise Unfit(expected)

    return read


# VAT -----------------------------------------------------------------------------------------------------

VAT_EXPECTED = "expected a VAT number with the prefix of its country, such as SK"


def build_vat_id(args: Args, context: Context) -> Step:
    from stdnum.util import get_cc_module

    country = (args["country"] or context.country or "").upper()
    if country and country != "EL" and get_cc_module(country, "vat") is None:
        raise Misuse(f"vat_id: no rules for the country {country!r}", "use a two-letter country code such as SK")
    prefix, prefixed = "EL" if country == "GR" else country, vat_reader()

    def read(value: Json) -> str:
        if type(value) is not str:
            raise Unfit(f"{VAT_EXPECTED}, got {kind_of(value)}")
        text = re.sub(r"[\s./-]", "", value).upper()
        return prefixed(text) or (prefix and prefixed(prefix + text)) or misfit()

    return read


def vat_reader() -> Callable[[str], str | None]:
    """Reads a number that bears its prefix; None where it is not one. Greece's own prefix is EL."""
    from stdnum.eu import vat

    union = {*map(str.upper, vat.MEMBER_STATES), "EL", "EU", "IM"}  # the last two: the One Stop Shop

    def prefixed(text: str) -> str | None:
        text = re.sub("^GR", "EL", text)
        try:
            return str(vat.validate(text)) if text[:2] in union else beyond_the_union(text)
        except ValueError:
            return None

    return prefixed


def beyond_the_union(text: str) -> str | None:
    from stdnum.util import get_cc_module

    known = get_cc_module(text[:2], "vat") if re.match("[A-Z]{2}[A-Z0-9]", text) else None
    if known is None:
        return None
    number = str(known.validate(text))
    return number if number.startswith(text[:2]) else text[:2] + number


def misfit() -> str:
    raise Unfit(VAT_EXPECTED)


TRANSFORMS = (
    Transform(
        "company_id", "The number of a company in the register of its country, without spaces, check digit verified: "
        "IČO of CZ and SK with its leading zeros, NIP or REGON of PL, others as python-stdnum knows them.",
        "text", "text", build_company_id, canonical=True, normalises=True, main="country", types=gives_company_id,
        params={
            "country": Param("two-letter code; else the project's, else IČO", default=None),
            "kind": Param("which of the two numbers of PL", default=None, choices=("nip", "regon")),
        },
        examples=(
            Example(None, "IČO: 31 333 532", "31333532"), Example("CZ", "6947", "00006947"),
            Example("SK", 6947, "00006947"),
            Example("CZ", "12345678"), Example("PL", "856-734-62-15", "8567346215"),
            Example({"country": "PL", "kind": "regon"}, "192 598 184", "192598184"),
            Example("AT", "FN 122119m", "122119m"),
        ),
    ),
    Transform(
        "vat_id", "A VAT number with the prefix of its country, check digits verified. One without prefix is of "
        "`country`, or else of the project's.", "text", "text", build_vat_id, canonical=True, normalises=True,
        main="country", types=always(TEXT, "string"),
        params={"country": Param("two-letter code of numbers without prefix", default=None)},
        examples=(
            Example(None, "SK 202 274 96 19", "SK2022749619"), Example("SK", "2022749619", "SK2022749619"),
            Example(None, "BE 697 449 992", "BE0697449992"), Example(None, "GR 094259216", "EL094259216"),
            Example(None, "2022749619"), Example(None, "SK2022749618"),
        ),
    ),
)  # fmt: skip
