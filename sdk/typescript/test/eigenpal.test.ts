// The calls of seed 2 in the names that EigenPal's TypeScript client has for them; only the ids differ.
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import {
  EigenpalAuthError,
  EigenpalClient,
  EigenpalError,
  EigenpalForbiddenError,
  EigenpalNotFoundError,
  EigenpalRateLimitError,
  EigenpalServerError,
  EigenpalTimeoutError,
  EigenpalValidationError,
  toFile,
} from "../src/eigenpal/index.js";
import { failure, sharedClient, unique, until } from "./kit/kit.js";
import { startProxy } from "./kit/proxy.js";

const { url: baseUrl, key: apiKey } = inject("server");
const client = new EigenpalClient({ apiKey, baseUrl });
const core = sharedClient();
const invoice = fileURLToPath(new URL("../../../examples/invoices/browser-us.pdf", import.meta.url));

describe("run", () => {
  test("server hold: run(id, input, { waitForCompletion: 60 })", async () => {
    const held = await client.workflows.run("echo", { name: "Ada" }, { waitForCompletion: 60 });
    expect(held).toEqual({
      executionId: expect.stringMatching(/^exec_/),
      status: "completed",
      result: { name: "Ada" },
    });
    const failed = await client.workflows.run("fail", {}, { waitForCompletion: 60 });
    expect(failed).toEqual({ executionId: expect.any(String), status: "failed", error: expect.any(String) });
  });

  test("async: only the id", async () => {
    const triggered = await client.workflows.run("queued");
    expect(Object.keys(triggered)).toEqual(["executionId"]);
    const expired = await client.workflows.run("queued", {}, { waitForCompletion: 1 });
    expect(Object.keys(expired)).toEqual(["executionId"]);
  });

  test("files are uploaded with the run, whatever they are given as", async () => {
    for (const file of [
      createReadStream(invoice),
      new File([new Uint8Array([37, 80])], "browser-us.pdf", { type: "application/pdf" }),
      { content: new Uint8Array([37, 80]), filename: "browser-us.pdf", mimeType: "application/pdf" },
      toFile("%P", "browser-us.pdf"),
    ]) {
      const run = await client.workflows.run("echo", { contract_document: file, pages: 2 }, { waitForCompletion: 60 });
      expect(run.result).toEqual({
        contract_document: {
          fileId: expect.stringMatching(/^file_/),
          filename: "browser-us.pdf",
          mimeType: "application/pdf",
          size: expect.any(Number),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        pages: 2,
      });
    }
    const nested = await failure(client.workflows.run("echo", { list: [new Blob(["x"])] }));
    expect(nested).toBeInstanceOf(TypeError);
    expect(nested.message).toContain("input.list.0");
  });

  test("an overridden step does not run", async () => {
    const { executionId } = await client.workflows.run("steps", { number: 20 }, { waitForCompletion: 60 });
    const before = await client.workflows.executions.get(executionId, { includeSteps: true });
    const first = before.steps[0];
    const run = await client.workflows.run(
      "steps",
      { number: 20 },
      { waitForCompletion: 60, overrides: { [first?.id ?? ""]: first?.output } },
    );
    expect(run.status).toBe("completed");
    const after = await client.workflows.executions.get(run.executionId, { includeSteps: true });
    expect(after.steps.map((s) => s.status)).toEqual(before.steps.map((s) => s.status));
  });

  test("one call is one execution, also when its answer is lost", async () => {
    const proxy = await startProxy(baseUrl);
    try {
      let n = 0;
      proxy.fault = () => (n++ === 0 ? { status: 503, headers: { "retry-after": "1" }, body: "" } : undefined);
      const careful = new EigenpalClient({ apiKey, baseUrl: proxy.url });
      expect((await careful.workflows.run("queued")).executionId).toMatch(/^exec_/);
      expect(n).toBe(2);
    } finally {
      await proxy.close();
    }
  });
});

describe("executions", () => {
  test("get", async () => {
    const { executionId } = await client.workflows.run("steps", { number: 20 }, { waitForCompletion: 60 });
    const exec = await client.workflows.executions.get(executionId);
    expect(exec).toEqual({
      executionId,
      status: "completed",
      createdAt: expect.stringMatching(/Z$/),
      completedAt: expect.stringMatching(/Z$/),
      result: expect.any(Object),
      error: null,
    });
    const detail = await client.workflows.executions.get(executionId, { includeSteps: true });
    expect(detail.id).toBe(executionId);
    expect(detail.steps).toHaveLength(3);
    expect(detail.steps[0]).toEqual(
      expect.objectContaining({
        id: expect.any(String),
        name: expect.any(String),
        status: "completed",
        output: expect.anything(),
      }),
    );
  });

  test("runAndWait", async () => {
    const final = await client.workflows.executions.runAndWait(
      "echo",
      { contract_document: createReadStream(invoice) },
      { pollIntervalMs: 20, timeoutMs: 5 * 60_000 },
    );
    expect(final.status).toBe("completed");
    expect(final.executionId).toMatch(/^exec_/);
    const failed = await client.workflows.executions.runAndWait("fail", {}, { pollIntervalMs: 20 });
    expect(failed).toMatchObject({ status: "failed", error: expect.any(String) });
    expect(failed).not.toHaveProperty("result");
    const late = await failure<EigenpalTimeoutError>(
      client.workflows.executions.runAndWait("queued", {}, { pollIntervalMs: 10, timeoutMs: 50 }),
    );
    expect(late).toBeInstanceOf(EigenpalTimeoutError);
    expect(late.status).toBe(0);
    expect(late.message).toContain(`executionId=${late.executionId}`);
    expect((await client.workflows.executions.get(late.executionId)).status).toBe("pending");
  });

  test("list", async () => {
    const name = unique("ep");
    const wf_abc123 = (await core.workflows.create({ name })).id;
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift((await client.workflows.run(wf_abc123, { n })).executionId);
    await client.workflows.executions.cancel(ids[0] ?? "");
    const executions = await client.workflows.executions.list(wf_abc123, {
      status: ["failed", "cancelled"],
      fromDate: "now()-7d",
      toDate: "now()",
      limit: 50,
    });
    expect(executions).toMatchObject({ total: 1, limit: 50, offset: 0 });
    expect(executions.data[0]).toEqual(
      expect.objectContaining({
        id: ids[0],
        workflowId: wf_abc123,
        status: "cancelled",
        triggerType: "api",
        triggerInput: { n: 2 },
        result: null,
        createdAt: expect.any(String),
        startedAt: null,
        completedAt: expect.any(String),
        workflow: { id: wf_abc123, name },
      }),
    );
    const page = await client.workflows.executions.list(name, { status: "pending", limit: 1, offset: 1 });
    expect([page.total, page.data[0]?.id]).toEqual([2, ids[2]]);
  });

  test("cancel: three outcomes, never an error", async () => {
    const queued = (await client.workflows.run("queued")).executionId;
    expect(await client.workflows.executions.cancel(queued)).toEqual({
      executionId: queued,
      status: "cancelled",
      wasStatus: "pending",
    });
    expect(await client.workflows.executions.cancel(queued)).toMatchObject({
      status: "already-terminal",
      wasStatus: "cancelled",
    });
    const { executionId } = await client.workflows.run("sleep", { seconds: 3600 });
    await until("running", async () => (await client.workflows.executions.get(executionId)).status === "running");
    expect(await client.workflows.executions.cancel(executionId)).toMatchObject({
      status: "cancellation-requested",
      wasStatus: "running",
    });
    await until("cancelled", async () => (await client.workflows.executions.get(executionId)).status === "cancelled");
  });

  test("a loop that drives a UI", async () => {
    const TERMINAL = new Set(["completed", "failed", "cancelled", "rejected"]);
    const input = { seconds: 0 };
    const triggered = await client.workflows.run("sleep", input);
    let status: Awaited<ReturnType<typeof client.workflows.executions.get>>;
    while (true) {
      status = await client.workflows.executions.get(triggered.executionId);
      if (TERMINAL.has(status.status)) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect([status.status, status.result, status.error]).toEqual(["completed", { slept_seconds: 0 }, null]);
  });
});

test("workflows: list, get, versions", async () => {
  const name = unique("ep");
  const made = await core.workflows.create({ name, version: "1.2.3" });
  const listed = await client.workflows.list({ name });
  expect(listed).toMatchObject({ total: 1, limit: 50, offset: 0, data: [{ id: made.id, name, version: "1.2.3" }] });
  expect(await client.workflows.get(name)).toMatchObject({ id: made.id, name, yamlContent: null });
  const versions = await client.workflows.versions(name);
  expect(versions.data).toEqual([expect.objectContaining({ workflowId: made.id, version: "1.2.3", isCurrent: true })]);
  const run = await client.workflows.run(name, {}, { version: "1.2.3" });
  expect(run.executionId).toMatch(/^exec_/);
  expect(await failure(client.workflows.run(name, {}, { version: "9.9.9" }))).toBeInstanceOf(EigenpalNotFoundError);
});

describe("errors", () => {
  test("no key, a wrong key, a key without the scope", async () => {
    const before = process.env.EIGENPAL_API_KEY;
    delete process.env.EIGENPAL_API_KEY;
    expect(() => new EigenpalClient()).toThrow(EigenpalError);
    process.env.EIGENPAL_API_KEY = apiKey;
    expect(await new EigenpalClient({ baseUrl }).workflows.list()).toHaveProperty("total");
    if (before === undefined) delete process.env.EIGENPAL_API_KEY;
    const wrong = await failure<EigenpalAuthError>(
      new EigenpalClient({ apiKey: "wrong-key-0123456789", baseUrl }).workflows.list(),
    );
    expect(wrong).toBeInstanceOf(EigenpalAuthError);
    expect(wrong).toMatchObject({ name: "EigenpalAuthError", status: 401, requestId: expect.any(String) });
    expect(wrong.envelope?.issues[0]?.code).toBe("unauthorized");
    const reader = await core.keys.create({ scopes: ["executions:read"] });
    const other = new EigenpalClient({ apiKey: reader.key, baseUrl });
    expect(await failure(other.workflows.run("echo"))).toBeInstanceOf(EigenpalForbiddenError);
    const closed = await core.workflows.create({ name: unique("closed") });
    expect(closed.api_trigger).toBe(true);
    expect((await core.workflows.update(closed.name, { apiTrigger: false })).api_trigger).toBe(false);
    const refused = await failure<EigenpalForbiddenError>(client.workflows.run(closed.name));
    expect(refused).toBeInstanceOf(EigenpalForbiddenError);
    expect(refused.envelope?.issues[0]?.code).toBe("api_trigger_disabled");
  });

  test("400 and 404", async () => {
    const error = await failure<EigenpalValidationError>(client.workflows.run("echo", {}, { waitForCompletion: 61 }));
    expect(error).toBeInstanceOf(EigenpalValidationError);
    expect(error.issues[0]?.field).toContain("wait_for_completion");
    expect(error.message).toBe(`${error.issues[0]?.field}: ${error.issues[0]?.message}`);
    expect(await failure(client.workflows.executions.get("exec_nothing"))).toBeInstanceOf(EigenpalNotFoundError);
    expect(await failure(client.workflows.run("no-such-workflow"))).toBeInstanceOf(EigenpalNotFoundError);
  });

  test("429 says when to come back, and it is true", async () => {
    const key = await core.keys.create({ scopes: ["workflows:read"], rateLimit: "1/s" });
    const limited = new EigenpalClient({ apiKey: key.key, baseUrl, maxRetries: 0 });
    const error = await until("the rate limit", async () => {
      const e = await limited.workflows.list().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return e instanceof EigenpalRateLimitError ? e : undefined;
    });
    expect(error.retryAfter).toBeGreaterThanOrEqual(1);
    const patient = new EigenpalClient({ apiKey: key.key, baseUrl, maxRetries: 1 });
    expect(await patient.workflows.list()).toHaveProperty("total");
  });

  test("5xx, a page that is not the API's, and nobody there", async () => {
    const proxy = await startProxy(baseUrl);
    try {
      const there = new EigenpalClient({ apiKey, baseUrl: proxy.url, maxRetries: 0 });
      proxy.fault = () => ({ status: 502 });
      expect(await failure(there.workflows.list())).toBeInstanceOf(EigenpalServerError);
      proxy.fault = () => ({ status: 502, headers: { "content-type": "text/html" }, body: "<html>" });
      const html = await failure<EigenpalError>(there.workflows.list());
      expect(html).toBeInstanceOf(EigenpalError);
      expect(html).not.toBeInstanceOf(EigenpalServerError);
      expect(html.message).toMatch(/baseUrl/);
      proxy.fault = () => ({ status: 409, headers: { "content-type": "application/json" }, body: "{}" });
      expect(await failure(there.workflows.list())).toMatchObject({ status: 409, message: "unexpected status 409" });
    } finally {
      await proxy.close();
    }
    const lonely = new EigenpalClient({ apiKey, baseUrl: "http://127.0.0.1:1" });
    expect(await failure(lonely.workflows.list())).toMatchObject({ name: "EigenpalError", status: 0 });
  });
});
