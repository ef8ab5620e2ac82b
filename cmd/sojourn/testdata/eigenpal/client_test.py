"""EigenPal's own client, unmodified, against a running `sojourn dev`: python -m unittest client_test.

SOJOURN_TEST_URL and SOJOURN_TEST_KEY name the server and its administrator's key. SOJOURN_TEST_WIDE runs what takes a
minute too.
"""

import hashlib
import os
import re
import tempfile
import threading
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

import httpx
from eigenpal import (
    EigenpalAuthError,
    EigenpalClient,
    EigenpalError,
    EigenpalForbiddenError,
    EigenpalNotFoundError,
    EigenpalRateLimitError,
    EigenpalServerError,
    EigenpalTimeoutError,
    EigenpalValidationError,
)

URL = os.environ["SOJOURN_TEST_URL"]
KEY = os.environ["SOJOURN_TEST_KEY"]
WIDE = bool(os.environ.get("SOJOURN_TEST_WIDE"))
TERMINAL = {"completed", "failed", "cancelled", "rejected"}


def native(method, path, json=None, key=KEY):
    """A request of Sojourn's own API, for what the dialect does not have."""
    answer = httpx.request(method, URL + path, json=json, headers={"Authorization": "Bearer " + key})
    answer.raise_for_status()
    return answer.json() if answer.content else None


def new_key(**spec):
    return native("POST", "/v1/keys", spec)["key"]


class Case(unittest.TestCase):
    def setUp(self):
        self.client = EigenpalClient(api_key=KEY, base_url=URL)
        self.addCleanup(self.client.__exit__)

    def until(self, execution_id, *statuses):
        deadline = time.monotonic() + 20
        while True:
            x = self.client.workflows.executions.get(execution_id)
            if x.status in statuses:
                return x
            if time.monotonic() > deadline or x.status in TERMINAL:
                self.fail(f"{execution_id} is {x.status}, never {statuses}")
            time.sleep(0.01)

    def refused(self, kind, status, field, code, call, /, *args, **kwargs):
        with self.assertRaises(EigenpalError) as caught:
            call(*args, **kwargs)
        e = caught.exception
        self.assertIs(type(e), kind)
        self.assertEqual(e.status, status)
        self.assertTrue(e.request_id)
        self.assertEqual(e.request_id, e.envelope["requestId"])
        issue = e.envelope["issues"][0]
        self.assertEqual((issue["field"], issue["code"], issue["severity"]), (field, code, "error"))
        self.assertTrue(issue["message"])
        return e


class Client(unittest.TestCase):
    def test_needs_a_key(self):
        before = os.environ.pop("EIGENPAL_API_KEY", None)
        try:
            with self.assertRaises(ValueError):
                EigenpalClient(base_url=URL)
            os.environ["EIGENPAL_API_KEY"] = KEY
            os.environ["EIGENPAL_BASE_URL"] = URL
            with EigenpalClient() as client:
                self.assertGreater(client.workflows.list().total, 0)
        finally:
            for name in ("EIGENPAL_API_KEY", "EIGENPAL_BASE_URL"):
                os.environ.pop(name, None)
            if before is not None:
                os.environ["EIGENPAL_API_KEY"] = before

    def test_context_manager_closes_the_pool(self):
        with EigenpalClient(api_key=KEY, base_url=URL) as client:
            client.workflows.run("echo", input={})
            pool = client._client.get_httpx_client()
        self.assertTrue(pool.is_closed)


