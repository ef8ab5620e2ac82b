from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pydantic
import pytest

import sojourn
from sojourn import AsyncSojourn, Sojourn


class Line(pydantic.BaseModel):
    quantity: int


@dataclass
class Order:
    number: str
    at: datetime
    lines: list[Line]


def test_start_get_and_result(client: Sojourn) -> None:
    x = client.executions.start("echo", {"name": "Ada"}, metadata={"customer": "1138"})
    assert x.status == "pending"
    assert x.workflow is not None
    assert x.workflow.name == "echo"
    assert x.request_id
    assert not x.replayed
    done = client.executions.wait(x.id, timeout=30)
    assert (done.status, done.output, done.terminal) == ("completed", {"name": "Ada"}, True)
    assert done.metadata == {"customer": "1138"}
    assert done.created_at.tzinfo is not None
    assert client.executions.result(x.id) == {"name": "Ada"}
    assert client.executions.get(x.id).raise_for_outcome().id == x.id


def test_run_returns_the_output(client: Sojourn) -> None:
    assert client.executions.run("echo", {"a": [1, 2, {"b": None}]}) == {"a": [1, 2, {"b": None}]}
    assert client.executions.run("echo") == {}


async def test_the_async_client_does_the_same(aclient: AsyncSojourn) -> None:
    assert await aclient.executions.run("echo", {"name": "Ada"}) == {"name": "Ada"}
    ids = [(await aclient.executions.start("echo", {"n": n}, metadata={"test": "async"})).id for n in range(5)]
    for id in ids:
        await aclient.executions.wait(id)
    seen = [x.id async for x in aclient.executions.list(metadata={"test": "async"}, limit=2)]
    assert seen == ids[::-1]
    page = await aclient.executions.list(metadata={"test": "async"}, limit=2).page()
    assert [x.id for x in page.data] == ids[:2:-1]
    assert page.has_more
    assert page.next_cursor


