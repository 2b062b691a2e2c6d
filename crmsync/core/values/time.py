"""How are dates and moments read and written, and where do clocks jump?

Dates and moments are text in JSON: `2024-05-31` and `2024-05-31T10:00:00+02:00`. A moment always bears its offset; a
text without one needs a zone, and the hour that a zone skips or passes twice needs a rule: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from crmsync.core.model import Call, Chain, Json
from crmsync.core.near import closest, meant
from crmsync.core.values.gives import NOTHING, TEXT, WORDS, Gives, always, kind
from crmsync.core.values.transform import (
    Args,
    Context,
    Example,
    Misuse,
    Param,
    Step,
    Transform,
    Unfit,
    present,
    text_of,
)

D = TypeVar("D", date, datetime)

# Patterns --------------------------------------------------------------------------------------------

OFFSET = "Z|[+-][0-9]{2}:?[0-5][0-9]"
CODES: Mapping[str, tuple[str, str, str]] = {  # code -> name of the part, its pattern, its pattern beside another code
    "Y": ("year", "[0-9]{4}", "[0-9]{4}"),
    "y": ("short_year", "[0-9]{2}", "[0-9]{2}"),
    "m": ("month", "[0-9]{1,2}", "[0-9]{2}"),
    "d": ("day", "[0-9]{1,2}", "[0-9]{2}"),
    "H": ("hour", "[0-9]{1,2}", "[0-9]{2}"),
    "M": ("minute", "[0-9]{1,2}", "[0-9]{2}"),
    "S": ("second", "[0-9]{1,2}", "[0-9]{2}"),
    "f": ("microsecond", "[0-9]{1,6}", "[0-9]{6}"),
    "z": ("offset", OFFSET, OFFSET),
}
DAY, CLOCK = frozenset("Ymd"), frozenset("HMSf")
DATE_CODES, MOMENT_CODES = DAY | {"y"}, DAY | CLOCK | {"y", "z"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A `format:`, taken apart: codes like %d, and the text between them. No month names: those need a locale."""

    text: str
    codes: frozenset[str]
    regex: re.Pattern[str]

    def read(self, text: str, what: str) -> Mapping[str, str]:
        """The parts by name, those present. Raises `Unfit`."""
        match = self.regex.fullmatch(text.strip())
        if match is None:
            raise Unfit(f"expected a {what} written as {self.text}")
        return match.groupdict()

    def write(self, moment: date) -> str:
        return re.sub("%(.)", lambda code: written(code[1], moment), self.text)


def written(code: str, moment: date) -> str:
    match code:
        case "Y":
            return f"{moment.year:04}"
        case "y":
            return f"{moment.year % 100:02}"
        case "f":
            return f"{getattr(moment, 'microsecond', 0):06}"
        case "z":
            return f"{moment:%z}"[:5]
        case "%":
            return "%"
    return f"{getattr(moment, CODES[code][0]):02}"


def pattern(name: str, text: str, allowed: frozenset[str]) -> Pattern:
    """Raises `Misuse` when a code is unknown, twice there, or the day is not whole."""
    tokens = re.findall("%.?|[^%]+", text, re.DOTALL)
    codes = [token[1:] for token in tokens if token[0] == "%" and token != "%%"]
    known = ", ".join(f"%{code}" for code in CODES if code in allowed)
    if not set(codes) <= allowed or len(set(codes)) < len(codes):
        raise Misuse(f"{name}: the format may have each of {known} once", "names of months and days are not read")
    if not {"m", "d"} <= set(codes) or len({"Y", "y"} & set(codes)) != 1:
        raise Misuse(f"{name}: the format must say year, month and day", "for example %d.%m.%Y")
    return Pattern(text, frozenset(codes), re.compile("".join(regexes(tokens))))


def regexes(tokens: list[str]) -> list[str]:
    """Digits are counted exactly where two codes touch: %d%m%Y."""
    coded = [token[0] == "%" and token != "%%" for token in tokens]
    beside = [any(coded[max(at - 1, 0) : at] + coded[at + 1 : at + 2]) for at in range(len(tokens))]
    return [
        named_group(token[1], tight) if code else re.escape(token.replace("%%", "%"))
        for token, code, tight in zip(tokens, coded, beside, strict=True)
    ]


def named_group(code: str, tight: bool) -> str:
    name, loose, exact = CODES[code]
    return f"(?P<{name}>{exact if tight else loose})"


