"""The examples, run as a user runs them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import KEY, Server

from sojourn import Sojourn

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(server: Server, name: str, *args: str) -> str:
    env = os.environ | {"SOJOURN_API_KEY": KEY, "SOJOURN_BASE_URL": server.url}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *args], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_start_and_wait(server: Server) -> None:
    lines = run(server, "start_and_wait.py", "0.1").splitlines()
    assert lines[0].startswith("started exec_")
    assert lines[1].startswith("completed ")


def test_worker(server: Server, client: Sojourn) -> None:
    env = os.environ | {"SOJOURN_API_KEY": KEY, "SOJOURN_BASE_URL": server.url}
    command = [sys.executable, str(EXAMPLES / "worker.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            x = client.executions.start("order", {"number": "A-1", "quantity": 3}, wait=60)
            assert x.output == {"charge": f"{x.id}/charge", "amount": 28.5, "parcel": "parcel-A-1"}, x.error
            assert client.executions.start("order", {"number": "A-2", "quantity": 0}, wait=60).status == "rejected"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_approval(server: Server) -> None:
    lines = run(server, "approval.py").splitlines()
    assert lines[1] == "off to Lisbon, says Ada"
    assert lines[3] == "stay at home: too far"


README = EXAMPLES.parent / "README.md"


@pytest.mark.skipif(not README.exists(), reason="the wheel's tests have no README")
def test_readme(server: Server) -> None:
    """Every block of Python in the README runs, in order, as one program."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    env = os.environ | {"SOJOURN_API_KEY": KEY, "SOJOURN_BASE_URL": server.url}
    code = "\n".join(block.replace("worker.run()", "") for block in blocks)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "{'name': 'Ada'}"
