"""An answer as it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawResponse:
    """An answer of the server, as received."""

    status_code: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """The headers; names match in either case."""
    content: bytes
    """The body."""

    def json(self) -> Any:
        """The body as JSON has it.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.content)

    @property
    def request_id(self) -> str:
        """Names the request in the server's log."""
        return self.headers.get("x-request-id", "")
