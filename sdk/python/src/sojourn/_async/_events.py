"""Reading event streams, across broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2

from .._errors import SojournError, status_error
from .._gen import models
from .._options import retriable, retry_delay
from .._sse import Parser
from ._io import chunks, read_all
from ._transport import AsyncTransport

SILENCE = 45.0
"""Seconds without a byte after which a stream is taken for dead; the server sends something every 15."""
PATIENCE = 10
"""How many connections in a row may fail."""


async def event_stream(
    transport: AsyncTransport, path: str, query: Mapping[str, Any], after: str | None
) -> AsyncIterator[models.Event]:
    """The events of a stream, until its end. The connection is made again after the last event that came."""
    parser = Parser()
    parser.last_id = after
    failures = 0
    while True:
        headers = {"accept": "text/event-stream"}
        if parser.last_id:
            headers["last-event-id"] = parser.last_id
        try:
            async with transport.stream("GET", path, query=query, headers=headers, hold=SILENCE) as response:
                if response.status_code != 200:
                    raise status_error(response.status_code, response.headers, await read_all(response))
                try:
                    async for piece in chunks(response):
                        for event in parser.feed(piece):
                            if event.event == "end":
                                return
                            failures = 0
                            yield models.Event.model_validate_json(event.data)
                except httpx2.HTTPError as error:
                    raise transport.connection_error("GET", path, error) from error
            pause = parser.retry or 0.1
        except SojournError as error:
            if not retriable(error) or failures >= PATIENCE:
                raise
            pause = retry_delay(failures, error)
            failures += 1
        # What was cut off in the middle comes again as a whole.
        last, parser = parser.last_id, Parser()
        parser.last_id = last
        await asyncio.sleep(pause)
