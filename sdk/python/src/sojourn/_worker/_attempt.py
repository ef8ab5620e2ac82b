"""One lease on an execution: from its delivery until the server has answered how it ended."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from .. import _json
from .._options import log
from ._errors import (
    CancelRequested,
    Draining,
    Failure,
    HandlerReturned,
    Interrupted,
    LeaseLost,
    Reported,
    StepError,
    StepMismatchError,
    Suspended,
    clip,
    reported,
)
from ._report import LOST, Kind, Operation, Reporter, Result, encode_fields
from ._wire import MAX_PAYLOAD

if TYPE_CHECKING:
    from ._session import Session

PROGRESS_EVERY = 0.1
"""The least time between two reports of progress, in seconds."""
MAX_LINES, MAX_LINE, MAX_FIELDS = 1000, 8 << 10, 16 << 10
"""Lines that may wait while the server is away, bytes of a message, bytes of its fields."""


class State(Enum):
    """Where an attempt is."""

    ACTIVE = 0
    SUSPENDING = 1
    ENDING = 2
    OVER = 3


class Branch:
    """One of the concurrent parts of a handler; its identity is its address."""


class NameUse:
    """The use of one step name in an attempt."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.count = 0
        self.busy = False


class Recorded:
    """What the server knows of a step, a sleep or a wait."""

    def __init__(self, wire: dict[str, Any]) -> None:
        now = time.monotonic()
        self.kind: str = wire.get("kind") or "step"
        self.wait: str = wire.get("wait") or ""
        self.ended: dict[str, Any] | None = wire.get("ended")
        self.output: Any = wire.get("output")
        self.hash: str = wire.get("input_hash") or ""
        self.tries: int = wire.get("tries") or 0
        self.failed = "error" in wire
        self.message: str = wire.get("error") or ""
        self.code: str = wire.get("error_code") or ""
        self.retry = "next_attempt_in_ms" in wire
        ahead = wire.get("next_attempt_in_ms", wire.get("until_in_ms", 0))
        self.due = now + ahead / 1000
        self.expires: float | None = None
        """When an open wait is worth asking about, by our monotonic clock."""
        if wire.get("expires_in_ms") is not None:
            self.expires = now + wire["expires_in_ms"] / 1000
        self.until = parse_time(wire.get("until"))
        """The end of a sleep by the server's clock."""


