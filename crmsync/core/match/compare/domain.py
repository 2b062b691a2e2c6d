"""Whose site is it, whose mailbox is it? Websites and e-mail addresses are compared with each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import BEARERS, Slips, borne, common, letters, numbered, numbered_texts
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold
from crmsync.core.match.compare.hosts import FREE_MAIL, HOSTING, MADE_UP, PLATFORMS
from crmsync.core.values.contact import ascii_host, host_of, suffixes
from crmsync.core.values.transform import Unfit

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

SLIP: Final = 0.9
"""Likeness of two domains that are one slip of the pen apart."""
OTHER_ENDING: Final = 0.8
"""Likeness of firma.sk and firma.com."""
SLIP_AND_ENDING: Final = 0.7
UNLIKE: Final = 0.6
"""What two other names reach at most, in proportion to the letters that they share."""
TELLING: Final = 5
"""Letters that a name needs for a slip or another ending to mean anything: ab.sk and ac.sk are two companies."""
NEAR: Final = 0.75
"""Letters alike below this: a slip changes at most two of the ten or more letters of two telling names."""

_HOST: Final = r"((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,})"
_BARE: Final = re.compile(rf"(?:https?://)?{_HOST}/?")
"""A host with nothing around it that could tell more."""
_MAIL: Final = re.compile(rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@{_HOST}")
"""An address with nothing around it."""
SHORT: Final = 63
"""Characters of one label of a host at most: a host of so many is as DNS spells it when it looks like one."""
_TOKEN: Final = re.compile(r"[^\s,;<>\"()]*[^\s,;<>\"().]\.[^\s,;<>\"()]+")
_ADDRESS: Final = re.compile(r"([^\s,;:<>\"()\[\]@/]+)@([^\s,;:<>\"()\[\]@/?]+)")
_AT: Final = re.compile(r"\s*[(\[](?:at|zavin[aá][cč])[)\]]\s*", re.IGNORECASE)
_BEHIND: Final = re.compile(r"[^/?#]*[/?#](.*)", re.DOTALL)
_LEAD: Final = frozenset(
    ["company", "in", "pages", "view", "site", "user", "channel", "c", "people", "groups", "school", "showcase", "pg",
     "p", "biz", "profile.php", "shop", "str", "detail", "firma", "maps", "place", "search", "wiki", "sites"]
)  # fmt: skip
"""First steps of a platform's paths that name no page."""
_SAME_PLATFORM: Final = {"fb.com": "facebook.com", "fb.me": "facebook.com", "x.com": "twitter.com",
                         "youtu.be": "youtube.com"}  # fmt: skip


def domain(text: str) -> str | None:
    """The registrable domain of a URL, a host or an e-mail address, as DNS spells it; below a hosting the host, on a
    platform its page: `facebook.com/kovoplast`. None for free mail, for a platform without page, for what is no domain.
    A normal text is itself."""
    if len(text) <= SHORT and (bare := _BARE.fullmatch(text)):
        site = _site(bare[1])
        return None if site is None or "/" in site else site
    token = _TOKEN.search(_AT.sub("@", text[:2000]) if "(" in text or "[" in text else text[:2000])
    if token is None:
        return None
    try:
        site = _site(_to_ascii()(host_of(token[0]).casefold()))
    except Unfit:
        return None
    if site is None or "/" not in site:
        return site
    page = _page(token[0])
    return f"{site}{page}" if page else None


def _site(host: str) -> str | None:
    """The domain that tells who it is, of a host in ASCII; one that ends in / needs a page besides; None where it tells
    nothing."""
    part = _registrable(host.removeprefix("www.")) or _registrable(host)
    return _telling_site(host, part) if part else None


@lru_cache(4096)  # a record's website is met again in its address
def _registrable(host: str) -> str | None:
    """The part below a public suffix, of a host in ASCII."""
    return suffixes().privatesuffix(host)


def _telling_site(host: str, part: str) -> str | None:
    """The same as `_site`, of a host in ASCII and its registrable part."""
    if part in FREE_MAIL or part in MADE_UP:
        return None
    if part in HOSTING:
        below = host.removesuffix(part).removesuffix(".").removeprefix("www.")
        return f"{below}.{part}" if below and below != "www" else None
    return f"{_SAME_PLATFORM.get(part, part)}/" if part in PLATFORMS else part


@lru_cache(1)
def _to_ascii() -> Callable[[str], str]:
    return ascii_host("expected a host")


def _page(url: str) -> str:
    """The first step of the path that names a page, or the id of a profile."""
    behind = _BEHIND.fullmatch(re.sub(r"^[a-z]+://", "", url, flags=re.IGNORECASE))
    if behind is None:
        return ""
    path, _, query = behind[1].partition("?")
    number = re.search(r"\bid=(\d+)", query)
    steps = [step for step in path.lower().split("/") if step and step not in _LEAD]
    page = steps[0] if steps else number[1] if number else ""
    return re.sub(r"[^a-z0-9._-]", "", fold(page).replace(" ", "-") if not page.isascii() else page).strip(".")


