"""The worker."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from .._async._client import AsyncSojourn
from .._async._resources import AsyncFiles
from .._async._transport import AsyncTransport
from .._errors import SojournError
from .._files import has_files
from .._options import RETRY_PATIENCE, Seconds, compact, log, millis, retriable, retry_delay, seconds
from .._sync._client import Sojourn
from .._sync._resources import Files
from .._sync._transport import Transport
from .._version import VERSION
from ._attempt import Attempt, Branch, branch_of
from ._context import AsyncContext, adapter, close_awaitable, hints, is_async, new_context
from ._errors import Failure
from ._retry import Retry
from ._session import UNWIND, Session, SessionLost
from ._threads import Threads
from ._wire import valid_workflow_name

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Handler:
    """A registered workflow."""

    name: str
    fn: Callable[..., Any]
    asynchronous: bool
    takes_input: bool
    adapter: TypeAdapter[Any] | None
    retry: Retry | None
    registration: dict[str, Any]

    def arguments(self, attempt: Attempt) -> tuple[Any, ...]:
        """What the function is called with after its context."""
        if not self.takes_input:
            return ()
        if self.adapter is None:
            return (attempt.input,)
        try:
            return (self.adapter.validate_python(attempt.input),)
        except ValidationError as error:
            raise Failure(f"decoding the input: {error}", code="invalid_input", retryable=False) from None


class Worker:
    """Runs handlers for executions that the server gives it.

    >>> worker = Worker(client)
    >>> @worker.handler("greet")
    ... async def greet(ctx: AsyncContext, input: dict[str, Any]) -> dict[str, Any]:
    ...     return {"greeting": f"Dear {input['name']}"}
    >>> worker.run()

    Handlers are `async def` functions, which run on the worker's loop, or plain functions, which run in threads. They
    get a context and the input, decoded into its annotated type: a pydantic model, a dataclass, a TypedDict, or a dict.

    Args:
        client: its address, key and settings are used; the worker makes connections of its own.
        name: shows in the list of workers. Default: host name and process id.
        version: of the program, shown in the list of workers.
        concurrency: how many handlers may run at a time, 1 to 10,000. Default 64.
        shutdown_grace: seconds that handlers may go on when the worker stops, before they are told to. Default 25.
        report_connections: how many requests may carry results at a time. Default 2.
        on_ready: is called each time a session with the server begins, with its id.
    """

    def __init__(
        self,
        client: Sojourn | AsyncSojourn,
        *,
        name: str | None = None,
        version: str | None = None,
        concurrency: int = 64,
        shutdown_grace: Seconds = 25.0,
        report_connections: int = 2,
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        if not 1 <= concurrency <= 10_000:
            raise ValueError("concurrency is 1 to 10,000")
        self._options = client.options
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        """Shows in the list of workers."""
        self.handlers: dict[str, Handler] = {}
        """The registered workflows by name."""
        self.shutdown_grace = seconds(shutdown_grace)
        """Seconds that handlers may go on when the worker stops."""
        self.report_connections = max(report_connections, 1)
        """How many requests may carry results at a time."""
        self.transport: AsyncTransport
        self.polls: AsyncTransport
        """For polls alone. Behind a load balancer a session lives at the server that its polls reach: among other
        connections the next poll might find one to another server."""
        self.step_threads = Threads(f"{self.name}-step", concurrency)
        self._handler_threads = Threads(f"{self.name}-handler", concurrency)
        self._version = version
        self._concurrency = concurrency
        self._on_ready = on_ready
        self._sync_transport: Transport | None = None
        self._session: Session | None = None
        self._started = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_asked = False
        self._lock = threading.Lock()
        self._running: set[Attempt] = set()
        self._queue: deque[Attempt] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._quiet: asyncio.Event | None = None

    def handler(
        self,
        workflow: str,
        *,
        retry: Retry | None = None,
        version: str | int | None = None,
        input_schema: Mapping[str, Any] | None = None,
        timeout: Seconds | None = None,
        retention: Seconds | None = None,
        description: str | None = None,
    ) -> Callable[[F], F]:
        """Registers the decorated function as the handler of a workflow, which need not exist yet.

        Args:
            workflow: lower-case letters, digits, ".", "_" and "-", at most 100.
            retry: how often an execution that fails is run again. Default: not at all.
            version: label of the version that the function implements; a new one becomes the current version.
            input_schema: JSON Schema 2020-12 that the server holds inputs to at start.
            timeout: default deadline of executions, in seconds from their creation. Default: none.
            retention: seconds that finished executions are kept. Default: the server's.
            description: what it does, for people.

        Raises:
            ValueError: the name is no workflow's, or has a handler already.
        """

        def register(fn: F) -> F:
            if not valid_workflow_name(workflow):
                raise ValueError(
                    f'{workflow!r} is not a workflow name: use lower-case letters, digits, ".", "_" and "-"'
                )
            if workflow in self.handlers:
                raise ValueError(f"workflow {workflow!r} has a handler already")
            if self._started:
                raise ValueError("the worker runs already")
            parameters = list(inspect.signature(fn).parameters.values())
            takes_input = len(parameters) > 1
            annotation = hints(fn).get(parameters[1].name) if takes_input else None
            registration = compact(
                name=workflow,
                version=version,
                description=description,
                input_schema=input_schema,
                retention_ms=millis(retention),
                timeout_ms=millis(timeout),
            )
            self.handlers[workflow] = Handler(
                workflow, fn, is_async(fn), takes_input, adapter(annotation), retry, registration
            )
            return fn

        return register

    def run(self) -> None:
        """Serves the registered workflows until SIGTERM, SIGINT or stop(), then drains and returns.

        It takes no new work then, lets handlers finish within shutdown_grace, and gives back what is unfinished. It
        survives restarts of the server.

        Raises:
            SojournError: the server refuses the worker: a wrong key, a missing scope, an invalid schema.
        """
        asyncio.run(self._run_with_signals())

    async def _run_with_signals(self) -> None:
        loop = asyncio.get_running_loop()
        caught: list[signal.Signals] = []
        # Only the main thread of a program on Unix can have them.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
                caught.append(number)
        try:
            await self.serve()
        finally:
            for number in caught:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Makes run or serve drain and return. It may be called from any thread, and more than once."""
        with self._lock:
            self._stop_asked = True
            loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(stopping.set)

    @property
    def healthy(self) -> bool:
        """Whether the worker has a session and has heard from the server within its lease."""
        session = self._session
        return session is not None and session.silence < session.lease

    @contextlib.contextmanager
    def running(self, *, timeout: float = 30.0) -> Generator[Worker, None, None]:
        """Runs the worker in a thread for the length of a with block, and drains it at its end.

        Args:
            timeout: seconds to wait for the first session.

        Raises:
            SojournError: the server refuses the worker, or cannot be reached in time.
        """
        ready = threading.Event()
        failure: list[BaseException] = []
        given = self._on_ready

        def on_ready(id: str) -> None:
            ready.set()
            if given:
                given(id)

        def work() -> None:
            try:
                asyncio.run(self.serve())
            except BaseException as error:
                failure.append(error)
            finally:
                ready.set()

        self._on_ready = on_ready
        thread = threading.Thread(target=work, name=self.name, daemon=True)
        thread.start()
        try:
            if not ready.wait(timeout):
                raise SojournError(f"no session with the server after {timeout:g} s")
            if failure:
                raise failure[0]
            yield self
        finally:
            self.stop()
            thread.join()
        if failure:
            raise failure[0]

    async def serve(self) -> None:
        """run, on the caller's loop and without handling signals; cancelling it drains too.

        Raises:
            SojournError: the server refuses the worker.
        """
        if self._started:
            raise SojournError("a worker runs only once")
        if not self.handlers:
            raise SojournError("the worker has no handler")
        self._started = True
        self._quiet = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            stopping = self._stopping = asyncio.Event()
            if self._stop_asked:
                stopping.set()
        work = asyncio.ensure_future(self._serve(stopping))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            stopping.set()
            await work
            raise

    async def _serve(self, stopping: asyncio.Event) -> None:
        self.transport = AsyncTransport(self._options, None)
        self.polls = AsyncTransport(self._options, None)
        try:
            while True:
                session = await self._open(stopping)
                if session is None:
                    return
                self._session = session
                if self._on_ready:
                    self._on_ready(session.id)
                try:
                    await session.serve(stopping)
                    return
                except SessionLost:
                    log.warning("the server no longer knows the session %s; starting another", session.id)
                finally:
                    self._session = None
        finally:
            await self._await_handlers()
            await self.transport.close()
            await self.polls.close()
            if self._sync_transport is not None:
                self._sync_transport.close()
            self.step_threads.close()
            self._handler_threads.close()

    async def _open(self, stopping: asyncio.Event) -> Session | None:
        """Registers the worker; it tries until the server answers or refuses, or the worker stops: None."""
        body = compact(
            protocol=1,
            name=self.name,
            sdk=f"python/{VERSION}",
            version=self._version,
            capacity=self._concurrency,
            workflows=[h.registration for h in self.handlers.values()],
        )
        attempt = 0
        while not stopping.is_set():
            sent = time.monotonic()
            try:
                response = await self.polls.request("POST", "/v1/worker/sessions", body=body, max_retries=0)
            except SojournError as error:
                if not retriable(error):
                    raise
                delay = min(retry_delay(attempt, error), RETRY_PATIENCE)
                log.warning("cannot reach the server; trying again in %.1f s: %s", delay, error)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stopping.wait(), delay)
                attempt += 1
                continue
            answer = response.json()
            if answer.get("protocol", 1) > 1:
                raise SojournError(f"the server speaks worker protocol {answer['protocol']}, this SDK 1")
            return Session(self, answer, sent)
        return None

    # Running handlers.

    def launch(self, attempt: Attempt) -> None:
        """Runs the attempt's handler now, or as soon as another one returns."""
        if len(self._running) >= self._concurrency:
            self._queue.append(attempt)
        else:
            self._begin(attempt)

    def unqueue(self) -> list[Attempt]:
        """Takes out what waits for a free place."""
        queue, self._queue = list(self._queue), deque()
        return queue

    def _begin(self, attempt: Attempt) -> None:
        self._running.add(attempt)
        if attempt.stopping is not None:
            # It came to its end while it waited for a free place.
            self._ended(attempt, None, attempt.stopping)
            return
        handler = self.handlers.get(attempt.workflow)
        if handler is None:
            log.error("gave back %s of the workflow %s, which was not registered", attempt.id, attempt.workflow)
            attempt.drain = True
            self._ended(attempt, None, Failure("no handler"))
        elif handler.asynchronous:
            task = asyncio.create_task(self._run_async(attempt, handler))
            attempt.task = task
            self._keep(task)
        else:
            context = contextvars.copy_context()
            self._handler_threads.submit(lambda: context.run(self._run_sync, attempt, handler))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_async(self, attempt: Attempt, handler: Handler) -> None:
        branch_of.set(Branch())
        output, error = None, None
        try:
            output = await cast(
                "Coroutine[Any, Any, Any]", handler.fn(AsyncContext(attempt), *handler.arguments(attempt))
            )
            if has_files(output):
                output = await self.files(attempt).replace(output)
        except BaseException as e:
            error = e
        attempt.task = None
        self._ended(attempt, output, error)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error

    def _run_sync(self, attempt: Attempt, handler: Handler) -> None:
        branch_of.set(Branch())
        output, error = None, None
        try:
            output = handler.fn(new_context(attempt), *handler.arguments(attempt))
            if inspect.isawaitable(output):
                close_awaitable(output)
                raise TypeError("the handler gave something to await: define it with async def")
            if has_files(output):
                output = self.sync_files(attempt).replace(output)
        except BaseException as e:
            error = e
        with contextlib.suppress(RuntimeError):  # the worker is gone
            attempt.loop.call_soon_threadsafe(self._ended, attempt, output, error)

    def _ended(self, attempt: Attempt, output: Any, error: BaseException | None) -> None:
        try:
            attempt.conclude(output, error)
        finally:
            self._running.discard(attempt)
            while self._queue and len(self._running) < self._concurrency:
                self._begin(self._queue.popleft())
            if not self._running and self._quiet is not None:
                self._quiet.set()

    async def _await_handlers(self) -> None:
        """Waits until no handler runs, for a while."""
        assert self._quiet is not None
        if self._running:
            self._quiet.clear()
            try:
                await asyncio.wait_for(self._quiet.wait(), UNWIND)
            except asyncio.TimeoutError:
                log.warning("%d handlers still run although they were told to stop", len(self._running))

    def files(self, attempt: Attempt) -> AsyncFiles:
        """Files, as the holder of an attempt may use them."""
        return AsyncFiles(self.transport, _lease_header(attempt))

    def sync_files(self, attempt: Attempt) -> Files:
        """files, for use in a thread."""
        with self._lock:
            if self._sync_transport is None:
                self._sync_transport = Transport(self._options, None)
        return Files(self._sync_transport, _lease_header(attempt))


def _lease_header(attempt: Attempt) -> dict[str, str]:
    return {"sojourn-lease": f"{attempt.id} {attempt.lease}"}
