"""What handlers raise, and what is raised in them."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from .. import _json
from .._errors import SojournError


class Interrupted(BaseException):
    """The handler must end: clean up and let it pass. It is no Exception, so `except Exception` does not catch it.

    In an `async def` handler, an await that is not the context's gets asyncio.CancelledError instead.
    """


class Suspended(Interrupted):
    """The execution waits without holding this worker. The handler runs again, from the top, when it is time."""


class CancelRequested(Interrupted):
    """Somebody asked for the execution to be cancelled."""


class LeaseLost(Interrupted):
    """The execution is no longer this worker's; another may already run it."""


class Draining(Interrupted):
    """The worker stops; the execution is given back and does not lose an attempt."""


class HandlerReturned(Interrupted):
    """The handler has returned; its context takes no more work."""


class Failure(Exception):
    """An error with a code: raise it in a handler or step.

    Any other exception fails the step or the execution too, with code "error" and its traceback as details.
    """

    def __init__(
        self, message: str, *, code: str = "error", details: dict[str, Any] | None = None, retryable: bool = True
    ) -> None:
        super().__init__(message)
        self.message = message
        """For people."""
        self.code = code
        """One word for programs, at most 100 characters."""
        self.details = details
        """Any JSON object; kept beside the message."""
        self.retryable = retryable
        """False: no retry policy applies."""


class Reject(Exception):
    """Declines the work: the execution ends rejected, not failed, and is not retried."""

    def __init__(self, code: str, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        """One word for programs."""
        self.message = message
        """A sentence for people."""
        self.details = details
        """Any JSON object."""


class StepError(SojournError):
    """A step that failed for good: after its retries, or because a retry cannot help.

    It says the same when the handler is run again and the step is not: use `code` to tell errors apart.
    """

    def __init__(
        self,
        step: str,
        code: str,
        message: str,
        attempts: int,
        *,
        retryable: bool = True,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f'step "{step}" failed: {message}')
        self.step = step
        """The step's name as recorded."""
        self.code = code
        """As given with Failure; "error" by default, "step_timeout" and others by the worker."""
        self.message = message
        """What went wrong, for people."""
        self.attempts = attempts
        """How often it was tried."""
        self.retryable = retryable
        """Whether running the handler again may help."""
        self.details = details
        """As given with Failure; only in the attempt in which the step failed."""


class StepMismatchError(SojournError):
    """The record of an execution does not fit the code that runs it. The execution fails with code step_mismatch."""

    code = "step_mismatch"

    def __init__(self, step: str, message: str) -> None:
        super().__init__(f'step "{step}" does not fit its record: {message}')
        self.step = step
        """The step's name."""


class StepNameError(SojournError):
    """A step name that cannot be matched safely. The execution fails with code step_name."""

    code = "step_name"

    def __init__(self, step: str, message: str) -> None:
        super().__init__(f'step name "{step}": {message}')
        self.step = step
        """The name."""


class ApprovalRejectedError(SojournError):
    """An approval that was refused. A handler that lets it pass ends its execution rejected."""

    code = "approval_rejected"

    def __init__(self, approval: str, comment: str, by: str, payload: Any) -> None:
        text = f'approval "{approval}" was rejected'
        if by:
            text += f" by {by}"
        super().__init__(f"{text}: {comment}" if comment else text)
        self.approval = approval
        """Name of the wait, with its key."""
        self.comment = comment
        """What the approver wrote; may be empty."""
        self.by = by
        """Who it was, as the decider said; may be empty."""
        self.payload = payload
        """What came with the decision; None: nothing."""


class SignalTimeoutError(SojournError, TimeoutError):
    """wait_for_signal or wait_for_approval has waited as long as it was told to.

    A handler that lets it pass fails its execution with code wait_timeout; it is not retried, because the wait has
    ended for good.
    """

    code = "wait_timeout"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f'{kind} "{name}" did not come in time')
        self.name = name
        """Name of the wait, with its key."""


REJECT_PREFIX = "rejected."
"""Marks the recorded code of a step that rejected, so that a replay rejects too."""
MAX_MESSAGE, MAX_STACK, MAX_DETAILS, MAX_CODE = 8 << 10, 16 << 10, 64 << 10, 100


@dataclass
class Reported:
    """An error as the protocol carries it."""

    code: str
    message: str
    details: dict[str, Any] | None = None
    final: bool = False
    reject: bool = False

    def wire(self) -> dict[str, Any]:
        """The members of an error."""
        members: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            members["details"] = self.details
        return members


def reported(error: BaseException) -> Reported:
    """What of an error travels to the server."""
    code, details, final, reject = "error", None, False, False
    message: str | None = None
    match error:
        case Failure():
            code, message, details, final = error.code, error.message, error.details, not error.retryable
        case Reject():
            code, message, details, final, reject = error.code, error.message, error.details, True, True
        case ApprovalRejectedError():
            code, message, final, reject = error.code, error.comment or str(error), True, True
        case StepError():
            code, details, final = error.code, error.details, not error.retryable
        case StepMismatchError() | StepNameError() | SignalTimeoutError():
            code, final = error.code, True
        case _:
            details = {"type": type(error).__name__, "stack": clip(_stack(error), MAX_STACK)}
    if message is None:
        try:
            message = str(error)
        except Exception as second:  # __str__ is the user's code
            message = f"the error cannot be shown: {type(second).__name__}"
    message = message or type(error).__name__
    return Reported(clip(code, MAX_CODE) or "error", clip(message, MAX_MESSAGE), _details(details), final, reject)


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _details(details: dict[str, Any] | None) -> dict[str, Any] | None:
    if details is None:
        return None
    try:
        size = len(_json.encode(details))
    except (TypeError, ValueError) as error:
        return {"details_error": str(error)}
    if size > MAX_DETAILS:
        return {"details_error": f"the details took {size} bytes of at most {MAX_DETAILS}"}
    return details


def clip(text: str, most: int) -> str:
    """The text, shortened to at most so many bytes of UTF-8."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[: most - 3].decode("utf-8", "ignore") + "…"
