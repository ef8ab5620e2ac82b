"""What the API answers. Made from spec/openapi.json by scripts/generate_types.py: do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Union

from pydantic import Field

from .._model import Model, Time

__all__ = [
    "ApprovalLink",
    "Awaited",
    "CallbackSecrets",
    "CallbackSecretsSecretsItem",
    "CancelExecutionsResponse",
    "CountExecutionsResponse",
    "Counts",
    "Event",
    "EventActor",
    "EventPage",
    "Execution",
    "ExecutionPage",
    "ExecutionWorkflow",
    "File",
    "GetExecutionLogsResponse",
    "Info",
    "InfoKey",
    "InfoLimits",
    "InfoProject",
    "Key",
    "ListDeliveriesResponse",
    "ListEndpointsResponse",
    "ListFilesResponse",
    "ListKeysResponse",
    "ListProjectsResponse",
    "ListStatsResponse",
    "ListVersionsResponse",
    "ListWorkersResponse",
    "ListWorkflowsResponse",
    "ListenResponse",
    "ListenedMessage",
    "LogLine",
    "NewKey",
    "NewWebhookEndpoint",
    "Percentiles",
    "Problem",
    "ProblemErrorsItem",
    "Project",
    "Scope",
    "StartExecutionsResponse",
    "StartExecutionsResponseResultsItem",
    "StartedExecution",
    "StartedExecution2",
    "StatsBucket",
    "StatsBucketCounts",
    "StatsOfWorkflow",
    "Status",
    "Step",
    "StepAttemptsItem",
    "System",
    "SystemCommits",
    "SystemQueuesItem",
    "SystemQueuesItemProject",
    "SystemServersItem",
    "SystemStoresItem",
    "Trigger",
    "Version",
    "WebhookDelivery",
    "WebhookDeliveryAttemptLogItem",
    "WebhookEndpoint",
    "Worker",
    "Workflow",
    "WorkflowStats",
]

class ExecutionWorkflow(Model):
    """Execution workflow, as in the API's document."""

    id: str
    name: str


Status: TypeAlias = Literal["created", "pending", "running", "waiting", "finalizing", "completed", "failed", "cancelled", "rejected"] | str
"""The first five are open, the last four are final."""


class Awaited(Model):
    """Awaited, as in the API's document."""

    kind: Literal["signal", "approval"] | str
    name: str
    """What signals and decisions call it."""
    step: str
    since: Time
    expires_at: Time | None = None
    payload: Any = None
    """What the approver gets to see. Only when one execution is read."""


Trigger: TypeAlias = Literal["api", "cli", "manual", "scheduled", "rerun"] | str


class StepAttemptsItem(Model):
    """Step attempts item, as in the API's document."""

    attempt: int
    execution_attempt: int
    started_at: Time | None = None
    completed_at: Time | None = None
    error: str | None = None
    error_code: str | None = None


class Step(Model):
    """Step, as in the API's document."""

    id: str
    name: str
    kind: Literal["step", "sleep", "signal", "approval"] | str
    status: Literal["running", "waiting", "completed", "failed", "cancelled", "rejected"] | str
    """rejected: an approval that was refused."""
    overridden: bool | None = None
    """It did not run; its output came with the start."""
    attempt: int
    """Tries so far."""
    started_at: Time | None = None
    completed_at: Time | None = None
    until: Time | None = None
    next_attempt_at: Time | None = None
    input: Any = None
    """What the approver of an approval gets to see."""
    output: Any = None
    """The recorded result; of a signal or an approval that ended, a WaitEnd."""
    error: str | None = None
    error_code: str | None = None
    error_details: dict[str, Any] | None = None
    attempts: list[StepAttemptsItem]


class EventActor(Model):
    """Event actor, as in the API's document."""

    type: Literal["engine", "key", "worker", "approval_link"] | str
    id: str | None = None


