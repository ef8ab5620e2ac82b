import { describe, expect, inject, test } from "vitest";
import {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  DeletedError,
  ExecutionFailedError,
  type InternalServerError,
  NotFinishedError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  Sojourn,
  SojournError,
  UnprocessableEntityError,
} from "../src/index.js";
import { failure, sharedClient, unique, until } from "./kit/kit.js";
import { startProxy } from "./kit/proxy.js";

const client = sharedClient();

describe("executions", () => {
  test("start, wait, output, steps and events", async () => {
    const started = await client.executions.start({
      workflow: "steps",
      input: { number: 20 },
      metadata: { customer: "1138" },
      priority: 5,
      timeoutMs: 60_000,
      trigger: "manual",
    });
    expect(started).toMatchObject({
      status: "pending",
      priority: 5,
      trigger_type: "manual",
      metadata: { customer: "1138" },
    });
    expect(started.revision).toBe(1);
    const ended = await client.executions.wait(started.id, { include: ["steps", "events"] });
    expect(ended.status).toBe("completed");
    expect(ended.steps?.map((s) => [s.name, s.status])).toHaveLength(3);
    expect(ended.events?.[0]?.type).toBe("created");
    expect(ended.events?.at(-1)?.type).toBe("completed");
    expect(ended.deadline_at).toBeDefined();
  });

  test("run gives the output, or throws how it ended", async () => {
    expect(await client.run({ workflow: "echo", input: { name: "Ada", list: [1, null, "☃"] } })).toEqual({
      name: "Ada",
      list: [1, null, "☃"],
    });
    const error = await failure<ExecutionFailedError>(client.run({ workflow: "fail" }));
    expect(error).toBeInstanceOf(ExecutionFailedError);
    expect(error).toBeInstanceOf(SojournError);
    expect(error.execution.status).toBe("failed");
    expect(error.message).toContain(error.execution.error);
  });

  test("one idempotency key is one execution", async () => {
    const idempotencyKey = unique("key");
    const first = await client.executions.start({ workflow: "echo", input: { n: 1 }, idempotencyKey });
    const second = await client.executions.start({ workflow: "echo", input: { n: 1 }, idempotencyKey });
    expect(second.id).toBe(first.id);
    const other = await failure(client.executions.start({ workflow: "echo", input: { n: 2 }, idempotencyKey }));
    expect(other).toBeInstanceOf(UnprocessableEntityError);
    expect((other as APIStatusError).code).toBe("idempotency_mismatch");
  });

  test("a batch answers each start by itself", async () => {
    const results = await client.executions.startBatch([
      { workflow: "echo", input: { n: 1 } },
      { workflow: "no-such-workflow", input: {} },
      { workflow: "queued", delayMs: 3_600_000 },
    ]);
    expect(results.map((r) => r.status)).toEqual([201, 404, 201]);
    expect(results[1]?.error).toBeInstanceOf(NotFoundError);
    expect(results[2]?.execution?.status).toBe("created");
  });

  test("cancel, cancel again, terminate, delete and redact", async () => {
    const queued = await client.executions.start({ workflow: "queued" });
    const cancelled = await client.executions.cancel(queued.id, { reason: "ordered twice", graceMs: 1000 });
    expect(cancelled.status).toBe("cancelled");
    const again = await failure<ConflictError>(client.executions.cancel(queued.id));
    expect(again).toBeInstanceOf(ConflictError);
    expect(again.code).toBe("already_terminal");
    expect(again.executionStatus).toBe("cancelled");
    await client.executions.redact(queued.id);
    expect((await client.executions.get(queued.id)).redacted).toBe(true);
    await client.executions.delete(queued.id);
    expect(await failure(client.executions.get(queued.id))).toBeInstanceOf(DeletedError);

    const open = await client.executions.start({ workflow: "queued" });
    const early = await failure<ConflictError>(client.executions.delete(open.id));
    expect(early.code).toBe("not_finished");
    expect((await client.executions.terminate(open.id, { reason: "stuck" })).cancel_reason).toBe("terminated");
  });

  test("lists are a page, and an iteration over all pages", async () => {
    const label = unique("page");
    await client.executions.startBatch(
      Array.from({ length: 5 }, (_, n) => ({ workflow: "queued", input: { n }, metadata: { label } })),
    );
    const page = await client.executions.list({ metadata: { label }, limit: 2, counts: true, workflow: "queued" });
    expect(page.data).toHaveLength(2);
    expect(page.has_more).toBe(true);
    expect(page.counts?.pending).toBeGreaterThanOrEqual(5);
    const next = await page.nextPage();
    expect(next?.data.map((e) => e.input)).toEqual([{ n: 2 }, { n: 1 }]);
    const seen: unknown[] = [];
    for await (const execution of client.executions.list({ metadata: { label }, limit: 2 }))
      seen.push(execution.input?.n);
    expect(seen).toEqual([4, 3, 2, 1, 0]);
    const counts = await client.executions.counts({
      workflow: "queued",
      createdFrom: new Date(Date.now() - 3_600_000),
    });
    expect(counts.total).toBeGreaterThanOrEqual(5);
    const result = await client.executions.cancelAll({ filter: { metadata: { label }, status: "pending" }, limit: 3 });
    expect(result).toMatchObject({ matched: 3, cancelled: 3, has_more: true });
  });

  test("a wait that is over says so and leaves the execution alone", async () => {
    const { id } = await client.executions.start({ workflow: "queued" });
    const error = await failure<NotFinishedError>(client.executions.wait(id, { timeoutMs: 50 }));
    expect(error).toBeInstanceOf(NotFinishedError);
    expect(error.execution.status).toBe("pending");
    const abort = new AbortController();
    const waiting = failure(client.executions.wait(id, {}, { signal: abort.signal }));
    abort.abort(new Error("enough"));
    expect((await waiting).message).toBe("enough");
    expect((await client.executions.get(id)).status).toBe("pending");
    await client.executions.cancel(id);
  });

  test("watch yields every change that it sees, and ends", async () => {
    const { id } = await client.executions.start({ workflow: "sleep", input: { seconds: 1 } });
    const seen: string[] = [];
    for await (const execution of client.executions.watch(id)) seen.push(execution.status);
    expect(seen.at(-1)).toBe("completed");
    expect(seen.length).toBeGreaterThan(1);
  });

  test("logs are listed", async () => {
    const { id } = await client.executions.start({ workflow: "echo", waitMs: 5_000 });
    for await (const line of client.executions.logs(id, { limit: 1 })) expect(line.message).toBeTypeOf("string");
  });
});

