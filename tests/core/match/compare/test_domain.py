"""Whose site is it, whose mailbox is it?"""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.census import Census
from crmsync.core.match.compare.domain import domain, email, gauge, keys, reason, words
from crmsync.core.match.compare.hosts import FREE_MAIL, HOSTING, MADE_UP, PLATFORMS
from crmsync.core.match.compare.laws import rarity

SITES = {
    "host": ("www.kovoplast.sk", "kovoplast.sk"),
    "bare": ("kovoplast.sk", "kovoplast.sk"),
    "URL": ("https://www.kovoplast.sk/kontakt", "kovoplast.sk"),
    "URL with port and query": ("https://obchod.kovoplast.co.uk:8443/?a=b@c", "kovoplast.co.uk"),
    "capitals": ("HTTP://WWW.KOVOPLAST.SK", "kovoplast.sk"),
    "shop": ("eshop.kovoplast.cz", "kovoplast.cz"),
    "e-mail address": ("info@kovoplast.sk", "kovoplast.sk"),
    "final dot": ("www.kovoplast.sk.", "kovoplast.sk"),
    "first of two": ("kovoplast.sk, kovoplast.cz", "kovoplast.sk"),
    "words before it": ("web: www.kovoplast.sk", "kovoplast.sk"),
    "diacritics": ("www.kôň.sk", "xn--k-xga6w.sk"),
    "Cyrillic": ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
    "page on Facebook": ("https://www.facebook.com/Kovoplast/", "facebook.com/kovoplast"),
    "page on mobile Facebook": ("m.facebook.com/kovoplast", "facebook.com/kovoplast"),
    "short Facebook": ("fb.com/kovoplast", "facebook.com/kovoplast"),
    "pages of Facebook": ("https://www.facebook.com/pages/Kovoplast/123", "facebook.com/kovoplast"),
    "profile on Facebook": ("https://www.facebook.com/profile.php?id=100", "facebook.com/100"),
    "company on LinkedIn": ("linkedin.com/company/kovo-plast", "linkedin.com/kovo-plast"),
    "site of Google": ("sites.google.com/view/kovoplast", "google.com/kovoplast"),
    "below a hosting": ("https://kovoplast.webnode.sk/", "kovoplast.webnode.sk"),
    "below a hosting, with www": ("www.kovoplast.wz.cz", "kovoplast.wz.cz"),
    "below a public suffix": ("kovoplast.github.io", "kovoplast.github.io"),
}
NO_SITE = ["", "a", "nemá", "-", "kovoplast", "gmail.com", "jan@gmail.com", "www.seznam.cz", "wp.pl", "facebook.com",
           "https://www.facebook.com/", "webnode.sk", "www.webnode.sk", "example.com", "192.168.0.1", "@", "//", "http://",
           "x" * 10_000, "a." * 5_000, "שלום", "😀"]  # fmt: skip
MAILS = {
    "plain": ("jana.nova@kovoplast.sk", "jana.nova@kovoplast.sk"),
    "capitals": ("Jana.Nova@KOVOPLAST.sk", "jana.nova@kovoplast.sk"),
    "with a name": ("Jana Nová <jana@kovoplast.sk>", "jana@kovoplast.sk"),
    "mailto": ("mailto:jana@kovoplast.sk", "jana@kovoplast.sk"),
    "hidden": ("jana(at)kovoplast.sk", "jana@kovoplast.sk"),
    "hidden, with blanks": ("jana [at] kovoplast.sk", "jana@kovoplast.sk"),
    "Czech for at": ("jana(zavináč)kovoplast.cz", "jana@kovoplast.cz"),
    "free mail": ("Jana.Nova@gmail.com", "jana.nova@gmail.com"),
    "first of two": ("jana@kovoplast.sk; peter@kovoplast.sk", "jana@kovoplast.sk"),
    "diacritics": ("jožo@kôň.sk", "jozo@xn--k-xga6w.sk"),
}
NO_MAIL = ["", "@", "a@b", "nemá", "jana@", "@kovoplast.sk", "test@example.com", "kovoplast.sk", "x" * 10_000, "😀@😀"]


@pytest.mark.parametrize(("text", "normal"), SITES.values(), ids=SITES)
def test_a_site_is_its_registrable_domain(text: str, normal: str) -> None:
    assert domain(text) == normal
    assert domain(normal) == normal


@pytest.mark.parametrize("text", NO_SITE, ids=[text[:20] or "empty" for text in NO_SITE])
def test_what_anyone_may_have_is_no_site(text: str) -> None:
    assert domain(text) is None


@pytest.mark.parametrize(("text", "normal"), MAILS.values(), ids=MAILS)
def test_an_address_is_in_small_letters(text: str, normal: str) -> None:
    assert email(text) == normal
    assert email(normal) == normal


@pytest.mark.parametrize("text", NO_MAIL, ids=[text[:20] or "empty" for text in NO_MAIL])
def test_what_is_no_address_is_evidence_of_nothing(text: str) -> None:
    assert email(text) is None


