"""Types and errors of sojourn.eigenpal."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ._files import Upload, has_files, is_file
from ._options import DEFAULT_BASE_URL, first_env
from ._version import VERSION

TERMINAL = frozenset({"completed", "failed", "cancelled", "rejected"})


class EigenpalError(Exception):
    """The root of the errors of this module, and every answer that has no class of its own."""

    def __init__(self, message: str, status: int = 0, envelope: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        """What is wrong."""
        self.status = status
        """The HTTP status; 0 when there was no answer."""
        self.envelope = envelope
        """The body of the answer: issues, requestId and so on."""
        self.request_id: str | None = envelope.get("requestId") if envelope else None
        """Names the request in the server's log."""

    @property
    def issues(self) -> list[dict[str, str]]:
        """What is wrong, item by item: field, message, code and severity."""
        return list(cast("list[dict[str, str]]", (self.envelope or {}).get("issues") or []))


class EigenpalValidationError(EigenpalError):
    """400: the request is wrong; `issues` says where."""


class EigenpalAuthError(EigenpalError):
    """401: the API key is missing or wrong."""


class EigenpalForbiddenError(EigenpalError):
    """403: the API key may not do this."""


class EigenpalNotFoundError(EigenpalError):
    """404: there is no such workflow, version or execution."""


class EigenpalRateLimitError(EigenpalError):
    """429: too many requests."""

    retry_after: int | None = None
    """Seconds after which a repeat may succeed."""


class EigenpalServerError(EigenpalError):
    """5xx: the server has failed."""


class EigenpalTimeoutError(EigenpalError):
    """run_and_wait has waited as long as it was told to. The run goes on."""


class EigenpalConnectionError(EigenpalError):
    """There was no answer. Whether the server acted on the request is unknown."""


_BY_STATUS: dict[int, type[EigenpalError]] = {
    400: EigenpalValidationError,
    401: EigenpalAuthError,
    403: EigenpalForbiddenError,
    404: EigenpalNotFoundError,
    429: EigenpalRateLimitError,
}


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True, protected_namespaces=())


class RunResponse(_Wire):
    """What a run answers."""

    execution_id: str
    """The execution's id."""
    status: str | None = None
    """Its final state, when it ended within the hold; otherwise None."""
    result: Any = None
    """Its result, when completed."""
    error: str | None = None
    """What went wrong, when failed or rejected."""


class ExecutionStatusResponse(_Wire):
    """The state of an execution."""

    execution_id: str
    """The execution's id."""
    status: str
    """created, pending, running, waiting, finalizing, completed, failed, cancelled or rejected."""
    created_at: str
    """ISO 8601."""
    completed_at: str | None = None
    """ISO 8601, in a final state."""
    result: Any = None
    """When completed."""
    error: str | None = None
    """When failed or rejected."""
    observability: dict[str, Any] | None = None
    """Phases, when the server shows them."""


class WorkflowRef(_Wire):
    """The workflow an execution belongs to."""

    id: str
    """wf_…"""
    name: str | None = None
    """Its name."""


class ExecutionStep(_Wire):
    """One step of an execution."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    status: str
    """One of the nine states, or skipped."""
    input: Any = None
    """What it worked on."""
    output: Any = None
    """Its result, or the override."""
    error: str | None = None
    """What went wrong."""
    started_at: str | None = None
    """ISO 8601."""
    completed_at: str | None = None
    """ISO 8601."""


class ExecutionSummary(_Wire):
    """An execution in a list, or with its steps."""

    id: str
    """The execution's id."""
    workflow_id: str
    """wf_…"""
    status: str
    """One of the nine states."""
    trigger_type: str | None = None
    """What started it: api, cli, scheduled, manual."""
    trigger_input: dict[str, Any] | None = None
    """The input."""
    result: Any = None
    """When completed."""
    error: str | None = None
    """When failed or rejected."""
    created_at: str
    """ISO 8601."""
    started_at: str | None = None
    """When a worker took it."""
    completed_at: str | None = None
    """In a final state."""
    duration_ms: int | None = None
    """Milliseconds, in a final state."""
    workflow: WorkflowRef | None = None
    """None when the workflow was deleted."""
    steps: list[ExecutionStep] | None = None
    """In order, with include_steps."""
    observability: dict[str, Any] | None = None
    """Phases, when the server shows them."""


class ExecutionList(_Wire):
    """One page of executions, newest first."""

    data: list[ExecutionSummary]
    """The executions."""
    total: int
    """How many match in all."""
    limit: int
    """Most in a page."""
    offset: int
    """How many are left out before the first."""


class CancelResponse(_Wire):
    """What a cancel did."""

    execution_id: str
    """The execution's id."""
    status: str
    """cancelled, cancellation-requested or already-terminal."""
    was_status: str
    """The state at the moment of the request."""


class WorkflowSummary(_Wire):
    """A workflow."""

    id: str
    """wf_…"""
    name: str | None = None
    """Its name."""
    version: str | None = None
    """The current release; None until published."""
    created_at: str | None = None
    """ISO 8601."""
    updated_at: str | None = None
    """ISO 8601."""
    yaml_content: str | None = None
    """Its source, when there is one and it was asked for by id."""


