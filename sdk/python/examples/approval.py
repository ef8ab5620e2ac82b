"""An execution that waits for a person, its worker and its approver in one program: python approval.py."""

import asyncio
from typing import Any

from sojourn import ApprovalRejectedError, AsyncContext, AsyncSojourn, Worker


async def main() -> None:
    """Asks twice: once the answer is yes, once it is no."""
    async with AsyncSojourn() as client:
        ready = asyncio.Event()
        worker = Worker(client, shutdown_grace=1, on_ready=lambda _: ready.set())

        @worker.handler("travel-request")
        async def travel(ctx: AsyncContext, input: dict[str, Any]) -> str:
            try:
                decision = await ctx.wait_for_approval("manager", payload=input, timeout=86_400)
            except ApprovalRejectedError as refused:
                return f"stay at home: {refused.comment}"
            return f"off to {input['to']}, says {decision.by}"

        serving = asyncio.create_task(worker.serve())
        await ready.wait()
        for to in ("Lisbon", "the moon"):
            request = await client.executions.start("travel-request", {"to": to}, wait=60, until="actionable")
            print(request.status_message)
            if to == "Lisbon":
                await client.executions.approve(request.id, by="Ada")
            else:
                await client.executions.reject(request.id, by="Ada", comment="too far")
            print(await client.executions.result(request.id, timeout=60))
        worker.stop()
        await serving


if __name__ == "__main__":
    asyncio.run(main())
