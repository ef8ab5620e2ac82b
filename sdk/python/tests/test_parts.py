"""Parts that need no server: events of a stream, progress, files, retries."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn import File, Sojourn
from sojourn._files import Upload, collect, has_files, substitute
from sojourn._progress import view
from sojourn._sse import Parser

STREAM = (
    b"retry: 1500\n: hello\n\nid: 1\nevent: created\ndata: {\"a\":\ndata: 1}\n\n"
    b"id: 2\r\ndata:no space\r\rdata: lost, it has no end"
)  # fmt: skip


def test_events_are_the_same_however_the_bytes_come() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        parser, found, rest = Parser(), [], STREAM
        while rest:
            n = rng.randint(1, 9)
            found += parser.feed(rest[:n])
            rest = rest[n:]
        assert [(e.event, e.data, e.id) for e in found] == [
            ("created", '{"a":\n1}', "1"),
            ("message", "no space", "2"),
        ]
        assert (parser.last_id, parser.retry) == ("2", 1.5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def execution(status: str, progress: float | None = None) -> sojourn.Execution:
    return sojourn.Execution.model_validate(
        {
            "id": "exec_1", "workflow_id": "wf_1", "workflow": {"id": "wf_1", "name": "echo"}, "status": status,
            "revision": 1, "attempt": 1, "input": {}, "priority": 0, "trigger_type": "api",
            "created_at": "2026-01-02T03:04:05.678Z", "progress": progress,
        }
    )  # fmt: skip


@pytest.mark.parametrize("kind", [True, "rich", "tqdm", "plain"])
def test_progress_is_shown_on_a_terminal_only(kind: Any) -> None:
    assert view(kind, io.StringIO()) is None
    out = Terminal()
    shown = view(kind, out)
    assert shown is not None
    for x in (execution("pending"), execution("running", 0.42), execution("completed", 1)):
        shown.show(x)
    shown.close()
    text = out.getvalue()
    assert "echo completed" in text
    assert "100" in text


def test_plain_progress_is_a_few_lines() -> None:
    out = Terminal()
    shown = view("plain", out)
    assert shown is not None
    for n in range(100):
        shown.show(execution("running", n / 100))
    assert out.getvalue().splitlines() == [f"echo running {n * 10} %" for n in range(10)]


def test_progress_can_be_a_function_anywhere() -> None:
    seen: list[str] = []
    shown = view(lambda x: seen.append(x.status), io.StringIO())
    assert shown is not None
    shown.show(execution("running"))
    assert seen == ["running"]
    assert view(False) is None
    with pytest.raises(ValueError, match="progress"):
        view("bar")  # type: ignore[arg-type]


def test_files_are_found_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a contract.pdf"
    path.write_bytes(b"%PDF")
    with path.open("rb") as handle:
        value = {"p": path, "deep": [{"h": handle}, (b"raw", 1)], "f": File(b"x", "x.txt"), "n": None}
        found: dict[int, Any] = {}
        collect(value, found)
        assert len(found) == 4
        uploads = [Upload(f) for f in found.values()]
        assert [(u.filename, u.mime_type, u.size) for u in uploads] == [
            ("a contract.pdf", "application/pdf", 4),
            ("a contract.pdf", "application/pdf", 4),
            ("file", "application/octet-stream", 3),
            ("x.txt", "text/plain", 1),
        ]
        replaced = substitute(value, {key: n for n, key in enumerate(found)})
        assert replaced == {"p": 0, "deep": [{"h": 1}, [2, 1]], "f": 3, "n": None}
    plain = {"a": [1, "x", None]}
    assert not has_files(plain)
    assert substitute(plain, {}) is plain
    with pytest.raises(TypeError, match="rb"):
        Upload(io.StringIO("text"))


def test_an_upload_can_be_read_again() -> None:
    handle = io.BytesIO(b"0123456789")
    handle.seek(4)
    upload = Upload(handle)
    assert (upload.size, upload.repeatable) == (6, True)
    for _ in range(2):
        with upload.open() as source:
            assert source.read() == b"456789"


@contextmanager
def failing(answers: list[tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that gives these answers, and what it was asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append({k.lower(): v for k, v in self.headers.items()})
            status, headers, body = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


STARTED = json.dumps(
    {
        "id": "exec_1", "workflow_id": "wf_1", "workflow": None, "status": "pending", "revision": 1, "attempt": 0,
        "input": {}, "priority": 0, "trigger_type": "api", "created_at": "2026-01-02T03:04:05.678Z",
    }
).encode()  # fmt: skip


def test_a_start_is_repeated_with_the_same_key() -> None:
    answers = [(503, {"retry-after": "0"}, b""), (429, {"retry-after": "0"}, b"{}"), (201, {}, STARTED)]
    with failing(answers) as (url, asked), Sojourn(api_key="k", base_url=url) as client:
        assert client.executions.start("echo").id == "exec_1"
    assert len(asked) == 3
    assert len({a["idempotency-key"] for a in asked}) == 1
    assert {a["authorization"] for a in asked} == {"Bearer k"}


def test_retries_end() -> None:
    with failing([(500, {"retry-after": "0"}, b"oops")]) as (url, asked), Sojourn(api_key="k", base_url=url) as client:
        with pytest.raises(sojourn.InternalServerError, match="oops"):
            client.executions.start("echo")
    assert len(asked) == 3


@pytest.mark.parametrize("status", [400, 404, 409, 501, 507])
def test_what_a_repeat_cannot_help_is_not_repeated(status: int) -> None:
    with failing([(status, {}, b"{}")]) as (url, asked), Sojourn(api_key="k", base_url=url) as client:
        with pytest.raises(sojourn.APIStatusError):
            client.executions.start("echo")
    assert len(asked) == 1


def test_a_long_retry_after_is_the_callers_decision() -> None:
    with failing([(429, {"retry-after": "3600"}, b"{}")]) as (url, asked), Sojourn(api_key="k", base_url=url) as client:
        with pytest.raises(sojourn.RateLimitError) as error:
            client.executions.start("echo")
    assert len(asked) == 1
    assert error.value.retry_after == 3600


def test_redirects_are_not_followed() -> None:
    with (
        failing([(307, {"location": "http://127.0.0.1:9/"}, b"")]) as (url, _),
        Sojourn(api_key="k", base_url=url) as c,
        pytest.raises(sojourn.APIStatusError) as error,
    ):
        c.executions.start("echo")
    assert error.value.status_code == 307


def test_a_page_of_something_else_is_no_answer() -> None:
    with failing([(201, {}, b"<html>")]) as (url, _), Sojourn(api_key="k", base_url=url) as client:
        with pytest.raises(sojourn.APIResponseError, match="<html>"):
            client.executions.start("echo")
