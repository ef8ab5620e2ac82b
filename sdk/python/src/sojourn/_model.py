"""The base of everything that the server answers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer


def _as_sent(at: datetime) -> str:
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


Time = Annotated[datetime, PlainSerializer(_as_sent, return_type=str, when_used="json")]
"""A point in time, in UTC to the millisecond."""


class Model(BaseModel):
    """An answer of the server. Members that this version does not know are kept: read them as attributes."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())

    def to_dict(self) -> dict[str, Any]:
        """The members that the server sent, as JSON has them, times as text."""
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)
