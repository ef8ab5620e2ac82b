import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ApprovalRejectedError,
  type ConflictError,
  type Context,
  type Execution,
  isActionable,
  WaitTimeoutError,
} from "../src/index.js";
import { failure, sharedClient, until } from "./kit/kit.js";
import { serve } from "./kit/worker.js";

const client = sharedClient();

const waiting = (id: string) =>
  until("waiting", async () => {
    const execution = await client.executions.get(id, { include: ["steps"] });
    return execution.status === "waiting" && execution;
  });

describe("signals", () => {
  test("wake the handler; those that came before the wait are kept in order", async () => {
    let runs = 0;
    const { name } = await serve(async (ctx: Context) => {
      runs++;
      const first = await ctx.waitForSignal("go");
      const second = await ctx.waitForSignal("go", { payload: z.object({ n: z.number() }) });
      return { first, second: second.n };
    });
    const { id } = await client.executions.start({ workflow: name });
    const execution = await waiting(id);
    expect(execution).toMatchObject({
      status_reason: "signal:go",
      awaiting: [{ kind: "signal", name: "go", step: "go" }],
    });
    expect(isActionable(execution)).toBe(true);
    expect((await client.workers.list()).find((w) => w.workflows.includes(name))?.held).toBe(0);
    await client.executions.signal(id, "other", "not for it");
    await client.executions.signal(id, "go", { any: ["JSON", null] });
    await client.executions.signal(id, "go", { n: 2 });
    expect((await client.executions.wait(id)).output).toEqual({ first: { any: ["JSON", null] }, second: 2 });
    expect(runs).toBeGreaterThanOrEqual(2);
  });

  test("one idempotency key is one signal", async () => {
    const { name } = await serve(async (ctx: Context) => [
      await ctx.waitForSignal("go"),
      await ctx.waitForSignal("go"),
    ]);
    const { id } = await client.executions.start({ workflow: name });
    for (const n of [1, 2]) await client.executions.signal(id, "go", n, { idempotencyKey: "same" });
    await client.executions.signal(id, "go", 3);
    expect((await client.executions.wait(id)).output).toEqual([1, 3]);
    const error = await failure<ConflictError>(client.executions.signal(id, "go"));
    expect(error.code).toBe("already_terminal");
  });

  test("time out, and the handler may go on", async () => {
    const { name } = await serve(async (ctx: Context, { handle }: { handle: boolean }) => {
      try {
        return await ctx.waitForSignal("go", { timeoutMs: 30, key: "a" });
      } catch (error) {
        if (!handle || !(error instanceof WaitTimeoutError)) throw error;
        return error.step;
      }
    });
    expect(await client.run({ workflow: name, input: { handle: true } })).toBe("go[a]");
    const { id } = await client.executions.start({ workflow: name, input: { handle: false } });
    expect(await client.executions.wait(id)).toMatchObject({ status: "failed", error_code: "wait_timeout" });
  });

  test("a signal reaches a wait beside a step that is at work", async () => {
    let release: () => void = () => {};
    const { name } = await serve(async (ctx: Context) => {
      const [payload] = await Promise.all([
        ctx.waitForSignal("go").then((value) => {
          release();
          return value;
        }),
        ctx.step("work", () => new Promise<void>((resolve) => (release = resolve))),
      ]);
      return { payload };
    });
    const { id } = await client.executions.start({ workflow: name });
    await until("the wait", async () => ((await client.executions.get(id)).awaiting?.length ?? 0) > 0);
    await client.executions.signal(id, "go", "now");
    expect(await client.executions.wait(id)).toMatchObject({ output: { payload: "now" }, attempt: 1 });
  });
});

describe("approvals", () => {
  const approval = async (ctx: Context, { handle }: { handle?: boolean }) => {
    try {
      const decision = await ctx.waitForApproval("manager", { payload: { question: "really?" } });
      return { approved: true, ...decision };
    } catch (error) {
      if (!handle || !(error instanceof ApprovalRejectedError)) throw error;
      return { approved: false, ...error.decision };
    }
  };

  async function asked(name: string, input: unknown = {}): Promise<Execution> {
    const { id } = await client.executions.start({ workflow: name, input });
    return client.executions.wait(id, { until: "actionable", timeoutMs: 20_000 });
  }

  test("approved", async () => {
    const { name } = await serve(approval);
    const execution = await asked(name);
    expect(execution).toMatchObject({
      status: "waiting",
      status_reason: "approval:manager",
      awaiting: [{ kind: "approval", name: "manager", payload: { question: "really?" } }],
    });
    await client.executions.approve(execution.id, { comment: "fine", by: "Ada", payload: { limit: 5 } });
    const ended = await client.executions.wait(execution.id, { include: ["steps"] });
    expect(ended.output).toEqual({ approved: true, comment: "fine", by: "Ada", payload: { limit: 5 } });
    expect(ended.steps?.[0]).toMatchObject({
      name: "manager",
      kind: "approval",
      status: "completed",
      input: { question: "really?" },
    });
    const again = await failure<ConflictError>(client.executions.approve(execution.id));
    expect(again.code).toBe("already_terminal");
  });

  test("refused: the execution is rejected, unless the handler handles it", async () => {
    const { name } = await serve(approval);
    const execution = await asked(name);
    await client.executions.reject(execution.id, { name: "manager", comment: "too dear", by: "Bob" });
    expect(await client.executions.wait(execution.id)).toMatchObject({
      status: "rejected",
      error_code: "approval_rejected",
      error: "too dear",
    });
    const handled = await asked(name, { handle: true });
    await client.executions.reject(handled.id, { comment: "no" });
    expect((await client.executions.wait(handled.id)).output).toEqual({ approved: false, comment: "no" });
  });

  test("what is not awaited cannot be decided", async () => {
    const { id } = await client.executions.start({ workflow: "queued" });
    const error = await failure<ConflictError>(client.executions.approve(id, { name: "manager" }));
    expect(error).toMatchObject({ status: 409, code: "not_awaiting" });
    await client.executions.cancel(id);
  });

  test("by a link, once", async () => {
    const { name } = await serve(async (ctx: Context) => {
      await ctx.step("ask", async ({ ctx }) => {
        const link = await ctx.createApprovalLink({ name: "second" });
        return { url: link.url };
      });
      await ctx.waitForApproval("manager");
      return "approved";
    });
    const execution = await asked(name);
    const link = await client.executions.createApprovalLink(execution.id, { name: "manager", expiresInMs: 60_000 });
    expect(link).toMatchObject({ step: "manager", token: expect.stringMatching(/^sjn_apr_/) });
    const shown = await fetch(link.url, { headers: { Accept: "application/json" } });
    expect(await shown.json()).toMatchObject({ workflow: name, name: "manager", state: "open" });
    const decide = () =>
      fetch(link.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ decision: "approve", by: "Ada" }),
      });
    expect((await decide()).status).toBe(200);
    expect((await client.executions.wait(execution.id)).output).toBe("approved");
    expect((await decide()).status).toBe(404);
  });
});
