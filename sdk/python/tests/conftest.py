"""A real server for the tests: `sojourn dev`, built once, on a free port and a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import sojourn

ROOT = Path(os.environ.get("SOJOURN_TEST_ROOT") or Path(__file__).resolve().parents[3])
KEY = "a-key-for-the-python-tests"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the server: SOJOURN_TEST_BINARY, or one that is built now."""
    if given := os.environ.get("SOJOURN_TEST_BINARY"):
        return given
    path = tmp_path_factory.mktemp("bin") / "sojourn"
    env = os.environ | {"CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", str(path), "./cmd/sojourn"], cwd=ROOT, env=env, check=True)
    return str(path)


class Server:
    """A running server, which can be killed and started again on the same address and data."""

    def __init__(self, program: str, data: Path, command: str = "dev", *flags: str) -> None:
        self._args = [program, command, "--data", str(data), "--api-key", KEY, "--log-level", "warn", *flags]
        self._listen = "127.0.0.1:0"
        self.log = data.parent / f"{data.name}.log"
        self.url = ""
        self.start()

    def start(self) -> None:
        env = {n: v for n, v in os.environ.items() if not n.startswith("SOJOURN")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._args, "--listen", self._listen], env=env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        watchdog = threading.Timer(60, self._process.kill)
        watchdog.start()
        for line in self._process.stdout:
            if found := re.search(r"http://(127\.0\.0\.1:\d+)", line):
                self._listen, self.url = found[1], found[0]
                break
        watchdog.cancel()
        assert self.url, f"the server did not start: {self.log.read_text()}"
        # What else it says must not fill the pipe.
        self._reader = threading.Thread(target=self._process.stdout.read, daemon=True)
        self._reader.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._close()

    def _close(self) -> None:
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="session")
def new_server(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as stack:

        def make(*flags: str) -> Server:
            server = Server(program, tmp_path_factory.mktemp("data") / "data", "dev", *flags)
            stack.callback(server.kill)
            return server

        yield make


@pytest.fixture(scope="session")
def server(new_server: Callable[..., Server]) -> Iterator[Server]:
    server = new_server()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests must not reach them."""
    for name in list(os.environ):
        if name.startswith(("SOJOURN_", "HUMAN_", "EIGENPAL_")) and not name.startswith("SOJOURN_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def client(server: Server) -> Iterator[sojourn.Sojourn]:
    with sojourn.Sojourn(api_key=KEY, base_url=server.url) as client:
        yield client


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[sojourn.AsyncSojourn]:
    async with sojourn.AsyncSojourn(api_key=KEY, base_url=server.url) as client:
        yield client
