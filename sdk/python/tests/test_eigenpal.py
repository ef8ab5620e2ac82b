"""Every call and error of EigenPal's Python client, through the drop-in of this package, against the real server."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, Server

import sojourn
from sojourn.eigenpal import (
    AsyncEigenpalClient,
    EigenpalAuthError,
    EigenpalClient,
    EigenpalConnectionError,
    EigenpalError,
    EigenpalForbiddenError,
    EigenpalNotFoundError,
    EigenpalRateLimitError,
    EigenpalServerError,
    EigenpalTimeoutError,
    EigenpalValidationError,
    ExecutionStatusResponse,
    ExecutionSummary,
)

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def eigenpal(server: Server) -> Iterator[EigenpalClient]:
    with EigenpalClient(api_key=KEY, base_url=server.url) as client:
        yield client


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_run_with_a_hold(eigenpal: EigenpalClient) -> None:
    run = eigenpal.workflows.run("echo", input={"name": "Ada"}, wait_for_completion=60)
    assert (run.status, run.result, run.error) == ("completed", {"name": "Ada"}, None)
    failed = eigenpal.workflows.run("fail", wait_for_completion=60)
    assert failed.status == "failed"
    assert failed.error
    late = eigenpal.workflows.run("sleep", {"seconds": 60}, wait_for_completion=1)
    assert (late.status, late.result, late.error) == (None, None, None)
    eigenpal.workflows.executions.cancel(late.execution_id)


def test_run_and_poll_as_the_page_shows(eigenpal: EigenpalClient) -> None:
    triggered = eigenpal.workflows.run("echo", input={"a": 1})
    assert triggered.status is None
    terminal = {"completed", "failed", "cancelled", "rejected"}
    while True:
        status = eigenpal.workflows.executions.get(triggered.execution_id)
        if status.status in terminal:
            break
        time.sleep(0.05)
    assert isinstance(status, ExecutionStatusResponse)
    assert (status.execution_id, status.status) == (triggered.execution_id, "completed")
    assert (status.result, status.error) == ({"a": 1}, None)
    assert UTC.fullmatch(status.created_at)
    assert status.completed_at is not None
    assert UTC.fullmatch(status.completed_at)


def test_steps_are_shown(eigenpal: EigenpalClient) -> None:
    run = eigenpal.workflows.run("steps", {"number": 20}, wait_for_completion=60)
    detail = eigenpal.workflows.executions.get(run.execution_id, include_steps=True)
    assert isinstance(detail, ExecutionSummary)
    assert detail.id == run.execution_id
    assert detail.steps is not None
    assert len(detail.steps) == 3
    for step in detail.steps:
        assert step.id
        assert step.name
        assert step.status == "completed"
        assert isinstance(step.output, dict)
        assert step.started_at is not None
        assert step.completed_at is not None


def test_run_and_wait(eigenpal: EigenpalClient, tmp_path: Path) -> None:
    contract = tmp_path / "contract.pdf"
    contract.write_bytes(b"%PDF")
    final = eigenpal.workflows.executions.run_and_wait(
        "file", input={"contract_document": contract}, poll_interval_seconds=0.05, timeout_seconds=5 * 60.0
    )
    assert set(final) == {"executionId", "status", "result", "error"}
    assert (final["status"], final["result"]["size"], final["error"]) == ("completed", 4, None)
    with pytest.raises(EigenpalTimeoutError, match="execution_id=exec_") as error:
        eigenpal.workflows.executions.run_and_wait(
            "sleep", {"seconds": 60}, poll_interval_seconds=0.05, timeout_seconds=0.2
        )
    assert error.value.status == 0
    id = str(error.value).split("execution_id=")[1]
    assert eigenpal.workflows.executions.get(id).status in ("pending", "running")
    eigenpal.workflows.executions.cancel(id)


def test_list(eigenpal: EigenpalClient) -> None:
    ids = [eigenpal.workflows.run("echo", {"n": n}, wait_for_completion=60).execution_id for n in range(3)]
    cancelled = eigenpal.workflows.run("queued", {"a": 1})
    eigenpal.workflows.executions.cancel(cancelled.execution_id)
    workflow = eigenpal.workflows.get("queued")
    executions = eigenpal.workflows.executions.list(
        workflow.id, status=["failed", "cancelled"], from_date="now()-7d", to_date="now()", limit=50
    )
    assert (executions.limit, executions.offset) == (50, 0)
    item = next(x for x in executions.data if x.id == cancelled.execution_id)
    assert (item.workflow_id, item.status, item.trigger_type) == (workflow.id, "cancelled", "api")
    assert (item.trigger_input, item.result, item.error) == ({"a": 1}, None, None)
    assert UTC.fullmatch(item.created_at)
    assert item.started_at is None
    assert item.completed_at is not None
    assert item.duration_ms is not None
    assert item.workflow is not None
    assert (item.workflow.id, item.workflow.name) == (workflow.id, "queued")
    page = eigenpal.workflows.executions.list("echo", status="completed", limit=2, offset=1)
    assert [x.id for x in page.data] == [ids[1], ids[0]]
    assert page.total >= 3
    assert eigenpal.workflows.executions.list("echo", from_date="2020-01-01", to_date="2020-01-02").total == 0
    assert eigenpal.workflows.executions.list("echo", example_id="none").data == []


def test_cancel(eigenpal: EigenpalClient) -> None:
    queued = eigenpal.workflows.run("queued")
    outcome = eigenpal.workflows.executions.cancel(queued.execution_id)
    assert (outcome.execution_id, outcome.status) == (queued.execution_id, "cancelled")
    assert outcome.was_status in ("created", "pending")
    again = eigenpal.workflows.executions.cancel(queued.execution_id)
    assert (again.status, again.was_status) == ("already-terminal", "cancelled")
    running = eigenpal.workflows.run("sleep", {"seconds": 60})
    until(lambda: eigenpal.workflows.executions.get(running.execution_id).status == "running")
    asked = eigenpal.workflows.executions.cancel(running.execution_id)
    assert (asked.status, asked.was_status) == ("cancellation-requested", "running")
    assert eigenpal.workflows.executions.cancel(running.execution_id).status in (
        "cancellation-requested",
        "already-terminal",
    )
    until(lambda: eigenpal.workflows.executions.get(running.execution_id).status == "cancelled")


def test_the_page_word_for_word(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of the vendor's page on executions; only the workflow's name, the ids and the key are other ones."""
    monkeypatch.chdir(tmp_path)
    Path("contract.pdf").write_bytes(b"%PDF")
    monkeypatch.setenv("EIGENPAL_BASE_URL", server.url)
    api_key = KEY
    id, input = "file", {"contract_document": Path("contract.pdf")}
    client = EigenpalClient(api_key=api_key)

    assert client.workflows.run(id, input, wait_for_completion=60).status == "completed"
    execution_id = client.workflows.run(id, input).execution_id
    final = client.workflows.executions.run_and_wait(
        "file",
        input={"contract_document": Path("contract.pdf")},
        poll_interval_seconds=2.0,  # default 2.0
        timeout_seconds=5 * 60.0,  # default 300.0
    )
    assert final["status"] == "completed"

    exec = client.workflows.executions.get(execution_id)
    assert exec.status == "completed"
    detail = client.workflows.executions.get(execution_id, include_steps=True)
    assert isinstance(detail, ExecutionSummary)
    executions = client.workflows.executions.list(
        detail.workflow_id,
        status=["failed", "cancelled"],  # str or list[str]
        from_date="now()-7d",  # ISO-8601 or relative expression
        to_date="now()",
        limit=50,
    )
    assert all(x.status in ("failed", "cancelled") for x in executions.data)
    assert client.workflows.executions.cancel(execution_id).status == "already-terminal"

    terminal = {"completed", "failed", "cancelled", "rejected"}
    triggered = client.workflows.run("file", input=input)
    status = None
    while True:
        status = client.workflows.executions.get(triggered.execution_id)
        if status.status in terminal:
            break
        time.sleep(0.05)
    assert isinstance(status, ExecutionStatusResponse)
    print(status.status, status.result, status.error)
    client.close()
    with EigenpalClient(api_key=api_key) as client:
        client.workflows.run("file", input=input)


