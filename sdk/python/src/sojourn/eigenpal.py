"""EigenpalClient: code written for the EigenPal Python SDK runs against a Sojourn server.

Only the import line changes: `from sojourn.eigenpal import EigenpalClient`.
"""

from ._async._eigenpal import AsyncEigenpalClient
from ._eigenpal_types import (
    CancelResponse,
    EigenpalAuthError,
    EigenpalConnectionError,
    EigenpalError,
    EigenpalForbiddenError,
    EigenpalNotFoundError,
    EigenpalRateLimitError,
    EigenpalServerError,
    EigenpalTimeoutError,
    EigenpalValidationError,
    ExecutionList,
    ExecutionStatusResponse,
    ExecutionStep,
    ExecutionSummary,
    RunResponse,
    RunResult,
    WorkflowList,
    WorkflowRef,
    WorkflowSummary,
    WorkflowVersion,
    WorkflowVersionList,
)
from ._sync._eigenpal import EigenpalClient

__all__ = [
    "AsyncEigenpalClient",
    "CancelResponse",
    "EigenpalAuthError",
    "EigenpalClient",
    "EigenpalConnectionError",
    "EigenpalError",
    "EigenpalForbiddenError",
    "EigenpalNotFoundError",
    "EigenpalRateLimitError",
    "EigenpalServerError",
    "EigenpalTimeoutError",
    "EigenpalValidationError",
    "ExecutionList",
    "ExecutionStatusResponse",
    "ExecutionStep",
    "ExecutionSummary",
    "RunResponse",
    "RunResult",
    "WorkflowList",
    "WorkflowRef",
    "WorkflowSummary",
    "WorkflowVersion",
    "WorkflowVersionList",
]
