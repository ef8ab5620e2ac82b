"""Server-sent events, read from bytes as they come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ServerEvent:
    """One event of a stream."""

    event: str
    data: str
    id: str | None


class Parser:
    """Cuts a stream of bytes into events, however the bytes were split on their way."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[str] = []
        self.last_id: str | None = None
        """The id to resume after."""
        self.retry: float | None = None
        """Seconds that the server wants a reader to wait before it connects again."""

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that the bytes complete."""
        found: list[ServerEvent] = []
        # A lone CR at the end may be half of a CRLF: it waits for what follows.
        text = self._rest + piece
        hold = text.endswith(b"\r")
        body = text[:-1] if hold else text
        lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + (b"\r" if hold else b"")
        for line in lines:
            self._line(line.decode("utf-8", "replace"), found)
        return found

    def _line(self, line: str, found: list[ServerEvent]) -> None:
        if not line:
            if self._data:
                found.append(ServerEvent(self._event or "message", "\n".join(self._data), self.last_id))
            self._event, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isdigit():
                self.retry = int(value) / 1000
            case _:
                pass  # a comment, or a field of a later standard