NAN = float("nan")
ALIKE = {
    "same site": ("kovoplast.sk", "kovoplast.sk", 1.0),
    "site and office address": ("kovoplast.sk", "info@kovoplast.sk", 1.0),
    "site and a person's address": ("kovoplast.sk", "jana@kovoplast.sk", 1.0),
    "two people": ("jana@kovoplast.sk", "peter@kovoplast.sk", 1.0),
    "same person": ("jana@kovoplast.sk", "jana@kovoplast.sk", 1.0),
    "same office": ("info@kovoplast.sk", "info@kovoplast.sk", 1.0),
    "same free mail": ("jana@gmail.com", "jana@gmail.com", 1.0),
    "same office at a free mail": ("info@gmail.com", "info@gmail.com", 1.0),
    "two free mails": ("jana@gmail.com", "peter@gmail.com", NAN),
    "free mail and site": ("jana@gmail.com", "kovoplast.sk", NAN),
    "one slip": ("kovoplast.sk", "kovplast.sk", 0.9),
    "another ending": ("kovoplast.sk", "kovoplast.com", 0.8),
    "one slip and another ending": ("kovoplast.sk", "kovplast.com", 0.7),
    "short names": ("ab.sk", "ac.sk", 0.3),
    "nothing in common": ("kov.sk", "plz.sk", 0.0),
    "page and site of one name": ("facebook.com/kovoplast", "kovoplast.sk", 0.8),
    "page and site of two names": ("facebook.com/kovo", "plast.sk", NAN),
    "two pages": ("facebook.com/kov", "facebook.com/plz", 0.0),
}


@pytest.mark.parametrize(("first", "second", "likeness"), ALIKE.values(), ids=ALIKE)
def test_sites_and_addresses_are_compared_with_each_other(first: str, second: str, likeness: float) -> None:
    column = sorted({first, second})
    places = np.array([column.index(first), column.index(second)])
    features = gauge(column, rarity)(places, places[::-1])
    np.testing.assert_allclose(features[0], [likeness, likeness])


def test_a_site_that_many_share_tells_less_and_a_mailbox_too() -> None:
    known = {"=kovoplast.sk": 20}
    column = ["kovoplast.sk", "info@kovoplast.sk", "zelmat.sk", "jana@gmail.com"]
    told = gauge(column, Census(50_000, {"web": known}).rarity("web"))
    np.testing.assert_allclose(told(np.array([0, 2, 3]), np.array([1, 2, 3]))[1], [-log(10), 0.0, 0.0])
    assert [list(words(each)) for each in column[1::2]] == [["=kovoplast.sk"], ["=jana@gmail.com"]]
    many = gauge(column, Census(50_000, {"mail": {"=jana@gmail.com": 60}}).rarity("web", "mail"))
    np.testing.assert_allclose(many(np.array([3]), np.array([3]))[1], [-log(30)])
    assert reason(column[0], column[1], [1.0, -log(10)]) == "both at kovoplast.sk, which some 20 records have"


def test_mail_and_site_meet_by_the_domain_and_free_mail_by_the_address() -> None:
    assert list(keys("jana@kovoplast.sk", rarity)) == list(keys("kovoplast.sk", rarity)) == ["kovoplast.sk"]
    assert list(keys("jana@gmail.com", rarity)) == ["jana@gmail.com"]


@pytest.mark.parametrize(
    ("first", "second", "features", "said"),
    [
        ("kovoplast.sk", "kovoplast.sk", [1.0, NAN], "both kovoplast.sk"),
        ("info@kovoplast.sk", "kovoplast.sk", [1.0, NAN], "both at kovoplast.sk"),
        ("kovoplast.sk", "kovplast.sk", [0.9, NAN], "kovoplast.sk against kovplast.sk, one slip apart"),
        (
            "kovoplast.sk",
            "kovoplast.com",
            [0.8, NAN],
            "kovoplast.sk against kovoplast.com, the same name with another ending",
        ),
        ("a@gmail.com", "b@gmail.com", [NAN, NAN], "a@gmail.com and b@gmail.com cannot be compared"),
    ],
)
def test_the_reason_names_both(first: str, second: str, features: list[float], said: str) -> None:
    assert reason(first, second, features) == said


HOSTS = st.sampled_from(
    ["firma.sk", "www.firma.co.uk", "eshop.firma.cz", "firma.webnode.sk", "facebook.com", "gmail.com", "co.uk",
     "www.sk", "firma.nowhere", "a--b.sk", "xn--kovovroba-v4a.sk", "example.com", f"{'a' * 60}.sk", f"{'a' * 70}.sk"]
)  # fmt: skip


@given(st.sampled_from(["", "http://", "https://"]), HOSTS, st.sampled_from(["", "/"]))
def test_a_host_alone_is_read_as_one_in_a_text_is(scheme: str, host: str, slash: str) -> None:
    assert domain(f"{scheme}{host}{slash}") == domain(f" {scheme}{host}{slash}")


@given(st.sampled_from(["info", "jan.novak", "a+b", "-x-", "a_b"]), HOSTS)
def test_an_address_alone_is_read_as_one_in_a_text_is(local: str, host: str) -> None:
    assert email(f"{local}@{host}") == email(f"<{local}@{host}>")


def test_no_host_is_in_two_lists() -> None:
    named = {"gmail.com", "facebook.com", "webnode.sk", "example.com"}
    assert named <= FREE_MAIL | PLATFORMS | HOSTING | MADE_UP
    assert HOSTING.isdisjoint(PLATFORMS | FREE_MAIL)
    assert MADE_UP.isdisjoint(FREE_MAIL | PLATFORMS | HOSTING)
