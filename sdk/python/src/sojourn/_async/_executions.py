"""Client.executions: starting, reading, waiting for and ending executions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import Unpack

from .._errors import SojournError, WaitTimeoutError
from .._gen import models, params
from .._models import Execution, ExecutionPageModel, Model, PageModel, StartResult
from .._options import Seconds, compact, instant, millis, new_idempotency_key, retriable, retry_delay, seconds, segment
from .._params import StartOptions, joined, start_body, wait_seconds, with_metadata
from .._progress import Progress, view
from .._response import RawResponse
from ._events import event_stream
from ._pages import AsyncPager
from ._transport import AsyncTransport

if TYPE_CHECKING:
    from ._resources import AsyncFiles

LONG_POLL = 60.0
"""The hold that a wait asks for, in seconds."""
WATCH_FAST, WATCH_SLOW = 0.15, 1.0
"""The pauses of a watch, in seconds: at first and after a change, and when nothing changes."""
PATIENCE = 10
"""How many answers in a row a wait may miss: about a minute, longer than a restart of the server."""


class _BatchAnswer(Model):
    results: list[StartResult]


def _path(id: str, rest: str = "") -> str:
    return f"/v1/executions/{segment(id)}{rest}"


class AsyncExecutions:
    """Executions: one execution is one run of a workflow on one input."""

    def __init__(self, transport: AsyncTransport, files: AsyncFiles) -> None:
        self._t = transport
        self._files = files

    async def start(self, workflow: str, input: Any = None, **options: Unpack[StartOptions]) -> Execution:
        """Starts an execution and returns once it is durably stored, or with `wait` once it has ended or time is up.

        Args:
            workflow: name or id of the workflow.
            input: a JSON object as a dict, a pydantic model or a dataclass; None: {}. Paths, open binary files, bytes
                and sojourn.File anywhere in it are uploaded, and the handler gets references.
            options: see StartOptions.

        Raises:
            NotFoundError: there is no such workflow or version.
            BadRequestError: the input or an option is wrong; `errors` names the fields.
            UnprocessableEntityError: the idempotency key was used with another body.
        """
        body = start_body(workflow, await self._files.replace(input), options)
        headers = {"idempotency-key": options.get("idempotency_key") or new_idempotency_key()}
        if traceparent := options.get("traceparent"):
            headers["traceparent"] = traceparent
        hold = seconds(options.get("wait", 0))
        response = await self._t.request(
            "POST",
            "/v1/executions",
            query=compact(
                wait=wait_seconds(hold) if hold > 0 else None,
                until=options.get("until"),
                include="steps" if options.get("include_steps") else None,
            ),
            body=body,
            headers=headers,
            hold=min(hold, LONG_POLL),
            timeout=options.get("request_timeout"),
        )
        return Execution.from_response(response)

    async def start_batch(self, starts: Iterable[params.StartParams]) -> list[StartResult]:
        """Starts up to 1,000 executions in one request; each succeeds or fails by itself, in the order given.

        Args:
            starts: the bodies of the starts, with the names of the API: workflow_id, input, timeout_ms and so on. One
                without idempotency_key gets a new one.
        """
        bodies = [{"idempotency_key": new_idempotency_key(), **s} for s in starts]
        answer = await self._t.call(_BatchAnswer, "POST", "/v1/executions/batch", body={"executions": bodies})
        return answer.results

    async def run(
        self,
        workflow: str,
        input: Any = None,
        *,
        wait_timeout: Seconds | None = None,
        progress: Progress = False,
        **options: Unpack[StartOptions],
    ) -> Any:
        """Starts an execution, waits for its end and returns its output.

        Args:
            workflow: name or id of the workflow.
            input: as for start.
            wait_timeout: seconds to wait at most; None: as long as it takes. The execution goes on when it passes.
            progress: shows a progress bar on a terminal, see sojourn.Progress.
            options: see StartOptions.

        Raises:
            ExecutionOutcomeError: it failed, was cancelled or was rejected; the subclass says which.
            WaitTimeoutError: it has not ended in time.
        """
        began = time.monotonic()
        if not progress:
            options.setdefault("wait", LONG_POLL if wait_timeout is None else seconds(wait_timeout))
        x = await self.start(workflow, input, **options)
        if not x.terminal:
            left = None if wait_timeout is None else max(seconds(wait_timeout) - (time.monotonic() - began), 0)
            x = await self.wait(x.id, timeout=left, progress=progress)
        return x.raise_for_outcome().output

    async def result(self, id: str, *, timeout: Seconds | None = None, progress: Progress = False) -> Any:
        """Waits for the end of an execution and returns its output. Arguments and errors are those of wait and run."""
        x = await self.wait(id, timeout=timeout, progress=progress)
        return x.raise_for_outcome().output

    async def get(
        self,
        id: str,
        *,
        include: Iterable[Literal["steps", "events"]] = (),
        wait: Seconds = 0,
        until: Literal["terminal", "actionable"] | None = None,
        request_timeout: Seconds | None = None,
    ) -> Execution:
        """Reads an execution.

        Args:
            id: the execution's id.
            include: "steps" and "events" show them too.
            wait: seconds that the server may hold the answer until the execution has ended, at most 60.
            until: "actionable" ends the hold too when a signal or an approval is awaited.
            request_timeout: seconds for the request without the hold. Default: the client's.

        Raises:
            NotFoundError: there is no such execution.
            DeletedError: it was deleted.
        """
        return Execution.from_response(await self._read(id, tuple(include), seconds(wait), until, "", request_timeout))

    async def _read(
        self,
        id: str,
        include: tuple[str, ...] = (),
        hold: float = 0,
        until: str | None = None,
        etag: str = "",
        timeout: Seconds | None = None,
        max_retries: int | None = None,
    ) -> RawResponse:
        return await self._t.request(
            "GET",
            _path(id),
            query=compact(
                include=",".join(include) or None, wait=wait_seconds(hold) if hold > 0 else None, until=until
            ),
            headers={"if-none-match": etag} if etag else None,
            hold=min(hold, LONG_POLL),
            timeout=timeout,
            none_on=(304,),
            max_retries=max_retries,
        )

    async def wait(
        self,
        id: str,
        *,
        timeout: Seconds | None = None,
        until: Literal["terminal", "actionable"] = "terminal",
        include: Iterable[Literal["steps", "events"]] = (),
        progress: Progress = False,
    ) -> Execution:
        """Waits until an execution has ended and returns it, however it ended; see Execution.raise_for_outcome.

        The server holds the answers, so that this costs one request a minute, and a restart of the server does not end
        the wait. Ending the wait leaves the execution alone.

        Args:
            id: the execution's id.
            timeout: seconds to wait at most; None: as long as it takes.
            until: "actionable" returns too when a signal or an approval is awaited.
            include: "steps" and "events" show them in the result.
            progress: shows a progress bar on a terminal, see sojourn.Progress.

        Raises:
            WaitTimeoutError: it has not ended in time.
            NotFoundError: there is no such execution.
        """
        limit = None if timeout is None else seconds(timeout)
        deadline = None if limit is None else time.monotonic() + limit
        if shown := view(progress):
            try:
                last = None
                async for x in self._watch(id, tuple(include), deadline):
                    shown.show(x)
                    last = x
                    if until == "actionable" and _actionable(x):
                        return x
                if last is None or not last.terminal:
                    raise WaitTimeoutError(last, limit or 0, id)
                return last
            finally:
                shown.close()
        x = None
        failures = 0
        while True:
            asked = time.monotonic()
            hold = LONG_POLL if deadline is None else min(max(deadline - asked, 0), LONG_POLL)
            try:
                x = Execution.from_response(
                    await self._read(id, tuple(include), hold, None if until == "terminal" else until, max_retries=0)
                )
                failures = 0
            except SojournError as error:
                if not retriable(error) or failures >= PATIENCE:
                    raise
                pause = retry_delay(failures, error)
                failures += 1
            else:
                if x.terminal or (until == "actionable" and _actionable(x)):
                    return x
                # A server that does not hold must not be asked in a tight loop.
                pause = max(1 - (time.monotonic() - asked), 0)
            if deadline is not None and time.monotonic() + pause >= deadline:
                if (left := deadline - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                    pause = 0
                    if failures == 0:
                        x = Execution.from_response(await self._read(id, tuple(include)))
                        if x.terminal or (until == "actionable" and _actionable(x)):
                            return x
                raise WaitTimeoutError(x, limit or 0, id)
            await asyncio.sleep(pause)

    def watch(self, id: str, *, include: Iterable[Literal["steps", "events"]] = ()) -> AsyncIterator[Execution]:
        """The execution as it is now and again after each change, ending with its final state.

        Changes that follow each other quickly are seen as one. A server that is away for a while does not end it.
        """
        return self._watch(id, tuple(include), None)

    async def _watch(self, id: str, include: tuple[str, ...], deadline: float | None) -> AsyncIterator[Execution]:
        etag, pause, failures = "", WATCH_FAST, 0
        while True:
            try:
                response = await self._read(id, include, etag=etag, max_retries=0)
            except SojournError as error:
                if not retriable(error) or failures >= PATIENCE:
                    raise
                pause = retry_delay(failures, error)
                failures += 1
            else:
                failures = 0
                if response.status_code != 304 and (not etag or response.headers.get("etag", "") != etag):
                    x = Execution.from_response(response)
                    etag, pause = x.etag, WATCH_FAST
                    yield x
                    if x.terminal:
                        return
                else:
                    pause = min(pause * 2, WATCH_SLOW)
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                pause = min(pause, left)
            await asyncio.sleep(pause)

    def events(self, id: str, *, after: int | None = None) -> AsyncIterator[models.Event]:
        """The history of an execution, event by event as it happens, ending after the last one.

        A broken connection is taken up where it was, without gaps or repeats.

        Args:
            id: the execution's id.
            after: only events of later revisions than this. Default: all.
        """
        return event_stream(self._t, _path(id, "/events"), {}, None if after is None else str(after))

    def list(
        self,
        *,
        status: str | list[str] | None = None,
        workflow: str | None = None,
        created_from: str | datetime | None = None,
        created_to: str | datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        trigger: str | list[str] | None = None,
        awaiting: str | None = None,
        text: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        counts: bool = False,
    ) -> AsyncPager[Execution, ExecutionPageModel]:
        """Executions, newest first. All filters must hold. Iterate over the result, or ask it for one page().

        Args:
            status: one or more states.
            workflow: name or id of a workflow.
            created_from: created at or after this: a datetime, a date, or an expression such as "now()-7d".
            created_to: created at or before this.
            metadata: labels that must be there.
            trigger: what started it, one or more.
            awaiting: what it waits for now: "approval" or "signal", and after a colon the name of the wait if you like.
            text: a text that the input holds.
            limit: items in a page, 1 to 100. Default 20.
            cursor: next_cursor of the page before.
            counts: whether page().counts says how many there are in each state.
        """
        query = with_metadata(
            compact(
                status=joined(status),
                workflow_id=workflow,
                created_from=instant(created_from),
                created_to=instant(created_to),
                trigger=joined(trigger),
                awaiting=awaiting,
                text=text,
                limit=limit,
                include="counts" if counts else None,
            ),
            metadata,
        )

        async def fetch(cursor: str | None) -> ExecutionPageModel:
            return await self._t.call(ExecutionPageModel, "GET", "/v1/executions", query=query | compact(cursor=cursor))

        return AsyncPager(fetch, lambda page: page.data, cursor)

    async def counts(
        self,
        *,
        workflow: str | None = None,
        created_from: str | datetime | None = None,
        created_to: str | datetime | None = None,
    ) -> models.CountExecutionsResponse:
        """How many executions there are in each state. Filters are those of list."""
        query = compact(workflow_id=workflow, created_from=instant(created_from), created_to=instant(created_to))
        return await self._t.call(models.CountExecutionsResponse, "GET", "/v1/executions/counts", query=query)

    async def cancel(self, id: str, *, reason: str | None = None, grace: Seconds | None = None) -> Execution:
        """Asks an execution to stop.

        The one returned is cancelled when no worker held it. Otherwise its cancel_requested_at is set, and it ends
        within the grace; asking again changes nothing.

        Args:
            id: the execution's id.
            reason: in your words, at most 500 characters; kept with the event.
            grace: seconds that a running handler may take to stop by itself. Default 30.

        Raises:
            AlreadyTerminalError: it has ended already.
            NotFoundError: there is no such execution.
        """
        body = compact(reason=reason, grace_ms=millis(grace))
        return Execution.from_response(await self._t.request("POST", _path(id, "/cancel"), body=body))

    async def cancel_all(
        self,
        filter: params.BulkCancelFilterParams,
        *,
        reason: str | None = None,
        grace: Seconds | None = None,
        limit: int | None = None,
    ) -> models.CancelExecutionsResponse:
        """Cancels the open executions that match, newest first; has_more of the answer says that more do.

        Args:
            filter: as the filters of list, with the names of the API; {} means every open execution of the project.
            reason: in your words.
            grace: seconds, as for cancel.
            limit: most executions in one call, 1 to 1,000. Default 1,000.
        """
        body = compact(filter=filter, reason=reason, grace_ms=millis(grace), limit=limit)
        return await self._t.call(models.CancelExecutionsResponse, "POST", "/v1/executions/cancel", body=body)

    async def terminate(self, id: str, *, reason: str | None = None) -> Execution:
        """Ends an execution at once, without letting its handler clean up.

        Raises:
            AlreadyTerminalError: it has ended already.
        """
        return Execution.from_response(
            await self._t.request("POST", _path(id, "/terminate"), body=compact(reason=reason))
        )

    async def delete(self, id: str) -> None:
        """Removes a finished execution.

        Raises:
            NotFinishedError: it has not ended.
        """
        await self._t.request("DELETE", _path(id))

    async def redact(self, id: str) -> None:
        """Removes payloads, messages, metadata and logs of a finished execution and keeps the rest.

        Raises:
            NotFinishedError: it has not ended.
        """
        await self._t.request("DELETE", _path(id), query={"mode": "redact"})

    def logs(
        self,
        id: str,
        *,
        step: str | None = None,
        attempt: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPager[models.LogLine, PageModel[models.LogLine]]:
        """Lines that the handler logged, oldest first.

        Args:
            id: the execution's id.
            step: only lines of this step; "" for those outside steps.
            attempt: only lines of this attempt of the execution.
            limit: lines in a page, 1 to 1,000. Default 200.
            cursor: next_cursor of the page before.
        """
        query = compact(step=step, attempt=attempt, limit=limit)

        async def fetch(cursor: str | None) -> PageModel[models.LogLine]:
            q = query | compact(cursor=cursor)
            return await self._t.call(PageModel[models.LogLine], "GET", _path(id, "/logs"), query=q)

        return AsyncPager(fetch, lambda page: page.data, cursor)

    async def signal(self, id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None) -> Execution:
        """Sends a signal to an execution; it is kept until the handler waits for one of that name.

        Args:
            id: the execution's id.
            name: the signal's name, as the handler awaits it.
            payload: any JSON value, handed to the handler.
            idempotency_key: one key, one signal. Default: a new one for each call, so that its own retries are safe.

        Raises:
            AlreadyTerminalError: it has ended already.
            NotFoundError: there is no such execution.
        """
        body = {} if payload is None else {"payload": payload}
        headers = {"idempotency-key": idempotency_key or new_idempotency_key()}
        path = _path(id, f"/signals/{segment(name)}")
        return Execution.from_response(await self._t.request("POST", path, body=body, headers=headers))

    async def approve(
        self,
        id: str,
        *,
        name: str | None = None,
        step: str | None = None,
        comment: str | None = None,
        payload: Any = None,
        by: str | None = None,
    ) -> Execution:
        """Approves what an execution asks approval for.

        Args:
            id: the execution's id.
            name: the approval's name; may be left out when exactly one is awaited.
            step: which wait when several have the name, such as manager#2; the oldest when left out.
            comment: for the handler and the history.
            payload: any JSON value, handed to the handler.
            by: the name of the person who approves.

        Raises:
            ConflictError: no such approval is awaited (code not_awaiting), or the execution has ended.
            BadRequestError: several are awaited and name is left out.
        """
        body = compact(name=name, step=step, comment=comment, payload=payload, by=by)
        return Execution.from_response(await self._t.request("POST", _path(id, "/approve"), body=body, once=True))

    async def reject(
        self,
        id: str,
        *,
        name: str | None = None,
        step: str | None = None,
        comment: str | None = None,
        payload: Any = None,
        by: str | None = None,
    ) -> Execution:
        """Refuses what an execution asks approval for; it then ends rejected unless its handler decides otherwise.

        Arguments and errors are those of approve.
        """
        body = compact(name=name, step=step, comment=comment, payload=payload, by=by)
        return Execution.from_response(await self._t.request("POST", _path(id, "/reject"), body=body, once=True))

    async def create_approval_link(
        self, id: str, *, name: str | None = None, step: str | None = None, expires_in: Seconds | None = None
    ) -> models.ApprovalLink:
        """Makes an address where a person without a key can decide an approval, once.

        Args:
            id: the execution's id.
            name: the approval's name; it need not be awaited yet. May be left out when exactly one is awaited.
            step: the step text when it differs from name, for example "manager#2".
            expires_in: seconds that the link lives. Default 7 days, at most 90.
        """
        body = compact(name=name, step=step, expires_in_ms=millis(expires_in))
        return await self._t.call(models.ApprovalLink, "POST", _path(id, "/approval-links"), body=body, once=True)


def _actionable(x: Execution) -> bool:
    return x.status == "waiting" and bool(x.awaiting)
