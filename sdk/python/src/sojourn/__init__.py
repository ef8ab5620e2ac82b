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

__all__ = [
    "DEFAULT_BASE_URL",
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AlreadyTerminalError",
    "AsyncSojourn",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "DeletedError",
    "Execution",
    "ExecutionCancelledError",
    "ExecutionFailedError",
    "ExecutionOutcomeError",
    "ExecutionRejectedError",
    "ExecutionTimedOutError",
    "FieldError",
    "File",
    "InternalServerError",
    "NotFinishedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "Sojourn",
    "SojournError",
    "UnprocessableEntityError",
    "WaitTimeoutError",
    "__version__",
    "new_idempotency_key",
    "types",
    "webhooks",
]
