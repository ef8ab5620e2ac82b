"""What the protocol asks of every worker: hashes and names."""

from __future__ import annotations

import uuid
from typing import Any

from .. import _json

MAX_PAYLOAD = 1 << 20
"""The protocol's limit for one output, in bytes."""


def fnv1a(raw: bytes) -> int:
    """The 64-bit FNV-1a hash."""
    h = 14695981039346656037
    for byte in raw:
        h = ((h ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return h


def input_hash(value: Any) -> str:
    """The hash of a value's JSON."""
    return f"{fnv1a(_json.encode(value)):016x}"


def key_text(item: Any) -> str:
    """A key as it stands in a step's name: short texts as they are, anything else as the hash of its JSON."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (str, int, uuid.UUID)):
        text = str(item)
        if text and len(text.encode("utf-8", "replace")) <= 120 and text.isprintable() and not set(text) & set("[]#"):
            return text
        return f"{fnv1a(text.encode('utf-8', 'replace')):016x}"
    return input_hash(item)


def valid_step_name(name: str) -> bool:
    """Whether a name is 1 to 100 printable characters without #, [ and ]."""
    return 0 < len(name.encode("utf-8", "replace")) <= 100 and name.isprintable() and not set(name) & set("[]#")


def valid_workflow_name(name: str) -> bool:
    """Whether a name is one that a workflow can have."""
    allowed = "abcdefghijklmnopqrstuvwxyz0123456789"
    return (
        0 < len(name) <= 100
        and name != "executions"
        and name[0] in allowed
        and all(c in allowed or c in "._-" for c in name)
    )
