"""EigenpalClient: the EigenPal workflows API of a Sojourn server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel

from .. import _json
from .._eigenpal_types import (
    TERMINAL,
    CancelResponse,
    EigenpalConnectionError,
    EigenpalTimeoutError,
    ExecutionList,
    ExecutionStatusResponse,
    ExecutionSummary,
    RunResponse,
    RunResult,
    WorkflowList,
    WorkflowSummary,
    WorkflowVersionList,
    joined,
    read,
    run_request,
    settings,
)
from .._options import compact, segment
from ._io import HTTPClient, close_http_client, make_http_client

M = TypeVar("M", bound=BaseModel)


class _EigenpalTransport:
    def __init__(self, api_key: str | None, base_url: str | None, timeout: float, verify: bool) -> None:
        self.base_url, self.headers = settings(api_key, base_url)
        self.timeout = timeout
        self.http: HTTPClient = make_http_client(verify)

    def call(
        self, model: type[M], method: str, path: str, *, query: Mapping[str, Any] | None = None, **content: Any
    ) -> M:
        headers = dict(self.headers)
        if "content" in content:
            headers["content-type"] = "application/json"
        try:
            response = self.http.request(
                method,
                f"{self.base_url}/api/v1{path}",
                params=query or None,
                headers=headers,
                timeout=self.timeout,
                **content,
            )
        except httpx2.HTTPError as e:
            raise EigenpalConnectionError(f"{method} {path}: {e or type(e).__name__}") from e
        kind = response.headers.get("content-type", "")
        return read(model, response.status_code, kind, response.headers.get("retry-after"), response.content)


class EigenpalExecutions:
    """Inspects and manages executions of workflows."""

    def __init__(self, transport: _EigenpalTransport, workflows: EigenpalWorkflows) -> None:
        self._t = transport
        self._workflows = workflows

    def get(self, execution_id: str, *, include_steps: bool = False) -> ExecutionStatusResponse | ExecutionSummary:
        """The state of an execution; with include_steps an ExecutionSummary with every step, for debugging.

        Raises:
            EigenpalNotFoundError: there is no such execution.
        """
        path = f"/workflows/executions/{segment(execution_id)}"
        if include_steps:
            return self._t.call(ExecutionSummary, "GET", path, query={"includeSteps": "true"})
        return self._t.call(ExecutionStatusResponse, "GET", path)

    def list(
        self,
        workflow_id: str,
        *,
        status: str | list[str] | None = None,
        from_date: str | None = None,
        to_date: str | None = None,
        example_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> ExecutionList:
        """Executions of a workflow, newest first.

        Args:
            workflow_id: id or name.
            status: one or more of the nine states.
            from_date: created at or after this: ISO 8601, or relative such as "now()-7d".
            to_date: created at or before this.
            example_id: only runs of this example.
            limit: 1 to 100. Default 50.
            offset: how many to leave out. Default 0.
        """
        query = compact(
            status=joined(status), fromDate=from_date, toDate=to_date, exampleId=example_id, limit=limit, offset=offset
        )
        return self._t.call(ExecutionList, "GET", f"/workflows/{segment(workflow_id)}/executions", query=query)

    def cancel(self, execution_id: str) -> CancelResponse:
        """Cancels an execution: at once before a worker has it, otherwise at its next checkpoint. Idempotent."""
        return self._t.call(CancelResponse, "POST", f"/workflows/executions/{segment(execution_id)}/cancel")

    def run_and_wait(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        trigger: str | None = None,
        poll_interval_seconds: float = 2.0,
        timeout_seconds: float = 300.0,
    ) -> RunResult:
        """Runs a workflow and polls until it has ended: {"executionId", "status", "result", "error"}.

        Args:
            id: id or name of the workflow.
            input: as for run.
            version: as for run.
            overrides: as for run.
            trigger: as for run.
            poll_interval_seconds: Default 2.
            timeout_seconds: Default 300.

        Raises:
            EigenpalTimeoutError: it has not ended in time; it goes on.
        """
        run = self._workflows.run(id, input, version=version, overrides=overrides, trigger=trigger)
        deadline = time.monotonic() + timeout_seconds
        while True:
            if time.monotonic() > deadline:
                raise EigenpalTimeoutError(f"not finished after {timeout_seconds:g} s: execution_id={run.execution_id}")
            x = self._t.call(ExecutionStatusResponse, "GET", f"/workflows/executions/{segment(run.execution_id)}")
            if x.status in TERMINAL:
                return {"executionId": x.execution_id, "status": x.status, "result": x.result, "error": x.error}
            time.sleep(poll_interval_seconds)


class EigenpalWorkflows:
    """Runs and reads workflows."""

    executions: EigenpalExecutions
    """Inspects and manages executions."""

    def __init__(self, transport: _EigenpalTransport) -> None:
        self._t = transport
        self.executions = EigenpalExecutions(transport, self)

    def run(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: str | None = None,
        wait_for_completion: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        trigger: str | None = None,
    ) -> RunResponse:
        """Runs a workflow.

        Args:
            id: id or name of the workflow.
            input: values by name; a top-level Path, open binary file, bytes, or
                {"content": bytes, "filename": str, "mime_type": str} is uploaded.
            version: a version id or release tag, or "latest". Default: the current one.
            wait_for_completion: seconds, 0 to 60, that the server holds the answer until the run has ended. Default 0.
            overrides: {"steps": {step: output}}: these steps do not run.
            trigger: "api" (the default) or "cli".

        Raises:
            EigenpalValidationError: the input or an option is wrong.
            EigenpalNotFoundError: there is no such workflow or version.
            TypeError: a file is not a top-level value.
        """
        body, files = run_request(input, overrides, trigger)
        query = compact(version=version, wait_for_completion=wait_for_completion)
        path = f"/workflows/{segment(id)}/run"
        if not files:
            return self._t.call(RunResponse, "POST", path, query=query, content=_json.encode(body))
        with ExitStack() as stack:
            parts: list[tuple[str, Any]] = [("_json", (None, _json.encode(body)))] if body else []
            for name, upload in files.items():
                parts.append((name, (upload.filename, stack.enter_context(upload.open()), upload.mime_type)))
            return self._t.call(RunResponse, "POST", path, query=query, files=parts)

    def list(
        self,
        *,
        search: str | None = None,
        name: str | None = None,
        kind: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> WorkflowList:
        """Workflows.

        Args:
            search: a part of the name.
            name: the whole name.
            kind: "workflow" or "block".
            limit: 1 to 100. Default 50.
            offset: how many to leave out. Default 0.
        """
        if kind not in (None, "workflow", "block"):
            raise ValueError(f"kind is {kind!r}: use 'workflow' or 'block'")
        query = compact(search=search, name=name, kind=kind, limit=limit, offset=offset)
        return self._t.call(WorkflowList, "GET", "/workflows", query=query)

    def get(self, id: str) -> WorkflowSummary:
        """A workflow by id or name."""
        return self._t.call(WorkflowSummary, "GET", f"/workflows/{segment(id)}")

    def versions(self, id: str, *, limit: int | None = None, offset: int | None = None) -> WorkflowVersionList:
        """The versions of a workflow, newest first."""
        query = compact(limit=limit, offset=offset)
        return self._t.call(WorkflowVersionList, "GET", f"/workflows/{segment(id)}/versions", query=query)


class EigenpalClient:
    """A client with the names of the EigenPal Python SDK. Close it, or use it in a with statement.

    Args:
        api_key: Default: the environment variable EIGENPAL_API_KEY, else SOJOURN_API_KEY.
        base_url: the server's address, without /api/v1. Default: EIGENPAL_BASE_URL, else SOJOURN_BASE_URL, else
            http://127.0.0.1:7373.
        timeout_seconds: for each request. Default 60.
        verify_ssl: whether the server's certificate is checked. Default True.

    Raises:
        ValueError: no API key is given.
    """

    workflows: EigenpalWorkflows
    """Runs and reads workflows; .executions inspects and manages their executions."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 60.0,
        verify_ssl: bool = True,
    ) -> None:
        self._t = _EigenpalTransport(api_key, base_url, timeout_seconds, verify_ssl)
        self.workflows = EigenpalWorkflows(self._t)

    def close(self) -> None:
        """Closes the connections."""
        close_http_client(self._t.http)

    def __enter__(self) -> EigenpalClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