class Event(Model):
    """Event, as in the API's document."""

    revision: int
    type: Literal["created", "ready", "claimed", "returned", "lease_lost", "step_started", "step_completed", "step_failed", "sleep_started", "progressed", "suspended", "woken", "attempt_failed", "retried", "cancel_requested", "finalizing", "completed", "failed", "cancelled", "rejected", "wait_started", "signalled", "wait_ended"] | str
    at: Time
    actor: EventActor
    step: str | None = None
    attempt: int | None = None
    until: Time | None = None
    progress: float | None = None
    code: str | None = None
    message: str | None = None
    wait: Literal["signal", "approval"] | str | None = None
    """Of wait_started."""
    name: str | None = None
    """Of the signal or approval."""
    payload: Any = None
    """What the approver gets to see, or what came with the signal or the decision; a signal's is in its own event."""
    outcome: Literal["received", "approved", "rejected", "timeout"] | str | None = None
    """Of wait_ended."""
    comment: str | None = None
    """Of whoever decided."""
    by: str | None = None
    """Who decided, as the decider said."""
    status: Status
    """The state of the execution after it."""
    execution_id: str | None = None
    """In streams."""
    workflow_id: str | None = None
    """In streams of a project."""
    workflow: str | None = None
    """The name of the workflow, in streams of a project."""


class Execution(Model):
    """Execution, as in the API's document."""

    id: str
    workflow_id: str
    workflow: ExecutionWorkflow | None
    """Null when the workflow was deleted."""
    version: int | None = None
    """The version's number; absent when the workflow has none."""
    status: Status
    """The first five are open, the last four are final."""
    status_reason: str | None = None
    """Why an open execution is where it is: scheduled, queued, no_worker, executing, retry_backoff,
    awaiting_worker, awaiting_idle_worker, timer, signal:NAME, approval:NAME, cancelling, finalizing.
    """
    status_message: str | None = None
    """The reason as a sentence."""
    resumes_at: Time | None = None
    awaiting: list[Awaited] | None = None
    """Open waits for signals and approvals, oldest first; absent when there are none."""
    revision: int
    """Rises by one with each change."""
    attempt: int
    """How often a worker took it."""
    input: dict[str, Any] | None
    """Null when redacted."""
    output: Any = None
    """What the handler returned; only when completed."""
    error: str | None = None
    """What went wrong; when failed or rejected, and when cancelled with a reason."""
    error_code: str | None = None
    """The same for programs."""
    error_details: dict[str, Any] | None = None
    progress: float | None = None
    """As the handler reported it; it never falls."""
    priority: int
    trigger_type: Trigger
    metadata: dict[str, str] | None = None
    """Your own labels, to filter by."""
    callback_url: str | None = None
    """Told when the execution has ended."""
    created_at: Time
    scheduled_at: Time | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    deadline_at: Time | None = None
    cancel_requested_at: Time | None = None
    cancel_reason: Literal["requested", "timeout", "terminated"] | str | None = None
    redacted: bool | None = None
    steps: list[Step] | None = None
    """With include=steps."""
    events: list[Event] | None = None
    """With include=events."""


class Counts(Model):
    """Counts, as in the API's document."""

    created: int
    pending: int
    running: int
    waiting: int
    finalizing: int
    completed: int
    failed: int
    cancelled: int
    rejected: int


class ExecutionPage(Model):
    """Execution page, as in the API's document."""

    data: list[Execution]
    has_more: bool
    next_cursor: str | None
    searched_until: Time | None = None
    counts: Counts | None = None
    counts_exact: bool | None = None
    """As exact of the counts."""


class ProblemErrorsItem(Model):
    """Problem errors item, as in the API's document."""

    field: str
    """A JSON path such as input.lines[2].qty, or the name of a query parameter or header; empty for the whole
    body.
    """
    code: Literal["required", "invalid_type", "invalid_value", "out_of_range", "unknown_field", "too_long", "duplicate_key", "too_deep", "schema", "not_found", "conflict", "ambiguous"] | str
    message: str


