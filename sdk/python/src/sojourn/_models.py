"""The answers that have more to them than the API's document says."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, PrivateAttr, TypeAdapter, ValidationError

from ._errors import (
    APIResponseError,
    ExecutionCancelledError,
    ExecutionFailedError,
    ExecutionRejectedError,
    ExecutionTimedOutError,
)
from ._gen import models
from ._model import Model
from ._response import RawResponse

T = TypeVar("T")
TERMINAL = frozenset({"completed", "failed", "cancelled", "rejected"})


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], response: RawResponse) -> M:
    """The answer as a model.

    Raises:
        APIResponseError: it is something else.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        text = response.content[:200].decode("utf-8", "replace")
        raise APIResponseError(f"the answer is not a {model.__name__}: {error}\nIt begins: {text}") from error


class Execution(models.Execution):
    """One run of a workflow on one input."""

    _etag: str = PrivateAttr(default="")
    _replayed: bool = PrivateAttr(default=False)
    _request_id: str = PrivateAttr(default="")

    @classmethod
    def from_response(cls, response: RawResponse) -> Execution:
        """Reads an answer that is an execution."""
        x = parse(cls, response)
        x._etag = response.headers.get("etag", "")
        x._replayed = response.headers.get("idempotent-replay") == "true"
        x._request_id = response.request_id
        return x

    @property
    def etag(self) -> str:
        """Names this state of it, for If-None-Match; empty for one out of a list."""
        return self._etag

    @property
    def terminal(self) -> bool:
        """Whether it has ended: completed, failed, cancelled or rejected."""
        return self.status in TERMINAL

    @property
    def replayed(self) -> bool:
        """Whether a start found it under an idempotency key that was used before, instead of making it."""
        return self._replayed

    @property
    def request_id(self) -> str:
        """The id of the request that fetched it; empty for one out of a list."""
        return self._request_id

    def raise_for_outcome(self) -> Execution:
        """Returns itself, unless it ended otherwise than completed.

        Raises:
            ExecutionFailedError: it failed.
            ExecutionCancelledError: it was cancelled; ExecutionTimedOutError when its deadline did it.
            ExecutionRejectedError: it was declined.
        """
        match self.status:
            case "failed":
                raise ExecutionFailedError(self)
            case "cancelled" if self.cancel_reason == "timeout":
                raise ExecutionTimedOutError(self)
            case "cancelled":
                raise ExecutionCancelledError(self)
            case "rejected":
                raise ExecutionRejectedError(self)
            case _:
                return self

    def output_as(self, type_: type[T]) -> T:
        """The output as a value of the type, which may be a pydantic model, a dataclass, a TypedDict or list[int].

        Raises:
            ExecutionOutcomeError: it ended otherwise than completed.
            ValueError: the output does not fit the type.
        """
        self.raise_for_outcome()
        return TypeAdapter(type_).validate_python(self.output)


class PageModel(Model, Generic[T]):
    """The body of one page."""

    data: list[T]
    has_more: bool = False
    next_cursor: str | None = None


class ExecutionPageModel(PageModel[Execution]):
    """The body of one page of executions."""

    searched_until: Any = None
    counts: models.Counts | None = None
    counts_exact: bool | None = None


class StartResult(Model):
    """What became of one start of a batch: execution or error is set."""

    status: int
    """201 for a new execution, 200 for a key that was used before, otherwise the status of the error."""
    execution: Execution | models.StartedExecution2 | None = Field(default=None, union_mode="left_to_right")
    """The execution, or only its id when it was deleted since."""
    error: models.Problem | None = None
    """Why it was refused."""


class FileInfo(models.File):
    """A file that the server keeps."""

    def reference(self) -> dict[str, Any]:
        """What stands for the file in inputs and outputs."""
        return {
            "fileId": self.id,
            "filename": self.filename,
            "mimeType": self.mime_type,
            "size": self.size,
            "sha256": self.sha256,
        }


class CallbackSecrets(models.CallbackSecrets):
    """The live secrets, the current one first."""

    def values(self) -> list[str]:
        """The secrets themselves, for sojourn.webhooks.verify."""
        return [s.secret for s in self.secrets]
