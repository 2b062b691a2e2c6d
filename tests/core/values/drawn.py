"""What is drawn for each transform: arguments, and values that it is made for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hypothesis import strategies as st

from crmsync.core.model import Table
from crmsync.core.values import Context

STATUS = Table(
    "delivery_status", ("crm", "pm"), (("Won", "open"), ("Signed", "open"), ("Closed", "done")), {"pm": {"open": "Won"}}
)
FLAGS = Table(
    "flags", ("crm", "pm"), ((None, "none"), (True, "yes"), (1, "one"), (Decimal("2.50"), "half")), {}, "hold"
)
USERS = {"jana@firma.sk": 7, "peter@firma.sk": 9}
CONTEXT = Context(
    tables={"delivery_status": STATUS, "flags": FLAGS},
    source="crm",
    target="pm",
    entities={
        ("pm.user", "email", "id"): USERS,
        ("pm.user", "id", "email"): {number: email for email, number in USERS.items()},
    },
)

# What is drawn: junk for everybody, and for each transform what it is made for --------------------------

decimals = st.decimals(-(10**12), 10**12, places=4, allow_nan=False) | st.decimals(
    allow_nan=False, allow_infinity=False
)
numbers = st.integers() | st.integers(-(10**120), 10**120) | decimals
scalars = st.none() | st.booleans() | numbers | st.text(max_size=12)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
digits = st.text("0123456789", min_size=1, max_size=14)
words = st.text("aáäčđłßΣİŉ oO'.-/ \t\u00a0", max_size=12)

dates = st.dates().map(str)
zones = st.sampled_from(["Europe/Bratislava", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
near_jumps = st.sampled_from(["2024-03-31", "2024-10-27", "2024-04-07", "2024-10-06"]).flatmap(
    lambda day: st.times().map(lambda clock: datetime.fromisoformat(f"{day}T{clock.isoformat()}"))
)
naive = st.datetimes() | near_jumps
offsets = st.sampled_from(["Z", "+00:00", "+02:00", "-05:30", "+02", "+1400", "+9900", " +0100"])
moments = st.builds(
    lambda moment, offset, gap: moment.isoformat(gap) + offset, naive, offsets | st.just(""), st.sampled_from("T ")
)
date_formats = st.sampled_from(["%d.%m.%Y", "%Y%m%d", "%d/%m/%y", "%m-%d-%Y %%"])
formats = st.sampled_from(
    [
        "%d.%m.%Y %H:%M",
        "%Y%m%d%H%M%S",
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%dT%H:%M:%S.%f%z",
        "%Y-%m-%dT%H:%M:%S%z",
        "%d/%m/%y",
    ]
)
rules = {
    "gap": st.sampled_from(["reject", "earlier", "later"]),
    "fold": st.sampled_from(["reject", "first", "second"]),
}
spelled = st.builds(
    lambda whole, group, point, part: f"{whole:,}".replace(",", group) + point + part,
    st.integers(),
    st.sampled_from(["", " ", "."]),
    st.sampled_from(["", ",", "."]),
    st.text("0123456789", max_size=3),
)
separators = st.sampled_from(
    [{}, {"decimal": ","}, {"decimal": ",", "thousands": " "}, {"decimal": ",", "thousands": "."}]
)
places = st.integers(-18, 18)
modes = st.sampled_from(["half_even", "half_up", "half_down", "up", "down", "ceiling", "floor"])
rounding = st.fixed_dictionaries({}, optional={"places": places, "mode": modes})
constants = st.decimals(-(10**12), 10**12, places=4)  # longer ones than 100 digits are a misuse, tested elsewhere
folding = st.fixed_dictionaries(
    {}, optional={"by": st.integers(-(10**9), 10**9) | constants, "places": places, "mode": modes}
)
joints = st.fixed_dictionaries({"separator": st.sampled_from([" ", ", ", "aa"])}, optional={"parts": st.integers(2, 3)})
hosts = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "http://", "//", "mailto:", "jana@", "https://a:b@"]),
    st.text("aAžß-_1.", max_size=8),
    st.sampled_from([".sk", ".co.uk", ".com.", ".xn--p1ai", ".рф", ".local", ""]),
    st.sampled_from(["", "/kontakt", ":8080", "?a=b@c", " / x", ":x"]),
)
emails = st.builds(
    lambda *parts: "".join(parts), st.text('aA.ž+" ', max_size=6), st.sampled_from(["@", "(at)", "@@"]), hosts
)
phones = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "+", "00", "+421", "+420 ", "0", "+39 0", "+54 9 "]),
    st.text("0123456789 /-()", min_size=6, max_size=13),
    st.sampled_from(["", " ext. 5", ";ext=77", "x3"]),
)
codes = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(
        ["", "SK", "CZ", "sk ", "IČO: ", "GR", "EL", "XI", "GB", "CHE", "BE", "PL", "ATU", "NO", "FN", "EU"]
    ),
    digits,
    st.sampled_from(["", "m", " MWST", "MVA", "-1"]),
)
known_numbers = st.sampled_from([
    "31333532", "6947", "00006947", "2022749619", "CZ25123891", "BE697449992", "GR094259216", "GB980780684",
    "NO995525828MVA",
    "CHE-107.787.577 IVA", "8567346215", "192598184", "FN 122119m", "988 077 917", "HU-12892312", "Aachen HRA 11223",
    "XI 432525179", "EU372022452",
])  # fmt: skip
countries = st.sampled_from(["SK", "CZ", "PL", "AT", "NO", "CH", "HU", "DE", "SE", "UA", "BE", "FR", "GR"])
vat_countries = st.sampled_from(["SK", "CZ", "PL", "AT", "NO", "CH", "HU", "EL", "GR", "BE"])
nothing = st.none()

DRAWN: dict[str, tuple[st.SearchStrategy[object], st.SearchStrategy[object]]] = {
    "trim": (nothing, words),
    "collapse_spaces": (nothing, words),
    "upper": (nothing, words),
    "lower": (nothing, words),
    "title": (nothing, words),
    "strip_diacritics": (nothing, words),
    "truncate": (st.integers(1, 6), words),
    "replace": (st.fixed_dictionaries({"find": st.sampled_from(["a", "."])}, optional={"with": words}), words),
    "decimal": (st.builds(lambda one, two: one | two, separators, rounding), numbers | spelled),
    "to_number": (nothing, numbers | spelled),
    "to_text": (separators, numbers | spelled),
    "integer": (nothing, numbers | digits),
    "round": (rounding, numbers),
    "multiply": (folding, numbers | st.lists(numbers | nothing, max_size=4)),
    "add": (folding, numbers | st.lists(numbers | nothing, max_size=4)),
    "boolean": (
        nothing | st.just({"true": ["A", 1], "false": "N"}),
        st.sampled_from(["Áno", " nie", "TAK", "ja", "0", 1, 0, Decimal("1.0"), 2, "a", "N", True, False]),
    ),
    "boolean_text": (st.sampled_from([{"true": "áno", "false": "nie"}, {True: 1, False: 0}]), st.booleans()),
    "date": (
        nothing | date_formats,
        dates | digits | st.dates().map(lambda day: f"{day.day}.{day.month}.{day.year:04}"),
    ),
    "date_text": (st.fixed_dictionaries({"format": date_formats}, optional={"exact": st.booleans()}), dates),
    "datetime": (
        st.fixed_dictionaries({"zone": zones}, optional={"format": formats, "to": zones, **rules})
        | st.fixed_dictionaries({}, optional={"to": zones}),
        moments
        | naive.map(lambda moment: moment.strftime("%d.%m.%Y %H:%M"))
        | naive.map(lambda moment: moment.strftime("%Y%m%d%H%M%S")),
    ),
    "datetime_text": (
        st.fixed_dictionaries({"format": formats, "zone": zones}, optional={"exact": st.booleans(), **rules})
        | st.just({"format": "%Y-%m-%dT%H:%M:%S.%f%z"}),
        moments,
    ),
    "date_of": (zones, moments),
    "email": (nothing, emails),
    "phone": (
        st.fixed_dictionaries(
            {},
            optional={
                "region": countries,
                "check": st.sampled_from(["valid", "possible"]),
                "extension": st.sampled_from(["reject", "drop"]),
            },
        ),
        phones,
    ),
    "domain": (
        st.fixed_dictionaries(
            {},
            optional={"part": st.sampled_from(["registrable", "host"]), "idn": st.sampled_from(["ascii", "unicode"])},
        ),
        hosts | emails,
    ),
    "company_id": (nothing | countries, digits | codes | known_numbers | st.integers(0, 10**9)),
    "vat_id": (nothing | vat_countries, codes | known_numbers),
    "lookup": (
        st.sampled_from(
            [
                "delivery_status",
                "flags",
                {"table": "delivery_status", "from": "pm", "to": "crm"},
                {"table": "delivery_status", "unmapped": {"value": "open"}},
                {"entity": "pm.user", "by": "email", "take": "id"},
            ]
        ),
        st.sampled_from(
            ["Won", "Signed", "Closed", "open", None, True, 1, Decimal("1.0"), Decimal("2.5"), "jana@firma.sk"]
        ),
    ),
    "default": (st.sampled_from(["EUR", 0, {"a": 1}]), words),
    "null_if": (st.sampled_from(["", ["", "-", 0], True]), st.sampled_from(["", "-", 0, "0", 1, True, False])),
    "constant": (st.sampled_from(["external", 5, ["a"]]), words),
    "concat": (joints, st.lists(words | numbers | nothing, max_size=4)),
    "split": (joints, st.text("a, b", max_size=8)),
}