class Problem(Model):
    """Problem, as in the API's document."""

    type: str
    """A place in this document that explains the code."""
    title: str
    status: int
    detail: str
    """What is wrong and what would be right."""
    code: Literal["invalid_json", "invalid_request", "invalid_progress", "unauthenticated", "forbidden", "api_trigger_disabled", "not_found", "session_lost", "method_not_allowed", "conflict", "skipped", "already_terminal", "stale_lease", "cancel_requested", "step_recorded", "history_limit", "invalid_transition", "nothing_to_wait", "not_awaiting", "signal_limit", "wait_limit", "not_finished", "deleted", "digest_mismatch", "file_in_use", "range_not_satisfiable", "quota_exceeded", "payload_too_large", "unsupported_media_type", "idempotency_mismatch", "rate_limited", "backlog_full", "internal", "unavailable", "insufficient_storage"] | str
    errors: list[ProblemErrorsItem] | None = None
    execution_status: Status | None = None
    """The first five are open, the last four are final."""
    request_id: str | None = None


class StartedExecution2(Model):
    """Started execution2, as in the API's document."""

    id: str
    deleted: bool


StartedExecution: TypeAlias = Union['Execution', 'StartedExecution2']
"""The execution, or only its id when it was deleted since."""


class StartExecutionsResponseResultsItem(Model):
    """Start executions response results item, as in the API's document."""

    status: int
    """201 for a new execution, 200 for a key that was used before, otherwise the status of the error."""
    execution: StartedExecution | None = None
    """The execution, or only its id when it was deleted since."""
    error: Problem | None = None


class StartExecutionsResponse(Model):
    """Start executions response, as in the API's document."""

    results: list[StartExecutionsResponseResultsItem]


class CancelExecutionsResponse(Model):
    """Cancel executions response, as in the API's document."""

    matched: int
    """Executions that the filter matched and nobody had asked to stop before."""
    cancelled: int
    """Cancelled at once."""
    requested: int
    """Asked to stop; their workers were told."""
    already_terminal: int
    """Ended by themselves in between."""
    has_more: bool


class CountExecutionsResponse(Model):
    """Count executions response, as in the API's document."""

    counts: Counts
    total: int
    exact: bool
    """False when the dates cut an hour with more executions than are counted one by one; that hour is then counted
    whole.
    """


class ApprovalLink(Model):
    """Approval link, as in the API's document."""

    url: str
    """To be given to whoever decides."""
    token: str
    step: str
    """The wait that it decides."""
    expires_at: Time


class LogLine(Model):
    """Log line, as in the API's document."""

    step: str | None = None
    """Absent outside steps."""
    attempt: int
    at: Time
    level: Literal["debug", "info", "warn", "error"] | str
    message: str
    fields: dict[str, Any] | None = None


class GetExecutionLogsResponse(Model):
    """Get execution logs response, as in the API's document."""

    data: list[LogLine]
    has_more: bool
    next_cursor: str | None


class EventPage(Model):
    """Event page, as in the API's document."""

    data: list[Event]
    has_more: bool
    """There may be more already."""
    last_id: str
    """What to give as after to go on."""
    reset: bool | None = None
    """As the event of that name in a stream."""


class Workflow(Model):
    """Workflow, as in the API's document."""

    id: str
    name: str
    description: str | None = None
    version: int | None = None
    """Number of the current version; absent when there is none."""
    version_label: str | None = None
    input_schema: dict[str, Any] | None = None
    """JSON Schema 2020-12 that every input must match. References to other documents are refused."""
    retention_ms: int | None = None
    """Absent for the server's default."""
    timeout_ms: int | None = None
    """Absent for none."""
    api_trigger: bool
    """Whether the workflow may be started through the API. While it is false, starts are refused with 403
    `api_trigger_disabled`, but for repeats of earlier ones; what was started goes on.
    """
    created_at: Time
    updated_at: Time
    workers: int
    """Live worker sessions that serve it."""


class ListWorkflowsResponse(Model):
    """List workflows response, as in the API's document."""

    data: list[Workflow]
    has_more: bool
    next_cursor: str | None


class Version(Model):
    """Version, as in the API's document."""

    id: str
    workflow_id: str
    version: int
    label: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    """JSON Schema 2020-12 that every input must match. References to other documents are refused."""
    created_at: Time
    is_current: bool


