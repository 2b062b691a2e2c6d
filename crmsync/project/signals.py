"""Where do signals go, and who is told when something is wrong? As the project file says under `signals:`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from crmsync.core.model import Finding, Json
from crmsync.core.signals import Thresholds
from crmsync.project.systems import seconds
from crmsync.project.yaml import Document, Where

TRACES: Final = "/v1/traces"  # where an OTLP endpoint takes spans
_URLS: Final = (("otel", "endpoint"), ("webhook", "url"))


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str = field(repr=False)
    secret: str = field(repr=False)  # of the signature


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on, also where the rest of the project is wrong. Times are in seconds; `lock_age`: a lock that is held
    for longer is a failure of whoever waits for it; `ledger`: its URL, which may hold secrets."""

    project: str = ""
    root: Path = Path()
    ledger: str = field(default="", repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    prometheus: Path | None = None
    otel: str | None = None
    on_failure: tuple[str, ...] = ()
    on_degraded: tuple[str, ...] = ()
    webhook: Webhook | None = None
    coalesce: float = 3600.0
    timeout: float = 30.0
    lock_age: float = 21_600.0
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def is_asked(self) -> bool:
        """Does anybody want to know?"""
        return bool(self.prometheus or self.otel or self.on_failure or self.on_degraded or self.webhook)


def sound(written: Json, wrong: Iterable[Where]) -> Mapping[str, Json]:
    """What is under `signals` without the parts that have a finding, so that the others can still tell. `wrong`: the
    places in the project file that have one."""
    lost = {where[1] if len(where) > 1 else None for where in wrong if where[:1] == ("signals",)}
    usable = {} if None in lost or not isinstance(written, dict) else written
    return {key: value for key, value in usable.items() if key not in lost}


def read_watch(root: Path, said: Mapping[str, Json], ledger: str, secrets: frozenset[str]) -> Watch:
    """What is sound under `signals`, its variables filled in."""
    times = {key: seconds(said[key]) for key in ("coalesce", "timeout", "lock_age") if key in said}
    prometheus = root / said["prometheus"] if said.get("prometheus") else None
    return Watch(
        root.resolve().name, root, ledger, secrets, prometheus, _otel(said.get("otel")), _command(said, "on_failure"),
        _command(said, "on_degraded"), _webhook(said.get("webhook")), thresholds=_thresholds(said.get("degraded", {})),
        **times,
    )  # fmt: skip


def _command(said: Mapping[str, Json], key: str) -> tuple[str, ...]:
    words = tuple(said.get(key, ()))
    return words if words and words[0] else ()


def _otel(said: Json) -> str | None:
    if not said or not _is_web(said["endpoint"]):
        return None
    endpoint = str(said["endpoint"]).rstrip("/")
    return endpoint if endpoint.endswith(TRACES) else endpoint + TRACES


def _webhook(said: Json) -> Webhook | None:
    return Webhook(said["url"], said["secret"]) if said and said["secret"] and _is_web(said["url"]) else None


def _thresholds(said: Mapping[str, Json]) -> Thresholds:
    ages = {key: seconds(said[key]) for key in ("dead_letter_age", "review_age") if key in said}
    drop = {"convergence_drop": float(said["convergence_drop"].rstrip("%")) / 100} if "convergence_drop" in said else {}
    return Thresholds(**ages, **drop)


def check_watch(document: Document, said: Mapping[str, Json]) -> Iterator[Finding]:
    """What no shape can tell of what is under `signals`."""
    for key, inner in _URLS:
        url = said[key][inner] if key in said else ""
        if url and not _is_web(url):
            message = f"signals.{key}.{inner} is no URL of the web"  # not the URL itself: it may hold a token
            at = document.at("signals", key, inner)
            yield Finding("project/bad-url", message, "write one that begins with https://", at=at)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
