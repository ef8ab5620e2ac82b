"""The code of EigenPal's documentation of executions, line by line as it stands there, with our own workflow's names.

A line is the documentation's own from the marker `# as documented` to the next blank line; only the ids that the
documentation makes up ("wf_abc123") are replaced by ones that exist, and long times by short ones where that is said.
"""

import io
import os
import re
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import httpx
from eigenpal import EigenpalClient, EigenpalTimeoutError

URL = os.environ["SOJOURN_TEST_URL"]
KEY = os.environ["SOJOURN_TEST_KEY"]
WIDE = bool(os.environ.get("SOJOURN_TEST_WIDE"))


class Document(unittest.TestCase):
    def setUp(self):
        self.client = EigenpalClient(api_key=KEY, base_url=URL)
        self.addCleanup(self.client.__exit__)

    def test_server_hold(self):
        client, id, input = self.client, "echo", {"a": 1}
        # as documented
        run = client.workflows.run(id, input, wait_for_completion=60)

        self.assertEqual((run.status, run.to_dict()["result"]), ("completed", {"a": 1}))

    def test_client_polls(self):
        client, id, input = self.client, "echo", {"a": 1}
        # as documented
        final = client.workflows.executions.run_and_wait(id, input)

        self.assertEqual((final["status"], final["result"]), ("completed", {"a": 1}))

    def test_get(self):
        client = self.client
        execution_id = client.workflows.run("echo", {"a": 1}, wait_for_completion=60).execution_id
        # as documented
        exec = client.workflows.executions.get(execution_id)

        fields = (exec.execution_id, exec.status, exec.result, exec.error)
        self.assertEqual(fields, (execution_id, "completed", {"a": 1}, None))
        self.assertTrue(exec.created_at and exec.completed_at)

    def test_get_with_steps(self):
        client = self.client
        execution_id = client.workflows.run("steps", {}, wait_for_completion=60).execution_id
        # as documented
        detail = client.workflows.executions.get(execution_id, include_steps=True)

        self.assertEqual((detail.id, detail.status, detail.workflow.name), (execution_id, "completed", "steps"))

    def test_run_and_wait(self):
        client = self.client
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            self.addCleanup(os.chdir, Path(__file__).parent)
            Path("contract.pdf").write_bytes(b"%PDF")
            # as documented
            final = client.workflows.executions.run_and_wait(
                "echo",
                input={"contract_document": Path("contract.pdf")},
                poll_interval_seconds=2.0, # default 2.0
                timeout_seconds=5 * 60.0, # default 300.0
            )

            self.assertEqual(final["status"], "completed")
            document = final["result"]["contract_document"]
            self.assertEqual((document["filename"], document["size"]), ("contract.pdf", 4))

    def test_run_and_wait_gives_up(self):
        client = self.client
        with self.assertRaises(EigenpalTimeoutError):
            client.workflows.executions.run_and_wait("queued", input={}, timeout_seconds=0.2, poll_interval_seconds=0.05)

    @unittest.skipUnless(WIDE, "takes five minutes of a clock that the test moves")
    def test_run_and_wait_gives_up_after_five_minutes(self):
        client = self.client
        now = [0.0]

        def sleep(seconds):
            self.assertEqual(seconds, 2.0)
            now[0] += seconds

        with mock.patch("time.monotonic", lambda: now[0]), mock.patch("time.time", lambda: now[0]), mock.patch("time.sleep", sleep):
            with self.assertRaises(EigenpalTimeoutError):
                client.workflows.executions.run_and_wait("queued", input={})
        self.assertTrue(298 <= now[0] <= 302, now[0])

    def test_list(self):
        client = self.client
        cancelled = client.workflows.run("queued", {}).execution_id
        client.workflows.executions.cancel(cancelled)
        wf_abc123 = client.workflows.get("queued").id
        # as documented
        executions = client.workflows.executions.list(
            wf_abc123,
            status=["failed", "cancelled"], # str or list[str]
            from_date="now()-7d", # ISO-8601 or relative expression
            to_date="now()",
            limit=50,
        )

        item = next(x for x in executions.data if x.id == cancelled)
        names = "id workflow_id status trigger_type trigger_input result error created_at started_at completed_at workflow"
        shape = {name: getattr(item, name) for name in names.split()}
        self.assertEqual((shape["workflow_id"], shape["status"], shape["trigger_type"]), (wf_abc123, "cancelled", "api"))
        self.assertEqual((shape["trigger_input"], shape["result"], shape["error"], shape["started_at"]), ({}, None, None, None))
        self.assertEqual((item.workflow.id, item.workflow.name), (wf_abc123, "queued"))

    def test_cancel(self):
        client = self.client
        execution_id = client.workflows.run("queued", {}).execution_id
        # as documented
        client.workflows.executions.cancel(execution_id)

        client.workflows.executions.cancel(execution_id)  # idempotent
        self.assertEqual(client.workflows.executions.get(execution_id).status, "cancelled")

    def test_poll(self):
        client, input = self.client, {"a": 1}
        shown = io.StringIO()
        with redirect_stdout(shown):
            # as documented
            import time
            TERMINAL = {"completed", "failed", "cancelled", "rejected"}
            triggered = client.workflows.run("echo", input=input)
            status = None
            while True:
                status = client.workflows.executions.get(triggered.execution_id)
                if status.status in TERMINAL:
                    break
                time.sleep(2)
            print(status.status, status.result, status.error)

        self.assertEqual(shown.getvalue(), "completed {'a': 1} None\n")

    def test_context_manager(self):
        api_key, input = KEY, {"a": 1}
        with mock.patch.dict(os.environ, EIGENPAL_BASE_URL=URL):
            # as documented
            with EigenpalClient(api_key=api_key) as client:
                client.workflows.run("echo", input=input)

        self.assertTrue(client._client.get_httpx_client().is_closed)

    def test_our_own_page(self):
        # docs/eigenpal.md, with the address and key of this server.
        page = Path(__file__).resolve().parents[4] / "docs" / "eigenpal.md"
        [code] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        code = code.replace("http://127.0.0.1:7373", URL).replace('"…"', repr(KEY))
        shown, names = io.StringIO(), {}
        with redirect_stdout(shown):
            exec(compile(code, page.name, "exec"), names)
        names["client"].__exit__()
        self.assertEqual(shown.getvalue().split()[0], "completed")
        self.assertEqual(names["run"].to_dict()["result"], {"name": "Ada"})

    def test_every_status_is_understood(self):
        # The documented life of an execution: each state that it can be seen in is one that the client knows.
        seen = {self.client.workflows.executions.get(self.client.workflows.run("queued", {}).execution_id).status}
        later = httpx.post(
            URL + "/v1/executions",
            json={"workflow_id": "echo", "input": {}, "delay_ms": 3600000},
            headers={"Authorization": "Bearer " + KEY},
        ).json()["id"]
        seen.add(self.client.workflows.executions.get(later).status)
        for workflow in ("echo", "fail"):
            run = self.client.workflows.run(workflow, {}, wait_for_completion=30)
            seen.add(self.client.workflows.executions.get(run.execution_id).status)
        self.assertEqual(seen, {"created", "pending", "completed", "failed"})