class ListVersionsResponse(Model):
    """List versions response, as in the API's document."""

    data: list[Version]
    has_more: bool
    next_cursor: str | None


class Percentiles(Model):
    """Milliseconds within which half and 95 of 100 executions of the sample were done."""

    p50: float
    p95: float


class StatsBucketCounts(Model):
    """Of those, how many are in each state now. States that none is in are left out."""

    created: int | None = None
    pending: int | None = None
    running: int | None = None
    waiting: int | None = None
    finalizing: int | None = None
    completed: int | None = None
    failed: int | None = None
    cancelled: int | None = None
    rejected: int | None = None


class StatsBucket(Model):
    """Stats bucket, as in the API's document."""

    at: Time
    started: int
    """Executions that were created in it."""
    counts: StatsBucketCounts
    """Of those, how many are in each state now. States that none is in are left out."""
    sample: int | None = None
    """Of how many executions the timings of this bucket are."""
    run_ms: Percentiles | None = None
    """Milliseconds within which half and 95 of 100 executions of the sample were done."""
    queue_ms: Percentiles | None = None
    """Milliseconds within which half and 95 of 100 executions of the sample were done."""


class WorkflowStats(Model):
    """Workflow stats, as in the API's document."""

    from_: Time = Field(..., alias="from")
    """Beginning of the first bucket."""
    to: Time
    """End of the last bucket."""
    bucket_ms: int
    """How long a bucket is."""
    workflow_id: str
    workflow_name: str
    workers: int
    """Live workers that serve it."""
    started: int
    """Executions that were created within the time."""
    counts: Counts
    exact: bool
    """False when buckets are shorter than an hour and there are too many executions: an hour's counters are then
    spread evenly over its buckets.
    """
    sample: int
    """How many of the newest executions that have ended the timings are made of."""
    sampled: bool
    """There are more than the sample."""
    run_ms: Percentiles | None = None
    """From the first claim to the end, of those of the sample that a worker had claimed. Absent when there are
    none.
    """
    queue_ms: Percentiles | None = None
    """From creation to the first claim, the delay of delayed ones included."""
    oldest_pending_at: Time | None = None
    """Since when that execution is ready for a worker that has waited longest. Absent when none waits."""
    buckets: list[StatsBucket]


class StatsOfWorkflow(Model):
    """Stats of workflow, as in the API's document."""

    workflow_id: str
    workflow_name: str
    workers: int
    """Live workers that serve it."""
    started: int
    """Executions that were created within the time."""
    counts: Counts
    exact: bool
    """False when buckets are shorter than an hour and there are too many executions: an hour's counters are then
    spread evenly over its buckets.
    """
    sample: int
    """How many of the newest executions that have ended the timings are made of."""
    sampled: bool
    """There are more than the sample."""
    run_ms: Percentiles | None = None
    """From the first claim to the end, of those of the sample that a worker had claimed. Absent when there are
    none.
    """
    queue_ms: Percentiles | None = None
    """From creation to the first claim, the delay of delayed ones included."""
    oldest_pending_at: Time | None = None
    """Since when that execution is ready for a worker that has waited longest. Absent when none waits."""
    buckets: list[StatsBucket]


class ListStatsResponse(Model):
    """List stats response, as in the API's document."""

    data: list[StatsOfWorkflow]
    has_more: bool
    next_cursor: str | None
    from_: Time = Field(..., alias="from")
    to: Time
    bucket_ms: int
    """How long a bucket is."""


class Worker(Model):
    """Worker, as in the API's document."""

    id: str
    name: str
    sdk: str | None = None
    version: str | None = None
    workflows: list[str]
    capacity: int
    held: int
    last_seen_at: Time
    expires_at: Time
    draining: bool


class ListWorkersResponse(Model):
    """List workers response, as in the API's document."""

    data: list[Worker]


class File(Model):
    """File, as in the API's document."""

    id: str
    filename: str
    """What its sender called it, without directories."""
    mime_type: str
    """What its sender says it is; application/octet-stream when unknown."""
    size: int
    """In bytes."""
    sha256: str
    created_at: Time
    expires_at: Time | None = None
    """When it is removed unless an execution refers to it by then; absent while one does."""


