"""What handlers get: AsyncContext for `async def`, Context for `def`."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import queue
import threading
import time
import typing
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

from pydantic import TypeAdapter
from typing_extensions import ParamSpec

from .._async._resources import AsyncFiles
from .._options import Seconds, seconds
from .._sync._resources import Files
from ._attempt import Attempt, Branch, branch_of
from ._errors import Interrupted
from ._retry import Retry
from ._step import (
    UNSET,
    Decision,
    StepInfo,
    StepOptions,
    current_step,
    decision,
    entered,
    in_step,
    run_sleep,
    run_step,
    run_wait,
)
from ._threads import Threads

P = ParamSpec("P")
T = TypeVar("T")
Level = Literal["debug", "info", "warn", "error"]


class _Base:
    """What both contexts have."""

    def __init__(self, attempt: Attempt) -> None:
        self._a = attempt

    @property
    def execution_id(self) -> str:
        """The execution's id."""
        return self._a.id

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self._a.workflow

    @property
    def attempt(self) -> int:
        """How often the execution was given to a worker, from 1."""
        return self._a.number

    @property
    def metadata(self) -> dict[str, str]:
        """What the execution was started with."""
        return self._a.metadata

    @property
    def created_at(self) -> datetime | None:
        """When the execution was started."""
        return self._a.created_at

    @property
    def deadline_at(self) -> datetime | None:
        """When the server cancels the execution; None when it does not."""
        return self._a.deadline_at

    @property
    def traceparent(self) -> str:
        """The W3C traceparent of whoever started the execution; empty when there is none."""
        return self._a.traceparent

    @property
    def cancelled(self) -> bool:
        """Whether the handler should stop: a cancel was requested, the lease is lost, or the worker stops."""
        return self._a.stopping is not None

    def check(self) -> None:
        """Raises Interrupted when the handler should stop. Call it now and then in long work outside steps."""
        if self._a.stopping is not None:
            raise self._a.stopping

    def _post(self, call: Callable[..., None], *args: Any) -> None:
        # On the loop at once: a handler that returns next would be faster than what is left for later.
        if threading.get_ident() == self._a.thread:
            call(*args)
        else:
            self._a.loop.call_soon_threadsafe(call, *args)

    def progress(self, value: float) -> None:
        """Says how far the work is, 0 to 1. It does not block; at most ten values a second are sent."""
        self._post(self._a.progress, float(value))

    def log(self, message: str, *, level: Level = "info", **fields: Any) -> None:
        """Keeps a line with the execution, under the step that runs. It does not block.

        Args:
            message: at most 8 KiB; more is cut off.
            level: debug, info, warn or error. Default info.
            fields: values beside the message.
        """
        info = current_step()
        step = info.step if info else ""
        self._post(self._a.line, step, level, str(message), fields, time.time())


