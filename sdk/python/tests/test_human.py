"""Every call and type of human-sdk Workflows 0.1.0, in Python names."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator

import pytest
from conftest import KEY, Server

import sojourn
from sojourn.human import (
    AsyncExecution,
    AsyncHumanClient,
    AuthorizationError,
    ConflictError,
    HumanClient,
    HumanError,
    NotFoundError,
    RateLimitError,
    ValidationError,
)

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def human(server: Server) -> Iterator[HumanClient]:
    with HumanClient(api_key=KEY, base_url=server.url) as client:
        yield client


def test_start_is_always_pending(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "echo", "input": {"text": "Hello world"}, "timeout_ms": 60000})
    assert isinstance(x, AsyncExecution)
    assert x.status == "pending"
    assert x.input == {"text": "Hello world"}
    assert UTC.fullmatch(x.started_at)
    assert x.output is x.error is x.completed_at is None
    by_name = human.workflows.start(workflow_id="echo", input={"text": "Hello world"}, timeout_ms=60000)
    assert by_name.status == "pending"


def test_start_errors(human: HumanClient) -> None:
    with pytest.raises(NotFoundError):
        human.workflows.start({"workflow_id": "wf_summarize_not", "input": {}})
    for wrong in (
        {"workflow_id": "echo"},
        {"input": {}},
        {"workflow_id": "echo", "input": "text"},
        {"workflow_id": "echo", "input": {}, "timeout_ms": 0},
        {"workflow_id": "echo", "input": {}, "timeout_ms": "soon"},
        {"workflow_id": "echo", "input": {}, "nonsense": 1},
    ):
        with pytest.raises(ValidationError) as error:
            human.workflows.start(wrong)  # type: ignore[arg-type]
        assert error.value.errors


def test_a_client_may_have_a_workflow(server: Server) -> None:
    with HumanClient(api_key=KEY, base_url=server.url, workflow_id="echo") as human:
        x = human.workflows.start({"input": {"a": 1}})
        assert human.workflows.wait_for_completion(x.id, poll_interval_ms=10).output == {"a": 1}


def test_wait_for_completion(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "steps", "input": {"number": 20}})
    result = human.workflows.wait_for_completion(x.id, {"poll_interval_ms": 20, "timeout_ms": 120000})
    assert result.status == "completed"
    assert isinstance(result.output, dict)
    assert result.completed_at is not None
    assert UTC.fullmatch(result.completed_at)
    assert result.steps is not None
    for step in result.steps:
        assert step.id
        assert step.name
        assert step.status == "completed"
        assert isinstance(step.output, dict)
        assert step.completed_at
    failed = human.workflows.wait_for_completion(human.workflows.start({"workflow_id": "fail", "input": {}}).id)
    assert failed.status == "failed"
    assert failed.error
    assert failed.output is None


def test_wait_for_completion_throws_when_time_is_up(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "sleep", "input": {"seconds": 60}})
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="timeout") as error:
        human.workflows.wait_for_completion(x.id, poll_interval_ms=2000, timeout_ms=300)
    assert 0.3 <= time.monotonic() - began < 2
    assert not isinstance(error.value, (ValidationError, NotFoundError, AuthorizationError, ConflictError))
    assert human.workflows.get(x.id).status in ("pending", "running")
    human.workflows.cancel(x.id)
    assert human.workflows.wait_for_completion(x.id, poll_interval_ms=50).status == "cancelled"


def test_timeout_ms_cancels(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "sleep", "input": {"seconds": 60}, "timeout_ms": 100})
    assert human.workflows.wait_for_completion(x.id, poll_interval_ms=50).status == "cancelled"


def test_get_and_progress(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "sleep", "input": {"seconds": 1}})
    seen = []
    while True:
        got = human.workflows.get(x.id)
        if got.progress is not None:
            seen.append(got.progress)
        if got.status == "completed":
            break
        time.sleep(0.05)
    assert seen
    assert seen == sorted(seen)
    assert all(0 <= p <= 1 for p in seen)
    with pytest.raises(NotFoundError):
        human.workflows.get("exec_abc123")


def test_list_pages_and_filters(human: HumanClient) -> None:
    ids = [human.workflows.start({"workflow_id": "echo", "input": {"n": n}}).id for n in range(5)]
    page1 = human.workflows.list({"limit": 2})
    assert len(page1.data) == 2
    assert page1.has_more
    page2 = human.workflows.list({"limit": 2, "cursor": page1.next_cursor})
    assert not {x.id for x in page1.data} & {x.id for x in page2.data}
    assert human.workflows.list({"cursor": None, "limit": 1}).data[0].id == ids[-1]
    x = human.workflows.start({"workflow_id": "sleep", "input": {"seconds": 60}})
    while human.workflows.get(x.id).status != "running":
        time.sleep(0.01)
    running = human.workflows.list({"status": "running", "workflow_id": "sleep"})
    assert x.id in [r.id for r in running.data]
    assert {r.status for r in running.data} == {"running"}
    human.workflows.cancel(x.id)
    everything, cursor = [], None
    for _ in itertools.count():
        page = human.workflows.list(workflow_id="echo", limit=3, cursor=cursor)
        everything += [r.id for r in page.data]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert everything[:5] == ids[::-1]
    assert len(everything) == len(set(everything))
    for wrong in ({"status": "sleeping"}, {"limit": 0}, {"limit": 101}, {"cursor": "nonsense"}):
        with pytest.raises(ValidationError):
            human.workflows.list(wrong)  # type: ignore[arg-type]


def test_rejected_shows_as_failed(human: HumanClient, client: sojourn.Sojourn) -> None:
    x = client.executions.start("queued", queue_ttl=0.1)
    seen = human.workflows.wait_for_completion(x.id, poll_interval_ms=50)
    assert seen.status == "failed"
    assert seen.error is not None
    assert seen.error.startswith("rejected: ")
    assert x.id in [r.id for r in human.workflows.list(status="failed").data]


def test_cancel_and_its_errors(human: HumanClient) -> None:
    x = human.workflows.start({"workflow_id": "queued", "input": {}})
    human.workflows.cancel(x.id)
    assert human.workflows.get(x.id).status == "cancelled"
    with pytest.raises(ConflictError) as error:
        human.workflows.cancel(x.id)
    assert (error.value.status, error.value.code) == (409, "already_terminal")
    with pytest.raises(NotFoundError):
        human.workflows.cancel("exec_abc123")


def test_authorization(server: Server, client: sojourn.Sojourn) -> None:
    x = client.executions.start("echo")
    with HumanClient(api_key="not-a-key-of-this-server", base_url=server.url) as human:
        with pytest.raises(AuthorizationError):
            human.workflows.get(x.id)
    key = client.keys.create(["workflows:read"])
    with HumanClient(api_key=key.key, base_url=server.url) as human:
        with pytest.raises(AuthorizationError):
            human.workflows.get(x.id)
        with pytest.raises(AuthorizationError):
            human.workflows.cancel(x.id)


def test_the_errors_are_unrelated() -> None:
    classes = [ValidationError, NotFoundError, AuthorizationError, ConflictError, RateLimitError]
    for a, b in itertools.permutations(classes, 2):
        assert not issubclass(a, b)


def test_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HumanError, match="HUMAN_API_KEY"):
        HumanClient()
    monkeypatch.setenv("HUMAN_API_KEY", KEY)
    monkeypatch.setenv("HUMAN_API_URL", server.url)
    with HumanClient() as human:
        assert human.workflows.start({"workflow_id": "echo", "input": {}}).status == "pending"


async def test_the_async_client(server: Server) -> None:
    async with AsyncHumanClient(api_key=KEY, base_url=server.url) as human:
        x = await human.workflows.start({"workflow_id": "echo", "input": {"text": "Hello world"}})
        result = await human.workflows.wait_for_completion(x.id, {"poll_interval_ms": 20})
        assert result.output == {"text": "Hello world"}
        assert (await human.workflows.list({"limit": 1})).data