class ListFilesResponse(Model):
    """List files response, as in the API's document."""

    data: list[File]
    has_more: bool
    next_cursor: str | None


class WebhookEndpoint(Model):
    """Webhook endpoint, as in the API's document."""

    id: str
    url: str
    description: str
    events: list[Literal["created", "status_changed", "terminal"] | str]
    """What it hears of: `created` when an execution was started, `status_changed` when its status changed to one
    that is not final, `terminal` when it ended.
    """
    workflows: list[str] | None = None
    """The only workflows it hears of; absent: all."""
    enabled: bool
    disabled_reason: str | None = None
    """Why it is disabled: `by_request`, or `receiver_gone` when the receiver answered 410."""
    created_at: Time
    updated_at: Time
    secret_hints: list[str]
    """The last characters of the secrets that sign now, the newest first."""


class ListEndpointsResponse(Model):
    """List endpoints response, as in the API's document."""

    data: list[WebhookEndpoint]
    has_more: bool
    next_cursor: str | None


class NewWebhookEndpoint(Model):
    """New webhook endpoint, as in the API's document."""

    id: str
    url: str
    description: str
    events: list[Literal["created", "status_changed", "terminal"] | str]
    """What it hears of: `created` when an execution was started, `status_changed` when its status changed to one
    that is not final, `terminal` when it ended.
    """
    workflows: list[str] | None = None
    """The only workflows it hears of; absent: all."""
    enabled: bool
    disabled_reason: str | None = None
    """Why it is disabled: `by_request`, or `receiver_gone` when the receiver answered 410."""
    created_at: Time
    updated_at: Time
    secret_hints: list[str]
    """The last characters of the secrets that sign now, the newest first."""
    secret: str
    """What receivers verify signatures with. It is not shown again."""


class WebhookDeliveryAttemptLogItem(Model):
    """Webhook delivery attempt log item, as in the API's document."""

    at: Time
    duration_ms: int
    status: int | None = None
    """Of the answer; absent when there was none."""
    error: str | None = None
    response_excerpt: str | None = None
    """How the answer began."""


class WebhookDelivery(Model):
    """Webhook delivery, as in the API's document."""

    id: str
    kind: Literal["callback", "endpoint", "test"] | str
    endpoint_id: str | None = None
    execution_id: str | None = None
    revision: int | None = None
    """Of the execution when the message was made."""
    type: Literal["execution.created", "execution.status_changed", "execution.completed", "execution.failed", "execution.cancelled", "execution.rejected", "endpoint.test"] | str
    url: str | None = None
    """Where it goes; absent when the execution was redacted."""
    state: Literal["pending", "delivered", "dead", "cancelled"] | str
    attempts: int
    """Made so far."""
    next_attempt_at: Time | None = None
    created_at: Time
    delivered_at: Time | None = None
    last_error: str | None = None
    attempt_log: list[WebhookDeliveryAttemptLogItem] | None = None
    """Only with one delivery."""
    body: str | None = None
    """The body that is sent, exactly; only with one delivery."""


class CallbackSecretsSecretsItem(Model):
    """Callback secrets secrets item, as in the API's document."""

    secret: str
    created_at: Time
    expires_at: Time | None = None


class CallbackSecrets(Model):
    """Callback secrets, as in the API's document."""

    secrets: list[CallbackSecretsSecretsItem]


class ListDeliveriesResponse(Model):
    """List deliveries response, as in the API's document."""

    data: list[WebhookDelivery]
    has_more: bool
    next_cursor: str | None


class ListenedMessage(Model):
    """Listened message, as in the API's document."""

    id: str
    """The same whenever the stream is read."""
    type: str
    execution_id: str
    headers: dict[str, str]
    """To pass the message on with: webhook-id, webhook-timestamp, webhook-signature and others."""
    body: str
    """The body to pass on as it is."""