class Run(Case):
    def test_without_hold_answers_the_id_alone(self):
        run = self.client.workflows.run("echo", input={"name": "Ada"})
        self.assertRegex(run.execution_id, "^exec_")
        self.assertEqual(run.to_dict(), {"executionId": run.execution_id})

    def test_hold_answers_the_result(self):
        run = self.client.workflows.run("echo", input={"name": "Ada", "n": [1, None, {"é": 1.5}]}, wait_for_completion=60)
        self.assertEqual(run.status, "completed")
        self.assertEqual(run.to_dict()["result"], {"name": "Ada", "n": [1, None, {"é": 1.5}]})

    def test_hold_answers_the_error(self):
        run = self.client.workflows.run("fail", wait_for_completion=60)
        self.assertEqual(run.status, "failed")
        self.assertIn("always fails", run.error)

    def test_hold_that_is_over_answers_the_id_alone(self):
        before = time.monotonic()
        run = self.client.workflows.run("queued", wait_for_completion=1)
        self.assertEqual(run.to_dict(), {"executionId": run.execution_id})
        self.assertGreater(time.monotonic() - before, 0.9)

    def test_input_may_be_left_out(self):
        self.assertEqual(self.client.workflows.run("echo", wait_for_completion=10).to_dict()["result"], {})

    def test_by_id_and_trigger(self):
        workflow = self.client.workflows.get("echo")
        run = self.client.workflows.run(workflow.id, input={}, trigger="cli")
        self.assertEqual(self.client.workflows.executions.get(run.execution_id, include_steps=True).trigger_type, "cli")
        with self.assertRaises(ValueError):
            self.client.workflows.run("echo", trigger="manual")

    def test_overrides(self):
        for overrides in ({"steps": {"double": {"double": 7}}}, {"double": {"double": 7}}):
            run = self.client.workflows.run("steps", input={"number": 20}, overrides=overrides, wait_for_completion=10)
            self.assertEqual(run.to_dict()["result"], {"message": "twice 20 is 7"})
            steps = httpx.get(
                f"{URL}/api/v1/workflows/executions/{run.execution_id}?includeSteps=true", headers={"Authorization": "Bearer " + KEY}
            ).json()["steps"]
            self.assertEqual([s["output"] for s in steps if s["id"] == "double"], [{"double": 7}])
            self.assertEqual(len(steps), 3)

    def test_versions(self):
        name = f"versioned-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": name, "version": "1.0.0"})
        native("POST", f"/v1/workflows/{name}/versions", {"version": "2.0.0"})
        ids = {v.version: v.id for v in self.client.workflows.versions(name).data}
        for version, want in ((None, 2), ("latest", 2), ("1.0.0", 1), (ids["1.0.0"], 1), (ids["2.0.0"], 2)):
            run = self.client.workflows.run(name, version=version)
            self.assertEqual(native("GET", "/v1/executions/" + run.execution_id)["version"], want)
        self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", self.client.workflows.run, name, version="3.0.0")

    @unittest.skipUnless(WIDE, "takes a minute")
    def test_longest_hold_ends_before_the_client_gives_up(self):
        before = time.monotonic()
        run = self.client.workflows.run("queued", wait_for_completion=60)
        took = time.monotonic() - before
        self.assertEqual(run.to_dict(), {"executionId": run.execution_id})
        self.assertTrue(55 < took < 60, took)

    def test_read_timeout_of_the_client_cancels_nothing(self):
        short = EigenpalClient(api_key=KEY, base_url=URL, timeout_seconds=0.5)
        with short, self.assertRaises(httpx.ReadTimeout):
            short.workflows.run("sleep", input={"seconds": 2}, wait_for_completion=30)
        newest = self.client.workflows.executions.list("sleep", limit=1).data[0]
        self.until(newest.id, "completed")


