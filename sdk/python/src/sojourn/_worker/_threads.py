"""Threads for handlers and steps that are plain functions."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Threads:
    """Up to a number of daemon threads, made as they are needed and kept. They never keep the program from ending."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._count = 0

    def submit(self, work: Callable[[], None]) -> None:
        """Runs work in a free thread, or as soon as one is free."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._count < self._most:
                self._count += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._count}", daemon=True).start()
        self._work.put(work)

    def close(self) -> None:
        """Ends the threads once they have nothing to do."""
        with self._lock:
            for _ in range(self._count):
                self._work.put(None)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            if work is None:
                return
            work()
            del work
            with self._lock:
                # Work that waits keeps the thread: submit has counted no thread for it.
                if self._work.qsize() <= self._idle:
                    self._idle += 1
