"""Lists: one page at a time, or everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from .._models import PageModel

T = TypeVar("T")
P = TypeVar("P", bound=PageModel[Any])


class Pager(Generic[T, P]):
    """What a list method returns. Iterate over it for every item, page after page; page() is one page."""

    def __init__(self, fetch: Callable[[str | None], P], items: Callable[[P], list[T]], cursor: str | None) -> None:
        self._fetch = fetch
        self._items = items
        self._cursor = cursor

    def page(self) -> P:
        """The page that begins at the cursor that was given, or the first one: data, has_more and next_cursor."""
        return self._fetch(self._cursor)

    def __iter__(self) -> Iterator[T]:
        """Every item from there on."""
        cursor = self._cursor
        while True:
            page = self._fetch(cursor)
            for item in self._items(page):
                yield item
            if not page.has_more or not page.next_cursor or page.next_cursor == cursor:
                return
            cursor = page.next_cursor