class ListenResponse(Model):
    """Listen response, as in the API's document."""

    secret: str
    data: list[ListenedMessage]
    has_more: bool
    """There may be more already."""
    last_id: str
    """What to give as after to go on."""
    reset: bool | None = None
    """As the event of that name in a stream."""


Scope: TypeAlias = Literal["executions:start", "executions:read", "executions:cancel", "executions:signal", "executions:approve", "executions:manage", "workflows:read", "workflows:manage", "workers:run", "keys:manage", "files:read", "files:write", "webhooks:manage", "admin"] | str
"""What a key may do. `admin` may do everything."""


class Key(Model):
    """Key, as in the API's document."""

    id: str
    name: str
    last4: str
    project: str
    scopes: list[Scope]
    workflows: list[str] | None = None
    rate_limit: float | None = None
    created_at: Time
    expires_at: Time | None = None
    revoked_at: Time | None = None
    last_used_at: Time | None = None


class ListKeysResponse(Model):
    """List keys response, as in the API's document."""

    data: list[Key]
    has_more: bool
    next_cursor: None


class NewKey(Model):
    """New key, as in the API's document."""

    id: str
    name: str
    key: str
    """The secret; it is never shown again."""
    last4: str
    project: str
    scopes: list[Scope]
    workflows: list[str] | None = None
    rate_limit: float | None = None
    created_at: Time
    expires_at: Time | None = None


class Project(Model):
    """Project, as in the API's document."""

    id: str
    name: str
    created_at: Time


class ListProjectsResponse(Model):
    """List projects response, as in the API's document."""

    data: list[Project]
    has_more: bool
    next_cursor: None


class SystemServersItem(Model):
    """System servers item, as in the API's document."""

    name: str
    version: str | None = None
    """Absent when it does not tell, as older servers."""
    started_at: Time | None = None
    last_seen_at: Time
    self: bool
    """It is the one that answers."""


class SystemStoresItem(Model):
    """System stores item, as in the API's document."""

    name: str | None = None
    """Its name among several."""
    kind: Literal["sqlite", "postgres"] | str
    schema_version: int
    bytes: int | None = None
    """That the data takes. Absent when it is not known."""
    shards: int
    """How many of the 1024 shards of executions lie in it."""


class SystemCommits(Model):
    """How this server's commits went over the last minute."""

    over_ms: int
    """Less than a minute after the start of the server."""
    per_second: float
    """Transactions."""
    commands_per_second: float
    """Starts, reports and other commands, of which a transaction has many under load."""
    p50_ms: float | None = None
    """Within which half of the transactions were on stable storage, at most a quarter too long. Absent when there
    were none.
    """
    p99_ms: float | None = None


class SystemQueuesItemProject(Model):
    """System queues item project, as in the API's document."""

    id: str
    name: str


class SystemQueuesItem(Model):
    """System queues item, as in the API's document."""

    project: SystemQueuesItemProject
    pending: int
    """Executions in the state pending."""
    oldest_pending_at: Time | None = None
    """Since when that execution is ready for a worker that has waited longest. Absent when none waits."""


class System(Model):
    """System, as in the API's document."""

    version: str
    """Of the server that answers."""
    go_version: str
    started_at: Time
    uptime_ms: int
    servers: list[SystemServersItem]
    """The servers that are alive, by name."""
    stores: list[SystemStoresItem]
    """The databases that the data lies in."""
    commits: SystemCommits
    """How this server's commits went over the last minute."""
    queues: list[SystemQueuesItem]
    """What waits for workers, in each project, by name."""


class InfoProject(Model):
    """Info project, as in the API's document."""

    id: str
    name: str


class InfoKey(Model):
    """Info key, as in the API's document."""

    id: str
    name: str
    scopes: list[Scope]


class InfoLimits(Model):
    """Info limits, as in the API's document."""

    max_body_bytes: int
    max_batch_bytes: int
    max_batch: int
    max_payload_bytes: int
    max_depth: int
    max_wait_seconds: int
    max_page: int


class Info(Model):
    """Info, as in the API's document."""

    version: str
    protocol: int
    """Version of the worker protocol."""
    project: InfoProject
    key: InfoKey
    limits: InfoLimits
