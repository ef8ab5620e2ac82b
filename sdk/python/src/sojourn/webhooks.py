"""Checking the messages that a Sojourn server sends to callback addresses and webhook endpoints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from ._errors import SojournError
from ._model import Model

__all__ = ["WebhookEvent", "WebhookVerificationError", "verify"]


class WebhookVerificationError(SojournError):
    """A message that must not be believed: answer it with 400 and do nothing."""


class WebhookEvent(Model):
    """A message of the server, signed and unchanged."""

    id: str
    """evt_…, the same on every repeat: handle each id once."""
    type: str
    """For example execution.completed, execution.status_changed or endpoint.test."""
    created_at: datetime
    """When it was written down."""
    data: dict[str, Any] = {}
    """The execution without its input; a later `revision` is newer. A large output is replaced by output_url."""


def verify(
    secret: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    tolerance: float | timedelta = 300.0,
) -> WebhookEvent:
    """Checks a message by the Standard Webhooks 1.0.0 rules and returns its event.

    Args:
        secret: whsec_…, or several while a secret is being replaced.
        headers: of the request, as a mapping of names in any case to values.
        body: of the request, byte for byte as it was received: not parsed and encoded again.
        tolerance: seconds that the message's clock and yours may differ.

    Raises:
        WebhookVerificationError: a header is missing or malformed, the message is too old or too new, or no signature
            fits; also when the body is signed but no event.
        ValueError: a secret is malformed, or none is given.
    """
    secrets = [_key(s) for s in ([secret] if isinstance(secret, str) else secret)]
    if not secrets:
        raise ValueError("no secret given")
    lower = {name.lower(): value for name, value in headers.items()}
    id, stamp, signatures = (_header(lower, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature"))
    if not (stamp.isascii() and stamp.isdigit()):
        raise WebhookVerificationError("the header webhook-timestamp is not a number of seconds")
    limit = tolerance.total_seconds() if isinstance(tolerance, timedelta) else tolerance
    age = time.time() - int(stamp)
    if age > limit:
        raise WebhookVerificationError(f"the message is {age:.0f} s old")
    if age < -limit:
        raise WebhookVerificationError(f"the message is {-age:.0f} s ahead of this clock")
    content = body.encode() if isinstance(body, str) else bytes(body)
    signed = f"{id}.{stamp}.".encode() + content
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in secrets]
    good = False
    for entry in signatures.split():
        version, _, text = entry.partition(",")
        if version != "v1":
            continue
        try:
            given = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        for digest in expected:
            good |= hmac.compare_digest(digest, given)
    if not good:
        raise WebhookVerificationError("no signature of the message fits")
    try:
        return WebhookEvent.model_validate_json(content)
    except ValidationError as error:
        raise WebhookVerificationError(f"the message is signed, but is no event: {error}") from error


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise WebhookVerificationError(f"the header {name} is missing")
    return value


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("a webhook secret is whsec_ and base64")
    return key