class AsyncContext(_Base):
    """The context of an `async def` handler."""

    @property
    def files(self) -> AsyncFiles:
        """Files that the execution's input refers to."""
        return self._a.s.worker.files(self._a)

    async def step(
        self,
        name: str,
        fn: Callable[P, Awaitable[T]] | Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs a function and records its result; when the record has it already, returns that and does not run it.

        It returns once the server has acknowledged the record. The name is how the step is found again: the second use
        of a name in a row is name#2, and concurrent branches need keys. See step_with for keys, retries and timeouts.
        Plain functions run in a thread.

        Args:
            name: 1 to 100 printable characters without "#", "[" and "]".
            fn: what to run. Its result must have a JSON form; a recorded one is decoded into the annotated type.
            args: passed to fn.
            kwargs: passed to fn.

        Raises:
            StepError: it failed for good.
            Interrupted: the handler must end.
        """
        return cast(
            "T",
            await self._step(
                name, functools.partial(cast("Any", fn), *args, **kwargs), StepOptions(adapter=adapter_of(fn))
            ),
        )

    async def step_with(
        self,
        name: str,
        fn: Callable[[], Awaitable[T]] | Callable[[], T],
        *,
        key: Any = UNSET,
        retry: Retry | None = None,
        timeout: Seconds | None = None,
        input: Any = UNSET,
        returns: type[T] | None = None,
    ) -> T:
        """step, with options; the function takes no arguments.

        Args:
            name: as for step.
            fn: as for step.
            key: names the item that a step in a loop or in a concurrent branch works on; short and stable.
            retry: how often it is tried again. Default: not at all. A wait of more than two seconds suspends.
            timeout: seconds for each try, which then fails with code step_timeout. A plain function is not stopped:
                its result is thrown away when it comes.
            input: what the step works on. When it has changed by the time of a replay, the execution fails.
            returns: the type that a recorded result is decoded into. Default: the function's annotation.
        """
        a = TypeAdapter[Any](returns) if returns is not None else adapter_of(fn)
        return cast("T", await self._step(name, fn, StepOptions(key, retry, timeout, input, a)))

    async def _step(self, name: str, fn: Callable[[], Any], o: StepOptions) -> Any:
        async def invoke(info: StepInfo) -> Any:
            timeout = None if o.timeout is None else seconds(o.timeout)
            if is_async(fn):
                with entered(info):
                    return await _within(fn(), timeout)
            value = await in_thread(self._a.s.worker.step_threads, in_step(info), fn)
            if inspect.isawaitable(value):
                with entered(info):
                    return await _within(value, timeout)
            return value

        with _translated(self._a):
            return await run_step(self._a, name, invoke, o)

    async def sleep(self, name: str, duration: Seconds, *, key: Any = UNSET) -> None:
        """Waits durably: a crash does not start the time anew, and it never ends early.

        Longer than two seconds, it suspends the execution as soon as no other branch has anything to do.

        Args:
            name: as for step.
            duration: seconds, or a timedelta.
            key: tells sleeps of one name apart.
        """
        with _translated(self._a):
            await run_sleep(self._a, name, duration, key)

    async def wait_for_signal(self, name: str, *, timeout: Seconds | None = None, key: Any = UNSET) -> Any:
        """Waits until somebody sends the execution a signal of the name, and returns its payload.

        Signals that were sent before are kept in their order, and each wait takes one. The execution holds no worker
        meanwhile, unless another branch has something to do.

        Args:
            name: as for step; with a key, the signal's name is name[key].
            timeout: seconds, counted from the first call. Default: as long as the execution lives.
            key: tells waits of one name apart.

        Raises:
            SignalTimeoutError: it did not come in time.
        """
        with _translated(self._a):
            return (await run_wait(self._a, "signal", name, timeout, None, key)).get("payload")

    async def wait_for_approval(
        self, name: str, *, timeout: Seconds | None = None, payload: Any = None, key: Any = UNSET
    ) -> Decision:
        """Waits until somebody approves or rejects, and returns the decision.

        Args:
            name: as for step.
            timeout: seconds, counted from the first call. Default: as long as the execution lives.
            payload: what the approver gets to see; any JSON.
            key: tells waits of one name apart.

        Raises:
            ApprovalRejectedError: it was refused. Unhandled, the execution ends rejected.
            SignalTimeoutError: nobody decided in time.
        """
        with _translated(self._a):
            return decision(await run_wait(self._a, "approval", name, timeout, payload, key))

    async def gather(self, *branches: Coroutine[Any, Any, Any]) -> list[Any]:
        """Runs coroutines concurrently as branches of the handler, and returns their results in order.

        Use it in place of asyncio.gather: the execution is suspended once every branch waits. When one fails the others
        go on to their end, and the first error is raised.
        """
        a = self._a

        async def branch(work: Coroutine[Any, Any, Any]) -> Any:
            branch_of.set(Branch())
            return await work

        with _translated(a):
            for work in branches if a.closed() is not None else ():
                work.close()
            a.check()
            tasks = [asyncio.ensure_future(branch(work)) for work in branches]
            left = len(tasks)

            def ended(_: Any) -> None:
                nonlocal left
                left -= 1
                # The last branch's place goes to the one that waits here.
                a.branches -= 1 if left else 0
                a.suspend_if_parked()

            if not tasks:
                return []
            a.branches += len(tasks) - 1
            for task in tasks:
                task.add_done_callback(ended)
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                for task in tasks:
                    if not task.cancelled():
                        task.exception()
                raise
            return _results([_outcome(task) for task in tasks])


class Context(_Base):
    """The context of a `def` handler, which runs in a thread of its own."""

    def __init__(self, attempt: Attempt, served: _Served) -> None:
        super().__init__(attempt)
        self._served = served

    @property
    def files(self) -> Files:
        """Files that the execution's input refers to."""
        return self._a.s.worker.sync_files(self._a)

    def step(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function and records its result; when the record has it already, returns that and does not run it.

        It returns once the server has acknowledged the record. The name is how the step is found again: the second use
        of a name in a row is name#2, and concurrent branches need keys. See step_with for keys, retries and timeouts.

        Args:
            name: 1 to 100 printable characters without "#", "[" and "]".
            fn: what to run. Its result must have a JSON form; a recorded one is decoded into the annotated type.
            args: passed to fn.
            kwargs: passed to fn.

        Raises:
            StepError: it failed for good.
            Interrupted: the handler must end.
        """
        return cast("T", self._step(name, functools.partial(fn, *args, **kwargs), StepOptions(adapter=adapter_of(fn))))

    def step_with(
        self,
        name: str,
        fn: Callable[[], T],
        *,
        key: Any = UNSET,
        retry: Retry | None = None,
        timeout: Seconds | None = None,
        input: Any = UNSET,
        returns: type[T] | None = None,
    ) -> T:
        """step, with options; the function takes no arguments.

        Args:
            name: as for step.
            fn: as for step.
            key: names the item that a step in a loop or in a concurrent branch works on; short and stable.
            retry: how often it is tried again. Default: not at all. A wait of more than two seconds suspends.
            timeout: seconds for each try, which then fails with code step_timeout. The function is not stopped: it may
                look at current_step().cancelled, and its result is thrown away when it comes.
            input: what the step works on. When it has changed by the time of a replay, the execution fails.
            returns: the type that a recorded result is decoded into. Default: the function's annotation.
        """
        a = TypeAdapter[Any](returns) if returns is not None else adapter_of(fn)
        return cast("T", self._step(name, fn, StepOptions(key, retry, timeout, input, a)))

    def _step(self, name: str, fn: Callable[[], Any], o: StepOptions) -> Any:
        served = self._served.current()

        async def invoke(info: StepInfo) -> Any:
            return await served.ask(info, fn)

        return served.call(run_step(self._a, name, invoke, o))

    def sleep(self, name: str, duration: Seconds, *, key: Any = UNSET) -> None:
        """Waits durably: a crash does not start the time anew, and it never ends early.

        Longer than two seconds, it suspends the execution as soon as no other branch has anything to do.

        Args:
            name: as for step.
            duration: seconds, or a timedelta.
            key: tells sleeps of one name apart.
        """
        self._served.current().call(run_sleep(self._a, name, duration, key))

    def wait_for_signal(self, name: str, *, timeout: Seconds | None = None, key: Any = UNSET) -> Any:
        """Waits until somebody sends the execution a signal of the name, and returns its payload.

        Signals that were sent before are kept in their order, and each wait takes one. The execution holds no worker
        meanwhile, unless another branch has something to do.

        Args:
            name: as for step; with a key, the signal's name is name[key].
            timeout: seconds, counted from the first call. Default: as long as the execution lives.
            key: tells waits of one name apart.

        Raises:
            SignalTimeoutError: it did not come in time.
        """
        return self._served.current().call(run_wait(self._a, "signal", name, timeout, None, key)).get("payload")

    def wait_for_approval(
        self, name: str, *, timeout: Seconds | None = None, payload: Any = None, key: Any = UNSET
    ) -> Decision:
        """Waits until somebody approves or rejects, and returns the decision.

        Args:
            name: as for step.
            timeout: seconds, counted from the first call. Default: as long as the execution lives.
            payload: what the approver gets to see; any JSON.
            key: tells waits of one name apart.

        Raises:
            ApprovalRejectedError: it was refused. Unhandled, the execution ends rejected.
            SignalTimeoutError: nobody decided in time.
        """
        return decision(self._served.current().call(run_wait(self._a, "approval", name, timeout, payload, key)))

    def gather(self, *branches: Callable[[], Any]) -> list[Any]:
        """Runs functions concurrently, each in a thread, as branches of the handler; returns their results in order.

        The execution is suspended once every branch waits. When one fails the others go on to their end, and the first
        error is raised.
        """
        return self._served.current().call(self._gather(branches))

    async def _gather(self, branches: tuple[Callable[[], Any], ...]) -> list[Any]:
        a = self._a
        a.check()
        if not branches:
            return []
        a.branches += len(branches) - 1
        left = len(branches)
        outcomes: list[tuple[Any, BaseException | None]] = [(None, None)] * left
        done: asyncio.Future[None] = a.loop.create_future()

        def ended(n: int, outcome: tuple[Any, BaseException | None]) -> None:
            nonlocal left
            outcomes[n] = outcome
            left -= 1
            # The last branch's place goes to the one that waits here.
            a.branches -= 1 if left else 0
            a.suspend_if_parked()
            if not left and not done.done():
                done.set_result(None)

        def run(n: int, work: Callable[[], Any]) -> None:
            branch_of.set(Branch())
            self._served.enter(a.loop)
            try:
                outcome: tuple[Any, BaseException | None] = (work(), None)
            except BaseException as error:
                outcome = (None, error)
            a.loop.call_soon_threadsafe(ended, n, outcome)

        for n, work in enumerate(branches):
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(run, n, work), daemon=True, name=f"{a.workflow}-branch").start()
        await done
        return _results(outcomes)


class _Server:
    """A thread that runs handler code and, while it waits for the loop, the functions of its steps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._todo: queue.SimpleQueue[Callable[[], bool]] = queue.SimpleQueue()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs work on the loop and returns what it does."""
        outcome: list[Any] = [None, None]
        context = contextvars.copy_context()

        def begin() -> None:
            task = context.run(self._loop.create_task, self._kept(work, outcome))
            task.add_done_callback(lambda _: self._todo.put(lambda: True))

        self._loop.call_soon_threadsafe(begin)
        while not self._todo.get()():
            pass
        if outcome[1] is not None:
            raise outcome[1]
        return cast("T", outcome[0])

    @staticmethod
    async def _kept(work: Coroutine[Any, Any, Any], outcome: list[Any]) -> None:
        try:
            outcome[0] = await work
        except BaseException as error:
            outcome[1] = error

    async def ask(self, info: StepInfo, fn: Callable[[], Any]) -> Any:
        """Runs a step's function in the thread, which waits in call."""
        future: asyncio.Future[Any] = self._loop.create_future()
        context = in_step(info)

        def run() -> bool:
            try:
                value, error = context.run(fn), None
                if inspect.isawaitable(value):
                    close_awaitable(value)
                    error = TypeError("the function of a step of a def handler is async: use an async def handler")
            except BaseException as e:
                value, error = None, e
            self._loop.call_soon_threadsafe(settle, future, value, error)
            return False

        self._todo.put(run)
        return await future


class _Served:
    """The server of each thread that runs code of one handler."""

    def __init__(self) -> None:
        self._local = threading.local()

    def enter(self, loop: asyncio.AbstractEventLoop) -> None:
        """Makes the current thread one that may use the context."""
        self._local.server = _Server(loop)

    def current(self) -> _Server:
        """The current thread's.

        Raises:
            RuntimeError: the context is used in a thread that it was not given to.
        """
        server = getattr(self._local, "server", None)
        if server is None:
            raise RuntimeError("a context works in its handler's own thread; use ctx.gather for concurrent branches")
        return server


def settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    """Gives a future its outcome, unless nobody waits for it any more."""
    if future.done():
        return
    if error is None:
        future.set_result(value)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError(f"StopIteration: {error.value!r}"))  # a future cannot hold it
    else:
        future.set_exception(error)


async def in_thread(threads: Threads, context: contextvars.Context, fn: Callable[[], Any]) -> Any:
    """Runs a function in a thread."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            value, error = context.run(fn), None
        except BaseException as e:
            value, error = None, e
        loop.call_soon_threadsafe(settle, future, value, error)

    threads.submit(run)
    return await future


def new_context(attempt: Attempt) -> Context:
    """The context of a def handler, made in the handler's thread."""
    served = _Served()
    served.enter(attempt.loop)
    return Context(attempt, served)


class _translated:
    """In an async handler: what the loop's cancellation means, when it is because the handler must end."""

    def __init__(self, attempt: Attempt) -> None:
        self._a = attempt

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, asyncio.CancelledError) and self._a.stopping is not None:
            raise self._a.stopping from None


