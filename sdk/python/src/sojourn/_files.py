"""Files in inputs and outputs: what counts as one, and how it is found and replaced by its reference."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import mimetypes
import os
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from pydantic import BaseModel

CHUNK = 1 << 20
"""Bytes that are read and sent at a time."""


@dataclasses.dataclass(frozen=True)
class File:
    """A file to upload, anywhere in an input or output: for content in memory, or to give a name or type of your own.

    Path objects, open binary files and bytes are uploaded too, without this.
    """

    content: bytes | bytearray | str | os.PathLike[str] | IO[bytes]
    """The bytes themselves, the path of a file (as a Path; a str is text, sent as UTF-8), or an open binary file."""
    filename: str | None = None
    """Default: the name of the file, without its folder, else "file"."""
    mime_type: str | None = None
    """Default: guessed from the name, else application/octet-stream."""


class Upload:
    """A file on its way to the server. It can be read more than once, so that an upload can be repeated."""

    def __init__(self, value: Any, filename: str | None = None, mime_type: str | None = None) -> None:
        if isinstance(value, File):
            filename, mime_type, value = filename or value.filename, mime_type or value.mime_type, value.content
        if isinstance(value, str):
            value = value.encode()
        self._start = 0
        self._handle: IO[bytes] | None = None
        self._source: bytes | Path = b""
        self.size: int | None = None
        """Bytes, when known beforehand."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            self._source = bytes(cast("bytes", value))
            self.size = len(self._source)
        elif isinstance(value, os.PathLike):
            self._source = Path(cast("os.PathLike[str]", value))
            self.size = self._source.stat().st_size
            filename = filename or self._source.name
        elif hasattr(value, "read"):
            if isinstance(value, io.TextIOBase):
                raise TypeError("the file is open in text mode: open it with mode 'rb'")
            self._handle = cast("IO[bytes]", value)
            name = getattr(value, "name", None)
            if isinstance(name, str):
                filename = filename or os.path.basename(name)
            if self.repeatable:
                self._start = self._handle.tell()
                self.size = self._handle.seek(0, io.SEEK_END) - self._start
                self._handle.seek(self._start)
        else:
            raise TypeError(f"a {type(value).__name__} cannot be uploaded as a file")
        self.filename = filename or "file"
        """The name that the server keeps; it never becomes a path."""
        self.mime_type = mime_type or mimetypes.guess_type(self.filename)[0] or "application/octet-stream"
        """The media type."""

    @property
    def repeatable(self) -> bool:
        """Whether the content can be read again from the start."""
        if self._handle is None:
            return True
        seekable: Callable[[], bool] | None = getattr(self._handle, "seekable", None)
        return bool(seekable and seekable())

    @contextlib.contextmanager
    def open(self) -> Generator[IO[bytes], None, None]:
        """The content from the start. An open file that was given is left open."""
        if self._handle is not None:
            if self.repeatable:
                self._handle.seek(self._start)
            yield self._handle
        elif isinstance(self._source, Path):
            with self._source.open("rb") as source:
                yield source
        else:
            yield io.BytesIO(self._source)


_plain = (str, int, float, bool, type(None))


def _opened(value: Any) -> Any:
    """A model or dataclass as a dict, so that files in it are found."""
    if isinstance(value, BaseModel):
        return {
            (value.__class__.model_fields[n].serialization_alias or value.__class__.model_fields[n].alias or n)
            if n in value.__class__.model_fields
            else n: v
            for n, v in value
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return value


def is_file(value: Any) -> bool:
    """Whether a value in an input is taken for a file."""
    if isinstance(value, _plain):
        return False
    return isinstance(value, (File, os.PathLike, bytes, bytearray, memoryview, io.IOBase)) or (
        hasattr(value, "read") and callable(value.read)
    )


def has_files(value: Any) -> bool:
    """Whether a value holds files at any depth."""
    if isinstance(value, _plain):
        return False
    if is_file(value):
        return True
    value = _opened(value)
    if isinstance(value, Mapping):
        return any(has_files(v) for v in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(has_files(v) for v in cast("list[Any]", value))
    return False


def collect(value: Any, into: dict[int, Any]) -> None:
    """Finds the files in a value, each object once, by its id()."""
    if is_file(value):
        into[id(value)] = value
        return
    value = _opened(value)
    if isinstance(value, Mapping):
        for v in cast("Mapping[Any, Any]", value).values():
            collect(v, into)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for v in cast("list[Any]", value):
            collect(v, into)


def substitute(value: Any, references: Mapping[int, Any]) -> Any:
    """The value with its files replaced by their references; what holds none stays the same object."""
    if not has_files(value):
        return value
    if is_file(value):
        return references[id(value)]
    value = _opened(value)
    if isinstance(value, Mapping):
        return {k: substitute(v, references) for k, v in cast("Mapping[Any, Any]", value).items()}
    return [substitute(v, references) for v in cast("list[Any]", value)]


def file_id(file: str | Mapping[str, Any]) -> str:
    """The id out of a reference, or the id itself.

    Raises:
        TypeError: it is neither.
    """
    id = file if isinstance(file, str) else file.get("fileId")
    if not isinstance(id, str):
        raise TypeError("neither the id of a file nor a reference with a member fileId")
    return id
