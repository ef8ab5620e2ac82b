"""Steps, sleeps and waits: finding their record, running them, trying them again."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from .. import _json
from .._files import has_files
from .._options import Seconds, seconds
from ._attempt import Attempt, Branch, NameUse, Parking, Recorded, branch_of, parse_time
from ._errors import (
    REJECT_PREFIX,
    ApprovalRejectedError,
    Failure,
    Interrupted,
    Reject,
    SignalTimeoutError,
    StepError,
    StepNameError,
    Suspended,
    clip,
    reported,
)
from ._report import Kind, encode_fields
from ._retry import Retry
from ._wire import MAX_PAYLOAD, input_hash, key_text, valid_step_name

SHORT = 2.0
"""The longest wait, in seconds, for which a handler stays in memory."""
STARTED_AFTER = 0.25
"""How long a step runs, in seconds, before the server is told that it does."""

UNSET: Any = object()


class StepInfo:
    """The step that runs, as sojourn.current_step() gives it to the function that runs in it."""

    def __init__(self, attempt: Attempt, step: str, number: int, timeout: float | None) -> None:
        self._attempt = attempt
        self._ends = None if timeout is None else time.monotonic() + timeout
        self.step = step
        """Its name as recorded."""
        self.attempt = number
        """Which try this is, from 1."""
        self.key = f"{attempt.id}/{step}"
        """The same on every try, in every attempt and on every worker: hand it on as an idempotency key."""

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop: a cancel was requested, the lease is lost, or the timeout has passed."""
        return self._attempt.stopping is not None or (self._ends is not None and time.monotonic() >= self._ends)

    @property
    def remaining(self) -> float | None:
        """Seconds until the step's timeout, None when it has none."""
        return None if self._ends is None else max(self._ends - time.monotonic(), 0)


_step: contextvars.ContextVar[StepInfo | None] = contextvars.ContextVar("sojourn_step", default=None)


def current_step() -> StepInfo | None:
    """The step that this code runs in; None outside steps."""
    return _step.get()


@dataclass
class StepOptions:
    """What a step was called with."""

    key: Any = UNSET
    retry: Retry | None = None
    timeout: Seconds | None = None
    input: Any = UNSET
    adapter: TypeAdapter[Any] | None = None


class _TryFailed(Exception):
    """A failure of the function itself, which a retry may help."""

    def __init__(self, error: BaseException, took: float) -> None:
        self.error = error
        self.took = took


Invoke = Callable[[StepInfo], Awaitable[Any]]
"""Runs the step's function once, wherever it belongs."""


