"""Sending requests: retries, timeouts, and answers that are no success as exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel

from .. import _json
from .._errors import APIConnectionError, APITimeoutError, SojournError, status_error
from .._files import Upload
from .._models import parse
from .._options import RETRY_PATIENCE, Options, Seconds, log, retriable, retry_delay, seconds
from .._response import RawResponse
from ._io import HTTPClient, close_http_client, close_response, make_http_client, read_all, upload_chunks, write_chunks

M = TypeVar("M", bound=BaseModel)


class AsyncTransport:
    """One client's connections and settings."""

    def __init__(self, options: Options, http_client: HTTPClient | None) -> None:
        self.options = options
        self._owned = http_client is None
        self.http = http_client or make_http_client()

    def but(self, **changes: Any) -> AsyncTransport:
        """The same connections with other settings."""
        return AsyncTransport(self.options.but(**changes), self.http)

    async def close(self) -> None:
        """Closes the connections, unless they belong to a client that was given."""
        if self._owned:
            await close_http_client(self.http)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | None = None,
        upload: Upload | None = None,
        headers: Mapping[str, str] | None = None,
        hold: float = 0,
        timeout: Seconds | None = None,
        once: bool = False,
        max_retries: int | None = None,
        none_on: tuple[int, ...] = (),
    ) -> RawResponse:
        """Sends a request until it succeeds or a repeat makes no sense, and returns the answer.

        Args:
            content: JSON as it is, in place of body.
            hold: seconds that the server may hold the answer; added to the timeout.
            once: an unknown outcome must not be repeated.
            none_on: statuses that are returned although they are no success.
        """
        if body is not None:
            content = _json.encode(body)
        retries = self.options.max_retries if max_retries is None else max_retries
        attempt = 0
        while True:
            try:
                response = await self._send(method, path, query, content, upload, headers, hold, timeout)
                if response.status_code < 200 or response.status_code >= 300:
                    if response.status_code in none_on:
                        return response
                    raise status_error(response.status_code, response.headers, response.content)
                return response
            except SojournError as error:
                delay = retry_delay(attempt, error)
                repeatable = upload is None or upload.repeatable
                if attempt >= retries or once or not repeatable or not retriable(error) or delay > RETRY_PATIENCE:
                    raise
                log.debug("retrying %s %s in %.2f s: %s", method, path, delay, error)
            await asyncio.sleep(delay)
            attempt += 1

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        content: bytes | None,
        upload: Upload | None,
        headers: Mapping[str, str] | None,
        hold: float,
        timeout: Seconds | None,
    ) -> RawResponse:
        async with self.stream(
            method, path, query=query, content=content, upload=upload, headers=headers, hold=hold, timeout=timeout
        ) as response:
            try:
                raw = await read_all(response)
            except httpx2.HTTPError as error:
                raise self.connection_error(method, path, error) from error
            return RawResponse(response.status_code, response.headers, raw)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        upload: Upload | None = None,
        headers: Mapping[str, str] | None = None,
        hold: float = 0,
        timeout: Seconds | None = None,
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Sends a request once; the body of the answer is not read yet."""
        all_headers = self.options.request_headers()
        if content is not None:
            all_headers["content-type"] = "application/json"
        if upload is not None:
            all_headers["content-type"] = upload.mime_type
            if upload.size is not None:
                all_headers["content-length"] = str(upload.size)
        if headers:
            all_headers.update(headers)
        within = self.options.timeout if timeout is None else seconds(timeout)
        request = self.http.build_request(
            method,
            self.options.base_url + path,
            params=query or None,
            content=content if upload is None else upload_chunks(upload),
            headers=all_headers,
            timeout=httpx2.Timeout(within, read=within + hold),
        )
        try:
            response = await self.http.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self.connection_error(method, path, error) from error
        try:
            yield response
        finally:
            await close_response(response)

    async def fail(self, response: httpx2.Response) -> None:
        """Raises the error that a streamed answer is."""
        raise status_error(response.status_code, response.headers, await read_all(response))

    async def save(self, path: str, response: httpx2.Response, target: str) -> int:
        """Writes the body of a streamed answer to a file and returns its size."""
        try:
            return await write_chunks(response, target)
        except httpx2.HTTPError as error:
            raise self.connection_error("GET", path, error) from error

    def connection_error(self, method: str, path: str, error: httpx2.HTTPError) -> APIConnectionError:
        """The error of a request that got no whole answer."""
        kind = APITimeoutError if isinstance(error, httpx2.TimeoutException) else APIConnectionError
        return kind(method, self.options.base_url + path, str(error) or type(error).__name__)

    async def call(self, model: type[M], method: str, path: str, **options: Any) -> M:
        """request, with the answer as a model."""
        return parse(model, await self.request(method, path, **options))
