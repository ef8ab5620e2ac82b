"""The worker against the real server: both kinds of handler, replay, retries, names, endings, lost servers."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
import pytest
from conftest import KEY, Server

import sojourn
from sojourn import (
    ApprovalRejectedError,
    AsyncContext,
    Context,
    Failure,
    Reject,
    Retry,
    SignalTimeoutError,
    Sojourn,
    StepError,
    StepNameError,
    Worker,
    current_step,
)

numbers = itertools.count(1)


def name() -> str:
    return f"py-{os.getpid()}-{next(numbers)}"


class Order(pydantic.BaseModel):
    number: str
    quantity: int = 1


@dataclass
class Receipt:
    number: str
    total: float


def run(client: Sojourn, worker: Worker, workflow: str, input: Any = None, **options: Any) -> sojourn.Execution:
    with worker.running():
        x = client.executions.start(workflow, input, **options)
        client.executions.wait(x.id, timeout=40)
        return client.executions.get(x.id, include=["steps", "events"])


def test_types_come_in_and_go_out(client: Sojourn) -> None:
    worker, plain, coroutine = Worker(client), name(), name()

    @worker.handler(plain)
    def handle(ctx: Context, order: Order) -> Receipt:
        receipt = ctx.step("price", price, order)
        assert isinstance(receipt, Receipt)
        ctx.sleep("settle", 2.2)  # the step is replayed after it
        return receipt

    @worker.handler(coroutine)
    async def ahandle(ctx: AsyncContext, order: Order) -> Receipt:
        receipt = await ctx.step("price", price, order)
        assert isinstance(receipt, Receipt)
        await ctx.sleep("settle", 2.2)
        return receipt

    def price(order: Order) -> Receipt:
        return Receipt(order.number, 9.5 * order.quantity)

    with worker.running():
        ids = [client.executions.start(w, Order(number="A-1", quantity=2)).id for w in (plain, coroutine)]
        for id in ids:
            x = client.executions.wait(id, timeout=40)
            assert (x.status, x.output) == ("completed", {"number": "A-1", "total": 19.0}), x.error
            assert x.attempt == 2
        wrong = client.executions.start(plain, {"quantity": "many"}, wait=20)
        assert (wrong.status, wrong.error_code) == ("failed", "invalid_input")


def test_a_recorded_step_is_not_run_again(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    runs: list[str] = []

    @worker.handler(workflow)
    def handle(ctx: Context) -> list[Any]:
        def work() -> dict[str, int]:
            info = current_step()
            assert info is not None
            runs.append(info.key)
            return {"n": len(runs)}

        first = ctx.step("work", work)
        second = ctx.step("work", work)
        ctx.sleep("nap", 2.1)
        return [first, second, ctx.attempt]

    x = run(client, worker, workflow)
    assert x.output == [{"n": 1}, {"n": 2}, 2]
    assert runs == [f"{x.id}/work", f"{x.id}/work#2"]
    assert x.steps is not None
    assert [s.name for s in x.steps] == ["work", "work#2", "nap"]


@pytest.mark.parametrize("coroutine", [True, False])
def test_retries_of_a_step(client: Sojourn, coroutine: bool) -> None:
    worker, workflow = Worker(client), name()
    times: list[float] = []

    def work() -> dict[str, int]:
        info = current_step()
        assert info is not None
        times.append(time.monotonic())
        if info.attempt < 3:
            raise ValueError(f"try {info.attempt}")
        return {"tries": info.attempt}

    policy = Retry(5, initial=0.1, coefficient=2, jitter=0)
    if coroutine:

        @worker.handler(workflow)
        async def ahandle(ctx: AsyncContext) -> Any:
            return await ctx.step_with("work", work, retry=policy)
    else:

        @worker.handler(workflow)
        def handle(ctx: Context) -> Any:
            return ctx.step_with("work", work, retry=policy)

    x = run(client, worker, workflow)
    assert x.output == {"tries": 3}
    assert times[1] - times[0] >= 0.1
    assert times[2] - times[1] >= 0.2
    assert x.steps is not None
    assert [a.error for a in x.steps[0].attempts] == ["try 1", "try 2", None]


def test_a_long_backoff_holds_no_worker(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()

    @worker.handler(workflow)
    async def handle(ctx: AsyncContext) -> Any:
        async def work() -> int:
            info = current_step()
            assert info is not None
            if info.attempt == 1:
                raise Failure("not yet", code="early")
            return ctx.attempt

        return await ctx.step_with("work", work, retry=Retry(2, initial=2.5, jitter=0))

    x = run(client, worker, workflow)
    assert (x.output, x.attempt) == (2, 2), x.error
    assert x.events is not None
    assert [e.type for e in x.events].count("claimed") == 2


def test_what_a_step_raises(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()

    @worker.handler(workflow)
    def handle(ctx: Context, input: dict[str, str]) -> Any:
        def work() -> None:
            match input["what"]:
                case "failure":
                    raise Failure("no ink", code="no_ink", details={"colour": "red"})
                case "exception":
                    raise KeyError("missing")
                case "reject":
                    raise Reject("out_of_scope", "not ours")
                case "stop":
                    next(iter([]))
                case "generator":
                    raise StopIteration(1)

        if input.get("handle"):
            try:
                ctx.step("work", work)
            except StepError as error:
                return {"code": error.code, "message": error.message, "attempts": error.attempts, "step": error.step}
        return ctx.step("work", work)

    with worker.running():

        def outcome(**input: str) -> sojourn.Execution:
            return client.executions.start(workflow, input, wait=20)

        x = outcome(what="failure")
        assert (x.status, x.error_code, x.error_details) == ("failed", "no_ink", {"colour": "red"})
        x = outcome(what="failure", handle="yes")
        assert x.output == {"code": "no_ink", "message": "no ink", "attempts": 1, "step": "work"}
        x = outcome(what="exception")
        assert (x.status, x.error_code) == ("failed", "error")
        assert x.error_details is not None
        assert x.error_details["type"] == "KeyError"
        assert "raise KeyError" in x.error_details["stack"]
        x = outcome(what="reject")
        assert (x.status, x.error_code, x.error) == ("rejected", "out_of_scope", "not ours")
        assert outcome(what="generator").status == "failed"
        assert outcome(what="stop").status == "failed"


def test_a_step_that_takes_too_long(client: Sojourn) -> None:
    worker, coroutine, plain = Worker(client), name(), name()

    @worker.handler(coroutine)
    async def ahandle(ctx: AsyncContext) -> Any:
        await ctx.step_with("work", lambda: asyncio.sleep(60), timeout=0.2)

    @worker.handler(plain)
    def handle(ctx: Context) -> Any:
        def work() -> None:
            info = current_step()
            assert info is not None
            assert info.remaining is not None
            while not info.cancelled:
                time.sleep(0.01)

        ctx.step_with("work", work, timeout=0.2)

    with worker.running():
        for workflow in (coroutine, plain):
            x = client.executions.start(workflow, wait=20)
            assert (x.status, x.error_code) == ("failed", "step_timeout"), x.error


def test_execution_retries_run_the_failed_step_again(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    runs: list[str] = []

    @worker.handler(workflow, retry=Retry(3, initial=0.05))
    def handle(ctx: Context) -> int:
        ctx.step("good", lambda: runs.append("good"))
        if ctx.attempt == 1:
            ctx.step("bad", fail)
        return ctx.attempt

    def fail() -> None:
        runs.append("bad")
        raise ValueError("the first time")

    assert run(client, worker, workflow).output == 2
    assert runs == ["good", "bad"]


def test_names_that_depend_on_chance_are_refused(client: Sojourn) -> None:
    worker, same, bad, across = Worker(client), name(), name(), name()

    @worker.handler(same)
    async def handle(ctx: AsyncContext) -> Any:
        # The error cannot be handled away.
        try:
            await ctx.gather(ctx.step("a", lambda: time.sleep(0.2)), ctx.step("a", lambda: 2))
        except StepNameError:
            return "handled"

    @worker.handler(bad)
    def handle_bad(ctx: Context) -> Any:
        ctx.step("a[b]", lambda: 1)

    @worker.handler(across)
    def handle_across(ctx: Context) -> Any:
        ctx.gather(lambda: ctx.step("a", lambda: 1))
        return ctx.gather(lambda: ctx.step("a", lambda: 1))

    with worker.running():
        for workflow in (same, bad, across):
            x = client.executions.start(workflow, wait=20)
            assert (x.status, x.error_code) == ("failed", "step_name"), (workflow, x.output)


def test_a_record_that_does_not_fit_fails_the_execution(client: Sojourn) -> None:
    workflow = name()
    worker = Worker(client)

    @worker.handler(workflow)
    def handle(ctx: Context, input: dict[str, str]) -> Any:
        first = ctx.attempt == 1
        match input["change"]:
            case "kind" if not first:
                ctx.sleep("a", 1)
            case "input":
                ctx.step_with("a", lambda: 1, input={"attempt": ctx.attempt})
            case "type" if not first:
                ctx.step_with("a", lambda: Order(number="1"), returns=Order)
            case _:
                ctx.step("a", lambda: 1)
        ctx.sleep("b", 2.1)

    with worker.running():
        ids = {
            change: client.executions.start(workflow, {"change": change}).id
            for change in ("kind", "input", "type", "none")
        }
        for change, id in ids.items():
            x = client.executions.wait(id, timeout=30)
            want = ("completed", None) if change == "none" else ("failed", "step_mismatch")
            assert (x.status, x.error_code) == want, (change, x.error)


@pytest.mark.parametrize("coroutine", [True, False])
def test_branches(client: Sojourn, coroutine: bool) -> None:
    worker, workflow = Worker(client), name()
    if coroutine:

        @worker.handler(workflow)
        async def ahandle(ctx: AsyncContext) -> Any:
            async def branch(n: int) -> list[int]:
                doubled = await ctx.step_with("double", lambda: 2 * n, key=n)
                await ctx.sleep("nap", 2.1 + n / 10, key=n)
                return [n, doubled]

            assert await ctx.gather() == []
            return await ctx.gather(*[branch(n) for n in range(3)])
    else:

        @worker.handler(workflow)
        def handle(ctx: Context) -> Any:
            def branch(n: int) -> Callable[[], list[int]]:
                def work() -> list[int]:
                    doubled = ctx.step_with("double", lambda: 2 * n, key=n)
                    ctx.sleep("nap", 2.1 + n / 10, key=n)
                    return [n, doubled]

                return work

            assert ctx.gather() == []
            return ctx.gather(*[branch(n) for n in range(3)])

    x = run(client, worker, workflow)
    assert x.output == [[0, 0], [1, 2], [2, 4]], x.error
    assert x.attempt >= 2
    assert x.steps is not None
    assert sorted(s.name for s in x.steps) == sorted(
        [f"double[{n}]" for n in range(3)] + [f"nap[{n}]" for n in range(3)]
    )


def test_a_branch_that_fails_does_not_stop_the_others(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    seen: list[str] = []

    @worker.handler(workflow)
    async def handle(ctx: AsyncContext) -> Any:
        async def bad() -> None:
            raise Failure("bad", code="bad")

        async def good() -> None:
            await ctx.step("good", lambda: time.sleep(0.1))
            seen.append("good")

        await ctx.gather(bad(), good())

    x = run(client, worker, workflow)
    assert (x.status, x.error_code, seen) == ("failed", "bad", ["good"])


@pytest.mark.parametrize("coroutine", [True, False])
def test_cancel_reaches_the_handler(client: Sojourn, coroutine: bool) -> None:
    worker, workflow = Worker(client), name()
    began, ended = threading.Event(), threading.Event()
    if coroutine:

        @worker.handler(workflow)
        async def ahandle(ctx: AsyncContext) -> None:
            try:
                began.set()
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)  # cleaning up may take time
                ended.set()
    else:

        @worker.handler(workflow)
        def handle(ctx: Context) -> None:
            began.set()
            while not ctx.cancelled:
                time.sleep(0.01)
            try:
                ctx.step("too late", lambda: None)
            except Exception:
                raise AssertionError("an Exception") from None
            finally:
                ended.set()

    with worker.running():
        x = client.executions.start(workflow)
        assert began.wait(20)
        client.executions.cancel(x.id)
        assert client.executions.wait(x.id, timeout=20).status == "cancelled"
        assert ended.wait(5)


def test_a_suspension_is_no_exception_to_swallow(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    swallowed: list[str] = []

    @worker.handler(workflow)
    def handle(ctx: Context) -> int:
        try:
            ctx.sleep("nap", 2.3)
        except Exception:
            swallowed.append("x")
        return ctx.attempt

    assert run(client, worker, workflow).output == 2
    assert not swallowed


def test_logs_and_progress(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()

    @worker.handler(workflow)
    def handle(ctx: Context) -> None:
        ctx.log("begin", n=1, odd=object())
        ctx.step("work", lambda: ctx.log("inside", level="warn"))
        for n in range(100):
            ctx.progress(n / 99)

    x = run(client, worker, workflow)
    assert x.progress == 1
    lines = list(client.executions.logs(x.id))
    assert [(line.step or "", line.level, line.message) for line in lines] == [
        ("", "info", "begin"),
        ("work", "warn", "inside"),
    ]
    assert lines[0].fields is not None
    assert lines[0].fields["n"] == 1


@pytest.mark.parametrize("coroutine", [True, False])
def test_signals_and_approvals(client: Sojourn, coroutine: bool) -> None:
    worker, workflow = Worker(client), name()
    if coroutine:

        @worker.handler(workflow)
        async def ahandle(ctx: AsyncContext) -> Any:
            goods = await ctx.wait_for_signal("goods")
            decision = await ctx.wait_for_approval("manager", payload={"goods": goods}, timeout=3600)
            return [goods, decision.comment, decision.by, decision.payload]
    else:

        @worker.handler(workflow)
        def handle(ctx: Context) -> Any:
            goods = ctx.wait_for_signal("goods")
            decision = ctx.wait_for_approval("manager", payload={"goods": goods}, timeout=3600)
            return [goods, decision.comment, decision.by, decision.payload]

    with worker.running():
        early = client.executions.start(workflow, delay=0.3)
        client.executions.signal(early.id, "goods", {"n": 1})
        x = client.executions.wait(early.id, until="actionable", timeout=20)
        assert (x.status, x.status_reason) == ("waiting", "approval:manager")
        assert x.awaiting is not None
        shown = client.executions.get(x.id)
        assert shown.awaiting is not None
        assert (shown.awaiting[0].kind, shown.awaiting[0].payload) == ("approval", {"goods": {"n": 1}})
        client.executions.approve(x.id, comment="fine", by="Ada", payload=[1])
        assert client.executions.result(x.id, timeout=20) == [{"n": 1}, "fine", "Ada", [1]]
        late = client.executions.start(workflow, wait=20, until="actionable")
        assert late.status_reason == "signal:goods"
        with pytest.raises(sojourn.ConflictError) as error:
            client.executions.approve(late.id)
        assert error.value.code == "not_awaiting"
        key = sojourn.new_idempotency_key()
        for _ in range(2):
            client.executions.signal(late.id, "goods", idempotency_key=key)
        client.executions.wait(late.id, until="actionable", timeout=20)
        client.executions.reject(late.id, comment="too dear")
        x = client.executions.wait(late.id, timeout=20)
        assert (x.status, x.error_code, x.error) == ("rejected", "approval_rejected", "too dear")
        with pytest.raises(sojourn.AlreadyTerminalError):
            client.executions.signal(late.id, "goods")


def test_waits_time_out_and_refusals_can_be_handled(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()

    @worker.handler(workflow)
    async def handle(ctx: AsyncContext, input: dict[str, bool]) -> Any:
        if input.get("time"):
            try:
                await ctx.wait_for_signal("never", timeout=0.2)
            except SignalTimeoutError:
                await ctx.wait_for_approval("never mind", timeout=0.2)
        try:
            await ctx.wait_for_approval("manager", key=7)
        except ApprovalRejectedError as error:
            return [error.comment, error.approval]

    with worker.running():
        x = client.executions.start(workflow, {"time": True}, wait=20)
        assert (x.status, x.error_code) == ("failed", "wait_timeout"), x.error
        x = client.executions.start(workflow, wait=20, until="actionable")
        client.executions.reject(x.id, name="manager[7]", comment="no")
        assert client.executions.result(x.id, timeout=20) == ["no", "manager[7]"]


def test_a_signal_reaches_a_branch_while_another_works(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    gate = threading.Event()

    @worker.handler(workflow)
    async def handle(ctx: AsyncContext) -> Any:
        async def signalled() -> Any:
            payload = await ctx.wait_for_signal("go")
            gate.set()
            return payload

        return await ctx.gather(ctx.step("work", lambda: gate.wait(30)), signalled())

    with worker.running():
        x = client.executions.start(workflow)
        deadline = time.monotonic() + 20
        while not client.executions.get(x.id).awaiting:  # it is running all the while
            assert time.monotonic() < deadline
            time.sleep(0.02)
        client.executions.signal(x.id, "go", "now")
        done = client.executions.wait(x.id, timeout=30)
        assert (done.output, done.attempt) == ([True, "now"], 1)


def test_overridden_steps_do_not_run(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()
    runs: list[int] = []

    @worker.handler(workflow)
    def handle(ctx: Context) -> Any:
        return ctx.step("work", lambda: runs.append(1))

    with worker.running():
        x = client.executions.start(workflow, overrides={"steps": {"work": {"mine": True}}}, wait=20)
    assert (x.output, runs) == ({"mine": True}, [])


def test_files_in_and_out(client: Sojourn, tmp_path: Path) -> None:
    worker, plain, coroutine = Worker(client), name(), name()

    @worker.handler(plain)
    def handle(ctx: Context, input: dict[str, Any]) -> Any:
        content = ctx.files.download(input["papers"][0]["scan"])
        copy = tmp_path / "copy.txt"
        assert ctx.files.download_to(input["papers"][0]["scan"], copy) == len(content)
        assert copy.read_bytes() == content
        return {"upper": sojourn.File(content.upper(), "upper.txt")}

    @worker.handler(coroutine)
    async def ahandle(ctx: AsyncContext, input: dict[str, Any]) -> Any:
        content = await ctx.files.download(input["papers"][0]["scan"])
        return {"upper": await ctx.step("upper", lambda: sojourn.File(content.upper(), "upper.txt"))}

    path = tmp_path / "a paper.txt"
    path.write_bytes(b"some text")
    with worker.running():
        for workflow in (plain, coroutine):
            x = client.executions.start(workflow, {"papers": [{"scan": path}]}, wait=20)
            assert x.status == "completed", x.error
            assert x.input is not None
            reference = x.input["papers"][0]["scan"]
            assert {k: reference[k] for k in ("filename", "mimeType", "size")} == {
                "filename": "a paper.txt",
                "mimeType": "text/plain",
                "size": 9,
            }
            assert client.files.download(x.output["upper"]) == b"SOME TEXT"
            assert x.output["upper"]["filename"] == "upper.txt"


def test_a_worker_that_stops_gives_its_work_back(client: Sojourn) -> None:
    workflow = name()
    began = threading.Event()

    def make(grace: float) -> Worker:
        worker = Worker(client, shutdown_grace=grace)

        @worker.handler(workflow)
        async def handle(ctx: AsyncContext) -> int:
            await ctx.step("one", lambda: 1)
            if not began.is_set():
                began.set()
                await asyncio.sleep(60)
            return ctx.attempt

        return worker

    with make(0.1).running():
        x = client.executions.start(workflow)
        assert began.wait(20)
    x = client.executions.get(x.id, include=["events"])
    assert x.status_reason in ("awaiting_worker", "no_worker")
    assert x.events is not None
    assert x.events[-1].type == "returned"
    with make(5).running():
        assert client.executions.wait(x.id, timeout=20).output == 1  # what is given back does not count


def test_a_worker_is_checked(client: Sojourn) -> None:
    worker = Worker(client)
    with pytest.raises(sojourn.SojournError, match="no handler"):
        worker.run()
    with pytest.raises(ValueError, match="workflow name"):
        worker.handler("Not A Name")(lambda ctx: None)
    worker.handler("once")(lambda ctx: None)
    with pytest.raises(ValueError, match="already"):
        worker.handler("once")(lambda ctx: None)
    with pytest.raises(ValueError, match="concurrency"):
        Worker(client, concurrency=0)
    key = client.keys.create(["executions:read"])
    with Sojourn(api_key=key.key, base_url=client.base_url) as reader:
        refused = Worker(reader)
        refused.handler("once")(lambda ctx: None)
        with pytest.raises(sojourn.PermissionDeniedError):
            refused.run()
    for wrong in ({"max_attempts": 0}, {"coefficient": 0.5}, {"jitter": 2}, {"initial": -1}):
        with pytest.raises(ValueError, match=r"least|are|is"):
            Retry(**wrong)


def test_the_server_is_killed_in_the_middle_of_a_step(new_server: Callable[..., Server]) -> None:
    server = new_server()
    gate, held = threading.Event(), threading.Event()
    runs: list[str] = []
    with Sojourn(api_key=KEY, base_url=server.url) as client:
        worker = Worker(client)

        @worker.handler("held")
        def handle(ctx: Context) -> Any:
            ctx.step("before", lambda: runs.append("before"))

            def work() -> None:
                runs.append("held")
                held.set()
                gate.wait(60)

            ctx.step("held", work)
            ctx.step("after", lambda: runs.append("after"))
            return "done"

        with worker.running():
            x = client.executions.start("held")
            assert held.wait(20)
            server.kill()
            server.start()
            gate.set()
            assert client.executions.result(x.id, timeout=60) == "done"
    # The step whose worker never died ran once, or was lost with the lease and ran again; what was recorded never does.
    assert runs.count("before") == 1
    assert runs.count("after") == 1
    server.stop()


WORKER = """
import sys, time
from sojourn import Sojourn, Worker
worker = Worker(Sojourn(), shutdown_grace=10, on_ready=lambda _: print("ready", flush=True))
@worker.handler(sys.argv[1])
def handle(ctx):
    print("began", flush=True)
    time.sleep(0.5)
    return {"finished": True}
