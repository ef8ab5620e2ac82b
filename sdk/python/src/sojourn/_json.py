"""JSON as it goes over the wire."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def _default(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("bytes are not JSON: encode them as text, or pass them as a file with sojourn.File")
    return to_jsonable_python(value, by_alias=True)


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default)


def dumps(value: Any) -> str:
    """A value as JSON without white space.

    Pydantic models, dataclasses, dates, decimals, UUIDs, enums and sets are written as pydantic writes them.

    Raises:
        TypeError: something in it has no JSON form.
        ValueError: NaN or an infinity, a cycle, or text that is not Unicode.
    """
    return _encoder.encode(value)


def encode(value: Any) -> bytes:
    """dumps, as UTF-8."""
    return dumps(value).encode()


loads = json.loads
