"""Which e-mail address, phone number or domain is meant?"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from crmsync.core.model import Chain
from crmsync.core.values.gives import TEXT, always
from crmsync.core.values.transform import Args, Context, Example, Misuse, Param, Step, Transform, Unfit, text_of

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber
    from publicsuffixlist import PublicSuffixList

LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
SCHEME = re.compile(r"\A(?:[a-z][a-z0-9+.-]*:(?=//)|mailto:)", re.IGNORECASE)
HOST = re.compile(r"(?:[^/?#]*@)?([^\s,;/?#@:]+)(?::[0-9]*)?\s*(?:[/?#].*)?", re.DOTALL)
PLAIN_HOST = re.compile(r"(?=.{1,253}\Z)(?!.*[^.]{64})(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}")
"""A host that IDNA leaves as it is; what is not one may still be proper, and takes the slow way."""
EMAIL_EXPECTED = "expected an e-mail address, name@domain"
DOMAIN_EXPECTED = "expected a domain, or a URL or an e-mail address with one"


def ascii_host(expected: str) -> Callable[[str], str]:
    """A function from a host name to its ASCII form in small letters; it raises `Unfit(expected)`."""
    import idna  # its tables take a moment to load

    @lru_cache(4096)  # many people work at one domain
    def convert(host: str) -> str:
        if PLAIN_HOST.fullmatch(host):
            return host
        try:
            return idna.encode(host, uts46=True, std3_rules=True).decode()
        except UnicodeError:
            raise Unfit(expected) from None

    return convert


# E-mail ------------------------------------------------------------------------------------------------


def build_email(_args: Args, _context: Context) -> Step:
    to_ascii = ascii_host(EMAIL_EXPECTED)

    def read(value: object) -> str:
        local, at, host = text_of(value).strip().rpartition("@")
        local = local.lower()
        if not at or len(local) > 64 or not LOCAL.fullmatch(local) or "." not in host.strip("."):
            raise Unfit(EMAIL_EXPECTED)
        return f"{local}@{to_ascii(host.rstrip('.'))}"

    return read


# Domain ------------------------------------------------------------------------------------------------


@lru_cache(1)
def suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # reads its 10,000 rules

    return PublicSuffixList(accept_unknown=False)


def host_of(text: str) -> str:
    """The host in a URL, an e-mail address or free text like `www.firma.sk/kontakt`. Raises `Unfit`."""
    bare = text.strip()
    match = HOST.fullmatch(SCHEME.sub("", bare, count=1).removeprefix("//"))
    if match is None:
        raise Unfit(DOMAIN_EXPECTED)
    return match[1].rstrip(".")


def build_domain(args: Args, _context: Context) -> Step:
    import idna

    to_ascii, wholly = ascii_host(DOMAIN_EXPECTED), args["part"] == "host"

    def find(value: object) -> str:
        host = host_of(text_of(value))
        part = registrable(host)
        return to_ascii(host if wholly else part)

    def shown(value: object) -> str:
        found = find(value)
        return found if PLAIN_HOST.fullmatch(found) else idna.decode(found)

    return find if args["idn"] == "ascii" else shown


def registrable(host: str) -> str:
    """The part below a public suffix. Only this must be a proper name: an underscore before it does no harm."""
    import idna

    try:
        plain = host if PLAIN_HOST.fullmatch(host) else idna.uts46_remap(host, std3_rules=False)
        part = suffixes().privatesuffix(plain)
    except UnicodeError:
        raise Unfit(DOMAIN_EXPECTED) from None
    if part is None:
        raise Unfit("expected a domain that is registered under a known public suffix")
    return str(part)


# Phone -------------------------------------------------------------------------------------------------


def build_phone(args: Args, context: Context) -> Step:
    import phonenumbers  # metadata of every country

    region = args["region"] or context.country or None
    if region is not None and region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise Misuse(f"phone: there is no region {region!r}", "use a two-letter country code such as SK")
    proper = phonenumbers.is_valid_number if args["check"] == "valid" else possible
    drop = args["extension"] == "drop"
    expected = "expected a phone number" + ("" if region else " that begins with + and its country code")

    def read(value: object) -> str:
        try:
            number = phonenumbers.parse(text_of(value), region and region.upper())
            if not proper(number):
                raise Unfit(f"{expected}, one that can be in use")
        except phonenumbers.NumberParseException:
            raise Unfit(expected) from None
        if number.extension and not drop:
            raise Unfit("expected a phone number without extension; `extension: drop` leaves it out")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return read


def possible(number: PhoneNumber) -> bool:
    """Of a possible length, and E.164 says just this number: +421 0000 loses zeros when it is read again."""
    import phonenumbers

    e164 = phonenumbers.PhoneNumberFormat.E164
    text = phonenumbers.format_number(number, e164)
    return phonenumbers.is_possible_number(number) and text == phonenumbers.format_number(
        phonenumbers.parse(text), e164
    )


def undo_phone(args: Args, _context: Context) -> Chain | None:
    return None if args["extension"] == "drop" else ()


ADDRESS = {**TEXT, "format": "email", "minLength": 5, "maxLength": 318}
E164 = {**TEXT, "pattern": "^[+][1-9][0-9]{2,18}$", "maxLength": 20}
HOST_NAME = {**TEXT, "minLength": 3, "maxLength": 253}

PROOFS = ("valid", "possible")

TRANSFORMS = (
    Transform(
        "email", "An e-mail address in small letters, its domain in ASCII. Empty text is a misfit (see null_if).",
        "text", "text", build_email, canonical=True, normalises=True, types=always(ADDRESS, "string"),
        examples=(
            Example(None, " Jana.Nova@FIRMA.sk ", "jana.nova@firma.sk"),
            Example(None, "info@kôň.sk", "info@xn--k-xga6w.sk"), Example(None, "jana(at)firma.sk"), Example(None, ""),
        ),
    ),
    Transform(
        "phone", "A phone number in E.164. One without country code is of `region`, or else of the project's country.",
        "text", "text", build_phone, canonical=True, main="region", inverse=undo_phone, types=always(E164, "string"),
        params={
            "region": Param("two-letter country code of numbers without one", default=None),
            "check": Param("of a range in use, or just of a possible length", default="valid", choices=PROOFS),
            "extension": Param("E.164 has no place for one", default="reject", choices=("reject", "drop")),
        },
        examples=(
            Example("SK", "0905 123 456", "+421905123456"), Example(None, "+420 601 123 456", "+420601123456"),
            Example("SK", "00420 601 123 456", "+420601123456"), Example(None, "0905 123 456"),
            Example("SK", "0905 123 456 ext. 7"),
            Example({"region": "SK", "extension": "drop"}, "0905 123 456 ext. 7", "+421905123456"),
        ),
    ),
    Transform(
        "domain", "The domain in a URL, an e-mail address or free text: the part that can be registered, or the whole "
        "host. What else the text held is lost.", "text", "text", build_domain, canonical=True,
        types=always(HOST_NAME, "string"),
        params={
            "part": Param("how much of it", default="registrable", choices=("registrable", "host")),
            "idn": Param("how to write letters beyond ASCII", default="ascii", choices=("ascii", "unicode")),
        },
        examples=(
            Example(None, "www.firma.sk/kontakt", "firma.sk"),
            Example(None, "https://obchod.firma.co.uk:8443/?a=b@c", "firma.co.uk"),
            Example(None, "Jana@Firma.SK", "firma.sk"),
            Example({"part": "host"}, "http://WWW.Firma.sk", "www.firma.sk"),
            Example(None, "www.kôň.sk", "xn--k-xga6w.sk"),
            Example({"idn": "unicode"}, "xn--k-xga6w.sk", "kôň.sk"),
            Example(None, "nemá"), Example(None, "192.168.0.1"),
        ),
    ),
)  # fmt: skip