def _outcome(task: asyncio.Task[Any]) -> tuple[Any, BaseException | None]:
    if task.cancelled():
        return None, asyncio.CancelledError()
    error = task.exception()
    return (None, error) if error is not None else (task.result(), None)


def _results(outcomes: list[tuple[Any, BaseException | None]]) -> list[Any]:
    errors = [e for _, e in outcomes if e is not None]
    # That the handler must end comes before what went wrong because of it.
    for error in errors:
        if isinstance(error, (Interrupted, asyncio.CancelledError)):
            raise error
    if errors:
        raise errors[0]
    return [value for value, _ in outcomes]


async def _within(work: Awaitable[T], timeout: float | None) -> T:
    if timeout is None:
        return await work
    return await asyncio.wait_for(work, timeout)


def close_awaitable(value: Any) -> None:
    """Lets go of a coroutine that will not run, without a warning."""
    if inspect.iscoroutine(value):
        value.close()


def is_async(fn: Any) -> bool:
    """Whether calling fn gives a coroutine."""
    while isinstance(fn, functools.partial):
        fn = cast("functools.partial[Any]", fn).func
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


@functools.lru_cache(maxsize=4096)
def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    try:
        return TypeAdapter(annotation)
    except Exception:  # pydantic has many ways to say that it cannot
        return None


PLAIN = (
    None,
    type(None),
    Any,
    object,
    inspect.Parameter.empty,
    dict,
    dict[str, Any],
    list,
    list[Any],
    str,
    int,
    float,
    bool,
)


def adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """What decodes JSON into the annotated type; None when JSON is what it is already."""
    try:
        if annotation in PLAIN or isinstance(annotation, TypeVar):
            return None
        return _adapter(annotation)
    except TypeError:  # not hashable
        return None


def adapter_of(fn: Any) -> TypeAdapter[Any] | None:
    """What decodes the recorded result of a function."""
    while isinstance(fn, functools.partial):
        fn = cast("functools.partial[Any]", fn).func
    code = getattr(fn, "__code__", None)
    if code is None or not getattr(fn, "__annotations__", None):
        return None
    if code not in _adapters:
        # By code and not by function: functions made in a call are many, their code is one.
        _adapters[code] = adapter(hints(fn).get("return"))
    return _adapters[code]


_adapters: dict[Any, TypeAdapter[Any] | None] = {}


def hints(fn: Any) -> dict[str, Any]:
    """The annotations of a function; empty when they cannot be evaluated."""
    try:
        return typing.get_type_hints(fn)
    except Exception:  # names that exist for type checkers only
        return {}
