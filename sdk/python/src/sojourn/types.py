"""The types of requests and answers, made from the API's document."""

from ._gen import models, params
from ._gen.models import ApprovalLink
from ._models import (
    CallbackSecrets,
    Execution,
    ExecutionPageModel,
    FileInfo,
    PageModel,
    StartResult,
)
from ._params import StartOptions
from ._progress import Progress
from ._response import RawResponse

__all__ = [
    "ApprovalLink",
    "CallbackSecrets",
    "Execution",
    "ExecutionPageModel",
    "FileInfo",
    "PageModel",
    "Progress",
    "RawResponse",
    "StartOptions",
    "StartResult",
    "models",
    "params",
]