def test_files_of_every_kind(eigenpal: EigenpalClient, tmp_path: Path) -> None:
    path = tmp_path / "a b.txt"
    path.write_bytes(b"hello")
    handle = io.BytesIO(b"hello")
    for value in (path, handle, b"hello", {"content": b"hello", "filename": "x.txt", "mime_type": "text/x"}):
        run = eigenpal.workflows.run("file", {"a document": value, "note": "ö"}, wait_for_completion=60)
        assert run.status == "completed", run.error
        assert run.result["size"] == 5
    with path.open("rb") as opened:
        assert eigenpal.workflows.run("file", {"x": opened}, wait_for_completion=60).status == "completed"
    with pytest.raises(TypeError, match="top-level"):
        eigenpal.workflows.run("file", {"deep": [path]})


def test_overrides_and_versions(eigenpal: EigenpalClient, client: sojourn.Sojourn) -> None:
    first = eigenpal.workflows.run("steps", {"number": 20}, wait_for_completion=60)
    detail = eigenpal.workflows.executions.get(first.execution_id, include_steps=True)
    assert isinstance(detail, ExecutionSummary)
    assert detail.steps is not None
    last = detail.steps[-1].name
    for overrides in ({"steps": {last: {"mine": 1}}}, {last: {"mine": 1}}):
        run = eigenpal.workflows.run("steps", {"number": 20}, overrides=overrides, wait_for_completion=60)
        shown = eigenpal.workflows.executions.get(run.execution_id, include_steps=True)
        assert isinstance(shown, ExecutionSummary)
        assert shown.steps is not None
        assert {s.name: s.output for s in shown.steps}[last] == {"mine": 1}
    name = f"versions-{time.time_ns()}"
    client.workflows.create(name, version="v1")
    client.workflows.add_version(name, version="v2")
    versions = eigenpal.workflows.versions(name)
    assert [v.version for v in versions.data] == ["v2", "v1"]
    assert [v.is_current for v in versions.data] == [True, False]
    assert versions.total == 2
    assert eigenpal.workflows.run(name, version="v1").execution_id
    with pytest.raises(EigenpalNotFoundError):
        eigenpal.workflows.run(name, version="v9")
    found = eigenpal.workflows.list(name=name)
    assert [(w.name, w.version) for w in found.data] == [(name, "v2")]
    assert name in [w.name for w in eigenpal.workflows.list(search="versions-", kind="workflow", limit=100).data]


