"""Events, files and webhooks through the clients."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn import AsyncSojourn, Sojourn
from sojourn.webhooks import verify


def test_events_of_an_execution_to_its_end(client: Sojourn) -> None:
    x = client.executions.start("steps", {"number": 20})
    events = list(client.executions.events(x.id))
    assert events[0].type == "created"
    assert events[-1].type == "completed"
    revisions = [e.revision for e in events]
    assert revisions == sorted(set(revisions))
    later = list(client.executions.events(x.id, after=revisions[1]))
    assert [e.revision for e in later] == revisions[2:]
    with pytest.raises(sojourn.NotFoundError):
        list(client.executions.events("exec_00000000000000000000000000"))


async def test_async_events(aclient: AsyncSojourn) -> None:
    x = await aclient.executions.start("sleep", {"seconds": 1})
    types = [e.type async for e in aclient.executions.events(x.id)]
    assert types[0] == "created"
    assert types[-1] == "completed"


def test_events_of_the_project(client: Sojourn) -> None:
    found: list[str] = []
    ids: list[str] = []

    def start() -> None:
        # Until one is seen: the stream begins with what happens after it is there.
        with Sojourn(api_key=client.options.api_key, base_url=client.base_url) as other:
            for _ in range(100):
                if found:
                    return
                ids.append(other.executions.start("echo").id)
                time.sleep(0.1)

    thread = threading.Thread(target=start)
    thread.start()
    for event in client.events(workflows=["echo"], kinds=["completed"]):
        assert event.type == "completed"
        found.append(getattr(event, "execution_id"))  # noqa: B009
        break
    thread.join()
    assert found[0] in ids


def test_files(client: Sojourn, tmp_path: Path) -> None:
    content = b"x" * (3 << 20)
    path = tmp_path / "ähm & co.bin"
    path.write_bytes(content)
    file = client.files.upload(path)
    assert (file.filename, file.size, file.sha256) == (path.name, len(content), hashlib.sha256(content).hexdigest())
    assert client.files.get(file.id).reference() == file.reference()
    assert client.files.download(file.reference()) == content
    target = tmp_path / "down"
    assert client.files.download_to(file.id, target) == len(content)
    assert target.read_bytes() == content
    assert not list(tmp_path.glob("*.part"))
    with path.open("rb") as handle:
        assert client.files.upload(handle, filename="named.txt").mime_type == "text/plain"
    assert client.files.upload(b"").size == 0
    client.files.delete(file.id)
    with pytest.raises(sojourn.NotFoundError):
        client.files.download_to(file.id, tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    with pytest.raises(TypeError):
        client.files.get({"id": "x"})


async def test_async_files(aclient: AsyncSojourn, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    x = await aclient.executions.start("file", {"document": path}, wait=30)
    assert x.status == "completed", x.error
    assert x.output["size"] == 5
    assert x.output["sha256"] == hashlib.sha256(b"hello").hexdigest()
    reference = x.input["document"] if x.input else {}
    assert await aclient.files.download(reference) == b"hello"
    assert await aclient.files.download_to(reference, tmp_path / "b.txt") == 5
    assert [f.id async for f in aclient.files.list(execution=x.id)] == [reference["fileId"]]


class Receiver:
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(204)
                self.end_headers()
                with receiver.came:
                    receiver.messages.append((dict(self.headers.items()), body))
                    receiver.came.notify_all()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, n: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.messages) >= n, 30)


def test_callbacks_are_signed(client: Sojourn) -> None:
    with Receiver() as receiver:
        x = client.executions.start("echo", {"n": 1}, callback_url=receiver.url)
        receiver.wait(1)
        headers, body = receiver.messages[0]
        event = verify(client.webhooks.callback_secrets().values(), headers, body)
        assert event.type == "execution.completed"
        assert (event.data["id"], event.data["output"]) == (x.id, {"n": 1})
        deliveries = list(client.webhooks.deliveries(execution=x.id))
        assert [d.id for d in deliveries] == [event.id]
        again = client.webhooks.redeliver(event.id)
        assert again.id == event.id
        receiver.wait(2)
        assert receiver.messages[1][1] == body
    old = client.webhooks.callback_secrets().values()[0]
    assert old in client.webhooks.rotate_callback_secret(grace=60).values()


def test_webhook_endpoints(client: Sojourn) -> None:
    with Receiver() as receiver:
        made = client.webhooks.create(receiver.url, events=["terminal"], workflows=["echo"], description="mine")
        assert made.secret
        client.webhooks.test(made.id)
        receiver.wait(1)
        assert verify(made.secret, *receiver.messages[0]).type == "endpoint.test"
        rotated = client.webhooks.rotate(made.id, grace=60)
        client.executions.run("echo", {"a": 1})
        receiver.wait(2)
        for secret in (made.secret, rotated.secret):
            assert verify(secret, *receiver.messages[1]).type == "execution.completed"
        assert client.webhooks.get(made.id).description == "mine"
        assert client.webhooks.update(made.id, enabled=False).enabled is False
        assert made.id in [e.id for e in client.webhooks.list()]
        delivery = next(iter(client.webhooks.deliveries(endpoint=made.id, limit=1)))
        full = client.webhooks.delivery(delivery.id)
        assert full.attempt_log
        assert full.attempt_log[0].status == 204
        client.webhooks.delete(made.id)
        with pytest.raises(sojourn.NotFoundError):
            client.webhooks.get(made.id)
