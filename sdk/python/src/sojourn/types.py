"""The types of requests and answers, made from the API's document."""

from ._gen import models, params
from ._models import (
    ApprovalLink,
    CallbackSecret,
    CallbackSecrets,
    Execution,
    ExecutionPageModel,
    FileInfo,
    PageModel,
    StartResult,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from ._params import StartOptions
from ._progress import Progress
from ._response import RawResponse

__all__ = [
    "ApprovalLink",
    "CallbackSecret",
    "CallbackSecrets",
    "Execution",
    "ExecutionPageModel",
    "FileInfo",
    "PageModel",
    "Progress",
    "RawResponse",
    "StartOptions",
    "StartResult",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "models",
    "params",
]
