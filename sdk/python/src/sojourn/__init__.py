"""Sojourn: durable executions of long-running work.

>>> from sojourn import Sojourn
>>> client = Sojourn()
>>> client.executions.run("echo", {"name": "Ada"})
{'name': 'Ada'}
"""

from . import types, webhooks
from ._async._client import AsyncSojourn
from ._errors import (
    AlreadyTerminalError,
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DeletedError,
    ExecutionCancelledError,
    ExecutionFailedError,
    ExecutionOutcomeError,
    ExecutionRejectedError,
    ExecutionTimedOutError,
    FieldError,
    InternalServerError,
    NotFinishedError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    SojournError,
    UnprocessableEntityError,
    WaitTimeoutError,
)
from ._files import File
from ._models import Execution
from ._options import DEFAULT_BASE_URL, new_idempotency_key
from ._progress import Progress
from ._sync._client import Sojourn
from ._version import VERSION as __version__
from ._worker._context import AsyncContext, Context
from ._worker._errors import (
    ApprovalRejectedError,
    CancelRequested,
    Draining,
    Failure,
    Interrupted,
    LeaseLost,
    Reject,
    SignalTimeoutError,
    StepError,
    StepMismatchError,
    StepNameError,
    Suspended,
)
from ._worker._retry import Retry
from ._worker._step import Decision, StepInfo, current_step
from ._worker._worker import Worker

__all__ = [
    "DEFAULT_BASE_URL",
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AlreadyTerminalError",
    "ApprovalRejectedError",
    "AsyncContext",
    "AsyncSojourn",
    "AuthenticationError",
    "BadRequestError",
    "CancelRequested",
    "ConflictError",
    "Context",
    "Decision",
    "DeletedError",
    "Draining",
    "Execution",
    "ExecutionCancelledError",
    "ExecutionFailedError",
    "ExecutionOutcomeError",
    "ExecutionRejectedError",
    "ExecutionTimedOutError",
    "Failure",
    "FieldError",
    "File",
    "InternalServerError",
    "Interrupted",
    "LeaseLost",
    "NotFinishedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "Reject",
    "Retry",
    "SignalTimeoutError",
    "Sojourn",
    "SojournError",
    "StepError",
    "StepInfo",
    "StepMismatchError",
    "StepNameError",
    "Suspended",
    "UnprocessableEntityError",
    "WaitTimeoutError",
    "Worker",
    "__version__",
    "current_step",
    "new_idempotency_key",
    "types",
    "webhooks",
]