class Files(Case):
    content = b"%PDF-1.7 \x00\xff" * 1000

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "contract.pdf")
        self.path.write_bytes(self.content)

    def reference(self, value, filename, mime_type, content=None):
        content = self.content if content is None else content
        self.assertRegex(value["fileId"], "^file_")
        self.assertEqual(
            {k: v for k, v in value.items() if k != "fileId"},
            {"filename": filename, "mimeType": mime_type, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        )
        answer = httpx.get(f"{URL}/v1/files/{value['fileId']}/content", headers={"Authorization": "Bearer " + KEY})
        self.assertEqual(answer.content, content)

    def run_with(self, **input):
        run = self.client.workflows.run("echo", input=input, wait_for_completion=30)
        self.assertEqual(run.status, "completed")
        return run.to_dict()["result"]

    def test_path(self):
        self.reference(self.run_with(contract_document=self.path)["contract_document"], "contract.pdf", "application/pdf")

    def test_open_file(self):
        with self.path.open("rb") as file:
            self.reference(self.run_with(contract_document=file)["contract_document"], "contract.pdf", "application/pdf")

    def test_bytes_with_a_name(self):
        result = self.run_with(
            **{
                "a b": {"content": b"{}", "filename": "übung ☃.json", "mime_type": "application/x-own"},
                "über": {"content": bytearray(), "filename": "empty.bin"},
                "note": {"n": [1, None]},
            }
        )
        self.assertEqual(set(result), {"a b", "über", "note"})
        self.reference(result["a b"], "übung ☃.json", "application/x-own", b"{}")
        self.reference(result["über"], "empty.bin", "application/octet-stream", b"")
        self.assertEqual(result["note"], {"n": [1, None]})

    def test_with_everything(self):
        run = self.client.workflows.run("echo", input={"f": self.path, "n": 1}, version="latest", overrides={"x": {"y": 1}}, trigger="cli")
        x = self.client.workflows.executions.get(run.execution_id, include_steps=True)
        self.assertEqual(x.trigger_type, "cli")
        self.reference(x.trigger_input["f"], "contract.pdf", "application/pdf")

    def test_run_and_wait(self):
        final = self.client.workflows.executions.run_and_wait("echo", input={"contract_document": self.path}, poll_interval_seconds=0.05, timeout_seconds=30)
        self.reference(final["result"]["contract_document"], "contract.pdf", "application/pdf")

    def test_worker_reads_it(self):
        run = self.client.workflows.run("file", input={"any name": self.path}, wait_for_completion=30)
        self.assertEqual(run.status, "completed")
        result = run.to_dict()["result"]
        self.assertEqual(
            {name: result[name] for name in ("size", "sha256", "filename", "mime_type")},
            {"size": len(self.content), "sha256": hashlib.sha256(self.content).hexdigest(), "filename": "contract.pdf", "mime_type": "application/pdf"},
        )

    def test_errors(self):
        self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", self.client.workflows.run, "nope", input={"f": self.path})
        self.refused(EigenpalValidationError, 400, "query.wait_for_completion", "invalid_value", self.client.workflows.run, "echo", input={"f": self.path}, wait_for_completion=99)
        many = {f"f{n}": self.path for n in range(17)}
        with self.assertRaises(EigenpalError) as caught:
            self.client.workflows.run("echo", input=many)
        self.assertEqual((type(caught.exception), caught.exception.status), (EigenpalError, 413))
        with EigenpalClient(api_key=new_key(scopes=["executions:read"]), base_url=URL) as client:
            self.refused(EigenpalForbiddenError, 403, "<root>", "forbidden", client.workflows.run, "echo", input={"f": self.path})


class Get(Case):
    def test_status_has_every_field(self):
        run = self.client.workflows.run("echo", input={"a": 1}, wait_for_completion=10)
        x = self.client.workflows.executions.get(run.execution_id)
        self.assertEqual(type(x).__name__, "WorkflowExecutionStatusResponse")
        self.assertEqual((x.execution_id, x.status, x.result, x.error), (run.execution_id, "completed", {"a": 1}, None))
        for at in (x.created_at, x.completed_at):
            at = at if isinstance(at, str) else at.isoformat()
            self.assertLess(abs((datetime.now(timezone.utc) - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds()), 60)

    def test_open_has_null_and_not_unset(self):
        x = self.client.workflows.executions.get(self.client.workflows.run("queued").execution_id)
        self.assertEqual((x.status, x.result, x.error, x.completed_at), ("pending", None, None, None))

    def test_failed(self):
        x = self.until(self.client.workflows.run("fail").execution_id, "failed")
        self.assertIsNone(x.result)
        self.assertIn("always fails", x.error)

    def test_include_steps(self):
        run = self.client.workflows.run("steps", input={"number": 4}, wait_for_completion=10)
        x = self.client.workflows.executions.get(run.execution_id, include_steps=True)
        self.assertEqual(type(x).__name__, "ExecutionSummary")
        self.assertEqual((x.id, x.status, x.error), (run.execution_id, "completed", None))
        self.assertEqual(x.trigger_input, {"number": 4})
        self.assertEqual(x.workflow.name, "steps")
        self.assertIsNotNone(x.started_at)

    def test_created(self):
        x = native("POST", "/v1/executions", {"workflow_id": "echo", "input": {}, "delay_ms": 3600000})
        self.assertEqual(self.client.workflows.executions.get(x["id"]).status, "created")
        self.assertEqual(self.client.workflows.executions.cancel(x["id"]).was_status, "created")


class Approval(Case):
    def test_rejected(self):
        run = self.client.workflows.run("approval", input={"question": "May it?"})
        self.until(run.execution_id, "waiting")
        x = self.client.workflows.executions.get(run.execution_id)
        self.assertEqual((x.status, x.result, x.error, x.completed_at), ("waiting", None, None, None))
        native("POST", f"/v1/executions/{run.execution_id}/reject", {"comment": "too dear", "by": "Ann"})
        x = self.until(run.execution_id, "rejected")
        self.assertEqual((x.result, x.error), (None, "too dear"))
        listed = self.client.workflows.executions.list("approval", status="rejected").data
        self.assertIn((run.execution_id, "too dear"), [(x.id, x.error) for x in listed])

    def test_approved_while_held(self):
        done = []
        holding = threading.Thread(target=lambda: done.append(self.client.workflows.run("approval", input={"question": "Held?"}, wait_for_completion=30)))
        holding.start()
        with EigenpalClient(api_key=KEY, base_url=URL) as other:
            deadline = time.monotonic() + 20
            while not (waiting := [x for x in other.workflows.executions.list("approval", status="waiting").data if x.trigger_input["question"] == "Held?"]):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            native("POST", f"/v1/executions/{waiting[0].id}/approve", {"comment": "fine"})
        holding.join(30)
        self.assertEqual((done[0].execution_id, done[0].status), (waiting[0].id, "completed"))
        self.assertTrue(done[0].to_dict()["result"]["approved"])

    def test_rejected_while_run_and_wait_polls(self):
        done = []
        polling = threading.Thread(
            target=lambda: done.append(self.client.workflows.executions.run_and_wait("approval", input={"question": "Polled?"}, poll_interval_seconds=0.05))
        )
        polling.start()
        with EigenpalClient(api_key=KEY, base_url=URL) as other:
            deadline = time.monotonic() + 20
            while not (waiting := [x for x in other.workflows.executions.list("approval", status="waiting").data if x.trigger_input["question"] == "Polled?"]):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            native("POST", f"/v1/executions/{waiting[0].id}/reject", {"comment": "no"})
        polling.join(30)
        self.assertEqual((done[0]["status"], done[0]["result"], done[0]["error"]), ("rejected", None, "no"))

    def test_cancelled_while_waiting(self):
        run = self.client.workflows.run("approval")
        self.until(run.execution_id, "waiting")
        x = self.client.workflows.executions.cancel(run.execution_id)
        self.assertEqual((x.status, x.was_status), ("cancellation-requested", "waiting"))
        self.until(run.execution_id, "cancelled")


class List(Case):
    def setUp(self):
        super().setUp()
        self.name = f"listed-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": self.name})
        self.id = self.client.workflows.get(self.name).id
        self.runs = [self.client.workflows.run(self.name, input={"n": n}).execution_id for n in range(5)][::-1]
        for run in self.runs[3:]:
            self.client.workflows.executions.cancel(run)

    def ids(self, **query):
        page = self.client.workflows.executions.list(self.id, **query)
        return [x.id for x in page.data], page.total

    def test_pages(self):
        self.assertEqual(self.ids(), (self.runs, 5))
        self.assertEqual(self.ids(limit=2, offset=1), (self.runs[1:3], 5))
        self.assertEqual(self.ids(offset=5), ([], 5))
        page = self.client.workflows.executions.list(self.name)
        self.assertEqual((page.limit, page.offset), (50, 0))

    def test_filters(self):
        self.assertEqual(self.ids(status="cancelled"), (self.runs[3:], 2))
        self.assertEqual(self.ids(status=["cancelled", "failed"]), (self.runs[3:], 2))
        self.assertEqual(self.ids(status=["pending", "cancelled"], limit=1), (self.runs[:1], 5))
        self.assertEqual(self.ids(from_date="now()-7d", to_date="now()"), (self.runs, 5))
        self.assertEqual(self.ids(from_date="now() + 1h"), ([], 0))
        self.assertEqual(self.ids(from_date="2020-01-01", to_date="2020-12-31T23:59:59Z"), ([], 0))
        self.assertEqual(self.ids(example_id="ex_1"), ([], 0))

    def test_item(self):
        x = self.client.workflows.executions.list(self.id, status="cancelled").data[0]
        self.assertEqual((x.id, x.workflow_id, x.status, x.trigger_type, x.result, x.error), (self.runs[3], self.id, "cancelled", "api", None, None))
        self.assertEqual((x.workflow.id, x.workflow.name), (self.id, self.name))
        self.assertEqual(x.trigger_input, {"n": 1})
        self.assertIsNone(x.started_at)
        self.assertIsNotNone(x.completed_at)
        self.assertIsInstance(x.duration_ms, int)

    def test_of_a_deleted_workflow(self):
        for run in self.runs[:3]:
            self.client.workflows.executions.cancel(run)
        native("DELETE", "/v1/workflows/" + self.name)
        page = self.client.workflows.executions.list(self.id)
        self.assertEqual((page.total, page.data[0].workflow), (5, None))

    def test_refused(self):
        for query, field in (({"limit": 101}, "limit"), ({"limit": 0}, "limit"), ({"offset": -1}, "offset"), ({"status": "open"}, "status"), ({"from_date": "last week"}, "fromDate"), ({"to_date": "now()-1y"}, "toDate")):
            self.refused(EigenpalValidationError, 400, "query." + field, "invalid_value", self.client.workflows.executions.list, self.id, **query)