def test_models_and_dataclasses_are_inputs(client: Sojourn) -> None:
    order = Order("A-1", datetime(2026, 1, 2, tzinfo=timezone.utc), [Line(quantity=2)])
    x = client.executions.start("echo", order, wait=30)
    assert x.output == {"number": "A-1", "at": "2026-01-02T00:00:00Z", "lines": [{"quantity": 2}]}
    assert x.output_as(Order) == order


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud800"])
def test_what_has_no_json_form_is_refused_before_it_is_sent(client: Sojourn, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        client.executions.start("echo", {"value": value})


def test_an_idempotency_key_makes_one_execution(client: Sojourn) -> None:
    key = sojourn.new_idempotency_key()
    first = client.executions.start("echo", {"n": 1}, idempotency_key=key)
    again = client.executions.start("echo", {"n": 1}, idempotency_key=key)
    assert again.id == first.id
    assert (first.replayed, again.replayed) == (False, True)
    with pytest.raises(sojourn.UnprocessableEntityError) as error:
        client.executions.start("echo", {"n": 2}, idempotency_key=key)
    assert error.value.code == "idempotency_mismatch"


def test_idempotency_keys_sort_by_time() -> None:
    keys = [sojourn.new_idempotency_key() for _ in range(10_000)]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert all(len(k) == 36 and k[14] == "7" and k[19] in "89ab" for k in keys)


def test_outcomes_are_errors(client: Sojourn) -> None:
    with pytest.raises(sojourn.ExecutionFailedError) as failed:
        client.executions.run("fail")
    assert failed.value.execution.status == "failed"
    assert failed.value.message
    assert failed.value.message in str(failed.value)
    with pytest.raises(sojourn.ExecutionTimedOutError):
        client.executions.run("sleep", {"seconds": 60}, timeout=0.2)
    x = client.executions.start("queued", queue_ttl=0.1)
    with pytest.raises(sojourn.ExecutionRejectedError):
        client.executions.result(x.id, timeout=30)
    with pytest.raises(sojourn.ExecutionFailedError):
        client.executions.start("fail", wait=30).output_as(dict)


def test_cancel(client: Sojourn) -> None:
    x = client.executions.start("queued")
    assert client.executions.cancel(x.id, reason="ordered twice").status == "cancelled"
    with pytest.raises(sojourn.AlreadyTerminalError) as error:
        client.executions.cancel(x.id)
    assert isinstance(error.value, sojourn.ConflictError)
    assert error.value.execution_status == "cancelled"
    with pytest.raises(sojourn.ExecutionCancelledError):
        client.executions.result(x.id)
    running = client.executions.start("sleep", {"seconds": 60})
    while client.executions.get(running.id).status != "running":
        time.sleep(0.01)
    client.executions.cancel(running.id, grace=timedelta(seconds=5))
    assert client.executions.wait(running.id, timeout=30).status == "cancelled"


def test_terminate_redact_and_delete(client: Sojourn) -> None:
    x = client.executions.start("queued", {"secret": "s"})
    with pytest.raises(sojourn.NotFinishedError):
        client.executions.delete(x.id)
    assert client.executions.terminate(x.id, reason="stuck").cancel_reason == "terminated"
    client.executions.redact(x.id)
    redacted = client.executions.get(x.id)
    assert redacted.redacted
    assert redacted.input is None
    client.executions.delete(x.id)
    with pytest.raises(sojourn.DeletedError):
        client.executions.get(x.id)


def test_errors_have_all_that_the_server_says(client: Sojourn) -> None:
    with pytest.raises(sojourn.NotFoundError) as error:
        client.executions.start("no-such-workflow")
    e = error.value
    assert (e.status_code, e.code) == (404, "not_found")
    assert e.request_id
    assert e.request_id in str(e)
    assert b"not_found" in e.body
    with pytest.raises(sojourn.BadRequestError) as bad:
        client.executions.start("echo", priority=1000)
    assert [f.field for f in bad.value.errors] == ["priority"]
    assert bad.value.errors[0].message
    with pytest.raises(sojourn.PayloadTooLargeError):
        client.executions.start("echo", {"text": "x" * (2 << 20)})


def test_keys_and_scopes(client: Sojourn) -> None:
    key = client.keys.create(["executions:read"], name="reader")
    with Sojourn(api_key=key.key, base_url=client.base_url) as reader:
        assert reader.info().key.name == "reader"
        with pytest.raises(sojourn.PermissionDeniedError):
            reader.executions.start("echo")
        client.keys.revoke(key.id)
        deadline = time.monotonic() + 20
        while True:
            try:
                reader.info()
            except sojourn.AuthenticationError:
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert key.id in [k.id for k in client.keys.list()]


def test_a_rate_limit_tells_when_to_return(client: Sojourn) -> None:
    key = client.keys.create(["executions:read"], rate_limit="1/m")
    with Sojourn(api_key=key.key, base_url=client.base_url, max_retries=0) as slow:
        with pytest.raises(sojourn.RateLimitError) as error:  # noqa: PT012
            for _ in range(100):
                slow.info()
        assert error.value.retry_after
        assert error.value.retry_after >= 1


def test_workflows(client: Sojourn) -> None:
    name = f"orders-{time.time_ns()}"
    made = client.workflows.create(name, description="Orders", retention=timedelta(days=7), timeout=60)
    assert (made.retention_ms, made.timeout_ms) == (604_800_000, 60_000)
    with pytest.raises(sojourn.ConflictError):
        client.workflows.create(name)
    assert client.workflows.get(made.id).name == name
    version = client.workflows.add_version(name, version="v1", input_schema={"type": "object", "required": ["number"]})
    assert version.is_current
    with pytest.raises(sojourn.BadRequestError) as error:
        client.executions.start(name)
    assert error.value.errors
    client.workflows.add_version(name, version="v2", current=False)
    assert [v.label for v in client.workflows.versions(name)][:2] == ["v2", "v1"]
    assert client.workflows.set_current_version(name, "v2").is_current
    assert client.workflows.update(name, timeout=0).timeout_ms is None
    assert name in [w.name for w in client.workflows.list(search="orders-")]
    client.workflows.delete(name)
    with pytest.raises(sojourn.NotFoundError):
        client.workflows.get(name)


def test_lists_counts_and_batches(client: Sojourn) -> None:
    mark = f"batch-{time.time_ns()}"
    results = client.executions.start_batch(
        [{"workflow_id": "echo", "input": {"n": n}, "metadata": {"mark": mark}} for n in range(7)]
        + [{"workflow_id": "nowhere", "input": {}}]
    )
    assert [r.status for r in results] == [201] * 7 + [404]
    assert results[7].error is not None
    assert results[7].error.code == "not_found"
    ids = [r.execution.id for r in results if r.execution is not None]
    for id in ids:
        client.executions.wait(id)
    seen = list(client.executions.list(workflow="echo", metadata={"mark": mark}, status=["completed"], limit=3))
    assert [x.id for x in seen] == ids[::-1]
    assert not list(client.executions.list(metadata={"mark": mark}, created_to="now()-1d"))
    assert not list(client.executions.list(metadata={"mark": mark}, created_from=datetime.now() + timedelta(hours=1)))
    page = client.executions.list(workflow="echo", counts=True, limit=1).page()
    assert page.counts is not None
    assert page.counts.completed >= 7
    assert client.executions.counts(workflow="echo").counts.completed >= 7


def test_cancel_all(client: Sojourn) -> None:
    mark = f"all-{time.time_ns()}"
    for _ in range(3):
        client.executions.start("queued", metadata={"mark": mark})
    answer = client.executions.cancel_all({"metadata": {"mark": mark}}, reason="test")
    assert (answer.matched, answer.cancelled, answer.has_more) == (3, 3, False)


def test_steps_events_and_logs(client: Sojourn) -> None:
    x = client.executions.start("steps", {"number": 20}, wait=30, include_steps=True)
    assert x.steps is not None
    assert [s.status for s in x.steps] == ["completed"] * len(x.steps)
    full = client.executions.get(x.id, include=["steps", "events"])
    assert full.events is not None
    assert [e.revision for e in full.events] == sorted(e.revision for e in full.events)
    assert isinstance(list(client.executions.logs(x.id)), list)


def test_watch_shows_each_change_and_ends(client: Sojourn) -> None:
    x = client.executions.start("sleep", {"seconds": 1})
    seen = list(client.executions.watch(x.id))
    assert seen[-1].status == "completed"
    revisions = [s.revision for s in seen]
    assert revisions == sorted(set(revisions))


def test_a_wait_that_is_too_short_says_so(client: Sojourn) -> None:
    x = client.executions.start("queued")
    began = time.monotonic()
    with pytest.raises(sojourn.WaitTimeoutError) as error:
        client.executions.wait(x.id, timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 10
    assert isinstance(error.value, TimeoutError)
    assert error.value.execution is not None
    assert x.id in str(error.value)
    with pytest.raises(sojourn.WaitTimeoutError):
        client.executions.run("queued", wait_timeout=0.3)
    client.executions.cancel(x.id)


async def test_ending_a_wait_leaves_the_execution_alone(aclient: AsyncSojourn) -> None:
    x = await aclient.executions.start("queued")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(aclient.executions.wait(x.id), 0.3)
    assert (await aclient.executions.get(x.id)).status == "pending"
    await aclient.executions.cancel(x.id)


def test_unknown_members_and_values_are_kept() -> None:
    body = {
        "id": "exec_1", "workflow_id": "wf_1", "workflow": None, "status": "dreaming", "revision": 1, "attempt": 0,
        "input": {}, "priority": 0, "trigger_type": "telepathy", "created_at": "2026-01-02T03:04:05.678Z",
        "novelty": {"a": 1},
        "steps": [{"id": "s", "name": "n", "kind": "dance", "status": "odd", "attempt": 1, "attempts": []}],
    }  # fmt: skip
    x = sojourn.Execution.model_validate(body)
    assert (x.status, x.terminal) == ("dreaming", False)
    assert getattr(x, "novelty") == {"a": 1}  # noqa: B009
    assert x.to_dict() == body


def test_a_client_needs_a_key_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sojourn.SojournError, match="SOJOURN_API_KEY"):
        Sojourn()
    monkeypatch.setenv("SOJOURN_API_KEY", "key-of-the-environment")
    monkeypatch.setenv("SOJOURN_BASE_URL", "http://example.test:1/")
    with Sojourn() as client:
        assert client.base_url == "http://example.test:1"
        assert client.options.api_key == "key-of-the-environment"
    with Sojourn(api_key="other", base_url="https://other.test") as client:
        assert (client.options.api_key, client.base_url) == ("other", "https://other.test")
    for url in ("ftp://x", "example.test", "http://", "http://x?a=b"):
        with pytest.raises(sojourn.SojournError, match="address"):
            Sojourn(base_url=url)
    with pytest.raises(sojourn.SojournError, match="copied"):
        Sojourn(api_key="a key")


def test_no_server_is_a_connection_error() -> None:
    with Sojourn(api_key="k", base_url="http://127.0.0.1:9", max_retries=0) as client:
        with pytest.raises(sojourn.APIConnectionError) as error:
            client.info()
        assert error.value.url == "http://127.0.0.1:9/v1/info"


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Sojourn(api_key="k", base_url=url, max_retries=0) as client, pytest.raises(sojourn.APITimeoutError):
            client.with_options(timeout=0.2).info()


def test_raw_requests_and_options(client: Sojourn) -> None:
    answer = client.request("GET", "/v1/executions", query={"limit": 1})
    assert answer.status_code == 200
    assert answer.request_id
    assert len(answer.json()["data"]) <= 1
    assert client.info().project.id
    tagged = client.with_options(default_headers={"X-Request-Id": "from-the-test"})
    assert tagged.request("GET", "/v1/info").request_id == "from-the-test"


def test_ids_are_not_paths(client: Sojourn) -> None:
    for id in ("../keys", "a/b", "exec_?x=1"):
        with pytest.raises(sojourn.NotFoundError):
            client.executions.get(id)
    with pytest.raises(sojourn.SojournError, match="empty"):
        client.executions.get("")