def test_errors(eigenpal: EigenpalClient, server: Server, client: sojourn.Sojourn) -> None:
    with pytest.raises(EigenpalNotFoundError) as missing:
        eigenpal.workflows.executions.get("exec_nothing")
    e = missing.value
    assert e.status == 404
    assert e.request_id
    assert e.envelope is not None
    assert set(e.issues[0]) == {"field", "message", "code", "severity"}
    with pytest.raises(EigenpalValidationError, match=re.escape(f"{'query'}.")) as invalid:
        eigenpal.workflows.executions.list("echo", status="sleeping")
    assert invalid.value.status == 400
    with pytest.raises(EigenpalValidationError):
        eigenpal.workflows.run("echo", wait_for_completion=61)
    with pytest.raises(ValueError, match="trigger"):
        eigenpal.workflows.run("echo", trigger="moon")
    with pytest.raises(ValueError, match="kind"):
        eigenpal.workflows.list(kind="moon")
    with EigenpalClient(api_key="nobody-knows-this-key", base_url=server.url) as stranger:
        with pytest.raises(EigenpalAuthError):
            stranger.workflows.list()
    reader = client.keys.create(["executions:read"])
    with EigenpalClient(api_key=reader.key, base_url=server.url) as weak, pytest.raises(EigenpalForbiddenError):
        weak.workflows.run("echo")
    closed = client.workflows.create(f"closed-{time.time_ns()}")
    assert closed.api_trigger is True
    assert client.workflows.update(closed.name, api_trigger=False).api_trigger is False
    with pytest.raises(EigenpalForbiddenError, match="closed") as disabled:
        eigenpal.workflows.run(closed.name)
    assert disabled.value.issues[0]["code"] == "api_trigger_disabled"
    limited = client.keys.create(["workflows:read"], rate_limit="1/m")
    with EigenpalClient(api_key=limited.key, base_url=server.url) as slow:
        with pytest.raises(EigenpalRateLimitError) as rate:  # noqa: PT012
            for _ in range(100):
                slow.workflows.list()
        assert isinstance(rate.value.retry_after, int)
        assert rate.value.retry_after >= 1


@contextmanager
def answering(status: int, kind: str, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "body", "error"),
    [
        (
            500,
            "application/json",
            {"issues": [{"field": "<root>", "message": "oh"}], "requestId": "r"},
            EigenpalServerError,
        ),
        (502, "application/json", {}, EigenpalServerError),
        (502, "text/html", "<html>", EigenpalError),
        (413, "application/json", {}, EigenpalError),
        (308, "application/json", {}, EigenpalError),
        (200, "application/json", [], EigenpalError),
    ],
)
def test_answers_of_something_else(status: int, kind: str, body: Any, error: type[EigenpalError]) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with answering(status, kind, text.encode()) as url, EigenpalClient(api_key="k", base_url=url) as client:
        with pytest.raises(EigenpalError) as raised:
            client.workflows.list()
    assert type(raised.value) is error
    assert raised.value.status == status


def test_settings(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="EIGENPAL_API_KEY"):
        EigenpalClient()
    monkeypatch.setenv("EIGENPAL_API_KEY", KEY)
    monkeypatch.setenv("EIGENPAL_BASE_URL", server.url)
    with EigenpalClient(timeout_seconds=60.0, verify_ssl=True) as client:
        assert client.workflows.list(limit=1).limit == 1
    with EigenpalClient(api_key="k", base_url="http://127.0.0.1:9") as nobody:
        with pytest.raises(EigenpalConnectionError) as error:
            nobody.workflows.list()
    assert error.value.status == 0


async def test_the_async_client(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"12345")
    async with AsyncEigenpalClient(api_key=KEY, base_url=server.url) as client:
        run = await client.workflows.executions.run_and_wait("file", {"x": path}, poll_interval_seconds=0.05)
        assert run["result"]["size"] == 5
