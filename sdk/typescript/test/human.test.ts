// The calls of seed 1 as its page shows them; only the ids differ.
import { describe, expect, inject, test } from "vitest";
import {
  AuthorizationError,
  ConflictError,
  type ExecutionListFilters,
  HumanClient,
  HumanError,
  NotFoundError,
  RateLimitError,
  type StartExecutionRequest,
  ValidationError,
} from "../src/human/index.js";
import { failure, sharedClient, unique } from "./kit/kit.js";

const { url: baseUrl, key: apiKey } = inject("server");
const client = new HumanClient({ apiKey, baseUrl });
const core = sharedClient();

async function started(workflow_id: string, input: Record<string, unknown> = {}) {
  return client.workflows.start({ workflow_id, input });
}

describe("start", () => {
  test("as shown", async () => {
    const wf_summarize = (await core.workflows.get("summarize")).id;
    const execution = await client.workflows.start({
      workflow_id: wf_summarize,
      input: { text: "Hello world" },
      timeout_ms: 60000,
    });
    expect(execution.status).toBe("pending");
    expect(execution.input).toEqual({ text: "Hello world" });
    expect(execution.started_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(execution).not.toHaveProperty("output");
    expect(execution).not.toHaveProperty("completed_at");
    const result = await client.workflows.waitForCompletion(execution.id, { poll_interval_ms: 20 });
    expect([result.status, result.output?.text]).toEqual(["completed", "Hello world"]);
  });

  test("ValidationError if the request payload is invalid", async () => {
    for (const [field, request] of [
      ["input", { workflow_id: "echo" }],
      ["input", { workflow_id: "echo", input: "text" }],
      ["workflow_id", { input: {} }],
      ["timeout_ms", { workflow_id: "echo", input: {}, timeout_ms: 0 }],
      ["timeout_ms", { workflow_id: "echo", input: {}, timeout_ms: 1.5 }],
      ["callback_url", { workflow_id: "echo", input: {}, callback_url: "ftp://example.com" }],
    ] as [string, StartExecutionRequest][]) {
      const error = await failure<ValidationError>(client.workflows.start(request));
      expect(error, JSON.stringify(request)).toBeInstanceOf(ValidationError);
      expect(error.name).toBe("ValidationError");
      expect(error.errors.map((e) => e.field)).toContain(field);
    }
  });

  test("NotFoundError if the specified workflow_id does not exist", async () => {
    const error = await failure(client.workflows.start({ workflow_id: "wf_nothing", input: {} }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.name).toBe("NotFoundError");
  });

  test("a workflow implied by context", async () => {
    const bound = new HumanClient({ apiKey, baseUrl, workflowId: "echo" });
    const { id } = await bound.workflows.start({ input: { a: 1 } });
    expect((await client.workflows.waitForCompletion(id, { poll_interval_ms: 20 })).output).toEqual({ a: 1 });
  });

  test("timeout_ms cancels", async () => {
    const { id } = await client.workflows.start({ workflow_id: "queued", input: {}, timeout_ms: 50 });
    expect((await client.workflows.waitForCompletion(id, { poll_interval_ms: 20 })).status).toBe("cancelled");
  });
});

describe("get", () => {
  test("status, progress, output and steps", async () => {
    const exec_abc123 = (await started("steps", { number: 20 })).id;
    await client.workflows.waitForCompletion(exec_abc123, { poll_interval_ms: 20 });
    const execution = await client.workflows.get(exec_abc123);
    expect([execution.status, execution.progress]).toEqual(["completed", 1]);
    expect(execution.output).toBeTypeOf("object");
    expect(execution.completed_at).toBeTypeOf("string");
    expect(execution.steps).toHaveLength(3);
    for (const step of execution.steps ?? []) {
      expect(step.id).toMatch(/^step_/);
      expect(step.name).toBeTypeOf("string");
      expect(step.status).toBe("completed");
      expect(step.output).toBeTypeOf("object");
      expect(Date.parse(step.completed_at ?? "")).toBeGreaterThanOrEqual(Date.parse(step.started_at ?? ""));
    }
  });

  test("a failed one has its error", async () => {
    const { id } = await started("fail");
    const execution = await client.workflows.waitForCompletion(id, { poll_interval_ms: 20 });
    expect(execution.status).toBe("failed");
    expect(execution.error).toBeTruthy();
    expect(execution).not.toHaveProperty("output");
    const [prepared, broken] = execution.steps ?? [];
    expect([prepared?.status, prepared?.error]).toEqual(["completed", undefined]);
    expect([broken?.status, broken?.error, broken?.output]).toEqual([
      "failed",
      "this workflow always fails",
      undefined,
    ]);
  });

  test("NotFoundError and AuthorizationError", async () => {
    expect(await failure(client.workflows.get("exec_abc123"))).toBeInstanceOf(NotFoundError);
    const { id } = await started("queued");
    const starter = await core.keys.create({ scopes: ["executions:start"] });
    const other = new HumanClient({ apiKey: starter.key, baseUrl });
    const error = await failure(other.workflows.get(id));
    expect(error).toBeInstanceOf(AuthorizationError);
    expect(error.name).toBe("AuthorizationError");
    const stranger = new HumanClient({ apiKey: "not-a-key-at-all-01234", baseUrl });
    expect(await failure(stranger.workflows.get(id))).toBeInstanceOf(AuthorizationError);
  });
});

test("list: as shown", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 25; n++) ids.unshift((await started("queued", { n })).id);
  // First page
  const page1 = await client.workflows.list({ limit: 20 });
  // Next page
  const page2 = await client.workflows.list({ limit: 20, cursor: page1.next_cursor });
  expect(page1.data).toHaveLength(20);
  expect(page1.has_more).toBe(true);
  const overlap = page2.data.filter((e) => page1.data.some((f) => f.id === e.id));
  expect(overlap).toEqual([]);
  // With filters
  const wf_summarize = (await core.workflows.get("summarize")).id;
  const running = await client.workflows.list({ status: "running", workflow_id: wf_summarize });
  expect(running.data.every((e) => e.status === "running" && e.workflow_id === wf_summarize)).toBe(true);

  const pending = await client.workflows.list({ status: "pending", workflow_id: "queued", limit: 100 });
  expect(pending.data.map((e) => e.id)).toEqual(expect.arrayContaining(ids));
  expect(
    await failure(client.workflows.list({ status: "sleeping" } as unknown as ExecutionListFilters)),
  ).toBeInstanceOf(ValidationError);
  expect(await failure(client.workflows.list({ limit: 101 }))).toBeInstanceOf(ValidationError);
  expect(await failure(client.workflows.list({ cursor: "?" }))).toBeInstanceOf(ValidationError);
});