def email(text: str) -> str | None:
    """`local@host` in small letters, as DNS spells the host. The first address of the text; None where there is none,
    or one that is made up. A normal text is itself."""
    if len(text) <= SHORT and (plain := _MAIL.fullmatch(text)):
        part = _registrable(plain[1])
        return text if part and part not in MADE_UP else None
    match = _ADDRESS.search(_AT.sub("@", text[:2000]) if "(" in text or "[" in text else text[:2000])
    if match is None:
        return None
    try:
        host = _to_ascii()(match[2].casefold().strip("."))
    except Unfit:
        return None
    part = _registrable(host)
    local = fold(match[1]).replace(" ", ".") if not match[1].isascii() else match[1].lower().strip(".'`")
    return f"{local}@{host}" if local and part and part not in MADE_UP else None


# Compared -------------------------------------------------------------------------------------------------


def _site_of(normal: str) -> str:
    """What is compared as a domain; "" for free mail and for mail at a platform."""
    if "@" not in normal:
        return normal
    host = normal.rpartition("@")[2]
    # no suffix is shorter than one word: a normal address at a host of two words is at what was registered
    part = host if host.count(".") == 1 else _registrable(host) or host
    site = _telling_site(host, part) or ""
    return "" if site.endswith("/") else site


def _split(site: str) -> tuple[str, str]:
    """Its name, and what anyone may register under: the ending, or the platform."""
    if "/" in site:
        platform, _, page = site.partition("/")
        return page, platform
    name, _, ending = site.partition(".")
    return name, ending


def gauge(values: Sequence[str], rarity: Rarity) -> Gauge:
    sites = [_site_of(value) for value in values]
    site, numbers = numbered_texts(sites)
    known = list(numbers)
    parts = [_split(each) for each in known]
    names = [name for name, _ in parts]
    texts = Slips.of(names)
    name, ending = numbered(names), numbered([each for _, each in parts])
    telling = np.array([len(name) >= TELLING for name in names], dtype=np.bool_)
    nats, mailbox_nats = common(known, rarity), common(values, rarity)
    on_platform = np.array(["/" in each for each in known], dtype=np.bool_)  # who has a page there may have a site too

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        ones, twos = site[first], site[second]
        same = (ones == twos) & (ones > 0)
        likeness = np.where(same, 1.0, np.nan)
        rows = np.flatnonzero((ones > 0) & (twos > 0) & ~same)
        likeness[rows] = _by_letters(ones[rows], twos[rows])
        equal = first == second
        likeness[equal] = 1.0
        return likeness, np.where(same, nats[ones], np.where(equal, mailbox_nats[first], np.nan))

    def _by_letters(ones: Ints, twos: Ints) -> Floats:
        """Of two sites that differ, by their numbers."""
        alike = letters(names, ones, twos)
        told, same_ending = telling[ones] & telling[twos], ending[ones] == ending[twos]
        slip = told & (alike >= NEAR)
        slip[slip] = texts.apart(ones[slip], twos[slip])
        close = [slip & same_ending, told & (name[ones] == name[twos]), slip, on_platform[ones] != on_platform[twos]]
        found: Floats = np.select(close, [SLIP, OTHER_ENDING, SLIP_AND_ENDING, np.nan], UNLIKE * alike)
        return found

    return measure


def reason(first: str, second: str, features: Sequence[float]) -> str:
    if first == second:
        return f"both {first}{borne(features[1])}"
    ours, theirs = _site_of(first), _site_of(second)
    if not (ours and theirs):
        return f"{first} and {second} cannot be compared"
    if ours == theirs:
        return f"both at {ours}{borne(features[1])}"
    return f"{ours} against {theirs}{_how_close(features)}"


def _how_close(features: Sequence[float]) -> str:
    words = {SLIP: ", one slip apart", OTHER_ENDING: ", the same name with another ending",
             SLIP_AND_ENDING: ", one slip and the ending apart"}  # fmt: skip
    return words.get(round(features[0], 3), "") if features else ""


def words(normal: str) -> Sequence[str]:
    """The site; the address where it tells no site: many may write the same made-up one."""
    return (f"={_site_of(normal) or normal}",)


def keys(normal: str, _rarity: Rarity) -> Iterable[str]:
    """The site, for mail too; the address where it tells no site."""
    return (_site_of(normal) or normal,)


_FEATURES: Final = (
    Feature("likeness", (0.0, 0.4, UNLIKE, SLIP_AND_ENDING, OTHER_ENDING, SLIP, 1.0),
            (-4.5, -4.0, -3.0, -1.5, -0.5, 0.6, 2.0)),
    BEARERS,
)  # fmt: skip

COMPARATORS: Final = (
    Comparator(
        "domain", "The registrable domain of a website, or a page on a platform; free mail tells nothing.", domain,
        _FEATURES, gauge, reason, keys, words, pool="domain",
    ),
    Comparator(
        "email", "An e-mail address: its domain is compared with websites, one at free mail with addresses.", email,
        _FEATURES, gauge, reason, keys, words, pool="domain",
    ),
)  # fmt: skip
