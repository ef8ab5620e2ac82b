"""What requests carry. Made from spec/openapi.json by scripts/generate_types.py: do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Union

from typing_extensions import NotRequired, TypedDict

__all__ = [
    "BulkCancelFilterParams",
    "BulkCancelParams",
    "CancelExecutionParams",
    "CreateApprovalLinkParams",
    "CreateProjectParams",
    "CreateVersionParams",
    "DecisionParams",
    "EndpointUpdateParams",
    "KeySpecParams",
    "NewEndpointSpecParams",
    "OverridesParams",
    "Scope",
    "SecretRotationParams",
    "SetCurrentVersionParams",
    "SignalExecutionParams",
    "StartExecutionsParams",
    "StartParams",
    "Status",
    "TerminateExecutionParams",
    "Trigger",
    "UpdateWorkflowParams",
    "VersionLabel",
    "VersionRef",
    "WorkflowSpecParams",
]

VersionRef: TypeAlias = Union['str', 'int']
"""A version's label or number."""


class OverridesParams(TypedDict):
    """Steps of this execution that do not run. Each has the given output at once."""

    steps: NotRequired[dict[str, Any]]
    """The name of a step, as it is recorded, and its output."""


class StartParams(TypedDict):
    """Start params, as in the API's document."""

    workflow_id: str
    """Name or id of the workflow."""
    input: dict[str, Any]
    """What the handler receives."""
    timeout_ms: NotRequired[int]
    """Wall-clock limit from creation; when it passes, the execution is cancelled."""
    start_at: NotRequired[str]
    """When it becomes eligible; not together with delay_ms."""
    delay_ms: NotRequired[int]
    """How long until it becomes eligible."""
    metadata: NotRequired[dict[str, str]]
    """Your own labels, to filter by."""
    priority: NotRequired[int]
    """Higher ones are claimed first."""
    version: NotRequired[VersionRef]
    """A version's label or number."""
    queue_ttl_ms: NotRequired[int]
    """Longest time without a worker; when it passes, the execution is rejected."""
    idempotency_key: NotRequired[str]
    """As the header Idempotency-Key."""
    trigger: NotRequired[Literal["api", "cli", "manual"] | str]
    callback_url: NotRequired[str]
    """An http or https URL that gets one signed message when the execution has ended; see `webhooks`. Addresses
    inside the server's network are refused.
    """
    overrides: NotRequired[OverridesParams]
    """Steps of this execution that do not run. Each has the given output at once."""


class StartExecutionsParams(TypedDict):
    """Start executions params, as in the API's document."""

    executions: list[StartParams]


Status: TypeAlias = Literal["created", "pending", "running", "waiting", "finalizing", "completed", "failed", "cancelled", "rejected"] | str
"""The first five are open, the last four are final."""


Trigger: TypeAlias = Literal["api", "cli", "manual", "scheduled", "rerun"] | str


class BulkCancelFilterParams(TypedDict):
    """As the query of the list. {} means every open execution of the project."""

    status: NotRequired[list[Status] | str]
    workflow_id: NotRequired[str]
    created_from: NotRequired[str]
    created_to: NotRequired[str]
    metadata: NotRequired[dict[str, str]]
    """Your own labels, to filter by."""
    trigger: NotRequired[list[Trigger] | str]
    awaiting: NotRequired[str]
    text: NotRequired[str]


class BulkCancelParams(TypedDict):
    """Bulk cancel params, as in the API's document."""

    filter: BulkCancelFilterParams
    """As the query of the list. {} means every open execution of the project."""
    reason: NotRequired[str]
    grace_ms: NotRequired[int]
    """How long a worker may take to stop."""
    limit: NotRequired[int]


class CancelExecutionParams(TypedDict):
    """Cancel execution params, as in the API's document."""

    reason: NotRequired[str]
    """In your words; kept with the event."""
    grace_ms: NotRequired[int]
    """How long a worker may take to stop."""


class SignalExecutionParams(TypedDict):
    """Signal execution params, as in the API's document."""

    payload: NotRequired[Any]
    """What the handler gets."""


class DecisionParams(TypedDict):
    """Decision params, as in the API's document."""

    name: NotRequired[str]
    """Of the approval; may be left out when one alone is awaited."""
    step: NotRequired[str]
    """The one wait that is meant, such as manager#2; default: the oldest that is awaited under the name."""
    comment: NotRequired[str]
    by: NotRequired[str]
    """Who decides, as it is shown to people."""
    payload: NotRequired[Any]
    """What the handler gets."""


