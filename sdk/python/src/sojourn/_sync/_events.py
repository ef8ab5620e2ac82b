"""Reading event streams, across broken connections."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2

from .._errors import SojournError, status_error
from .._gen import models
from .._options import retriable, retry_delay
from .._sse import Parser
from ._io import chunks, read_all
from ._transport import Transport

SILENCE = 45.0
"""Seconds without a byte after which a stream is taken for dead; the server sends something every 15."""
PATIENCE = 10
"""How many connections in a row may fail."""


def event_stream(
    transport: Transport, path: str, query: Mapping[str, Any], after: str | None
) -> Iterator[models.Event]:
    """The events of a stream, until its end. The connection is made again after the last event that came."""
    parser = Parser()
    parser.last_id = after
    failures = 0
    while True:
        headers = {"accept": "text/event-stream"}
        if parser.last_id:
            headers["last-event-id"] = parser.last_id
        try:
            with transport.stream("GET", path, query=query, headers=headers, hold=SILENCE) as response:
                if response.status_code != 200:
                    raise status_error(response.status_code, response.headers, read_all(response))
                try:
                    for piece in chunks(response):
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
        time.sleep(pause)