class WorkflowList(_Wire):
    """One page of workflows."""

    data: list[WorkflowSummary]
    """The workflows."""
    total: int
    """How many match in all."""
    limit: int
    """Most in a page."""
    offset: int
    """How many are left out before the first."""


class WorkflowVersion(_Wire):
    """One version of a workflow."""

    id: str
    """wfh_…"""
    workflow_id: str
    """wf_…"""
    version: str | None = None
    """Its release tag."""
    yaml_content: str | None = None
    """Its source."""
    is_current: bool | None = None
    """Whether runs use it."""
    created_at: str | None = None
    """ISO 8601."""


class WorkflowVersionList(_Wire):
    """One page of versions, newest first."""

    data: list[WorkflowVersion]
    """The versions."""
    total: int
    """How many there are."""
    limit: int
    """Most in a page."""
    offset: int
    """How many are left out before the first."""


class RunResult(TypedDict):
    """What run_and_wait returns, with the names of the wire."""

    executionId: str
    status: str
    result: Any
    error: str | None


M = TypeVar("M", bound=BaseModel)


def settings(api_key: str | None, base_url: str | None) -> tuple[str, dict[str, str]]:
    """The address and the headers of a client."""
    key = api_key or first_env(("EIGENPAL_API_KEY", "SOJOURN_API_KEY"))
    if not key:
        raise ValueError("no API key: pass api_key, or set the environment variable EIGENPAL_API_KEY")
    url = base_url or first_env(("EIGENPAL_BASE_URL", "SOJOURN_BASE_URL")) or DEFAULT_BASE_URL
    runtime, system = f"python-{platform.python_version()}", f"{sys.platform}-{platform.machine()}"
    headers = {
        "authorization": f"Bearer {key}",
        "accept": "application/json",
        "user-agent": f"sojourn-eigenpal-python/{VERSION} ({runtime}; {system})",
        "x-eigenpal-sdk": "python",
        "x-eigenpal-sdk-version": VERSION,
        "x-eigenpal-sdk-runtime": runtime,
        "x-eigenpal-sdk-os": system,
    }
    return url.rstrip("/"), headers


def read(model: type[M], status: int, content_type: str, retry_after: str | None, content: bytes) -> M:
    """The answer as a model; what is not a success as its error."""
    if content_type and "json" not in content_type:
        raise EigenpalError(f"the answer is {content_type} and not JSON: point base_url at the API", status)
    try:
        body = json.loads(content) if content else None
    except ValueError as e:
        raise EigenpalError("the answer is not JSON", status) from e
    if 200 <= status < 300:
        try:
            return model.model_validate(body)
        except ValidationError as e:
            raise EigenpalError(f"the answer is not a {model.__name__}: {e}", status) from e
    envelope = cast("dict[str, Any]", body) if isinstance(body, dict) else None
    kind = _BY_STATUS.get(status) or (EigenpalServerError if status >= 500 else EigenpalError)
    issues = cast("list[dict[str, str]]", (envelope or {}).get("issues") or [])
    text = issues[0].get("message", "") if issues else ""
    if kind is EigenpalError:
        text = f"unexpected status {status}" + (f": {text}" if text else "")
    elif kind is EigenpalValidationError and issues:
        text = f"{issues[0].get('field')}: {text}"
    error = kind(text or f"HTTP status {status}", status, envelope)
    if isinstance(error, EigenpalRateLimitError) and retry_after and retry_after.isdigit():
        error.retry_after = int(retry_after)
    raise error


def run_request(
    input: Mapping[str, Any] | None, overrides: Mapping[str, Any] | None, trigger: str | None
) -> tuple[dict[str, Any], dict[str, Upload]]:
    """The JSON of a run, and the files that go beside it."""
    if trigger not in (None, "api", "cli"):
        raise ValueError(f"trigger is {trigger!r}: use 'api' or 'cli'")
    body: dict[str, Any] = {}
    files: dict[str, Upload] = {}
    plain: dict[str, Any] = {}
    for name, value in (input or {}).items():
        if is_file(value):
            files[name] = Upload(value)
        elif (
            isinstance(value, dict)
            and "content" in value
            and "filename" in value
            and is_file(cast("Any", value["content"]))
        ):
            one = cast("dict[str, Any]", value)
            files[name] = Upload(one["content"], one["filename"], one.get("mime_type") or one.get("mimeType"))
        elif has_files(value):
            raise TypeError(f"input {name!r} holds a file inside: files must be top-level values of the input")
        else:
            plain[name] = value
    if plain or (input is not None and not files):
        body["input"] = plain
    if overrides is not None:
        body["overrides"] = overrides
    if trigger is not None:
        body["trigger"] = trigger
    return body, files


def joined(status: str | list[str] | None) -> str | None:
    """One or more states of a filter."""
    return status if status is None or isinstance(status, str) else ",".join(status)