class Cancel(Case):
    def cancel(self, execution_id):
        x = self.client.workflows.executions.cancel(execution_id)
        self.assertEqual(x.execution_id, execution_id)
        return (x.status, x.was_status)

    def test_pending(self):
        run = self.client.workflows.run("queued")
        self.assertEqual(self.cancel(run.execution_id), ("cancelled", "pending"))
        self.assertEqual(self.cancel(run.execution_id), ("already-terminal", "cancelled"))
        x = self.client.workflows.executions.get(run.execution_id)
        self.assertEqual((x.status, x.result, x.error), ("cancelled", None, None))
        self.assertIsNotNone(x.completed_at)

    def test_running(self):
        run = self.client.workflows.run("sleep", input={"seconds": 60})
        self.until(run.execution_id, "running")
        self.assertEqual(self.cancel(run.execution_id), ("cancellation-requested", "running"))
        x = self.until(run.execution_id, "cancelled")
        self.assertEqual(self.cancel(run.execution_id), ("already-terminal", "cancelled"))
        self.assertIsNone(x.error)

    def test_completed(self):
        run = self.client.workflows.run("echo", wait_for_completion=10)
        self.assertEqual(self.cancel(run.execution_id), ("already-terminal", "completed"))


class RunAndWait(Case):
    def wait(self, *args, **kwargs):
        return self.client.workflows.executions.run_and_wait(*args, poll_interval_seconds=0.05, **kwargs)

    def test_completed(self):
        final = self.wait("echo", input={"a": 1})
        self.assertRegex(final["executionId"], "^exec_")
        self.assertEqual({k: v for k, v in final.items() if k != "executionId"}, {"status": "completed", "result": {"a": 1}, "error": None})

    def test_failed(self):
        final = self.wait("fail")
        self.assertEqual((final["status"], final["result"]), ("failed", None))
        self.assertTrue(final["error"])

    def test_cancelled(self):
        name = f"cancelled-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": name})
        done = []
        waiting = threading.Thread(target=lambda: done.append(self.wait(name)))
        waiting.start()
        while not (found := self.client.workflows.executions.list(name).data):
            time.sleep(0.01)
        self.client.workflows.executions.cancel(found[0].id)
        waiting.join(20)
        self.assertEqual((done[0]["status"], done[0]["result"], done[0]["error"]), ("cancelled", None, None))

    def test_timeout(self):
        with self.assertRaises(EigenpalTimeoutError) as caught:
            self.wait("queued", timeout_seconds=0.3)
        self.assertEqual(caught.exception.status, 0)
        execution_id = re.search("execution_id=(exec_[0-9a-z]+)", str(caught.exception)).group(1)
        self.assertEqual(self.client.workflows.executions.get(execution_id).status, "pending")