def year_of(parts: Mapping[str, str]) -> int:
    """Of two digits as POSIX reads them: 69 to 99 are 19xx."""
    if "year" in parts:
        return int(parts["year"])
    short = int(parts["short_year"])
    return short + (1900 if short >= 69 else 2000)


# Dates ---------------------------------------------------------------------------------------------------

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Reader = Callable[[str], date]


def iso_date(text: str) -> date:
    if not ISO_DATE.fullmatch(text):
        raise Unfit("expected a date like YYYY-MM-DD")
    return valid(lambda: date.fromisoformat(text), "date")


def valid(make: Callable[[], D], what: str) -> D:
    try:
        return make()
    except (ValueError, OverflowError):
        raise Unfit(f"expected a {what} that the calendar has") from None


def date_reader(name: str, args: Args) -> Reader:
    if args["format"] is None:
        return iso_date
    form = pattern(name, args["format"], DATE_CODES)

    def read(text: str) -> date:
        parts = form.read(text, "date")
        return valid(lambda: date(year_of(parts), int(parts["month"]), int(parts["day"])), "date")

    return read


def build_date(args: Args, _context: Context) -> Step:
    read = date_reader("date", args)
    return lambda value: read(text_of(value)).isoformat()


def undo_date(args: Args, _context: Context) -> Chain:
    return () if args["format"] is None else (Call("date_text", {"format": args["format"], "exact": True}),)


def build_date_text(args: Args, _context: Context) -> Step:
    form = pattern("date_text", args["format"], DATE_CODES)
    read = date_reader("date_text", args)

    def write(value: Json) -> str:
        day = iso_date(text_of(value))
        text = form.write(day)
        if args["exact"] and read(text) != day:
            raise Unfit("expected a date that the format can hold without loss")
        return text

    return write


def undo_date_text(args: Args, _context: Context) -> Chain | None:
    whole = pattern("date_text", args["format"], DATE_CODES).codes >= DAY
    return (Call("date", {"format": args["format"]}),) if whole or args["exact"] else None


# Zones ---------------------------------------------------------------------------------------------------