describe("other resources", () => {
  test("workflows and versions", async () => {
    const name = unique("wf");
    const made = await client.workflows.create({
      name,
      description: "for a test",
      inputSchema: { type: "object", required: ["n"] },
      version: "v1",
    });
    expect(made).toMatchObject({ name, version: 1, version_label: "v1" });
    expect(await failure(client.workflows.create({ name }))).toBeInstanceOf(ConflictError);
    const invalid = await failure<BadRequestError>(client.executions.start({ workflow: name, input: {} }));
    expect(invalid).toBeInstanceOf(BadRequestError);
    expect(invalid.errors[0]?.field).toMatch(/^input/);
    await client.workflows.addVersion(name, { version: "v2", current: false });
    expect((await client.workflows.setCurrentVersion(name, "v2")).is_current).toBe(true);
    const labels: (string | undefined)[] = [];
    for await (const version of client.workflows.versions(name, { limit: 1 })) labels.push(version.label);
    expect(labels).toEqual(["v2", "v1"]);
    expect((await client.workflows.update(name, { retentionMs: 604_800_000 })).retention_ms).toBe(604_800_000);
    expect((await client.workflows.list({ name })).data[0]?.id).toBe(made.id);
    await client.workflows.delete(name);
    expect(await failure(client.workflows.get(name))).toBeInstanceOf(NotFoundError);
  });

  test("keys, scopes and projects", async () => {
    const key = await client.keys.create({ name: "reader", scopes: ["executions:read"], rateLimit: "1/m" });
    const reader = sharedClient({ apiKey: key.key, maxRetries: 0 });
    expect(await failure(reader.executions.start({ workflow: "echo" }))).toBeInstanceOf(PermissionDeniedError);
    const limited = await until("the rate limit", async () => {
      const error = await reader.info().then(
        () => undefined,
        (e: unknown) => e,
      );
      return error instanceof RateLimitError ? error : undefined;
    });
    expect(limited.retryAfterMs).toBeGreaterThanOrEqual(1000);
    await client.keys.revoke(key.id);
    expect((await client.keys.list()).find((k) => k.id === key.id)?.revoked_at).toBeDefined();
    const project = await client.projects.create(unique("p"));
    expect((await client.projects.list()).map((p) => p.id)).toContain(project.id);
    const elsewhere = await client.keys.create({
      scopes: ["executions:read", "executions:start"],
      project: project.id,
    });
    const { id } = await client.executions.start({ workflow: "queued" });
    const foreign = sharedClient({ apiKey: elsewhere.key });
    expect(await failure(foreign.executions.get(id))).toBeInstanceOf(NotFoundError);
    expect((await client.workers.list()).map((w) => w.name)).toContain("dev");
    expect((await client.info()).key.scopes).toContain("admin");
    const raw = await client.request<{ version: string }>("GET", "/v1/info");
    expect(raw.status).toBe(200);
    expect(raw.headers.get("x-request-id")).toBeTruthy();
  });
});