class Parking:
    """A branch that waits for a timer, or for a signal or an approval."""

    def __init__(self, until: float | None, at: datetime | None = None, *, wait: bool = False) -> None:
        self.until = until
        """By our monotonic clock; None: a wait that never ends by itself."""
        self.at = at
        """The same instant by the server's clock, when it is known."""
        self.wait = wait
        """Whether the server knows when it ends."""
        self.woken = False
        self.future: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Ends the wait for now."""
        self.woken = True
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class Attempt:
    """Everything here happens on the worker's loop; other threads go through Session's loop."""

    def __init__(self, session: Session, wire: dict[str, Any]) -> None:
        self.s = session
        self.id: str = wire["id"]
        self.lease: str = wire["lease"]
        self.workflow: str = wire["workflow"]
        self.number: int = wire.get("attempt") or 1
        self.input: Any = wire.get("input") or {}
        self.metadata: dict[str, str] = wire.get("metadata") or {}
        self.traceparent: str = wire.get("traceparent") or ""
        self.created_at = parse_time(wire.get("created_at"))
        self.deadline_at = parse_time(wire.get("deadline_at"))
        self.recorded = {r["step"]: Recorded(r) for r in cast("list[dict[str, Any]]", wire.get("recorded") or [])}
        self.reporter: Reporter
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.state = State.ACTIVE
        self.stopping: Interrupted | None = None
        self.fatal: Exception | None = None
        self.drain = False
        self.branches = 1
        """Of the handler: itself and those it gathers, without those that wait for their own."""
        self.active = 0
        """Steps that run."""
        self.task: asyncio.Task[Any] | None = None
        """The handler's, when it is async."""
        self.on_stop: list[Callable[[], None]] = []
        self.names: dict[str, NameUse] = {}
        self._cancel = False
        self._returned = False
        self._parked: list[Parking] = []
        self._waits: list[Parking] = []
        self._naps: set[asyncio.Future[None]] = set()
        self._awaited: set[asyncio.Future[Result | None]] = set()
        self._progress: float | None = None
        self._progress_sent = 0.0
        self._progress_timer: asyncio.TimerHandle | None = None
        self._lines = 0
        self._dropped = 0
        self._head = f'{{"id":{_json.dumps(self.id)},"lease":{_json.dumps(self.lease)},"op":"'

    # Reporting.

    @property
    def reporting(self) -> bool:
        """Whether operations of the attempt still matter."""
        return self.state is not State.OVER

    def send(self, op: str, kind: Kind, future: asyncio.Future[Result | None] | None = None, **fields: Any) -> None:
        """Queues an operation."""
        self.send_text(op, encode_fields(fields), kind, future)

    def send_text(self, op: str, fields: str, kind: Kind, future: asyncio.Future[Result | None] | None = None) -> None:
        """Queues an operation whose members are JSON already."""
        self.reporter.add(Operation(self, f'{self._head}{op}"{fields}}}', kind, future))

    async def ask(self, op: str, fields: str) -> Result:
        """Sends an operation and returns its answer.

        Raises:
            LeaseLost: the lease was lost first.
        """
        future: asyncio.Future[Result | None] = self.loop.create_future()
        self._awaited.add(future)
        self.send_text(op, fields, Kind.AWAITED, future)
        try:
            result = await future
        finally:
            self._awaited.discard(future)
        if result is None:
            raise LeaseLost
        if not result.get("ok"):
            self._refused(result)
        return result

    def closed(self) -> Interrupted | None:
        """Why the attempt takes no more work, None while it does."""
        if self.stopping is not None:
            return self.stopping
        if self.state is State.SUSPENDING:
            return Suspended()
        if self.state is State.OVER:
            return LeaseLost()
        if self.state is State.ENDING or self._returned:
            return HandlerReturned()
        return None

    def check(self) -> None:
        """Raises why the attempt takes no more work, when it does not."""
        if (why := self.closed()) is not None:
            raise why

    @property
    def may_record(self) -> bool:
        """Whether the result of work that is done may still be offered to the server, which decides."""
        if self.state is not State.ACTIVE or self._returned:
            return False
        return self.stopping is None or isinstance(self.stopping, (CancelRequested, Draining))

    def refusal(self, step: str, result: Result) -> BaseException:
        """The error of a step whose record the server does not take."""
        code = str(result.get("code") or "")
        if code in LOST:
            return LeaseLost()
        if code == "cancel_requested":
            return CancelRequested()
        return StepError(step, code, str(result.get("message") or ""), 1, retryable=False)

    def mismatch(self, step: str, message: str) -> StepMismatchError:
        """Fails the execution, whatever the handler makes of the error."""
        error = StepMismatchError(step, message)
        self.fatal = self.fatal or error
        return error

    # How it ends.

    def interrupt(self, cause: Interrupted) -> None:
        """Ends the handler's context."""
        if self.stopping is not None:
            return
        self.stopping = cause
        for nap in self._naps:
            if not nap.done():
                nap.set_result(None)
        for call in self.on_stop:
            call()
        # A handler that is just being told by an exception must not be told twice.
        if self.task is not None and not self.task.done() and self.task is not current_task():
            self.task.cancel()

    def request_cancel(self) -> None:
        """Passes a cancel on to the handler."""
        if not self._cancel:
            self._cancel = True
            self.interrupt(CancelRequested())

    def drop(self) -> None:
        """Gives up an attempt that is no longer this worker's."""
        self.s.release(self)
        self.lose(LeaseLost())

    def lose(self, cause: Interrupted) -> None:
        """Ends the attempt without a report. The caller has released it."""
        if self.state is State.OVER:
            return
        self.state = State.OVER
        for future in self._awaited:
            if not future.done():
                future.set_result(None)
        self._stop_progress()
        self.interrupt(cause)

    def suspended_by_server(self) -> None:
        """Notes that the server has released the lease by itself."""
        self.s.release(self)
        self.lose(Suspended())

    def give_back(self) -> None:
        """Returns an attempt whose handler has not begun."""
        self.drain = self._returned = True
        if self.state is State.ACTIVE:
            self._report_return()

    def conclude(self, output: Any, error: BaseException | None) -> None:
        """Reports how the handler ended."""
        text = ""
        if error is None:
            try:
                text = _json.dumps(output)
                if (size := len(text.encode())) > MAX_PAYLOAD:
                    message = f"the output takes {size} bytes of at most {MAX_PAYLOAD}"
                    error = Failure(message, code="payload_too_large", retryable=False)
            except (TypeError, ValueError) as e:
                error = Failure(f"encoding the output: {e}", code="invalid_output", retryable=False)
        self._returned = True
        if self.state is not State.ACTIVE:
            return  # suspended or lost: what the handler returned does not count
        self._flush_progress()
        if self.fatal is not None:
            self._report_fail(reported(self.fatal))
        elif error is None:
            self._outcome("complete", f',"output":{text}')
        elif self._cancel:
            self._report_cancelled()
        elif self.drain:
            self._report_return()
        else:
            failure = reported(error)
            if failure.reject:
                self._outcome("reject", encode_fields(failure.wire()))
            else:
                if not isinstance(error, (Failure, StepError)):
                    log.debug("a handler failed", exc_info=error)
                self._report_fail(failure)

    def _outcome(self, op: str, fields: str = "", kind: Kind = Kind.OUTCOME) -> None:
        self.state = State.ENDING
        self.send_text(op, fields, kind)

    def _report_fail(self, failure: Reported) -> None:
        handler = self.s.worker.handlers.get(self.workflow)
        retry = handler.retry if handler else None
        fields: dict[str, Any] = {"error": failure.wire()}
        if failure.final or retry is None:
            fields["final"] = True
        else:
            fields["retry"] = retry.wire()
        self._outcome("fail", encode_fields(fields))

    def _report_cancelled(self) -> None:
        self._outcome("cancelled")

    def _report_return(self) -> None:
        self._outcome("return", kind=Kind.GIVE_BACK)

    def answered(self, kind: Kind, result: Result) -> None:
        """Takes the answer to an operation that nobody waits for."""
        code = str(result.get("code") or "")
        if kind is Kind.LOG:
            self._lines -= 1
        if self.state is State.OVER:
            return
        if kind in (Kind.FORGET, Kind.LOG):
            if not result.get("ok"):
                self._refused(result)
        elif result.get("ok"):
            self._settle()
        elif code in LOST:
            # The server settled it already: its answer was lost and this is the repeat, or the lease had moved on.
            log.info("the outcome of an attempt of %s was not taken: %s", self.id, code)
            self._settle()
        elif kind is Kind.SUSPEND and code == "cancel_requested":
            self._cancel, self.state = True, State.ACTIVE
            if self._returned:
                self._report_cancelled()
        else:
            self._outcome_refused(kind, code, str(result.get("message") or ""))

    def _settle(self) -> None:
        self.s.release(self)
        self.state = State.OVER
        self._stop_progress()

    def _outcome_refused(self, kind: Kind, code: str, message: str) -> None:
        """The execution fails with the reason instead; when that is refused too, it is given back."""
        log.error("the server refused the outcome of an attempt of %s: %s: %s", self.id, code, message)
        if kind is Kind.GIVE_BACK:
            self._settle()
        elif self.drain:
            self._report_return()
        else:
            self.drain = True  # for the second refusal
            self._report_fail(Reported(code, message, final=True))

    def _refused(self, result: Result) -> None:
        code = str(result.get("code") or "")
        if code in LOST:
            self.drop()
        elif code == "cancel_requested":
            self.request_cancel()

    # Waiting.

    def suspend_if_parked(self) -> None:
        """Suspends the execution when no branch of the handler has anything left to do but wait."""
        if not self._parked or self.active > 0 or len(self._parked) < self.branches or self.closed() is not None:
            return
        ends = [self._server_time(p) for p in self._parked if not p.wait]
        self._flush_progress()
        self.state = State.SUSPENDING
        wake_at = encode_fields({"wake_at": format_time(min(ends))}) if ends else ""
        self.send_text("suspend", wake_at, Kind.SUSPEND)
        self.interrupt(Suspended())

    def _server_time(self, parking: Parking) -> datetime:
        if parking.at is not None:
            return parking.at
        assert parking.until is not None
        ahead = parking.until - time.monotonic() + self.s.offset
        return datetime.now(timezone.utc) + timedelta(seconds=ahead)

    async def park(self, parking: Parking) -> None:
        """Waits until the parking is over or woken; the branch counts as one that has nothing to do.

        Raises:
            Interrupted: the handler must end first, Suspended among the reasons.
        """
        self.check()
        self._parked.append(parking)
        try:
            if not parking.woken:
                self.suspend_if_parked()
                self.check()
                parking.future = self.loop.create_future()
                await self._nap(parking.future, parking.until)
            self.check()
        finally:
            self._parked.remove(parking)
            parking.woken = False
            parking.future = None

    async def park_idle(self, parking: Parking) -> None:
        """park, for a branch that was counted among those with something to do."""
        self.active -= 1
        try:
            await self.park(parking)
        finally:
            self.active += 1

    async def nap(self, delay: float) -> None:
        """Waits a short time in memory.

        Raises:
            Interrupted: the handler must end first.
        """
        self.check()
        if delay > 0:
            await self._nap(self.loop.create_future(), time.monotonic() + delay)
        self.check()

    async def _nap(self, future: asyncio.Future[None], until: float | None) -> None:
        timer = None
        if until is not None:
            timer = self.loop.call_later(max(until - time.monotonic(), 0), _wake, future)
        self._naps.add(future)
        try:
            await future
        finally:
            self._naps.discard(future)
            if timer is not None:
                timer.cancel()

    def add_wait(self, parking: Parking) -> None:
        """Notes an open wait, so that wake finds it."""
        self._waits.append(parking)

    def forget_wait(self, parking: Parking) -> None:
        """Takes it out again."""
        self._waits.remove(parking)

    def wake(self) -> None:
        """Lets every branch that waits ask how its wait stands."""
        for parking in self._waits:
            parking.wake()

    # Progress and lines.

    def progress(self, value: float) -> None:
        """Notes how far the work is; at most ten values a second are sent, the latest always."""
        if self.closed() is not None:
            return
        self._progress = min(max(value, 0.0), 1.0) if value == value else 0.0
        wait = self._progress_sent + PROGRESS_EVERY - time.monotonic()
        if wait <= 0:
            self._flush_progress()
        elif self._progress_timer is None:
            self._progress_timer = self.loop.call_later(wait, self._flush_progress)

    def _flush_progress(self) -> None:
        value = self._progress
        self._stop_progress()
        if value is not None and self.state is State.ACTIVE:
            self._progress_sent = time.monotonic()
            self.send("progress", Kind.FORGET, value=value)

    def _stop_progress(self) -> None:
        self._progress = None
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None

    def line(self, step: str, level: str, message: str, fields: dict[str, Any], at: float) -> None:
        """Queues a line to be kept with the execution."""
        if self.state is not State.ACTIVE or self._returned:
            return
        if self._lines >= MAX_LINES:
            self._dropped += 1
            return
        if self._dropped:
            text = f"{self._dropped} lines were dropped here: the server could not be reached"
            self._dropped = 0
            self.line("", "warn", text, {}, at)
        members: dict[str, Any] = {"step": step} if step else {}
        members |= {"level": level, "message": clip(message, MAX_LINE)}
        if fields:
            members["fields"] = _line_fields(fields)
        when = datetime.fromtimestamp(at + self.s.offset, timezone.utc)
        self._lines += 1
        self.send("log", Kind.LOG, **members, at=format_time(when))


def _line_fields(fields: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            kept[name] = _json.loads(_json.dumps(value))
        except (TypeError, ValueError):
            kept[name] = repr(value)
    if (size := len(_json.dumps(kept).encode("utf-8", "replace"))) > MAX_FIELDS:
        return {"fields_error": f"the fields took {size} bytes of at most {MAX_FIELDS}"}
    return kept


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def current_task() -> asyncio.Task[Any] | None:
    """The task that runs, None outside the loop's tasks."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def parse_time(text: str | None) -> datetime | None:
    """A point in time of the wire."""
    if not text:
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def format_time(at: datetime) -> str:
    """A point in time on the wire, rounded up to the millisecond so that nothing is early."""
    at = at.astimezone(timezone.utc) + timedelta(microseconds=999)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


branch_of: contextvars.ContextVar[Branch] = contextvars.ContextVar("sojourn_branch")
