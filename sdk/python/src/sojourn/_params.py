"""The options that several methods share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from ._options import Seconds, compact, instant, millis


class StartOptions(TypedDict, total=False):
    """Options of a start. Lengths of time are seconds, or timedeltas."""

    timeout: Seconds
    """Wall-clock limit from creation; then the execution is cancelled. Default: the workflow's, or none."""
    start_at: datetime | str
    """Start later, at this time. A datetime without a zone is local time."""
    delay: Seconds
    """Start later, after this long; not together with start_at."""
    queue_ttl: Seconds
    """Rejected when no worker took it in this time. Default: it waits."""
    metadata: Mapping[str, str]
    """Labels of yours, at most 32, to find it by."""
    priority: int
    """-100 to 100; higher ones are taken first. Default 0."""
    version: str | int
    """A version of the workflow, by label or number. Default: the current one."""
    idempotency_key: str
    """One key, one execution, for 30 days. Default: a new one for each call, so that its own retries are safe."""
    callback_url: str
    """Where the server sends the outcome when the execution has ended; see sojourn.webhooks."""
    overrides: Mapping[str, Any]
    """{"steps": {name: output}}: these steps do not run, and have this output."""
    trigger: Literal["api", "cli", "manual"]
    """What the execution shows as its cause. Default "api"."""
    traceparent: str
    """W3C trace context, handed to the worker."""
    wait: Seconds
    """Let the server hold the answer until the execution has ended, at most this long and at most 60 s. Default 0."""
    until: Literal["terminal", "actionable"]
    """What ends the hold: only the end, or also that a signal or an approval is awaited. Default "terminal"."""
    include_steps: bool
    """Whether the answer shows the steps. Default False."""
    request_timeout: Seconds
    """Timeout of the request without the hold. Default: the client's."""


def start_body(workflow: str, input: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a start; files in the input have been replaced before."""
    return compact(
        workflow_id=workflow,
        input={} if input is None else input,
        timeout_ms=millis(options.get("timeout")),
        start_at=instant(options.get("start_at")),
        delay_ms=millis(options.get("delay")),
        queue_ttl_ms=millis(options.get("queue_ttl")),
        metadata=options.get("metadata"),
        priority=options.get("priority"),
        version=options.get("version"),
        callback_url=options.get("callback_url"),
        overrides=options.get("overrides"),
        trigger=options.get("trigger"),
    )


def wait_seconds(hold: float) -> int:
    """A hold on the wire: whole seconds, 1 to 60."""
    return min(max(int(hold) + (hold > int(hold)), 1), 60)


def joined(values: str | list[str] | tuple[str, ...] | None) -> str | None:
    """One or more values of a filter."""
    return values if values is None or isinstance(values, str) else ",".join(values)


def with_metadata(query: dict[str, Any], metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """The query with a filter for each label."""
    return query | {f"metadata[{k}]": v for k, v in (metadata or {}).items()}
