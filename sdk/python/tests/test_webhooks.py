"""verify against the official Standard Webhooks library, and by hand."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from sojourn.webhooks import WebhookVerificationError, verify

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
BODY = json.dumps(
    {"id": "evt_1", "type": "execution.completed", "created_at": "2026-01-02T03:04:05.678Z", "data": {"revision": 7}}
)


def signed(secret: str = SECRET, age: float = 0, body: str = BODY, id: str = "evt_1") -> dict[str, str]:
    at = datetime.now(timezone.utc) - timedelta(seconds=age)
    return {
        "Webhook-Id": id,
        "WEBHOOK-TIMESTAMP": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body),
    }


def test_what_the_official_library_signs_is_believed() -> None:
    event = verify(SECRET, signed(), BODY.encode())
    assert (event.id, event.type, event.data["revision"]) == ("evt_1", "execution.completed", 7)
    assert event.created_at == datetime(2026, 1, 2, 3, 4, 5, 678000, timezone.utc)
    assert verify(SECRET, signed(), BODY).id == "evt_1"


def test_secrets_can_be_replaced() -> None:
    headers = signed()
    headers["webhook-signature"] = signed(OTHER)["webhook-signature"] + " v1a,xyz " + headers["webhook-signature"]
    assert verify(SECRET, headers, BODY).id == "evt_1"
    assert verify([OTHER, SECRET], signed(), BODY).id == "evt_1"


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (lambda: signed(OTHER), BODY, "signature"),
        (lambda: signed(), BODY + " ", "signature"),
        (lambda: signed(age=301), BODY, "old"),
        (lambda: signed(age=-360), BODY, "ahead"),
        (lambda: {**signed(), "Webhook-Id": "evt_2"}, BODY, "signature"),
        (lambda: {**signed(), "WEBHOOK-TIMESTAMP": str(int(time.time()) + 1)}, BODY, "signature"),
        (lambda: {**signed(), "WEBHOOK-TIMESTAMP": "yesterday"}, BODY, "timestamp"),
        (lambda: {**signed(), "WEBHOOK-TIMESTAMP": "\u0664"}, BODY, "timestamp"),
        (lambda: {**signed(), "webhook-signature": "v1,!"}, BODY, "signature"),
        (lambda: {**signed(), "webhook-signature": "v2," + "A" * 44}, BODY, "signature"),
        (dict, BODY, "webhook-id is missing"),
        (lambda: signed(body="[]"), "[]", "no event"),
        (lambda: signed(body="\xff"), "\xff", "no event"),
    ],
)
def test_everything_else_is_refused(headers: Callable[[], dict[str, str]], body: str, message: str) -> None:
    # Signed when the test runs, not when it is collected.
    with pytest.raises(WebhookVerificationError, match=message):
        verify(SECRET, headers(), body)


def test_the_tolerance_is_yours() -> None:
    assert verify(SECRET, signed(age=900), BODY, tolerance=timedelta(hours=1)).id == "evt_1"
    with pytest.raises(WebhookVerificationError):
        verify(SECRET, signed(age=10), BODY, tolerance=5)


def test_secrets_must_be_secrets() -> None:
    for secret in ("", "whsec_", "whsec_***"):
        with pytest.raises(ValueError, match="whsec_"):
            verify(secret, signed(), BODY)
    with pytest.raises(ValueError, match="no secret"):
        verify([], signed(), BODY)