worker.run()
print("drained", flush=True)
"""


def test_sigterm_drains(client: Sojourn) -> None:
    workflow = name()
    env = os.environ | {"SOJOURN_API_KEY": KEY, "SOJOURN_BASE_URL": client.base_url}
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, workflow], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        x = client.executions.start(workflow)
        assert process.stdout.readline() == "began\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "drained\n"
        assert process.wait(20) == 0
    assert json.dumps(client.executions.wait(x.id, timeout=5).output) == '{"finished": true}'


def test_approval_links(client: Sojourn) -> None:
    worker, workflow = Worker(client), name()

    @worker.handler(workflow)
    async def handle(ctx: AsyncContext) -> Any:
        return (await ctx.wait_for_approval("manager", payload={"question": "may I?"})).by

    with worker.running():
        x = client.executions.start(workflow, wait=20, until="actionable")
        link = client.executions.create_approval_link(x.id, expires_in=3600)
        assert link.step == "manager"
        assert link.url.endswith(f"/approvals/{link.token}")
        assert link.expires_at is not None
        path = f"/approvals/{link.token}"
        shown = client.request("GET", path).json()
        assert (shown["state"], shown["payload"]) == ("open", {"question": "may I?"})
        client.request("POST", path, body={"decision": "approve", "by": "Ada"})
        assert client.executions.result(x.id, timeout=20) == "Ada"
        with pytest.raises(sojourn.NotFoundError):
            client.request("POST", path, body={"decision": "approve"})