def zone_of(name: str | None) -> ZoneInfo | None:
    """The IANA zone. Raises `Misuse`."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        mend = meant(closest(str(name), available_timezones(), 0.5), "use an IANA name such as Europe/Bratislava")
        raise Misuse(f"there is no time zone {name!r}", mend) from None


def put_into(zone: tzinfo, naive: datetime, args: Args) -> datetime:
    """The moment that a wall clock of `zone` shows as `naive`. A clock put forward skips an hour (a gap), one put
    back shows an hour twice (a fold): there `args` must say which moment is meant, or it is a misfit."""
    first, second = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
    before, after = offset(first), offset(second)
    if before == after:
        return first
    case, meant = ("fold", {"first": before, "second": after}) if before > after else (
        "gap", {"later": before, "earlier": after},
    )  # fmt: skip
    if args[case] == "reject":
        what = "shows twice" if case == "fold" else "skips"
        raise Unfit(f"expected a local time that is one moment; the clock {what} it, `{case}:` says which is meant")
    return valid(lambda: (naive - meant[args[case]]).replace(tzinfo=UTC).astimezone(zone), "date and time")


def offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def utc(moment: datetime) -> datetime:
    """To compare by: two times of one zone are compared as its clock shows them, whatever the fold."""
    return moment.astimezone(UTC)


# Moments -------------------------------------------------------------------------------------------------

ISO_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(0*)"
    r"(Z|[+-][0-9]{2}(:?[0-5][0-9])?)?"
)


def iso_datetime(text: str) -> datetime:
    """With or without offset; decimals of a second beyond the sixth must be zeros."""
    match = ISO_DATETIME.fullmatch(text)
    if match is None or (match[4] and not match[3]):
        raise Unfit("expected a date and time like YYYY-MM-DDThh:mm:ss+hh:mm")
    plain = text[: match.start(4)] + text[match.end(4) :]
    return valid(lambda: datetime.fromisoformat(plain), "date and time")


def formatted_datetime(form: Pattern) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        parts = form.read(text, "date and time")
        hour, minute, second = (int(parts.get(name, "0")) for name in ("hour", "minute", "second"))
        micro = int(parts.get("microsecond", "0").ljust(6, "0"))
        year, month, day = year_of(parts), int(parts["month"]), int(parts["day"])
        clock = (hour, minute, second, micro)
        return valid(lambda: datetime(year, month, day, *clock, offset_of(parts)), "date and time")  # noqa: DTZ001  put into its zone later

    return read


def offset_of(parts: Mapping[str, str]) -> tzinfo | None:
    text = parts.get("offset")
    if text is None or text == "Z":
        return UTC if text else None
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def moment_reader(name: str, args: Args) -> Callable[[str], datetime]:
    """Reads a moment; one without offset is in `zone`."""
    form, zone = args["format"], zone_of(args["zone"])
    made = None if form is None else pattern(name, form, MOMENT_CODES)
    parse = iso_datetime if made is None else formatted_datetime(made)
    if made is not None and "z" not in made.codes and zone is None:
        raise Misuse(f"{name}: a format without %z needs a zone", "for example zone: Europe/Bratislava")

    def read(text: str) -> datetime:
        moment = parse(text)
        if moment.tzinfo is not None:
            return moment
        if zone is None:
            raise Unfit("expected a time with its offset, as no `zone:` says where it is")
        return put_into(zone, moment, args)

    return read


def seen_from(zone: tzinfo | None, moment: datetime) -> datetime:
    """The same moment as clocks of `zone` show it. Raises `Unfit` before they kept whole minutes, and beyond year 1
    and 9999."""
    seen = valid(lambda: utc(moment).astimezone(zone or moment.tzinfo), "date and time")
    if offset(seen).seconds % 60:
        raise Unfit("expected a time since the zone's clocks keep whole minutes")
    return seen


def build_datetime(args: Args, _context: Context) -> Step:
    read = moment_reader("datetime", args)
    zone = zone_of(args["to"]) or zone_of(args["zone"])
    return lambda value: seen_from(zone, read(text_of(value))).isoformat()


def undo_datetime(args: Args, _context: Context) -> Chain | None:
    if args["format"] is None and args["zone"] is None:
        return ()
    same = {name: args[name] for name in ("format", "zone", "gap", "fold")}
    return (Call("datetime_text", present({**same, "exact": True})),)


def build_datetime_text(args: Args, _context: Context) -> Step:
    zone = zone_of(args["zone"])
    form = None if args["format"] is None else pattern("datetime_text", args["format"], MOMENT_CODES)
    if zone is None and form is None:
        raise Misuse("datetime_text needs a format or a zone", "for example zone: Europe/Bratislava")
    read = moment_reader("datetime_text", args) if args["exact"] else None

    def write(value: Json) -> str:
        moment = seen_from(zone, with_offset(value))
        text = form.write(moment) if form else moment.replace(tzinfo=None).isoformat()
        if read is not None and utc(read(text)) != utc(moment):
            raise Unfit("expected a time that the format can hold without loss")
        return text

    return write


def undo_datetime_text(args: Args, _context: Context) -> Chain | None:
    """Without `exact`, only a format that holds all of a moment leads back: to the microsecond, and with its offset."""
    form = args["format"]
    whole = form is not None and pattern("datetime_text", form, MOMENT_CODES).codes >= DAY | CLOCK | {"z"}
    if not whole and not args["exact"]:
        return None
    return (Call("datetime", present({name: args[name] for name in ("format", "zone", "gap", "fold")})),)


def with_offset(value: Json) -> datetime:
    moment = iso_datetime(text_of(value))
    if moment.tzinfo is None:
        raise Unfit("expected a time with its offset, like YYYY-MM-DDThh:mm:ss+hh:mm")
    return moment


def build_date_of(args: Args, _context: Context) -> Step:
    zone = zone_of(args["zone"])
    return lambda value: seen_from(zone, with_offset(value)).date().isoformat()


WIDTHS = {"Y": "[0-9]{4}", "f": "[0-9]{6}", "z": "[+-][0-9]{4}"}
ISO_LOCAL = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?"


def gives_written(schema: Json, args: Args, _context: Context) -> Gives:
    """Text as its format spells it; a portable pattern."""
    if kind(schema) != "string":
        return NOTHING
    if args["format"] is None:
        return Gives({**TEXT, "pattern": f"^{ISO_LOCAL}$", "minLength": 19, "maxLength": 26})
    if args["format"] == "%Y-%m-%d":
        return Gives(WORDS["date"])
    tokens = re.findall("%.|[^%]", args["format"], re.DOTALL)
    return Gives({**TEXT, "pattern": f"^{''.join(map(portable, tokens))}$"})


def portable(token: str) -> str:
    if token[0] == "%" and token != "%%":
        return WIDTHS.get(token[1], "[0-9]{2}")
    char = token[-1]
    return char if char.isalnum() or char in " -:,_/" else f"[{char}]" if char not in "^]\\\n\r" else "."


FORMAT = Param("how the text is written, with %Y %y %m %d; without it as ISO 8601", default=None)
MOMENT = Param("how the text is written, with %Y %y %m %d %H %M %S %f %z; without it as ISO 8601", default=None)
RULES = {
    "gap": Param(
        "which moment a time is that the clock skips", default="reject", choices=("reject", "earlier", "later")
    ),
    "fold": Param("which moment a time is that comes twice", default="reject", choices=("reject", "first", "second")),
}
EXACT = Param("refuse what reading the text would not give again", "boolean", False)
ZONE = "Europe/Bratislava"

TRANSFORMS = (
    Transform(
        "date", "A date, 2024-05-31, from text in a format.", "date", "date", build_date, main="format",
        types=always(WORDS["date"], "string"),
        params={"format": FORMAT}, inverse=undo_date,
        examples=(
            Example("%d.%m.%Y", "31.5.2024", "2024-05-31"), Example("%Y%m%d", "20240531", "2024-05-31"),
            Example(None, "2024-05-31", "2024-05-31"), Example(None, "2024-02-30"),
        ),
    ),
    Transform(
        "date_text", "A date as text in a format. With `exact` one that the format would lose (%y) is a misfit.",
        "date", "text", build_date_text, main="format", inverse=undo_date_text, types=gives_written,
        params={"format": Param("how to write it, with %Y %y %m %d"), "exact": EXACT},
        examples=(
            Example("%d.%m.%Y", "2024-05-31", "31.05.2024"),
            Example({"format": "%d/%m/%y", "exact": True}, "1924-05-31"),
        ),
    ),
    Transform(
        "datetime", "A moment like 2024-05-31T10:00:00+02:00 from text. One without offset is in `zone`; the result is "
        "seen from `to`, or else `zone`, or else keeps its offset.", "datetime", "datetime", build_datetime,
        main="format", inverse=undo_datetime, types=always(WORDS["datetime"], "string"),
        params={
            "format": MOMENT, "zone": Param("IANA name of the zone of texts without offset", default=None),
            "to": Param("IANA name of the zone of the result", default=None), **RULES,
        },
        examples=(
            Example({"zone": ZONE}, "2024-05-31 10:00", "2024-05-31T10:00:00+02:00"),
            Example(
                {"format": "%d.%m.%Y %H:%M", "zone": ZONE, "to": "UTC"}, "31.5.2024 10:00", "2024-05-31T08:00:00+00:00",
            ),
            Example(None, "2024-05-31T08:00:00Z", "2024-05-31T08:00:00+00:00"),
            Example(None, "2024-05-31T08:00:00"),
            Example({"zone": ZONE}, "2024-10-27T02:30:00"),
            Example({"zone": ZONE, "fold": "second"}, "2024-10-27T02:30:00", "2024-10-27T02:30:00+01:00"),
            Example({"zone": ZONE, "gap": "later"}, "2024-03-31T02:30:00", "2024-03-31T03:30:00+02:00"),
        ),
    ),
    Transform(
        "datetime_text", "A moment as text in a format, as clocks of `zone` show it. With `exact` one that the text "
        "would lose (seconds, the second of two equal hours) is a misfit; `gap` and `fold` are how it is read again.",
        "datetime", "text", build_datetime_text, inverse=undo_datetime_text, main="format", types=gives_written,
        params={
            "format": Param(f"{MOMENT.doc} without offset", default=None),
            "zone": Param("IANA name of the zone; without it the moment's own offset", default=None),
            "exact": EXACT, **RULES,
        },
        examples=(
            Example({"format": "%d.%m.%Y %H:%M", "zone": ZONE}, "2024-05-31T08:00:00+00:00", "31.05.2024 10:00"),
            Example({"zone": ZONE}, "2024-05-31T08:00:00+00:00", "2024-05-31T10:00:00"),
            Example({"format": "%Y-%m-%d %H:%M", "zone": ZONE, "exact": True}, "2024-05-31T08:00:30+00:00"),
        ),
    ),
    Transform(
        "date_of", "The day on which a moment falls in a zone.", "datetime", "date", build_date_of, main="zone",
        types=always(WORDS["date"], "string"),
        params={"zone": Param("IANA name of the zone")},
        examples=(Example(ZONE, "2024-05-31T22:30:00+00:00", "2024-06-01"), Example(ZONE, "2024-05-31")),
    ),
)  # fmt: skip
