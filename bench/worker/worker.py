"""The worker process of the bench in Python: workflows that do nothing, with coroutines or, given "def", with threads.

Server and key come from SOJOURN_BASE_URL and SOJOURN_API_KEY.
"""

from __future__ import annotations

import sys
from typing import Any

from sojourn import AsyncContext, Context, Sojourn, Worker

NAMES = [f"step-{n}" for n in range(1, 11)]
TEXT = "some text that a step gives back"


async def give() -> str:
    return TEXT


def main() -> None:
    with Sojourn() as client:
        worker = Worker(client, name="bench", concurrency=256, on_ready=lambda _: print("ready", flush=True))
        if sys.argv[1:] == ["def"]:

            @worker.handler("noop")
            def noop(ctx: Context, input: dict[str, Any]) -> dict[str, Any]:
                return {"ok": True, "message": "all done, nothing to see"}

            @worker.handler("ten")
            def ten(ctx: Context, input: dict[str, Any]) -> dict[str, Any]:
                for name in NAMES:
                    ctx.step(name, lambda: TEXT)
                return {"ok": True, "message": "all ten steps done"}
        else:

            @worker.handler("noop")
            async def anoop(ctx: AsyncContext, input: dict[str, Any]) -> dict[str, Any]:
                return {"ok": True, "message": "all done, nothing to see"}

            @worker.handler("ten")
            async def aten(ctx: AsyncContext, input: dict[str, Any]) -> dict[str, Any]:
                for name in NAMES:
                    await ctx.step(name, give)
                return {"ok": True, "message": "all ten steps done"}

        worker.run()


if __name__ == "__main__":
    main()
