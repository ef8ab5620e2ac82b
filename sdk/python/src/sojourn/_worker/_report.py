"""Operations on their way to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .. import _json
from .._errors import APIResponseError, APIStatusError, SojournError
from .._options import log, retriable

if TYPE_CHECKING:
    from ._attempt import Attempt
    from ._session import Session

BATCH_BYTES = 4 << 20
"""Ends a batch early: the server takes 8 MiB, and one operation can take over 1 MiB."""
LOST = frozenset({"stale_lease", "already_terminal", "not_found", "deleted", "session_lost"})
"""Refusals which mean that the lease no longer stands."""


class Kind(Enum):
    """What the sender of an operation wants with the answer."""

    AWAITED = 0
    FORGET = 1
    LOG = 2
    SUSPEND = 3
    OUTCOME = 4
    GIVE_BACK = 5


Result = dict[str, Any]


@dataclass
class Operation:
    """One operation."""

    attempt: Attempt
    text: str
    kind: Kind
    future: asyncio.Future[Result | None] | None


class Reporter:
    """Sends operations over one connection: what has accumulated while a request was under way goes in the next one.

    A request whose answer is lost is sent again; operations are idempotent. All operations of one execution go through
    one reporter, so that they stay in order.
    """

    def __init__(self, session: Session) -> None:
        self._s = session
        self._queue: list[Operation] = []
        self._filled = asyncio.Event()

    def add(self, operation: Operation) -> None:
        """Queues an operation."""
        self._queue.append(operation)
        self._filled.set()

    async def run(self) -> None:
        """Sends what is queued, until cancelled."""
        while True:
            await self._filled.wait()
            # Whatever else is ready to run now may have something for the same request.
            await asyncio.sleep(0)
            size, n = 0, 0
            for operation in self._queue[: self._s.max_operations]:
                if n and size > BATCH_BYTES:
                    break
                size += len(operation.text)
                n += 1
            batch, self._queue = self._queue[:n], self._queue[n:]
            if not self._queue:
                self._filled.clear()
            await self._deliver(batch)

    async def _deliver(self, batch: list[Operation]) -> None:
        s = self._s
        failures = 0
        operations = ",".join(o.text for o in batch)
        while True:
            text = f'{{"session_id":"{s.id}","received":{s.received},"operations":[{operations}]}}'
            try:
                answer = (await s.post("/v1/worker/report", text.encode(), s.lease)).json()
                results: list[Result] = answer["results"]
                if len(results) != len(batch):
                    raise APIResponseError(f"the server answered {len(results)} of {len(batch)} operations")
            except (KeyError, TypeError, ValueError) as e:
                error: Exception = APIResponseError(f"the answer to a report is not what the protocol promises: {e!r}")
            except SojournError as e:
                error = e
            else:
                self._hand(batch, results)
                s.signal(answer)
                return
            if s.refused(error):
                # The session ends and takes this task with it.
                await asyncio.Event().wait()
            if isinstance(error, APIStatusError) and not retriable(error):
                # One operation that the server cannot even read must not hold up the others.
                await self._divide(batch, error)
                return
            log.warning("reporting %d operations failed; sending them again: %s", len(batch), error)
            await asyncio.sleep(s.backoff(failures, error))
            failures += 1

    async def _divide(self, batch: list[Operation], refusal: APIStatusError) -> None:
        if len(batch) == 1:
            log.error("the server refused an operation of %s: %s", batch[0].attempt.id, refusal)
            code = refusal.code or f"http_{refusal.status_code}"
            self._hand(batch, [{"ok": False, "code": code, "message": refusal.message}])
            return
        half = len(batch) // 2
        await self._deliver(batch[:half])
        await self._deliver(batch[half:])

    def _hand(self, batch: Sequence[Operation], results: Sequence[Result]) -> None:
        again: list[Operation] = []
        for operation, result in zip(batch, results, strict=True):
            if not result.get("ok") and result.get("code") == "skipped":
                # An earlier operation of the same execution was refused, and its sender knows; this one stands alone.
                if operation.attempt.reporting:
                    again.append(operation)
                    continue
                result["code"] = "stale_lease"
            if operation.future is not None:
                if not operation.future.done():
                    operation.future.set_result(result)
            else:
                operation.attempt.answered(operation.kind, result)
        if again:
            self._queue[:0] = again
            self._filled.set()


def encode_fields(fields: dict[str, Any]) -> str:
    """Members of an operation, to be put after others."""
    return "," + _json.dumps(fields)[1:-1] if fields else ""
