"""The examples, run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import KEY, Server

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