class Workflows(Case):
    def test_list(self):
        page = self.client.workflows.list(search="ECH", limit=10)
        self.assertEqual([w.name for w in page.data], ["echo"])
        self.assertEqual((page.total, page.limit, page.offset), (1, 10, 0))
        self.assertEqual(self.client.workflows.list(kind="block").total, 0)
        self.assertEqual(self.client.workflows.list(name="echo", kind="workflow").total, 1)
        everything = self.client.workflows.list(limit=100)
        self.assertEqual(self.client.workflows.list(limit=1, offset=1).data[0].id, everything.data[1].id)

    def test_get(self):
        w = self.client.workflows.get("steps")
        self.assertEqual(type(w).__name__, "WorkflowDetail")
        self.assertEqual((w.name, w.version, w.yaml_content), ("steps", "1", None))
        self.assertEqual(self.client.workflows.get(w.id).id, w.id)

    def test_versions(self):
        name = f"released-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": name})
        self.assertIsNone(self.client.workflows.get(name).version)
        native("POST", f"/v1/workflows/{name}/versions", {"version": "1.2.3"})
        native("POST", f"/v1/workflows/{name}/versions", {"version": "1.3.0-rc", "current": False})
        page = self.client.workflows.versions(name)
        self.assertEqual([(v.version, v.is_current) for v in page.data], [("1.3.0-rc", False), ("1.2.3", True)])
        self.assertEqual((page.total, page.limit, page.offset), (2, 50, 0))
        self.assertRegex(page.data[0].id, "^wfh_")
        self.assertEqual(self.client.workflows.get(name).version, "1.2.3")


