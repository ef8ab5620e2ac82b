"""Types and errors of sojourn.human."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any, cast

from pydantic import ValidationError as SchemaError
from typing_extensions import NotRequired, TypedDict

from ._errors import APIStatusError, FieldError, SojournError
from ._model import Model
from ._response import RawResponse


class HumanError(Exception):
    """The root of the errors of this module."""

    def __init__(
        self,
        message: str,
        status: int = 0,
        code: str = "",
        errors: list[FieldError] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; 0 when there was no answer."""
        self.code = code
        """One word for programs."""
        self.errors = errors or []
        """The fields that are wrong, for a ValidationError."""
        self.request_id = request_id
        """Names the request in the server's log."""


class ValidationError(HumanError):
    """The request is invalid."""


class NotFoundError(HumanError):
    """The execution or the workflow does not exist."""


class AuthorizationError(HumanError):
    """The key is missing or wrong, or may not do this."""


class ConflictError(HumanError):
    """The execution is in a final state already."""


class RateLimitError(HumanError):
    """Too many requests; retry_after says when to come back."""

    retry_after: float | None = None
    """Seconds."""


class ExecutionTimeoutError(TimeoutError):
    """wait_for_completion has waited as long as it was told to. The execution goes on."""


_BY_STATUS: dict[int, type[HumanError]] = {
    400: ValidationError,
    401: AuthorizationError,
    403: AuthorizationError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimitError,
}


@contextlib.contextmanager
def translated() -> Generator[None, None, None]:
    """Turns errors of the core client into those of this module."""
    try:
        yield
    except APIStatusError as e:
        kind = _BY_STATUS.get(e.status_code, HumanError)
        error = kind(str(e), e.status_code, e.code, e.errors, e.request_id)
        if isinstance(error, RateLimitError):
            error.retry_after = e.retry_after
        raise error from e
    except SojournError as e:
        raise HumanError(str(e)) from e


class StartExecutionRequest(TypedDict):
    """Parameters of a start."""

    workflow_id: NotRequired[str]
    """The workflow to execute, by id or name; optional when the client has a default."""
    input: Mapping[str, Any]
    """Passed to the workflow. Paths, open binary files and bytes in it are uploaded."""
    timeout_ms: NotRequired[int]
    """Wall-clock milliseconds after which the execution is cancelled. Default: the platform's."""
    callback_url: NotRequired[str]
    """Receives a POST when the execution reaches a final state."""


class ExecutionListFilters(TypedDict, total=False):
    """Filters and paging of a list."""

    status: str
    """pending, running, completed, failed or cancelled."""
    workflow_id: str
    """Only executions of this workflow."""
    limit: int
    """1 to 100. Default 20."""
    cursor: str | None
    """next_cursor of the page before; None for the first."""


class WaitOptions(TypedDict, total=False):
    """How to wait."""

    poll_interval_ms: int
    """Milliseconds between polls. Default 2,000."""
    timeout_ms: int
    """Milliseconds to wait at most. Default 300,000."""


class ExecutionStep(Model):
    """One step of an execution."""

    id: str
    """Unique step identifier."""
    name: str
    """Human-readable step name."""
    status: str
    """pending, running, completed, failed or cancelled."""
    input: dict[str, Any] | None = None
    """What the step works on."""
    output: dict[str, Any] | None = None
    """Its result, when completed."""
    started_at: str | None = None
    """When it started, ISO 8601."""
    completed_at: str | None = None
    """When it finished."""
    error: str | None = None
    """What went wrong."""


class AsyncExecution(Model):
    """An execution. Members without a value are None."""

    id: str
    """Unique execution identifier."""
    status: str
    """pending, running, completed, failed or cancelled."""
    input: dict[str, Any]
    """As given at start."""
    output: dict[str, Any] | None = None
    """The result, when completed; one that is no object stands under "value"."""
    error: str | None = None
    """What went wrong, when failed."""
    started_at: str
    """When it began running, ISO 8601; until then, when it was created."""
    completed_at: str | None = None
    """When it finished."""
    progress: float | None = None
    """0 to 1, when the executor reports it."""
    steps: list[ExecutionStep] | None = None
    """The steps in order."""
    workflow_id: str = ""
    """The workflow it runs."""
    created_at: str = ""
    """When it was started."""


class ExecutionPage(Model):
    """One page of executions, newest first."""

    data: list[AsyncExecution]
    """The executions."""
    has_more: bool
    """Whether another page follows."""
    next_cursor: str | None = None
    """To be given to list for the next page; None on the last one."""


STATUS = {
    "created": "pending",
    "pending": "pending",
    "running": "running",
    "waiting": "running",
    "finalizing": "running",
    "rejected": "failed",
}
"""The server's states as this API has them; the others are the same."""

FILTER = {"pending": "created,pending", "running": "running,waiting,finalizing", "failed": "failed,rejected"}
"""The other way round."""


def execution(x: Mapping[str, Any], pending: bool = False) -> AsyncExecution:
    """The server's execution as this API has it."""
    status = "pending" if pending else STATUS.get(x["status"], x["status"])
    members: dict[str, Any] = {
        "id": x["id"],
        "status": status,
        "input": x.get("input") or {},
        "started_at": x.get("started_at") or x["created_at"],
        "workflow_id": x.get("workflow_id", ""),
        "created_at": x["created_at"],
    }
    if x["status"] == "completed":
        members["output"] = _object(x.get("output"))
    if status == "failed":
        text = x.get("error") or "the execution failed"
        members["error"] = f"rejected: {text}" if x["status"] == "rejected" else text
    for name in ("completed_at", "progress"):
        if x.get(name) is not None:
            members[name] = x[name]
    if x.get("steps"):
        members["steps"] = [_step(s) for s in x["steps"]]
    return AsyncExecution.model_validate(members)


def _step(s: Mapping[str, Any]) -> dict[str, Any]:
    members = {n: s[n] for n in ("id", "name", "started_at", "completed_at", "error") if s.get(n) is not None}
    members["status"] = STATUS.get(s["status"], s["status"])
    for name in ("input", "output"):
        if s.get(name) is not None:
            members[name] = _object(s[name])
    return members


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}


def read(response: RawResponse) -> Any:
    """The body of an answer."""
    try:
        return response.json()
    except ValueError as e:
        raise HumanError(
            "the answer is not JSON; does the base URL point at a Sojourn server?", response.status_code
        ) from e


def read_execution(response: RawResponse, pending: bool = False) -> AsyncExecution:
    """An answer that is an execution."""
    x = read(response)
    try:
        return execution(x, pending)
    except (KeyError, TypeError, SchemaError) as e:
        raise HumanError("the answer is not an execution", response.status_code) from e
