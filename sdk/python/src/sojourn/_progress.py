"""Progress bars for waits: rich, tqdm or plain lines, and nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import IO, Any, Literal, Protocol

from ._models import Execution

Progress = bool | Literal["rich", "tqdm", "plain"] | Callable[[Execution], None]
"""How a wait shows progress: True for the best that is installed, a name for a certain one, or a function of yours that
is called with each new state. Off a terminal only a function is called."""


class View(Protocol):
    """Something that shows an execution's progress."""

    def show(self, execution: Execution) -> None:
        """Shows a new state."""
        ...

    def close(self) -> None:
        """Leaves the last state behind."""
        ...


def view(progress: Progress, stream: IO[str] | None = None) -> View | None:
    """The view that was asked for; None when nothing is to be shown.

    Raises:
        ValueError: an unknown name.
        ImportError: rich or tqdm was asked for by name and is not installed.
    """
    if progress is False:
        return None
    if callable(progress):
        return _Callback(progress)
    if progress is not True and progress not in ("rich", "tqdm", "plain"):
        raise ValueError(f"progress is {progress!r}: use True, 'rich', 'tqdm', 'plain' or a function")
    out: IO[str] = stream if stream is not None else sys.stderr
    if not out.isatty():
        return None
    for name, make in (("rich", _Rich), ("tqdm", _Tqdm)):
        if progress is True or progress == name:
            try:
                return make(out)
            except ImportError:
                if progress == name:
                    raise
    return _Plain(out)


def label(execution: Execution) -> str:
    """What stands beside the bar."""
    name = execution.workflow.name if execution.workflow else execution.workflow_id
    return f"{name} {execution.status}"


class _Callback:
    def __init__(self, call: Callable[[Execution], None]) -> None:
        self._call = call

    def show(self, execution: Execution) -> None:
        self._call(execution)

    def close(self) -> None:
        pass


class _Plain:
    """A line whenever the state changes or ten more percent are done."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last = ""

    def show(self, execution: Execution) -> None:
        done = f" {int(execution.progress * 10) * 10} %" if execution.progress is not None else ""
        line = label(execution) + done
        if line != self._last:
            self._last = line
            print(line, file=self._out, flush=True)

    def close(self) -> None:
        pass


class _Tqdm:
    def __init__(self, out: IO[str]) -> None:
        import tqdm

        self._bar: Any = tqdm.tqdm(
            total=100, file=out, unit="%", bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}"
        )

    def show(self, execution: Execution) -> None:
        self._bar.set_description_str(label(execution), refresh=False)
        self._bar.n = _percent(execution)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Rich:
    def __init__(self, out: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self._bars: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(file=out),
        )
        self._task: Any = None

    def show(self, execution: Execution) -> None:
        if self._task is None:
            self._bars.start()
            self._task = self._bars.add_task(label(execution), total=None if execution.progress is None else 100)
        known = execution.progress is not None or execution.terminal
        self._bars.update(
            self._task, description=label(execution), total=100 if known else None, completed=_percent(execution)
        )

    def close(self) -> None:
        self._bars.stop()


def _percent(execution: Execution) -> float:
    return 100.0 if execution.status == "completed" else 100 * (execution.progress or 0)
