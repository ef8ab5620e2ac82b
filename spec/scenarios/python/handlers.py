"""The handlers of the scenarios, as async def functions and as plain ones."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from sojourn import ApprovalRejectedError, AsyncContext, Context, Failure, Reject, Retry, Worker, current_step

DIR = os.environ.get("SCENARIO_DIR", ".")


def note(id: str, word: str) -> None:
    """Appends a word to what the test reads, in one write."""
    fd = os.open(os.path.join(DIR, "notes"), os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(fd, f"{id} {word}\n".encode())
    finally:
        os.close(fd)


def stopping() -> bool:
    info = current_step()
    return info is not None and info.cancelled


def is_open(gate: str) -> bool:
    return os.path.exists(os.path.join(DIR, gate))


def retry(attempts: int) -> Retry:
    return Retry(attempts, initial=0.01, coefficient=1)


def limit(ms: int | None) -> float | None:
    return ms / 1000 if ms else None


def describe(id: str, n: int, doubled: int) -> dict[str, str]:
    note(id, "describe")
    return {"text": f"twice {n} is {doubled}"}


def flaky(id: str, failures: int) -> dict[str, int]:
    note(id, "try")
    info = current_step()
    assert info is not None
    if info.attempt <= failures:
        raise Failure(f"try {info.attempt} failed", code="not_yet")
    return {"tries": info.attempt}


def register_async(worker: Worker) -> None:
    @worker.handler("echo")
    async def echo(ctx: AsyncContext, input: Any) -> Any:
        return input

    @worker.handler("steps")
    async def steps(ctx: AsyncContext, input: dict[str, int]) -> dict[str, str]:
        async def double() -> dict[str, int]:
            note(ctx.execution_id, "double")
            return {"number": 2 * input["number"]}

        doubled = await ctx.step("double", double)
        ctx.progress(0.5)
        described = await ctx.step("describe", describe, ctx.execution_id, input["number"], doubled["number"])
        ctx.progress(1)
        return described

    @worker.handler("repeat")
    async def repeat(ctx: AsyncContext, input: dict[str, int]) -> dict[str, int]:
        return {"sum": sum([await ctx.step("again", lambda n=n: n) for n in range(1, input["times"] + 1)])}

    @worker.handler("loop")
    async def loop(ctx: AsyncContext, input: dict[str, list[str]]) -> dict[str, list[str]]:
        branches = [ctx.step_with("item", lambda item=item: item.upper(), key=item) for item in input["items"]]
        return {"items": await ctx.gather(*branches)}

    @worker.handler("flaky")
    async def handle_flaky(ctx: AsyncContext, input: dict[str, int]) -> dict[str, int]:
        async def attempt() -> dict[str, int]:
            return flaky(ctx.execution_id, input["failures"])

        return await ctx.step_with("try", attempt, retry=retry(input["attempts"]))

    @worker.handler("fail")
    async def fail(ctx: AsyncContext) -> None:
        await ctx.step("prepare", lambda: {"ready": True})
        raise Failure("it broke", code="broken", details={"part": "wheel"})

    @worker.handler("reject")
    async def reject(ctx: AsyncContext) -> None:
        raise Reject("out_of_scope", "not ours")

    @worker.handler("sleep")
    async def sleep(ctx: AsyncContext, input: dict[str, int]) -> dict[str, bool]:
        note(ctx.execution_id, "begin")
        await ctx.sleep("nap", input["ms"] / 1000)
        note(ctx.execution_id, "end")
        return {"slept": True}

    async def passing(id: str, gate: str) -> dict[str, int]:
        note(id, "held")
        while not is_open(gate):
            await asyncio.sleep(0.01)
        return {"n": 2}

    @worker.handler("held")
    async def held(ctx: AsyncContext, input: dict[str, str]) -> dict[str, int]:
        async def give(word: str, n: int) -> dict[str, int]:
            note(ctx.execution_id, word)
            return {"n": n}

        first = await ctx.step("before", give, "before", 1)
        second = await ctx.step("held", passing, ctx.execution_id, input["gate"])
        third = await ctx.step("after", give, "after", 3)
        return {"sum": first["n"] + second["n"] + third["n"]}

    @worker.handler("patient")
    async def patient(ctx: AsyncContext) -> None:
        async def work() -> None:
            note(ctx.execution_id, "work")
            try:
                await asyncio.Event().wait()
            finally:
                note(ctx.execution_id, "stopped")

        await ctx.step("work", work)

    @worker.handler("signal")
    async def signal(ctx: AsyncContext, input: dict[str, int]) -> dict[str, list[Any]]:
        timeout = limit(input.get("timeout_ms"))
        return {"received": [await ctx.wait_for_signal("go", timeout=timeout) for _ in range(input.get("times") or 1)]}

    @worker.handler("approval")
    async def approval(ctx: AsyncContext, input: dict[str, Any]) -> dict[str, Any]:
        try:
            d = await ctx.wait_for_approval(
                "manager", timeout=limit(input.get("timeout_ms")), payload={"question": input.get("question", "")}
            )
        except ApprovalRejectedError as refused:
            if not input.get("handle"):
                raise
            return {"approved": False, "comment": refused.comment, "by": refused.by}
        return {"approved": True, "comment": d.comment, "by": d.by}

    @worker.handler("beside")
    async def beside(ctx: AsyncContext, input: dict[str, str]) -> dict[str, Any]:
        async def signalled() -> Any:
            payload = await ctx.wait_for_signal("go")
            note(ctx.execution_id, "signalled")
            return payload

        _, payload = await ctx.gather(ctx.step("held", passing, ctx.execution_id, input["gate"]), signalled())
        return {"payload": payload}

    @worker.handler("log")
    async def log(ctx: AsyncContext) -> dict[str, Any]:
        ctx.log("hello", n=1)
        return {}


def register_plain(worker: Worker) -> None:
    @worker.handler("echo")
    def echo(ctx: Context, input: Any) -> Any:
        return input

    @worker.handler("steps")
    def steps(ctx: Context, input: dict[str, int]) -> dict[str, str]:
        def double() -> dict[str, int]:
            note(ctx.execution_id, "double")
            return {"number": 2 * input["number"]}

        doubled = ctx.step("double", double)
        ctx.progress(0.5)
        described = ctx.step("describe", describe, ctx.execution_id, input["number"], doubled["number"])
        ctx.progress(1)
        return described

    @worker.handler("repeat")
    def repeat(ctx: Context, input: dict[str, int]) -> dict[str, int]:
        return {"sum": sum(ctx.step("again", lambda n=n: n) for n in range(1, input["times"] + 1))}

    @worker.handler("loop")
    def loop(ctx: Context, input: dict[str, list[str]]) -> dict[str, list[str]]:
        def branch(item: str) -> Callable[[], str]:
            return lambda: ctx.step_with("item", lambda: item.upper(), key=item)

        return {"items": ctx.gather(*[branch(item) for item in input["items"]])}

    @worker.handler("flaky")
    def handle_flaky(ctx: Context, input: dict[str, int]) -> dict[str, int]:
        return ctx.step_with("try", lambda: flaky(ctx.execution_id, input["failures"]), retry=retry(input["attempts"]))

    @worker.handler("fail")
    def fail(ctx: Context) -> None:
        ctx.step("prepare", lambda: {"ready": True})
        raise Failure("it broke", code="broken", details={"part": "wheel"})

    @worker.handler("reject")
    def reject(ctx: Context) -> None:
        raise Reject("out_of_scope", "not ours")

    @worker.handler("sleep")
    def sleep(ctx: Context, input: dict[str, int]) -> dict[str, bool]:
        note(ctx.execution_id, "begin")
        ctx.sleep("nap", input["ms"] / 1000)
        note(ctx.execution_id, "end")
        return {"slept": True}

    def passing(ctx: Context, gate: str) -> dict[str, int]:
        note(ctx.execution_id, "held")
        while not is_open(gate):
            ctx.check()
            time.sleep(0.01)
        return {"n": 2}

    @worker.handler("held")
    def held(ctx: Context, input: dict[str, str]) -> dict[str, int]:
        def give(word: str, n: int) -> dict[str, int]:
            note(ctx.execution_id, word)
            return {"n": n}

        first = ctx.step("before", give, "before", 1)
        second = ctx.step("held", passing, ctx, input["gate"])
        third = ctx.step("after", give, "after", 3)
        return {"sum": first["n"] + second["n"] + third["n"]}

    @worker.handler("patient")
    def patient(ctx: Context) -> None:
        def work() -> None:
            note(ctx.execution_id, "work")
            while not stopping():
                time.sleep(0.01)
            note(ctx.execution_id, "stopped")
            ctx.check()

        ctx.step("work", work)

    @worker.handler("signal")
    def signal(ctx: Context, input: dict[str, int]) -> dict[str, list[Any]]:
        timeout = limit(input.get("timeout_ms"))
        return {"received": [ctx.wait_for_signal("go", timeout=timeout) for _ in range(input.get("times") or 1)]}

    @worker.handler("approval")
    def approval(ctx: Context, input: dict[str, Any]) -> dict[str, Any]:
        try:
            d = ctx.wait_for_approval(
                "manager", timeout=limit(input.get("timeout_ms")), payload={"question": input.get("question", "")}
            )
        except ApprovalRejectedError as refused:
            if not input.get("handle"):
                raise
            return {"approved": False, "comment": refused.comment, "by": refused.by}
        return {"approved": True, "comment": d.comment, "by": d.by}

    @worker.handler("beside")
    def beside(ctx: Context, input: dict[str, str]) -> dict[str, Any]:
        def signalled() -> Any:
            payload = ctx.wait_for_signal("go")
            note(ctx.execution_id, "signalled")
            return payload

        _, payload = ctx.gather(lambda: ctx.step("held", passing, ctx, input["gate"]), signalled)
        return {"payload": payload}

    @worker.handler("log")
    def log(ctx: Context) -> dict[str, Any]:
        ctx.log("hello", n=1)
        return {}