class Errors(Case):
    def test_validation(self):
        e = self.refused(EigenpalValidationError, 400, "query.wait_for_completion", "invalid_value", self.client.workflows.run, "echo", wait_for_completion=61)
        self.assertEqual(str(e), f"{e.issues[0]['field']}: {e.issues[0]['message']}")
        self.refused(EigenpalValidationError, 400, "body.input.seconds", "invalid_value", self.client.workflows.run, "sleep", input={"seconds": "x"})
        name = f"demanding-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": name, "input_schema": {"type": "object", "required": ["contract_document", "customer"]}})
        e = self.refused(EigenpalValidationError, 400, "body.input.contract_document", "required", self.client.workflows.run, name)
        self.assertEqual(sorted(i["field"] for i in e.issues), ["body.input.contract_document", "body.input.customer"])

    def test_unauthorized(self):
        for key in ("eg_nonsense", "sjn_live_0000000000_" + "A" * 49):
            with EigenpalClient(api_key=key, base_url=URL) as client:
                e = self.refused(EigenpalAuthError, 401, "<root>", "unauthorized", client.workflows.list)
                self.assertEqual(str(e), e.envelope["issues"][0]["message"])

    def test_forbidden(self):
        with EigenpalClient(api_key=new_key(scopes=["executions:read"]), base_url=URL) as client:
            self.refused(EigenpalForbiddenError, 403, "<root>", "forbidden", client.workflows.run, "echo")
            self.refused(EigenpalForbiddenError, 403, "<root>", "forbidden", client.workflows.executions.cancel, "exec_x")
            self.refused(EigenpalForbiddenError, 403, "<root>", "forbidden", client.workflows.list)

    def test_api_trigger_disabled(self):
        name = f"closed-{time.time_ns()}"
        native("POST", "/v1/workflows", {"name": name, "api_trigger": False})
        e = self.refused(EigenpalForbiddenError, 403, "<root>", "api_trigger_disabled", self.client.workflows.run, name)
        self.assertIn(name, str(e))
        native("PATCH", "/v1/workflows/" + name, {"api_trigger": True})
        self.client.workflows.run(name)

    def test_not_found(self):
        run, get, cancel, list_, workflows = self.client.workflows.run, self.client.workflows.executions.get, self.client.workflows.executions.cancel, self.client.workflows.executions.list, self.client.workflows
        for call, args in ((run, ("nope",)), (get, ("exec_01jd7x0m8ke9tb3a0r6v5n2w4q",)), (get, ("nope",)), (cancel, ("nope/../x",)), (list_, ("nope",)), (workflows.get, ("nope",)), (workflows.versions, ("nope",))):
            self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", call, *args)

    def test_other_projects_are_not_there(self):
        project = f"other-{time.time_ns()}"
        native("POST", "/v1/projects", {"name": project})
        run = self.client.workflows.run("queued")
        with EigenpalClient(api_key=new_key(scopes=["admin"], project=project), base_url=URL) as client:
            self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", client.workflows.executions.get, run.execution_id)
            self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", client.workflows.executions.cancel, run.execution_id)
            self.assertEqual(client.workflows.list().total, 0)

    def test_rate_limit(self):
        with EigenpalClient(api_key=new_key(scopes=["workflows:read"], rate_limit="1/s"), base_url=URL) as client:
            client.workflows.list()
            with self.assertRaises(EigenpalRateLimitError) as caught:
                for _ in range(5):
                    client.workflows.list()
            e = caught.exception
            self.assertEqual((e.status, e.envelope["issues"][0]["code"]), (429, "rate_limited"))
            self.assertIsInstance(e.retry_after, int)
            self.assertGreaterEqual(e.retry_after, 1)
            time.sleep(e.retry_after)  # what it says is true
            client.workflows.list()

    def test_paths_that_are_not_there(self):
        # The client reads whatever it gets as JSON, and says so when it is not: agents are not served.
        self.refused(EigenpalNotFoundError, 404, "<root>", "not_found", self.client.agents.list)

    def test_too_large(self):
        with self.assertRaises(EigenpalError) as caught:
            self.client.workflows.run("echo", input={"text": "x" * (2 << 20)})
        self.assertEqual((type(caught.exception), caught.exception.status), (EigenpalError, 413))
        self.assertEqual(caught.exception.envelope["issues"][0]["code"], "payload_too_large")

    def test_no_server(self):
        with EigenpalClient(api_key=KEY, base_url="http://127.0.0.1:1") as client, self.assertRaises(httpx.ConnectError):
            client.workflows.list()

    def test_every_class_is_one_of_the_base(self):
        for kind in (EigenpalAuthError, EigenpalForbiddenError, EigenpalNotFoundError, EigenpalRateLimitError, EigenpalServerError, EigenpalTimeoutError, EigenpalValidationError):
            self.assertTrue(issubclass(kind, EigenpalError))
