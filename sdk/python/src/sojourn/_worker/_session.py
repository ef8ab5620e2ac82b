"""One registration of the worker with the server, with all it holds."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from .. import _json
from .._errors import APIStatusError, SojournError
from .._options import log
from .._response import RawResponse
from ._attempt import Attempt, State
from ._errors import Draining, LeaseLost
from ._report import Reporter
from ._wire import fnv1a

if TYPE_CHECKING:
    from .._async._transport import AsyncTransport
    from ._worker import Worker

UNWIND = 5.0
"""Seconds that a handler may take to return after its context has ended while the worker stops."""
FAREWELL = 5.0
"""Seconds for each request of a drain."""


class SessionLost(Exception):
    """The server does not know the session any more."""


class Session:
    """Polls, reports, sends heartbeats, and holds attempts."""

    def __init__(self, worker: Worker, answer: dict[str, Any], sent: float) -> None:
        self.worker = worker
        self.id: str = answer["session_id"]
        self.lease = (answer.get("lease_ms") or 15_000) / 1000
        self.heartbeat = (answer.get("heartbeat_ms") or 5_000) / 1000
        self.wait_ms: int = answer.get("max_wait_ms") or 30_000
        self.max_operations: int = min(answer.get("max_operations") or 1024, 1024)
        self.held: dict[str, Attempt] = {}
        self.received = 0
        self.draining = False
        self.offset = 0.0
        """The server's clock minus ours, in seconds."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._digest = 0
        self._contact = sent
        self._next = 0
        self._empty = asyncio.Event()
        self._reporters = [Reporter(self) for _ in range(worker.report_connections)]

    async def serve(self, stopping: asyncio.Event) -> None:
        """Works until stopping is set and the session has drained.

        Raises:
            SessionLost: the server does not know it any more.
            SojournError: the server refuses the worker.
        """
        loops: list[Coroutine[Any, Any, None]] = [self._beat(), self._watch(), *(r.run() for r in self._reporters)]
        tasks = [asyncio.create_task(loop) for loop in loops]
        polling = asyncio.create_task(self._poll())
        tasks.append(polling)
        for task in tasks:
            task.add_done_callback(self._crashed)
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([stop, self.ended], return_when=asyncio.FIRST_COMPLETED)
            if not self.ended.done():
                await self._drain(polling)
            if self.ended.done():
                self.ended.result()
        finally:
            stop.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.wait([*tasks, stop])
            for attempt in list(self.held.values()):
                self.release(attempt)
                attempt.lose(LeaseLost())
            if not self.ended.done():
                self.ended.cancel()

    def _crashed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Ends the session."""
        if not self.ended.done():
            self.ended.set_exception(error)

    async def _drain(self, polling: asyncio.Task[None]) -> None:
        self.draining = True
        self._check_empty()
        for attempt in self.worker.unqueue():
            attempt.give_back()
        path = f"/v1/worker/sessions/{self.id}"
        try:
            await self.worker.transport.request("POST", f"{path}/drain", timeout=FAREWELL)
        except SojournError as error:
            log.warning("could not tell the server that the worker drains: %s", error)
        # What a poll hands over now is given back; one that stays parked is cut off.
        await asyncio.wait([polling], timeout=0.1)
        polling.cancel()
        if not await self._await_empty(self.worker.shutdown_grace):
            for attempt in list(self.held.values()):
                attempt.drain = True
                attempt.interrupt(Draining())
            await self._await_empty(UNWIND)
        if self.ended.done():
            return
        try:
            await self.worker.transport.request("DELETE", path, timeout=FAREWELL)
        except SojournError as error:
            if not (isinstance(error, APIStatusError) and error.status_code == 404):
                log.warning("could not end the worker's session; the server ends it when its lease is over: %s", error)

    async def _await_empty(self, most: float) -> bool:
        empty = asyncio.ensure_future(self._empty.wait())
        done, _ = await asyncio.wait([empty, self.ended], timeout=most, return_when=asyncio.FIRST_COMPLETED)
        empty.cancel()
        return bool(done)

    def _check_empty(self) -> None:
        if self.draining and not self.held:
            self._empty.set()

    async def post(
        self, path: str, body: bytes, within: float, hold: float = 0, over: AsyncTransport | None = None
    ) -> RawResponse:
        """Sends one request of the protocol, once."""
        sent = time.monotonic()
        transport = over or self.worker.transport
        response = await transport.request("POST", path, content=body, timeout=within, hold=hold, max_retries=0)
        self._contact = max(self._contact, sent)
        return response

    def refused(self, error: Exception) -> bool:
        """Ends the session when the error says that the server will not serve it again."""
        if not isinstance(error, APIStatusError):
            return False
        if error.status_code == 404 and error.code == "session_lost":
            self.fail(SessionLost())
        elif error.status_code in (401, 403):
            self.fail(error)
        else:
            return False
        return True

    @staticmethod
    def backoff(failures: int, error: Exception | None) -> float:
        """Seconds after so many failures in a row, with full jitter."""
        most = min(0.05 * 2 ** min(failures, 10), 3.0)
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        return max(random.uniform(0, most), most / 10, asked or 0)

    @property
    def silence(self) -> float:
        """Seconds since the last request was sent that the server answered."""
        return time.monotonic() - self._contact

    def hold(self, attempt: Attempt) -> None:
        """Takes an attempt over."""
        self.held[attempt.id] = attempt
        self._digest ^= fnv1a(attempt.lease.encode())

    def release(self, attempt: Attempt) -> None:
        """Takes an attempt out of what is held."""
        if self.held.get(attempt.id) is attempt:
            del self.held[attempt.id]
            self._digest ^= fnv1a(attempt.lease.encode())
            self._check_empty()

    def signal(self, answer: dict[str, Any]) -> None:
        """Passes on what the server says of executions that the worker holds."""
        actions: list[tuple[str, Callable[[Attempt], None]]] = [
            ("cancel", Attempt.request_cancel),
            ("drop", Attempt.drop),
            ("wake", Attempt.wake),
        ]
        for name, act in actions:
            for id in cast("list[str]", answer.get(name) or []):
                if attempt := self.held.get(id):
                    act(attempt)

    async def _poll(self) -> None:
        failures = 0
        while not self.draining:
            asked = time.monotonic()
            body = {"session_id": self.id, "wait_ms": self.wait_ms}
            if self.received:
                body["received"] = self.received
            try:
                response = await self.post(
                    "/v1/worker/poll", _json.encode(body), self.lease, self.wait_ms / 1000, self.worker.polls
                )
                answer: dict[str, Any] = {} if response.status_code == 204 else response.json()
                delivered = cast("list[dict[str, Any]]", answer.get("executions") or [])
                attempts = [Attempt(self, x) for x in delivered]
            except (KeyError, TypeError, ValueError) as error:
                log.warning("the answer to a poll is not what the protocol promises: %r", error)
                delay = self.backoff(failures, None)
                failures += 1
            except SojournError as error:
                if self.refused(error):
                    return
                log.warning("asking for work failed: %s", error)
                delay = self.backoff(failures, error)
                failures += 1
            else:
                failures = 0
                self._accept(answer.get("delivery") or 0, attempts)
                self.signal(answer)
                if len(answer) > 2 or attempts or time.monotonic() - asked > 0.1:
                    continue
                # Empty at once, or 204: the server drains; come back when its successor may be there.
                delay = random.uniform(0.05, 0.15)
            await asyncio.sleep(delay)

    def _accept(self, delivery: int, attempts: list[Attempt]) -> None:
        self.received = max(self.received, delivery)
        for attempt in attempts:
            if old := self.held.get(attempt.id):
                if old.lease == attempt.lease:
                    continue  # delivered twice
                self.release(old)
                old.lose(LeaseLost())
            attempt.reporter = self._reporters[self._next % len(self._reporters)]
            self._next += 1
            self.hold(attempt)
            if self.draining:
                attempt.give_back()
            else:
                self.worker.launch(attempt)

    async def _beat(self) -> None:
        failures, delay = 0, self.heartbeat
        while True:
            await asyncio.sleep(delay)
            try:
                if (await self._beat_once(leases=False)).get("reconcile"):
                    await self._beat_once(leases=True)
            except (SojournError, ValueError) as error:
                if self.refused(error):
                    return
                log.warning("heartbeat failed: %s", error)
                delay = min(self.backoff(failures, error), self.heartbeat)
                failures += 1
            else:
                failures, delay = 0, self.heartbeat * random.uniform(0.9, 1)

    async def _beat_once(self, *, leases: bool) -> dict[str, Any]:
        # Nothing else runs until the body is complete: it describes one moment.
        body: dict[str, Any] = {
            "session_id": self.id,
            "received": self.received,
            "held": len(self.held),
            "digest": f"{self._digest:016x}",
        }
        if leases:
            body["leases"] = [a.lease for a in self.held.values()]
        answer = (await self.post("/v1/worker/heartbeat", _json.encode(body), self.heartbeat)).json()
        self.signal(answer)
        return answer

    async def _watch(self) -> None:
        """Presumes every lease lost when the server has not answered for the length of a lease."""
        while True:
            if (left := self.lease - self.silence) > 0:
                await asyncio.sleep(left)
                continue
            lost = 0
            for attempt in list(self.held.values()):
                # The results of handlers that have ended are still sent.
                if attempt.state not in (State.ENDING, State.OVER):
                    self.release(attempt)
                    attempt.lose(LeaseLost())
                    lost += 1
            if lost:
                log.error("no answer from the server for %g s; %d handlers were told to stop", self.lease, lost)
            await asyncio.sleep(self.heartbeat / 4)
