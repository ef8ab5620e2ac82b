"""What a client is configured with, and what both kinds of client share without waiting for anything."""

from __future__ import annotations

import logging
import os
import platform
import random
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from ._errors import APIConnectionError, APIStatusError, SojournError
from ._version import VERSION

DEFAULT_BASE_URL = "http://127.0.0.1:7373"
"""Where a client looks for the server when neither an argument nor the environment names one."""

log = logging.getLogger("sojourn")

Seconds = float | timedelta
"""A length of time: a number of seconds, or a timedelta."""


@dataclass(frozen=True)
class Options:
    """The settings of a client."""

    api_key: str
    base_url: str
    timeout: float
    max_retries: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def make(
        api_key: str | None,
        base_url: str | None,
        timeout: Seconds,
        max_retries: int,
        headers: Mapping[str, str] | None,
        *,
        key_names: tuple[str, ...] = ("SOJOURN_API_KEY",),
        url_names: tuple[str, ...] = ("SOJOURN_BASE_URL",),
    ) -> Options:
        """Completes the arguments of a client from the environment, and refuses what cannot work."""
        key = (api_key or first_env(key_names) or "").strip()
        if not key:
            raise SojournError(f"no API key: pass api_key, or set the environment variable {key_names[0]}")
        if any(not "!" <= c <= "~" for c in key):
            raise SojournError("the API key holds a character that cannot be in a key; was it copied whole?")
        url = (base_url or first_env(url_names) or DEFAULT_BASE_URL).rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise SojournError(f"the base URL {url!r} is not an http:// or https:// address without query and fragment")
        configure_log()
        return Options(key, url, seconds(timeout), max(max_retries, 0), dict(headers or {}))

    def but(self, **changes: Any) -> Options:
        """A copy with other settings."""
        return replace(self, **changes)

    def request_headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {
            "authorization": f"Bearer {self.api_key}",
            "user-agent": f"sojourn-python/{VERSION} (python {platform.python_version()})",
            "accept": "application/json",
            **{name.lower(): value for name, value in self.headers.items()},
        }


def first_env(names: tuple[str, ...]) -> str | None:
    """The first variable of the environment that is set to something."""
    return next((os.environ[n] for n in names if os.environ.get(n)), None)


def configure_log() -> None:
    """Shows the package's log on standard error when SOJOURN_LOG is debug or info."""
    level = {"debug": logging.DEBUG, "info": logging.INFO}.get(os.environ.get("SOJOURN_LOG", "").lower())
    if level is not None and not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        log.addHandler(handler)
        log.setLevel(level)


def seconds(d: Seconds) -> float:
    """A length of time as seconds."""
    return d.total_seconds() if isinstance(d, timedelta) else float(d)


def millis(d: Seconds | None) -> int | None:
    """A length of time on the wire: whole milliseconds, rounded up so that nothing is early."""
    if d is None:
        return None
    ms = seconds(d) * 1000
    return int(ms) if ms == int(ms) else int(ms) + (ms > 0)


def instant(at: datetime | str | None) -> str | None:
    """A point in time on the wire; a datetime without a zone is local time."""
    if at is None or isinstance(at, str):
        return at
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def compact(**members: Any) -> dict[str, Any]:
    """The members that are given."""
    return {name: value for name, value in members.items() if value is not None}


def segment(text: str) -> str:
    """A part of a path. An empty one would name another route."""
    if not text:
        raise SojournError("an empty id or name")
    return quote(text, safe="")


def retriable(error: Exception) -> bool:
    """Whether a repeat of the request may help, given that repeating is harmless."""
    if isinstance(error, APIConnectionError):
        return True
    return isinstance(error, APIStatusError) and (
        error.status_code in (408, 429) or (error.status_code >= 500 and error.status_code not in (501, 507))
    )


RETRY_PATIENCE = 60.0
"""The longest Retry-After, in seconds, that is waited for; a longer one is the caller's decision."""


def retry_delay(attempt: int, error: Exception | None = None) -> float:
    """Seconds to wait before another try: what the server asks for, else 0.5 s doubling to 8 s, full jitter."""
    if isinstance(error, APIStatusError) and error.retry_after is not None:
        return error.retry_after
    most = min(0.5 * 2 ** min(attempt, 10), 8.0)
    return max(random.uniform(0, most), most / 10)


_key_lock = threading.Lock()
_last_key = 0


def new_idempotency_key() -> str:
    """A new key for a start: a UUIDv7. Keys made later in one process sort later."""
    global _last_key
    now = time.time_ns()
    stamp = now // 1_000_000 << 12 | now % 1_000_000 * 4096 // 1_000_000
    with _key_lock:
        stamp = _last_key = max(stamp, _last_key + 1)
    n = stamp >> 12 << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62)
    h = f"{n:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