class CreateApprovalLinkParams(TypedDict):
    """Create approval link params, as in the API's document."""

    name: NotRequired[str]
    """Of the approval; may be left out when one alone is awaited."""
    step: NotRequired[str]
    """The one wait that is meant, such as manager#2; default: the oldest that is awaited under the name, otherwise
    the step of that name.
    """
    expires_in_ms: NotRequired[int]
    lease: NotRequired[str]
    """Of the execution, as the worker has it."""


class TerminateExecutionParams(TypedDict):
    """Terminate execution params, as in the API's document."""

    reason: NotRequired[str]


VersionLabel: TypeAlias = Union['str', 'int']
"""The author's name for a version. A new label makes a version."""


class WorkflowSpecParams(TypedDict):
    """Workflow spec params, as in the API's document."""

    name: str
    description: NotRequired[str]
    input_schema: NotRequired[dict[str, Any]]
    """JSON Schema 2020-12 that every input must match. References to other documents are refused."""
    version: NotRequired[VersionLabel]
    """The author's name for a version. A new label makes a version."""
    retention_ms: NotRequired[int]
    """How long finished executions are kept; 0: the server's default."""
    timeout_ms: NotRequired[int]
    """Default deadline of executions; 0: none."""
    api_trigger: NotRequired[bool]
    """Whether the workflow may be started through the API. While it is false, starts are refused with 403
    `api_trigger_disabled`, but for repeats of earlier ones; what was started goes on.
    """


class UpdateWorkflowParams(TypedDict):
    """Update workflow params, as in the API's document."""

    retention_ms: NotRequired[int]
    """How long finished executions are kept; 0: the server's default."""
    timeout_ms: NotRequired[int]
    """Default deadline of executions; 0: none."""
    api_trigger: NotRequired[bool]
    """Whether the workflow may be started through the API. While it is false, starts are refused with 403
    `api_trigger_disabled`, but for repeats of earlier ones; what was started goes on.
    """


class CreateVersionParams(TypedDict):
    """Create version params, as in the API's document."""

    version: NotRequired[VersionLabel]
    """The author's name for a version. A new label makes a version."""
    description: NotRequired[str]
    input_schema: NotRequired[dict[str, Any]]
    """JSON Schema 2020-12 that every input must match. References to other documents are refused."""
    current: NotRequired[bool]
    """Whether starts use it from now on."""


class SetCurrentVersionParams(TypedDict):
    """Set current version params, as in the API's document."""

    version: VersionRef
    """A version's label or number."""


class NewEndpointSpecParams(TypedDict):
    """New endpoint spec params, as in the API's document."""

    url: str
    """An http or https URL."""
    description: NotRequired[str]
    events: NotRequired[list[Literal["created", "status_changed", "terminal"] | str]]
    """What it hears of: `created` when an execution was started, `status_changed` when its status changed to one
    that is not final, `terminal` when it ended.
    """
    workflows: NotRequired[list[str] | None]
    """Names of the only workflows it hears of; null: all."""
    enabled: NotRequired[bool]
    secret: NotRequired[str]
    """`whsec_` and base64 of 24 to 64 bytes; without it one is made."""


class EndpointUpdateParams(TypedDict):
    """Endpoint update params, as in the API's document."""

    url: NotRequired[str]
    """An http or https URL."""
    description: NotRequired[str]
    events: NotRequired[list[Literal["created", "status_changed", "terminal"] | str]]
    """What it hears of: `created` when an execution was started, `status_changed` when its status changed to one
    that is not final, `terminal` when it ended.
    """
    workflows: NotRequired[list[str] | None]
    """Names of the only workflows it hears of; null: all."""
    enabled: NotRequired[bool]
    """Whether messages are sent to it."""


class SecretRotationParams(TypedDict):
    """Secret rotation params, as in the API's document."""

    grace_ms: NotRequired[int]
    """How long the old secret signs beside the new one."""


Scope: TypeAlias = Literal["executions:start", "executions:read", "executions:cancel", "executions:signal", "executions:approve", "executions:manage", "workflows:read", "workflows:manage", "workers:run", "keys:manage", "files:read", "files:write", "webhooks:manage", "admin"] | str
"""What a key may do. `admin` may do everything."""


class KeySpecParams(TypedDict):
    """Key spec params, as in the API's document."""

    name: NotRequired[str]
    scopes: list[Scope]
    workflows: NotRequired[list[str]]
    """Binds a worker key to these workflows."""
    rate_limit: NotRequired[float | str]
    """Requests per second, or a text such as 10/s, 600/m or 3600/h."""
    expires_at: NotRequired[str]
    project: NotRequired[str]
    """Name or id; only for keys with the scope admin."""


class CreateProjectParams(TypedDict):
    """Create project params, as in the API's document."""

    name: str
