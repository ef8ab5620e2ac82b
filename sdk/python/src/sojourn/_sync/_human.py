"""HumanClient: the Workflows API of human-sdk 0.1.0 over a Sojourn server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .._human_types import (
    FILTER,
    AsyncExecution,
    ExecutionListFilters,
    ExecutionPage,
    ExecutionTimeoutError,
    HumanError,
    StartExecutionRequest,
    WaitOptions,
    execution,
    read,
    read_execution,
    translated,
)
from .._options import Options, compact, new_idempotency_key, segment
from ._io import HTTPClient
from ._resources import Files
from ._transport import Transport


class HumanWorkflows:
    """Starts, reads, lists, cancels and waits for executions."""

    def __init__(self, transport: Transport, workflow_id: str | None) -> None:
        self._t = transport
        self._files = Files(transport)
        self._workflow_id = workflow_id

    def start(
        self,
        request: StartExecutionRequest | None = None,
        *,
        workflow_id: str | None = None,
        input: Mapping[str, Any] | None = None,
        timeout_ms: int | None = None,
        callback_url: str | None = None,
    ) -> AsyncExecution:
        """Starts an execution and returns at once, with status "pending". See StartExecutionRequest.

        The parameters are given as one dict or by name.

        Raises:
            ValidationError: the request is invalid.
            NotFoundError: the workflow does not exist.
        """
        body: dict[str, Any] = {**(request or {})} | compact(
            workflow_id=workflow_id, input=input, timeout_ms=timeout_ms, callback_url=callback_url
        )
        if self._workflow_id is not None:
            body.setdefault("workflow_id", self._workflow_id)
        with translated():
            if "input" in body:
                body["input"] = self._files.replace(body["input"])
            headers = {"idempotency-key": new_idempotency_key()}
            response = self._t.request("POST", "/v1/executions", body=body, headers=headers)
        # A repeat of the request finds the execution as it is by then; a start is always pending.
        return read_execution(response, pending=True)

    def get(self, id: str) -> AsyncExecution:
        """The current state of an execution, with its steps.

        Raises:
            NotFoundError: it does not exist.
            AuthorizationError: the key may not see it.
        """
        with translated():
            response = self._t.request("GET", f"/v1/executions/{segment(id)}", query={"include": "steps"})
        return read_execution(response)

    def list(
        self,
        filters: ExecutionListFilters | None = None,
        *,
        status: str | None = None,
        workflow_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """One page of executions, newest first; next_cursor leads to the next. See ExecutionListFilters.

        Raises:
            ValidationError: a filter is invalid.
        """
        query: dict[str, Any] = {**(filters or {})} | compact(
            status=status, workflow_id=workflow_id, limit=limit, cursor=cursor
        )
        query = {name: value for name, value in query.items() if value is not None}
        if "status" in query:
            query["status"] = FILTER.get(query["status"], query["status"])
        with translated():
            response = self._t.request("GET", "/v1/executions", query=query)
        page = read(response)
        try:
            data = [execution(x) for x in page["data"]]
            return ExecutionPage(data=data, has_more=page["has_more"], next_cursor=page["next_cursor"])
        except (KeyError, TypeError) as e:
            raise HumanError("the answer is not a page of executions", response.status_code) from e

    def cancel(self, id: str) -> AsyncExecution:
        """Asks an execution to stop. It may take time to wind down: get or wait_for_completion show its end.

        Raises:
            NotFoundError: it does not exist.
            AuthorizationError: the key may not cancel it.
            ConflictError: it is in a final state already.
        """
        with translated():
            response = self._t.request("POST", f"/v1/executions/{segment(id)}/cancel")
        return read_execution(response)

    def wait_for_completion(
        self,
        id: str,
        options: WaitOptions | None = None,
        *,
        poll_interval_ms: int | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncExecution:
        """Polls an execution until it is completed, failed or cancelled, and returns it. See WaitOptions.

        Raises:
            NotFoundError: it does not exist.
            ExecutionTimeoutError: the timeout elapsed first; the execution goes on. It is a TimeoutError.
        """
        given: dict[str, Any] = {**(options or {})} | compact(poll_interval_ms=poll_interval_ms, timeout_ms=timeout_ms)
        interval = given.get("poll_interval_ms", 2000) / 1000
        limit = given.get("timeout_ms", 300_000) / 1000
        deadline = time.monotonic() + limit
        while True:
            x = self.get(id)
            if x.status in ("completed", "failed", "cancelled"):
                return x
            left = deadline - time.monotonic()
            if left <= 0:
                raise ExecutionTimeoutError(f"timeout: execution {id} is {x.status} after {limit * 1000:g} ms")
            time.sleep(min(interval, left))


class HumanClient:
    """A client with the Workflows API of human-sdk 0.1.0.

    Args:
        api_key: Default: the environment variable HUMAN_API_KEY, else SOJOURN_API_KEY.
        base_url: the server's address, without /v1. Default: HUMAN_API_URL, else SOJOURN_BASE_URL, else
            http://127.0.0.1:7373.
        workflow_id: the workflow of starts that name none.
        timeout: seconds for one try of a request. Default 30.
        max_retries: how often a request is sent again after a connection error, 408, 429 or 5xx. Default 2.
        http_client: sends the requests, in place of one of the client's own. It is not closed with the client.

    Raises:
        HumanError: no API key is given, or the address is not one.
    """

    workflows: HumanWorkflows
    """Starts, reads, lists, cancels and waits for executions."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        workflow_id: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        http_client: HTTPClient | None = None,
    ) -> None:
        with translated():
            options = Options.make(
                api_key,
                base_url,
                timeout,
                max_retries,
                None,
                key_names=("HUMAN_API_KEY", "SOJOURN_API_KEY"),
                url_names=("HUMAN_API_URL", "SOJOURN_BASE_URL"),
            )
        self._t = Transport(options, http_client)
        self.workflows = HumanWorkflows(self._t, workflow_id)

    def close(self) -> None:
        """Closes the connections."""
        self._t.close()

    def __enter__(self) -> HumanClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
