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
from ._model import Model, Time
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


class ApprovalLink(Model):
    """An address where a person decides an approval."""

    url: str
    """The whole address. Whoever has it can decide."""
    token: str
    """The secret part of it; it is shown only now."""
    step: str
    """The approval it decides."""
    expires_at: Time
    """When it stops working."""


class FileInfo(Model):
    """A file that the server keeps."""

    id: str
    """Its id, file_…"""
    filename: str = ""
    """The name it was uploaded with."""
    mime_type: str = ""
    """Its media type."""
    size: int = 0
    """Bytes."""
    sha256: str = ""
    """Of its content, in hex digits."""
    created_at: Time | None = None
    """When it was uploaded."""
    expires_at: Time | None = None
    """When it is removed unless an execution uses it by then."""

    def reference(self) -> dict[str, Any]:
        """What stands for the file in inputs and outputs."""
        return {
            "fileId": self.id,
            "filename": self.filename,
            "mimeType": self.mime_type,
            "size": self.size,
            "sha256": self.sha256,
        }


class WebhookEndpoint(Model):
    """An address of yours that the server tells about executions."""

    id: str
    """wh_…"""
    url: str
    """Where messages go."""
    description: str | None = None
    """For people."""
    events: list[str] = []
    """What is sent: created, status_changed, terminal."""
    workflows: list[str] | None = None
    """Only of these; None: of all."""
    enabled: bool = True
    """Whether it is used."""
    disabled_reason: str | None = None
    """Why the server has switched it off."""
    created_at: Time | None = None
    """When it was made."""
    secret_hints: list[str] = []
    """The last four characters of each live secret."""
    secret: str | None = None
    """The secret itself, only in the answers to create and rotate."""


class WebhookAttempt(Model):
    """One try of a delivery."""

    at: Time
    """When it was made."""
    duration_ms: int = 0
    """How long it took, in milliseconds."""
    status: int | None = None
    """The HTTP status of the answer."""
    error: str | None = None
    """Why there was no answer, or not a good one."""
    response_excerpt: str | None = None
    """The beginning of the answer."""


class WebhookDelivery(Model):
    """One message to one address."""

    id: str
    """evt_…, the webhook-id of the message."""
    kind: str = ""
    """callback, endpoint or test."""
    endpoint_id: str | None = None
    """The endpoint it goes to."""
    execution_id: str | None = None
    """The execution it is about."""
    revision: int | None = None
    """Which revision of the execution it shows."""
    type: str = ""
    """For example execution.completed."""
    url: str = ""
    """Where it goes."""
    state: str = ""
    """pending, delivered, dead or cancelled."""
    attempts: int = 0
    """Tries so far."""
    next_attempt_at: Time | None = None
    """When it is tried again."""
    created_at: Time | None = None
    """When it was written down."""
    delivered_at: Time | None = None
    """When it was taken."""
    last_error: str | None = None
    """Why the last try failed."""
    attempt_log: list[WebhookAttempt] | None = None
    """Every try, only when it was asked for by id."""
    body: Any = None
    """The message, only when it was asked for by id."""


class CallbackSecret(Model):
    """A secret that callbacks are signed with."""

    secret: str
    """whsec_…"""
    created_at: Time | None = None
    """When it was made."""
    expires_at: Time | None = None
    """When it stops signing; None: it is the current one."""


class CallbackSecrets(Model):
    """The live secrets, the current one first."""

    secrets: list[CallbackSecret] = []
    """One, or two while an old one is still used."""

    def values(self) -> list[str]:
        """The secrets themselves, for sojourn.webhooks.verify."""
        return [s.secret for s in self.secrets]