class _Use:
    """A step that has been entered: with it as a context, the branch has something to do."""

    def __init__(self, attempt: Attempt, name: str, key: Any) -> None:
        self.attempt = attempt
        self.name = name if key is UNSET else f"{name}[{key_text(key)}]"
        self._plain = name
        self._use: NameUse | None = None
        self.recorded: Recorded | None = None

    def __enter__(self) -> _Use:
        a = self.attempt
        a.check()
        if not valid_step_name(self._plain):
            raise self._fatal('a name is 1 to 100 printable characters without "#", "[" and "]"')
        branch: Branch = branch_of.get()
        use = a.names.setdefault(self.name, NameUse(branch))
        if use.busy:
            raise self._fatal("another step of this name runs at the same time; give each a key")
        if use.branch is not branch:
            raise self._fatal("another branch has a step of this name, and their order is not fixed; give each a key")
        use.count += 1
        use.busy = True
        self._use = use
        if use.count > 1:
            self.name += f"#{use.count}"
        a.active += 1
        self.recorded = a.recorded.get(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._use is not None
        self._use.busy = False
        self.attempt.active -= 1
        self.attempt.suspend_if_parked()

    def _fatal(self, message: str) -> StepNameError:
        error = StepNameError(self.name, message)
        self.attempt.fatal = self.attempt.fatal or error
        return error


async def run_step(a: Attempt, name: str, invoke: Invoke, o: StepOptions) -> Any:
    """Runs a step, or returns what is recorded of it."""
    hashed = "" if o.input is UNSET else input_hash(o.input)
    with _Use(a, name, o.key) as use:
        number = 1
        if (recorded := use.recorded) is not None:
            if not _open_again(a, use.name, recorded, hashed):
                return _decode(a, use.name, recorded.output, o)
            number = recorded.tries + 1
            await _back_off(a, recorded.due)
        while True:
            try:
                return await _try(a, use.name, number, invoke, o, hashed)
            except _TryFailed as failed:
                await _failed(a, use.name, number, failed, o, hashed)
            number += 1


def _open_again(a: Attempt, name: str, r: Recorded, hashed: str) -> bool:
    """Whether a recorded step is to be tried again; raises what it failed with."""
    if r.kind != "step":
        raise a.mismatch(name, f"it was recorded as a {r.kind}")
    if hashed and r.hash and hashed != r.hash:
        raise a.mismatch(name, "its input has changed")
    if r.retry:
        return True
    if r.failed:
        if r.code.startswith(REJECT_PREFIX):
            raise Reject(r.code.removeprefix(REJECT_PREFIX), r.message)
        raise StepError(name, r.code, r.message, r.tries)
    return False


def _decode(a: Attempt, name: str, output: Any, o: StepOptions) -> Any:
    if o.adapter is None:
        return output
    try:
        return o.adapter.validate_python(output)
    except ValidationError as error:
        raise a.mismatch(name, f"its recorded output does not decode: {error}") from None


async def _try(a: Attempt, name: str, number: int, invoke: Invoke, o: StepOptions, hashed: str) -> Any:
    timeout = None if o.timeout is None else seconds(o.timeout)
    begun = time.monotonic()
    info = StepInfo(a, name, number, timeout)
    fields: dict[str, Any] = {"step": name, "try": number}
    if hashed:
        fields["input_hash"] = hashed

    def announce() -> None:
        if a.closed() is None:
            a.send("step_started", Kind.FORGET, **fields)

    timer = a.loop.call_later(STARTED_AFTER, announce)
    late = False
    try:
        value = await invoke(info)
        late = timeout is not None and time.monotonic() - begun >= timeout
        if late:
            raise TimeoutError
    except (Interrupted, asyncio.CancelledError):
        raise
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            error = Failure(f"the step ended the program: {error!r}", code="panic", retryable=False)
        elif late or (
            isinstance(error, (TimeoutError, asyncio.TimeoutError))
            and info.remaining is not None
            and info.remaining < 0.01
        ):
            error = Failure(f"not finished after {timeout:g} s", code="step_timeout")
        raise _TryFailed(error, time.monotonic() - begun) from error
    finally:
        timer.cancel()
    took = time.monotonic() - begun
    sent = value
    if has_files(value):
        sent = value = await a.s.worker.files(a).replace(value)
    try:
        text = _json.dumps(sent)
    except (TypeError, ValueError) as error:
        raise _TryFailed(
            Failure(f"encoding the output: {error}", code="invalid_output", retryable=False), took
        ) from error
    if (size := len(text.encode())) > MAX_PAYLOAD:
        message = f"the output takes {size} bytes of at most {MAX_PAYLOAD}; return a file, or where it is"
        raise _TryFailed(Failure(message, code="payload_too_large", retryable=False), took)
    if not a.may_record:
        a.check()
    fields["duration_ms"] = int(took * 1000)
    result = await a.ask("step_completed", f'{encode_fields(fields)},"output":{text}')
    if not result.get("ok"):
        raise a.refusal(name, result)
    return value


async def _failed(a: Attempt, name: str, number: int, failed: _TryFailed, o: StepOptions, hashed: str) -> None:
    """Reports a failed try and waits for the next one, or raises the error of the step."""
    if a.stopping is not None:
        raise a.stopping  # interrupted, not failed
    alone = a.active == 1 and a.branches <= 1
    f = reported(failed.error)
    rejected = isinstance(failed.error, Reject)
    if rejected:
        f.code = clip(REJECT_PREFIX + f.code, 100)
    retry = o.retry
    final = f.final or retry is None or number >= retry.tries
    fields: dict[str, Any] = {"step": name, "try": number, "duration_ms": int(failed.took * 1000), "error": f.wire()}
    if hashed:
        fields["input_hash"] = hashed
    if final or retry is None:
        fields["final"] = True
    else:
        # While other branches are at work the lease must stay, so the worker keeps the true delay itself.
        fields["retry"] = retry.wire() if alone else retry.wire(SHORT)
    result = await a.ask("step_failed", encode_fields(fields))
    if not result.get("ok"):
        raise a.refusal(name, result)
    if result.get("suspended"):
        a.suspended_by_server()
        raise Suspended
    if rejected:
        raise failed.error
    if final or retry is None or result.get("final"):
        error = StepError(name, f.code, f.message, number, retryable=not f.final, details=f.details)
        raise error from failed.error
    wait = (result.get("delay_ms") or 0) / 1000
    if not alone:
        wait = max(wait, retry.delay(number))
    await _back_off(a, time.monotonic() + wait)


async def _back_off(a: Attempt, until: float) -> None:
    """Waits before the next try: in memory when short, otherwise parked."""
    wait = until - time.monotonic()
    if wait <= SHORT:
        await a.nap(wait)
    else:
        await a.park_idle(Parking(until))


async def run_sleep(a: Attempt, name: str, duration: Seconds, key: Any) -> None:
    """Waits durably."""
    with _Use(a, name, key) as use:
        if (r := use.recorded) is not None:
            if r.kind != "sleep":
                raise a.mismatch(use.name, f"it was recorded as a {r.kind}")
            parking = Parking(r.due, r.until)
        else:
            if (length := seconds(duration)) <= 0:
                return
            ms = int(-(-length * 1000 // 1))
            result = await a.ask("sleep", encode_fields({"step": use.name, "duration_ms": ms}))
            if not result.get("ok"):
                raise a.refusal(use.name, result)
            delay = (result.get("delay_ms", ms)) / 1000
            parking = Parking(time.monotonic() + delay, parse_time(result.get("wake_at")))
        assert parking.until is not None
        if (wait := parking.until - time.monotonic()) <= SHORT:
            await a.nap(wait)
        else:
            await a.park_idle(parking)


@dataclass(frozen=True)
class Decision:
    """How an approval was decided: it was given."""

    comment: str = ""
    """What the approver wrote; may be empty."""
    by: str = ""
    """Who it was, as the decider said; may be empty."""
    payload: Any = None
    """What came with the decision; None: nothing."""


async def run_wait(a: Attempt, kind: str, name: str, timeout: Seconds | None, payload: Any, key: Any) -> dict[str, Any]:
    """Waits for a signal or an approval, and returns how the wait ended, with the wait's own name as "step"."""
    fields: dict[str, Any] = {"wait": kind}
    if timeout is not None:
        fields["timeout_ms"] = max(int(-(-seconds(timeout) * 1000 // 1)), 1)
    text = ""
    if payload is not None:
        try:
            text = f',"payload":{_json.dumps(payload)}'
        except (TypeError, ValueError) as error:
            message = f'encoding the payload of {kind} "{name}": {error}'
            raise Failure(message, code="invalid_payload", retryable=False) from error
        if (size := len(text.encode())) > MAX_PAYLOAD:
            message = f'the payload of {kind} "{name}" takes {size} bytes of at most {MAX_PAYLOAD}'
            raise Failure(message, code="payload_too_large", retryable=False)
    with _Use(a, name, key) as use:
        parking = Parking(None, wait=True)
        a.add_wait(parking)
        try:
            fields = {"step": use.name} | fields
            r = use.recorded
            if r is None:
                end = await _ask_wait(a, use.name, encode_fields(fields) + text, parking)
            elif r.kind != "wait":
                raise a.mismatch(use.name, f"it was recorded as a {r.kind}")
            elif r.wait != kind:
                raise a.mismatch(use.name, f"it was recorded as a wait for a {r.wait}")
            else:
                end = r.ended
                parking.until = r.expires
            while end is None:
                await a.park_idle(parking)
                end = await _ask_wait(a, use.name, encode_fields(fields), parking)
        finally:
            a.forget_wait(parking)
        if end.get("outcome") == "timeout":
            raise SignalTimeoutError(kind, use.name)
        return {"step": use.name, **end}


async def _ask_wait(a: Attempt, step: str, fields: str, parking: Parking) -> dict[str, Any] | None:
    """Records the wait, once, and learns how it stands: None when it is open."""
    result = await a.ask("wait", fields)
    if not result.get("ok"):
        raise a.refusal(step, result)
    ahead = result.get("expires_in_ms")
    parking.until = None if ahead is None else time.monotonic() + ahead / 1000
    return result.get("ended")


def decision(end: dict[str, Any]) -> Decision:
    """The decision that an approval ended with.

    Raises:
        ApprovalRejectedError: it was refused.
    """
    comment, by, payload = end.get("comment") or "", end.get("by") or "", end.get("payload")
    if end.get("outcome") == "rejected":
        raise ApprovalRejectedError(end["step"], comment, by, payload)
    return Decision(comment, by, payload)


def in_step(info: StepInfo) -> contextvars.Context:
    """A copy of the current context in which current_step() is the step."""
    context = contextvars.copy_context()
    context.run(_step.set, info)
    return context


class entered:
    """Makes the step current for a block."""

    def __init__(self, info: StepInfo) -> None:
        self._info = info

    def __enter__(self) -> None:
        self._token = _step.set(self._info)

    def __exit__(self, *_: object) -> None:
        _step.reset(self._token)
