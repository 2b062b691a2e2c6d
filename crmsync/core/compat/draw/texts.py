"""Which texts are worth trying: of a length, of a format, of a pattern?"""

from __future__ import annotations

from typing import Final

from crmsync.core.compat.choices import Choices, happens, one_of
from crmsync.core.compat.regular import Language, Unregular

_ALPHABET: Final = "aAb0 zŽľčŁóążЩїאبñß漢😀\u0301\u200d'\"\\/-_.,%\n\t\u00a0"
WORDS: Final = (
    "", "a", "A", "0", " ", "Žilina", "Łódź", "Київ", "שלום", "مرحبا", "漢字", "😀", "e\u0301", "O'Brien", "a\nb",
    " padded ", "null", "true", "-1", "1.50", "\u00a0",
)  # fmt: skip
_LONG: Final = 5_000  # a text longer than this says nothing more

_DATES: Final = (
    "2000-01-01", "2024-02-29", "1970-01-01", "1969-12-31", "2024-12-31", "2025-03-30", "2000-02-29", "0001-01-01",
    "9999-12-31", "1900-02-28",
)  # fmt: skip
_TIMES: Final = (
    "00:00:00Z", "23:59:59Z", "12:30:00.123456Z", "12:00:00+02:00", "23:59:59-12:00", "00:00:00+14:00", "12:00:00.5z",
)  # fmt: skip
_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "date": _DATES,
    "time": _TIMES,
    "date-time": tuple(f"{date}T{time}" for date in _DATES for time in _TIMES[:6]),
    "duration": ("P1D", "P3DT12H", "PT0S", "P1Y2M", "P4W", "PT1H30M"),
    "email": ("a@b.cz", "jana.novakova@example.sk", "o'brien+tag@sub.example.com", "x_1@example.co.uk"),
    "idn-email": ("a@b.cz", "ľubica@príklad.sk", "jan@example.com"),
    "hostname": ("a.cz", "www.example.com", "xn--bcher-kva.example", "localhost", "a-1.b-2.c"),
    "idn-hostname": ("a.cz", "bücher.example", "príklad.sk"),
    "ipv4": ("192.0.2.1", "0.0.0.0", "255.255.255.255", "10.0.0.1"),
    "ipv6": ("::", "::1", "2001:db8::1", "fe80::1", "::ffff:192.0.2.1"),
    "uri": ("a:b", "https://example.com/a", "http://[2001:db8::1]:8080/x?y=1#z", "mailto:a@b.cz", "urn:isbn:045145052"),
    "iri": ("a:b", "https://example.com/á", "https://príklad.sk/ž?č=1"),
    "uri-reference": ("", "/a", "https://example.com/a", "?q=1", "#f", "../x"),
    "iri-reference": ("", "/á", "https://príklad.sk/ž", "#č"),
    "uri-template": ("", "/a/{id}", "https://example.com/{a}{?b,c}"),
    "json-pointer": ("", "/a", "/a/0/b~1c~0d", "/"),
    "relative-json-pointer": ("0", "1/a", "0#"),
    "regex": ("", "a", "^[a-z]+$", "(a|b)*"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "123e4567-e89b-12d3-a456-426614174000",
             "ffffffff-ffff-ffff-ffff-ffffffffffff"),
}  # fmt: skip
SIMPLEST: Final = tuple(texts[0] for texts in _FORMATS.values())
"""The simplest text of each format."""
DRESSED: Final = tuple(sorted({text for texts in _FORMATS.values() for text in texts}))
"""Something of every format: also what one format takes and the other does not."""


def of_length(choices: Choices, least: int, most: int | None) -> str | None:
    """A text of `least` to `most` characters, or None where that is too long to be of use."""
    if least > _LONG * 20 or (most is not None and most < least):
        return None
    if happens(choices, 2):
        fitting = [word for word in WORDS if len(word) >= least and (most is None or len(word) <= most)]
        if fitting:
            return one_of(choices, fitting)
    if most is not None and happens(choices, 6):
        return one_of(choices, _ALPHABET) * min(most, _LONG)
    top = least + 12 if most is None else min(most, least + 12)
    letters = [one_of(choices, _ALPHABET) for _ in range(min(choices.integer(least, top), 40))]
    return "".join(letters).ljust(least, "a")


def of_format(choices: Choices, name: str) -> str | None:
    """A text in this format, or None where nothing is known of it."""
    if name == "date" and happens(choices, 2):
        return _date(choices)
    if name == "date-time" and happens(choices, 2):
        return f"{_date(choices)}T{one_of(choices, _TIMES[:6])}"
    if name == "uuid" and happens(choices, 2):
        digits = f"{choices.integer(0, (1 << 128) - 1):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return one_of(choices, _FORMATS[name]) if name in _FORMATS else None


def known(name: str) -> tuple[str, ...]:
    return _FORMATS.get(name, ())


def _date(choices: Choices) -> str:
    year, month = choices.integer(1, 9999), choices.integer(1, 12)
    return f"{year:04}-{month:02}-{choices.integer(1, 28):02}"


def of_patterns(choices: Choices, language: Language) -> str | None:
    """A text that matches these patterns; where they are not all regular, one that matches what is."""
    for attempt in (language, Language(language.patterns, (), language.least, language.most),
                    *(Language((each,)) for each in language.patterns)):  # fmt: skip
        try:
            return attempt.drawn(choices)
        except Unregular:
            continue
    return of_length(choices, language.least, language.most)