describe("errors", () => {
  test("without a key, with a bad key or address, nothing is sent", () => {
    expect(() => new Sojourn({ apiKey: "" })).toThrow(/SOJOURN_API_KEY/);
    expect(() => new Sojourn({ apiKey: "a b" })).toThrow(/character/);
    expect(() => new Sojourn({ apiKey: "a", baseUrl: "ftp://x" })).toThrow(/http/);
    expect(() => new Sojourn({ apiKey: "a", baseUrl: "http://x?y" })).toThrow(/query/);
  });

  test("a key that is not known", async () => {
    const error = await failure<AuthenticationError>(sharedClient({ apiKey: "wrong-key-0123456789" }).info());
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "unauthenticated", name: "AuthenticationError" });
    expect(error.requestId).toBeTruthy();
  });

  test("a field that is wrong is named", async () => {
    const error = await failure<BadRequestError>(client.executions.start({ workflow: "echo", priority: 101 }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.errors[0]).toMatchObject({ field: "priority", code: "out_of_range" });
  });

  test("nobody answers", async () => {
    const lonely = sharedClient({ baseUrl: "http://127.0.0.1:1", maxRetries: 0 });
    const error = await failure<APIConnectionError>(lonely.info());
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.message).toMatch(/GET http:\/\/127.0.0.1:1\/v1\/info: .*(ECONNREFUSED|bad port)/);
  });
});

describe("faults on the way", () => {
  test("a start whose answer is lost is sent again and counts once", async () => {
    const proxy = await startProxy(inject("server").url);
    try {
      const careful = sharedClient({ baseUrl: proxy.url });
      let cut = 0;
      proxy.fault = (request) =>
        request.method === "POST" && cut++ < 2 ? (cut === 1 ? "cut-answer" : "half-answer") : undefined;
      const label = unique("once");
      const started = await careful.executions.start({ workflow: "queued", metadata: { label } });
      expect(cut).toBe(3);
      const all = await client.executions.list({ metadata: { label } });
      expect(all.data.map((e) => e.id)).toEqual([started.id]);
    } finally {
      await proxy.close();
    }
  });

  test("an answer that does not come is a timeout; what must not be repeated is not", async () => {
    const proxy = await startProxy(inject("server").url);
    try {
      const careful = sharedClient({ baseUrl: proxy.url, timeoutMs: 100, maxRetries: 1 });
      proxy.fault = () => "hang";
      expect(await failure(careful.info())).toBeInstanceOf(APITimeoutError);
      expect(proxy.seen.get("GET /v1/info")).toBe(2);
      expect(await failure(careful.keys.create({ scopes: ["executions:read"] }))).toBeInstanceOf(APITimeoutError);
      expect(proxy.seen.get("POST /v1/keys")).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  test("429 and 503 are repeated after the time that they name; other answers are not", async () => {
    const proxy = await startProxy(inject("server").url);
    try {
      const careful = sharedClient({ baseUrl: proxy.url });
      let n = 0;
      proxy.fault = () => (n++ === 0 ? { status: 429, headers: { "retry-after": "1" } } : undefined);
      const began = Date.now();
      await careful.info();
      expect(Date.now() - began).toBeGreaterThanOrEqual(950);
      n = 0;
      proxy.fault = () => (n++ === 0 ? { status: 429, headers: { "retry-after": "3600" }, body: "later" } : undefined);
      expect(await failure(careful.info())).toMatchObject({ retryAfterMs: 3_600_000, detail: "later" });
      n = 0;
      proxy.fault = () => {
        n++;
        return { status: 501, body: "<html>" };
      };
      expect(await failure<InternalServerError>(careful.info())).toMatchObject({ status: 501, body: "<html>" });
      expect(n).toBe(1);
      proxy.fault = () => ({ status: 308, headers: { location: "http://169.254.169.254/" } });
      expect(await failure(careful.info())).toBeInstanceOf(APIStatusError);
      proxy.fault = () => ({ status: 200, headers: { "content-type": "text/html" }, body: "<html>" });
      expect((await failure(careful.info())).message).toMatch(/not JSON/);
    } finally {
      await proxy.close();
    }
  });

  test("a wait outlives answers that are lost", async () => {
    const proxy = await startProxy(inject("server").url);
    try {
      const careful = sharedClient({ baseUrl: proxy.url, maxRetries: 0 });
      const { id } = await client.executions.start({ workflow: "sleep", input: { seconds: 0.2 } });
      let n = 0;
      proxy.fault = () => (n++ < 3 ? "refuse" : undefined);
      expect((await careful.executions.wait(id)).status).toBe("completed");
    } finally {
      await proxy.close();
    }
  });
});
