"""The client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any

from .._gen import models
from .._options import Options, Seconds, compact, seconds
from .._params import joined
from .._response import RawResponse
from ._events import event_stream
from ._executions import AsyncExecutions
from ._io import HTTPClient
from ._resources import AsyncFiles, AsyncKeys, AsyncProjects, AsyncWorkers, AsyncWorkflows
from ._transport import AsyncTransport
from ._webhooks import AsyncWebhooks


class AsyncSojourn:
    """Talks to a Sojourn server. Make one and keep it; close it, or use it in a with statement.

    Args:
        api_key: Default: the environment variable SOJOURN_API_KEY.
        base_url: the server's address, without /v1. Default: SOJOURN_BASE_URL, else http://127.0.0.1:7373.
        timeout: seconds for one try of a request; the time it asks the server to hold it is added. Default 30.
        max_retries: how often a request is sent again after a connection error, 408, 429 or 5xx. Default 2.
        default_headers: sent with every request.
        http_client: sends the requests, in place of one of the client's own. It is not closed with the client.

    Raises:
        SojournError: no API key is given, or the address is not one.
    """

    executions: AsyncExecutions
    """Starts, reads, waits for and ends executions."""
    workflows: AsyncWorkflows
    """Registers and reads workflows and their versions."""
    files: AsyncFiles
    """Uploads and downloads files."""
    webhooks: AsyncWebhooks
    """Manages webhook endpoints and reads their deliveries."""
    keys: AsyncKeys
    """Makes, lists and revokes API keys."""
    workers: AsyncWorkers
    """Lists the live worker sessions."""
    projects: AsyncProjects
    """Makes and lists projects."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Seconds = 30.0,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        http_client: HTTPClient | None = None,
    ) -> None:
        options = Options.make(api_key, base_url, timeout, max_retries, default_headers)
        self._bind(AsyncTransport(options, http_client))

    def _bind(self, transport: AsyncTransport) -> None:
        self._t = transport
        self.files = AsyncFiles(transport)
        self.executions = AsyncExecutions(transport, self.files)
        self.workflows = AsyncWorkflows(transport)
        self.webhooks = AsyncWebhooks(transport)
        self.keys = AsyncKeys(transport)
        self.workers = AsyncWorkers(transport)
        self.projects = AsyncProjects(transport)

    @property
    def base_url(self) -> str:
        """The server's address, without a slash at the end."""
        return self._t.options.base_url

    @property
    def options(self) -> Options:
        """The client's settings."""
        return self._t.options

    def with_options(
        self,
        *,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> AsyncSojourn:
        """The same client, on the same connections, with other settings: client.with_options(timeout=5).keys.list()."""
        headers = None if default_headers is None else {**self._t.options.headers, **default_headers}
        changes = compact(
            timeout=None if timeout is None else seconds(timeout), max_retries=max_retries, headers=headers
        )
        copy = object.__new__(AsyncSojourn)
        copy._bind(self._t.but(**changes))
        return copy

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds | None = None,
    ) -> RawResponse:
        """Sends any request of the API, with the client's retries, and returns the answer as it came.

        Args:
            method: GET, POST and so on. A POST is repeated too: give it an Idempotency-Key where the API takes one.
            path: begins with /v1.
            query: parameters.
            body: sent as JSON.
            headers: sent too.
            timeout: seconds. Default: the client's.

        Raises:
            APIStatusError: the answer is not a success; the subclass says which.
            APIConnectionError: there was no answer.
        """
        return await self._t.request(method, path, query=query, body=body, headers=headers, timeout=timeout)

    async def info(self) -> models.Info:
        """Says what server, project and key the client uses. Any key may ask."""
        return await self._t.call(models.Info, "GET", "/v1/info")

    def events(
        self,
        *,
        workflows: Iterable[str] | None = None,
        kinds: Iterable[str] | None = None,
        after: str | None = None,
    ) -> AsyncIterator[models.Event]:
        """What happens in the whole project, as it happens; it does not end by itself.

        Args:
            workflows: only of these, by name or id.
            kinds: only events of these types.
            after: the id of the last event seen. Default: from now on.
        """
        query = compact(
            workflow_id=None if workflows is None else list(workflows),
            kinds=joined(None if kinds is None else list(kinds)),
        )
        return event_stream(self._t, "/v1/events", query, after)

    async def close(self) -> None:
        """Closes the connections, unless they belong to a client that was given as http_client."""
        await self._t.close()

    async def __aenter__(self) -> AsyncSojourn:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