describe("cancel", () => {
  test("as shown, then it cannot be cancelled again", async () => {
    const { id } = await started("sleep", { seconds: 3600 });
    await client.workflows.cancel(id);
    const execution = await client.workflows.waitForCompletion(id, { poll_interval_ms: 20 });
    expect(execution.status).toBe("cancelled");
    expect(execution.completed_at).toBeTypeOf("string");
    const error = await failure<ConflictError>(client.workflows.cancel(id));
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ name: "ConflictError", status: 409, code: "already_terminal" });
  });

  test("NotFoundError and AuthorizationError", async () => {
    expect(await failure(client.workflows.cancel("exec_abc123"))).toBeInstanceOf(NotFoundError);
    const reader = await core.keys.create({ scopes: ["executions:read"] });
    const { id } = await started("queued");
    const other = new HumanClient({ apiKey: reader.key, baseUrl });
    expect(await failure(other.workflows.cancel(id))).toBeInstanceOf(AuthorizationError);
  });
});

describe("waitForCompletion", () => {
  test("as shown", async () => {
    const exec_abc123 = (await started("echo", { text: "Hello" })).id;
    const said: unknown[] = [];
    const console = { log: (...a: unknown[]) => said.push(a), error: (...a: unknown[]) => said.push(a) };
    const result = await client.workflows.waitForCompletion(exec_abc123, {
      poll_interval_ms: 2000,
      timeout_ms: 120000,
    });
    if (result.status === "completed") {
      console.log("Output:", result.output);
    } else if (result.status === "failed") {
      console.error("Failed:", result.error);
    }
    expect(said).toEqual([["Output:", { text: "Hello" }]]);
  });

  test("NotFoundError at once, and an Error when the time is over", async () => {
    expect(await failure(client.workflows.waitForCompletion("exec_abc123"))).toBeInstanceOf(NotFoundError);
    const { id } = await started("queued");
    const began = Date.now();
    const error = await failure(client.workflows.waitForCompletion(id, { poll_interval_ms: 60_000, timeout_ms: 100 }));
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toMatch(/timeout/);
    expect(error).not.toBeInstanceOf(HumanError);
    expect((await client.workflows.get(id)).status).toBe("pending");
  });
});

test("an output that is not an object is wrapped, and the five states are all there is", async () => {
  const { id } = await core.executions.start({ workflow: "queued", delayMs: 3_600_000 });
  expect((await client.workflows.get(id)).status).toBe("pending"); // created
  const listed = await client.workflows.list({ status: "pending", limit: 100 });
  expect(listed.data.map((e) => e.id)).toContain(id);
});

test("one that waits for a person is running, one that was refused has failed and says so", async () => {
  const { id } = await core.executions.start({ workflow: "approval" });
  await core.executions.wait(id, { until: "actionable" });
  expect((await client.workflows.get(id)).status).toBe("running");
  await core.executions.reject(id, { comment: "too dear" });
  const execution = await client.workflows.waitForCompletion(id, { poll_interval_ms: 20 });
  expect(execution.status).toBe("failed");
  expect(execution.error).toMatch(/^rejected: .*too dear/);
  // What the workflow gives a step to work with is its input; of an approval, what the approver gets to see.
  const [step] = execution.steps ?? [];
  expect([step?.name, step?.status, step?.input]).toEqual(["manager", "failed", { question: "May this go on?" }]);
  const failed = await client.workflows.list({ status: "failed", workflow_id: "approval", limit: 100 });
  expect(failed.data.map((e) => e.id)).toContain(id);
});

test("the errors are apart from each other", () => {
  const classes = [ValidationError, NotFoundError, AuthorizationError, ConflictError, RateLimitError];
  for (const a of classes) {
    for (const b of classes) if (a !== b) expect(a.prototype).not.toBeInstanceOf(b);
  }
});

test("key and address come from the environment", async () => {
  const before = { ...process.env };
  try {
    delete process.env.HUMAN_API_KEY;
    expect(() => new HumanClient()).toThrow(/HUMAN_API_KEY/);
    process.env.HUMAN_API_KEY = apiKey;
    process.env.HUMAN_API_URL = baseUrl;
    const { id } = await new HumanClient().workflows.start({ workflow_id: "echo", input: { label: unique("env") } });
    expect(id).toMatch(/^exec_/);
  } finally {
    process.env = before;
  }
});
