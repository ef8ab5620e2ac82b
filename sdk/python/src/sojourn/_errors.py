"""What can go wrong, as exceptions with one root, SojournError."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ._models import Execution

__all__ = [
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AlreadyTerminalError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "DeletedError",
    "ExecutionCancelledError",
    "ExecutionFailedError",
    "ExecutionOutcomeError",
    "ExecutionRejectedError",
    "ExecutionTimedOutError",
    "FieldError",
    "InternalServerError",
    "NotFinishedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitError",
    "SojournError",
    "UnprocessableEntityError",
    "WaitTimeoutError",
]


class SojournError(Exception):
    """The root of all errors that this package raises."""


class APIConnectionError(SojournError):
    """A request that got no answer. Whether the server acted on it is unknown."""

    def __init__(self, method: str, url: str, message: str) -> None:
        super().__init__(f"{method} {url}: {message}")
        self.method = method
        """The HTTP method."""
        self.url = url
        """The address, without its query."""


class APITimeoutError(APIConnectionError):
    """A request whose answer did not come within the timeout of the client or of the call."""


class APIResponseError(SojournError):
    """A success whose body is not what the API promises, for example from something else than a Sojourn server."""


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a request."""

    field: str
    """A JSON path such as input.lines[2].qty, or the name of a query parameter or header; empty: the whole body."""
    code: str
    """One word for programs, for example required or out_of_range."""
    message: str
    """What is wrong, for people."""


class APIStatusError(SojournError):
    """An answer of the server that is not a success; the subclasses say which."""

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        problem = _problem(content)
        self.status_code = status_code
        """The HTTP status."""
        self.code = str(problem.get("code") or "")
        """One word of the server's vocabulary, for example "not_found"; empty when it is not the server's answer."""
        self.title = str(problem.get("title") or "")
        """The kind of error, for people."""
        text = content[:300].decode("utf-8", "replace").strip()
        self.message = str(problem.get("detail") or self.title or text or f"HTTP status {status_code}")
        """What is wrong and what would be right."""
        self.errors = [
            FieldError(str(e.get("field", "")), str(e.get("code", "")), str(e.get("message", "")))
            for e in cast("list[dict[str, Any]]", problem.get("errors") or [])
        ]
        """The fields that are wrong, when the request was invalid."""
        self.request_id = headers.get("x-request-id") or str(problem.get("request_id") or "")
        """Names the request in the server's log."""
        self.retry_after = retry_after(headers)
        """Seconds after which a repeat may succeed; None: not said."""
        self.execution_status = str(problem.get("execution_status") or "")
        """The state of the execution that stood in the way, when one did."""
        self.headers = dict(headers)
        """The headers of the answer."""
        self.body = content
        """The whole answer, as received."""
        line = f"{status_code}{' ' + self.code if self.code else ''}: {self.message}"
        for e in self.errors:
            if e.message not in self.message:
                line += f"; {e.field}: {e.message}"
        super().__init__(f"{line} (request {self.request_id})" if self.request_id else line)


class BadRequestError(APIStatusError):
    """400: the request is malformed; errors names the fields."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, malformed, unknown, expired or revoked."""


class PermissionDeniedError(APIStatusError):
    """403: the API key lacks the scope that the message names, or is bound to other workflows."""


class NotFoundError(APIStatusError):
    """404: there is no such thing in the key's project."""


class ConflictError(APIStatusError):
    """409: the state of a thing stands in the way; code says how."""


class AlreadyTerminalError(ConflictError):
    """409 already_terminal: the execution has ended already; execution_status says how."""


class NotFinishedError(ConflictError):
    """409 not_finished: the execution has not ended yet."""


class DeletedError(APIStatusError):
    """410: the execution was deleted."""


class PayloadTooLargeError(APIStatusError):
    """413: the body, a file or a signal is larger than the server takes."""


class UnprocessableEntityError(APIStatusError):
    """422: an idempotency key was used before with another body."""


class RateLimitError(APIStatusError):
    """429: the key's rate is exceeded, or the project has too many open executions; see retry_after."""


class InternalServerError(APIStatusError):
    """Any 5xx: the outcome is unknown. The client has repeated the request already, as often as max_retries allows."""


class WaitTimeoutError(SojournError, TimeoutError):
    """A wait for an execution that did not end in time. The execution goes on."""

    def __init__(self, execution: Execution | None, seconds: float, id: str) -> None:
        state = f" (it is {execution.status})" if execution is not None else ""
        super().__init__(f"execution {id} has not ended after {seconds:g} s{state}")
        self.execution = execution
        """The execution as it was last seen; None when the server gave no answer in time."""


class ExecutionOutcomeError(SojournError):
    """An execution that ended otherwise than completed; the subclasses say how."""

    verb = "ended"

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        """The execution in its final state."""
        self.code = execution.error_code or ""
        """One word for programs: the handler's, or one of the engine's, for example "poison" or "timeout"."""
        self.message = execution.error or ""
        """What went wrong, for people."""
        text = f"execution {execution.id} {self.verb}"
        if self.code:
            text += f" ({self.code})"
        super().__init__(f"{text}: {self.message}" if self.message else text)


class ExecutionFailedError(ExecutionOutcomeError):
    """The execution failed."""

    verb = "failed"


class ExecutionCancelledError(ExecutionOutcomeError):
    """The execution was cancelled."""

    verb = "was cancelled"


class ExecutionTimedOutError(ExecutionCancelledError):
    """The execution was cancelled by its own deadline."""

    verb = "was cancelled by its deadline"


class ExecutionRejectedError(ExecutionOutcomeError):
    """The execution was declined: by its handler, by an approver, or because no worker took it in time."""

    verb = "was rejected"


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: DeletedError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
_BY_CODE: dict[str, type[APIStatusError]] = {"already_terminal": AlreadyTerminalError, "not_finished": NotFinishedError}


def status_error(status_code: int, headers: Mapping[str, str], content: bytes) -> APIStatusError:
    """The exception for an answer that is not a success."""
    kind = _BY_STATUS.get(status_code) or (InternalServerError if status_code >= 500 else APIStatusError)
    kind = _BY_CODE.get(str(_problem(content).get("code") or ""), kind) if status_code == 409 else kind
    return kind(status_code, headers, content)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds named by a Retry-After header, as a number or as a date; None when there is none."""
    text = headers.get("retry-after")
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _problem(content: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(content)
    except ValueError:
        return {}
    return cast("dict[str, Any]", problem) if isinstance(problem, dict) else {}
