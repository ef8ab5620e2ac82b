"""The Python blocks of docs/, run as they stand; only address, key and the names that a page makes up are real ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pytest
from conftest import KEY, ROOT, Server
from standardwebhooks.webhooks import Webhook

DOCS = ROOT / "docs"


def blocks(page: str) -> list[str]:
    found = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{page} has no block of Python"
    return found


def run(page: str, code: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(code, page, "exec"), names)
    return names


def real(code: str, server: Server) -> str:
    """The block with the server's address and key."""
    assert "http://127.0.0.1:7373" in code
    assert '"…"' in code
    code = code.replace("http://127.0.0.1:7373", server.url).replace('"…"', repr(KEY))
    return code.replace("wf_summarize", "summarize")


def test_every_page_with_python_is_run() -> None:
    pages = {p.name for p in DOCS.glob("*.md") if "```python\n" in p.read_text(encoding="utf-8")}
    assert pages == {"human.md", "eigenpal.md", "webhooks.md"}


def test_human(server: Server) -> None:
    [code] = blocks("human.md")
    names = run("human.md", real(code, server), {})
    with names["client"]:
        assert names["execution"].status == "pending"
        assert (names["result"].status, names["result"].output["text"]) == ("completed", "Hello world")


def test_eigenpal(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """With this package's client; cmd/sojourn runs the same block with EigenPal's own."""
    [code] = blocks("eigenpal.md")
    code = real(code, server).replace("from eigenpal import", "from sojourn.eigenpal import")
    with run("eigenpal.md", code, {})["client"]:
        assert capsys.readouterr().out == "completed {'name': 'Ada'}\n"


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes


def test_webhooks() -> None:
    [code] = blocks("webhooks.md")
    secret = "whsec_" + "QUJD" * 8
    body = b'{"id":"evt_1","type":"execution.completed","created_at":"2026-11-22T00:00:00.000Z","data":{"id":"exec_1"}}'
    now = datetime.now(timezone.utc)
    signed = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("evt_1", now, body.decode()),
    }
    event = run("webhooks.md", code, {"secret": secret, "request": Request(signed, body)})["event"]
    assert (event.id, event.type) == ("evt_1", "execution.completed")
