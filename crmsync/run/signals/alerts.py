"""How are people told that something is wrong, or right again? By a command, or by a signed message to a URL.

Neither can change what a run ends with: that one of them failed is a warning.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from crmsync import __version__
from crmsync.core.model import Finding, Json, to_json
from crmsync.core.signals import Alert, Channel
from crmsync.project.signals import Watch, Webhook
from crmsync.run.signals.deadline import within

ATTEMPTS: Final = 3
FIRST_WAIT: Final = 0.5  # seconds before the second attempt; twice as long before the third
SIGNATURE: Final = "X-Crmsync-Signature"
TIMESTAMP: Final = "X-Crmsync-Timestamp"
_NAMED: Final = {"failure": "failed", "degraded": "degraded", "recovered": "recovered"}
PASSING: Final = frozenset({408, 425, 429})  # refusals that may pass by themselves, besides those of 500 and above


@dataclass(frozen=True, slots=True)
class Told:
    """What is told, apart from what is wrong. `body` is the JSON of the run; `now` counts seconds since 1970."""

    run: str
    trace: str
    exit: int
    body: Json
    now: Callable[[], float]


class Undelivered(Exception):
    """It did not arrive; the text says why, and holds no URL and no secret."""


class _Passing(Undelivered):
    """Another attempt may do."""


def channels(watch: Watch) -> Iterator[Channel]:
    """Those that the project has."""
    if watch.on_failure:
        yield "on_failure"
    if watch.on_degraded:
        yield "on_degraded"
    if watch.webhook:
        yield "webhook"


def deliver(watch: Watch, channel: Channel, alert: Alert, told: Told) -> Finding | None:
    """A warning where it did not arrive."""
    body = to_json({"alert": alert.kind, "reasons": list(alert.reasons), "since": alert.since, **told.body})
    try:
        if channel == "webhook" and watch.webhook:
            post(watch.webhook, body, told.now, watch.timeout)
        elif channel != "recovery":
            command = watch.on_failure if channel == "on_failure" else watch.on_degraded
            run_command(command, body, watch.root, watch.timeout, {"CRMSYNC_ALERT": alert.kind, **_about(told)})
    except Undelivered as error:
        mend = "the next run tries again; try it by hand, or mend it"
        rule = "signals/webhook" if channel == "webhook" else "signals/hook"
        return Finding(rule, f"signals.{channel} was not told of a {_NAMED[alert.kind]} run: {error}", mend, "warning")
    return None


def _about(told: Told) -> dict[str, str]:
    return {"CRMSYNC_RUN": told.run, "CRMSYNC_TRACE": told.trace, "CRMSYNC_EXIT": str(told.exit)}


def run_command(
    command: tuple[str, ...], body: bytes, folder: Path, timeout: float, environment: Mapping[str, str]
) -> None:
    """In the project folder, without a shell; what it prints is dropped. When it takes longer than `timeout` seconds,
    it is ended with all that it has started. Raises `Undelivered`."""
    name = Path(command[0]).name or command[0]
    try:
        started = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, ValueError) as error:  # a word with a NUL in it is no word
        why = error.strerror if isinstance(error, OSError) else error
        raise Undelivered(f"{name} cannot be started: {why}") from None
    try:
        started.communicate(body, timeout)
    except subprocess.TimeoutExpired:
        raise Undelivered(f"{name} took longer than {timeout:g} s") from None
    finally:
        if started.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    if started.returncode:
        raise Undelivered(f"{name} ended with {started.returncode}")


def post(
    webhook: Webhook, body: bytes, now: Callable[[], float], timeout: float, first_wait: float = FIRST_WAIT
) -> None:
    """Up to `ATTEMPTS` times. Raises `Undelivered`."""
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=wait_exponential(multiplier=first_wait),
        retry=retry_if_exception_type(_Passing), reraise=True,
    )  # fmt: skip
    retrying(_post_once, webhook, body, now, timeout)


def _post_once(webhook: Webhook, body: bytes, now: Callable[[], float], timeout: float) -> None:
    timestamp = str(int(now()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"crmsync/{__version__}",
        TIMESTAMP: timestamp,
        SIGNATURE: signature(webhook.secret, timestamp, body),
    }
    request = urllib.request.Request(webhook.url, body, headers, method="POST")
    try:
        within(timeout, lambda: _opener().open(request, timeout=timeout).close())
    except urllib.error.HTTPError as error:
        error.close()
        kind = _Passing if error.code >= 500 or error.code in PASSING else Undelivered
        raise kind(f"it answered with {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _Passing(f"it did not answer: {type(reason).__name__}") from None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `timestamp.body`, so that an old message cannot be sent again as a new one."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message that was signed for one URL is not carried to another one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect)
