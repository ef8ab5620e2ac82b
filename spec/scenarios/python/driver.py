"""The Python SDK's driver of the scenarios.

A worker with their handlers, or a client that does what it reads. See the README one folder up.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sojourn

KINDS: list[tuple[type[Exception], str]] = [
    (sojourn.WaitTimeoutError, "timeout"),
    (sojourn.APITimeoutError, "timeout"),
    (sojourn.AlreadyTerminalError, "already_terminal"),
    (sojourn.NotFinishedError, "not_finished"),
    (sojourn.UnprocessableEntityError, "idempotency_mismatch"),
    (sojourn.BadRequestError, "invalid"),
    (sojourn.AuthenticationError, "unauthenticated"),
    (sojourn.PermissionDeniedError, "forbidden"),
    (sojourn.NotFoundError, "not_found"),
    (sojourn.DeletedError, "deleted"),
    (sojourn.ConflictError, "conflict"),
    (sojourn.RateLimitError, "rate_limited"),
    (sojourn.InternalServerError, "unavailable"),
    (sojourn.APIConnectionError, "connection"),
    (sojourn.ExecutionFailedError, "execution_failed"),
    (sojourn.ExecutionCancelledError, "execution_cancelled"),
    (sojourn.ExecutionRejectedError, "execution_rejected"),
]


def serve(client: sojourn.Sojourn) -> None:
    """Answers commands side by side, so that one may wait for what another does."""
    lock = threading.Lock()

    def answer(command: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"seq": command["seq"]}
        try:
            reply["ok"] = execute(client, command["do"], command.get("with") or {})
        except Exception as error:
            reply["error"] = failure(error)
        with lock:
            print(json.dumps(reply), flush=True)

    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))


def failure(error: Exception) -> dict[str, Any]:
    kind = next((name for type_, name in KINDS if isinstance(error, type_)), "other")
    code = getattr(error, "code", "")
    return {
        "kind": "not_awaiting" if kind == "conflict" and code == "not_awaiting" else kind,
        "code": code,
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "fields": [e.field for e in getattr(error, "errors", [])],
    }


def given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def execute(client: sojourn.Sojourn, verb: str, a: dict[str, Any]) -> Any:
    x = client.executions

    def s(name: str) -> float | None:
        return None if a.get(name) is None else a[name] / 1000

    def filters() -> dict[str, Any]:
        return given(**{name: a.get(name) for name in ("workflow", "status", "metadata", "limit", "cursor")})

    def decision() -> dict[str, Any]:
        return given(**{name: a.get(name) for name in ("name", "comment", "by", "payload")})

    match verb:
        case "start":
            options = given(
                idempotency_key=a.get("idempotency_key"),
                delay=s("delay_ms"),
                timeout=s("timeout_ms"),
                metadata=a.get("metadata"),
                wait=s("wait_ms"),
                until=a.get("until"),
                overrides={"steps": a["overrides"]} if "overrides" in a else None,
                callback_url=a.get("callback_url"),
            )
            return x.start(a["workflow"], a.get("input"), **options).to_dict()
        case "get":
            return x.get(a["id"], include=[name for name in ("steps", "events") if a.get(name)]).to_dict()
        case "wait":
            return x.wait(a["id"], **given(timeout=s("timeout_ms"), until=a.get("until"))).to_dict()
        case "result":
            return x.result(a["id"])
        case "list":
            return x.list(**filters()).page().to_dict()
        case "list_all":
            return {"ids": [item.id for item in x.list(**filters())]}
        case "cancel":
            return x.cancel(a["id"], reason=a.get("reason")).to_dict()
        case "terminate":
            return x.terminate(a["id"], reason=a.get("reason")).to_dict()
        case "delete":
            x.delete(a["id"])
            return {}
        case "signal":
            return x.signal(a["id"], a["name"], a.get("payload"), idempotency_key=a.get("idempotency_key")).to_dict()
        case "approve":
            return x.approve(a["id"], **decision()).to_dict()
        case "reject":
            return x.reject(a["id"], **decision()).to_dict()
        case "approval_link":
            return x.create_approval_link(a["id"], **given(name=a.get("name"), expires_in=s("expires_in_ms"))).to_dict()
        case "upload":
            content = a["content"].encode()
            return client.files.upload(content, filename=a["filename"], mime_type=a["mime_type"]).to_dict()
        case "download":
            return {"content": client.files.download(a["id"]).decode()}
        case "files":
            return {"files": [f.to_dict() for f in client.files.list(execution=a["id"])]}
        case "deliveries":
            return {"deliveries": [d.to_dict() for d in client.webhooks.deliveries(execution=a["id"])]}
        case "verify":
            secrets = [s.secret for s in client.webhooks.callback_secrets().secrets]
            event = sojourn.webhooks.verify(secrets, a["headers"], a["body"])
            return {"id": event.id, "type": event.type}
        case "logs":
            return {"lines": [line.to_dict() for line in x.logs(a["id"])]}
        case "events":
            return {"events": [event.to_dict() for event in x.events(a["id"], after=a.get("after"))]}
        case _:
            raise ValueError(f"there is no command {verb}")


def main() -> None:
    match sys.argv[1:]:
        case ["client"]:
            with sojourn.Sojourn() as client:
                serve(client)
        case ["worker"]:
            import handlers

            with sojourn.Sojourn() as client:
                worker = sojourn.Worker(client, shutdown_grace=5)
                plain = os.environ.get("SCENARIO_HANDLERS") == "def"
                (handlers.register_plain if plain else handlers.register_async)(worker)
                worker.run()
        case _:
            sys.exit("say client or worker")


main()
