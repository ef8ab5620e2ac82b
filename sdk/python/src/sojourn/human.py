"""HumanClient: code written for the Workflows API of human-sdk 0.1.0 runs against a Sojourn server.

>>> client = HumanClient(api_key="…")
>>> execution = client.workflows.start({"workflow_id": "echo", "input": {"text": "Hello world"}})
>>> client.workflows.wait_for_completion(execution.id).output
"""

from ._async._human import AsyncHumanClient, AsyncHumanWorkflows
from ._errors import FieldError
from ._human_types import (
    AsyncExecution,
    AuthorizationError,
    ConflictError,
    ExecutionListFilters,
    ExecutionPage,
    ExecutionStep,
    ExecutionTimeoutError,
    HumanError,
    NotFoundError,
    RateLimitError,
    StartExecutionRequest,
    ValidationError,
    WaitOptions,
)
from ._sync._human import HumanClient, HumanWorkflows

__all__ = [
    "AsyncExecution",
    "AsyncHumanClient",
    "AsyncHumanWorkflows",
    "AuthorizationError",
    "ConflictError",
    "ExecutionListFilters",
    "ExecutionPage",
    "ExecutionStep",
    "ExecutionTimeoutError",
    "FieldError",
    "HumanClient",
    "HumanError",
    "HumanWorkflows",
    "NotFoundError",
    "RateLimitError",
    "StartExecutionRequest",
    "ValidationError",
    "WaitOptions",
]
