import { afterEach, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import {
  type Context,
  defineWorkflow,
  type Execution,
  type ExecutionFailedError,
  HandlerError,
  InterruptedError,
  isInterruption,
  RejectError,
  StepError,
  toFile,
  Worker,
} from "../src/index.js";
import { failure, sharedClient, unique, until, withResolvers } from "./kit/kit.js";
import { type FaultProxy, startProxy } from "./kit/proxy.js";
import { quiet, running, serve } from "./kit/worker.js";

const client = sharedClient();

async function ended(workflow: string, input: unknown = {}): Promise<Execution> {
  const { id } = await client.executions.start({ workflow, input, waitMs: 30_000 });
  return client.executions.wait(id, { include: ["steps", "events"] });
}

describe("steps", () => {
  test("are recorded, numbered, keyed, and shown", async () => {
    const { name } = await serve(async (ctx: Context, { items }: { items: string[] }) => {
      const upper = await Promise.all(
        items.map((item) =>
          ctx.step("item", async ({ stepKey }) => `${item.toUpperCase()} ${stepKey.split("/")[1]}`, { key: item }),
        ),
      );
      const twice = [await ctx.step("again", () => 1), await ctx.step("again", () => 2)];
      ctx.progress(0.5);
      const when = await ctx.step("when", () => ({ at: new Date(0), none: undefined, list: [undefined] }));
      const nothing = await ctx.step("nothing", () => {});
      return { upper, twice, when, nothing };
    });
    const execution = await ended(name, { items: ["a", "x[1]#2"] });
    expect(execution.output).toEqual({
      upper: ["A item[a]", "X[1]#2 item[1d3d3ac836c8da57]"],
      twice: [1, 2],
      when: { at: "1970-01-01T00:00:00.000Z", list: [null] },
      nothing: null,
    });
    expect(execution.steps?.map((s) => s.name).sort()).toEqual([
      "again",
      "again#2",
      "item[1d3d3ac836c8da57]",
      "item[a]",
      "nothing",
      "when",
    ]);
    expect(execution.progress).toBe(0.5);
  });

  test("run once, whatever happens to the worker", async () => {
    const ran: string[] = [];
    const gate = withResolvers<void>();
    const held = withResolvers<void>();
    const name = unique("ts");
    const proxy = await startProxy(inject("server").url);
    const handler = async (ctx: Context) => {
      const a = await ctx.step("a", () => {
        ran.push("a");
        return { n: 1 };
      });
      const b = await ctx.step("b", async () => {
        ran.push("b");
        held.resolve();
        await gate.promise;
        return { n: 2 };
      });
      return { sum: a.n + b.n };
    };
    const first = await serve(handler, { name, url: proxy.url });
    const { id } = await client.executions.start({ workflow: name });
    await held.promise;
    // As a crash does: nothing of the first worker reaches the server any more.
    proxy.fault = () => "refuse";
    await serve(handler, { name });
    gate.resolve();
    const execution = await client.executions.wait(id, { include: ["steps"] });
    expect(execution).toMatchObject({ status: "completed", output: { sum: 3 }, attempt: 2 });
    expect(ran).toEqual(["a", "b", "b"]);
    expect(first.worker.healthy).toBe(false);
    await proxy.close();
  }, 90_000);

  test("are tried again as told, and their error is a StepError", async () => {
    let n = 0;
    const { name } = await serve(async (ctx: Context, { failures }: { failures: number }) => {
      try {
        return await ctx.step(
          "try",
          ({ attempt }) => {
            n++;
            if (attempt <= failures) throw Object.assign(new Error(`try ${attempt} failed`), { code: "not_yet" });
            return { tries: attempt };
          },
          { retry: { maxAttempts: 3, initialMs: 10 } },
        );
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        return { code: error.code, detail: error.detail, attempts: error.attempts };
      }
    });
    expect((await ended(name, { failures: 2 })).output).toEqual({ tries: 3 });
    n = 0;
    const execution = await ended(name, { failures: 9 });
    expect(n).toBe(3);
    expect(execution.output).toEqual({ code: "not_yet", detail: "try 3 failed", attempts: 3 });
    const step = execution.steps?.[0];
    expect(step).toMatchObject({ status: "failed", attempt: 3, error: "try 3 failed", error_code: "not_yet" });
    expect(String(step?.error_details?.stack)).toContain("worker.test.ts");
  });

  test("a long back-off holds no worker", async () => {
    const { name } = await serve(async (ctx: Context) => {
      return ctx.step(
        "try",
        ({ attempt }) => {
          if (attempt === 1) throw new Error("once");
          return attempt;
        },
        { retry: { maxAttempts: 2, initialMs: 2_300, jitter: 0 } },
      );
    });
    const { id } = await client.executions.start({ workflow: name });
    await until("retry_backoff", async () => (await client.executions.get(id)).status_reason === "retry_backoff");
    expect((await client.workers.list()).find((w) => w.workflows.includes(name))?.held).toBe(0);
    expect(await client.executions.wait(id)).toMatchObject({ status: "completed", output: 2 });
  });

  test("time out, also when they ignore their signal", async () => {
    let aborted = false;
    const { name } = await serve(async (ctx: Context) => {
      await ctx.step(
        "slow",
        ({ signal }) =>
          new Promise(() => {
            signal.addEventListener("abort", () => {
              aborted = true;
            });
          }),
        { timeoutMs: 30 },
      );
    });
    const execution = await ended(name);
    expect(execution).toMatchObject({ status: "failed", error_code: "step_timeout" });
    expect(aborted).toBe(true);
  });

  test("their outputs are held to a schema, and typed by it", async () => {
    const { name } = await serve(async (ctx: Context, { bad }: { bad?: boolean }) => {
      const at = await ctx.step("when", () => (bad ? "never" : new Date(5)), { output: z.coerce.date() });
      await ctx.sleep("nap", 2_300);
      return at.getTime();
    });
    expect((await ended(name)).output).toBe(5);
    expect(await ended(name, { bad: true })).toMatchObject({ status: "failed", error_code: "invalid_output" });
  });

  test("what cannot be recorded is said", async () => {
    const { name } = await serve(async (ctx: Context, { what }: { what: string }) => {
      await ctx.step("bad", (): unknown => {
        if (what === "bigint") return { n: 1n };
        if (what === "function") return () => 1;
        return "x".repeat(1 << 20);
      });
    });
    for (const [what, code] of [
      ["bigint", "invalid_output"],
      ["function", "invalid_output"],
      ["large", "payload_too_large"],
    ]) {
      expect(await ended(name, { what }), what).toMatchObject({ status: "failed", error_code: code });
    }
  });

  test("names that cannot be matched fail the execution, whatever the handler does", async () => {
    const { name } = await serve(async (ctx: Context, { how }: { how: string }) => {
      const swallow = () => undefined;
      if (how === "invalid") await ctx.step("a#b", () => 1).catch(swallow);
      if (how === "at once") await Promise.all([ctx.step("a", () => 1), ctx.step("a", () => 1)]).catch(swallow);
      if (how === "by chance") {
        await Promise.all(
          [1, 2].map(async (n) => {
            await ctx.step("first", () => new Promise((resolve) => setTimeout(resolve, n * 40)), { key: n });
            await ctx.step("second", () => n);
          }),
        ).catch(swallow);
      }
      return "fine";
    });
    for (const how of ["invalid", "at once", "by chance"]) {
      expect(await ended(name, { how }), how).toMatchObject({ status: "failed", error_code: "step_name" });
    }
  });

  test("a record that does not fit the code fails the execution", async () => {
    let version = 1;
    const { name } = await serve(async (ctx: Context) => {
      if (version === 1) await ctx.step("s", () => 1, { input: { a: 1 } });
      if (version === 2) await ctx.step("s", () => 1, { input: { a: 2 } });
      if (version === 3) await ctx.sleep("s", 10).catch(() => {});
      await ctx.sleep("nap", 2_100);
    });
    for (const next of [2, 3]) {
      version = 1;
      const { id } = await client.executions.start({ workflow: name });
      await until("asleep", async () => (await client.executions.get(id)).status === "waiting");
      version = next;
      expect(await client.executions.wait(id)).toMatchObject({ status: "failed", error_code: "step_mismatch" });
    }
  });

  test("noWait goes on before the record is acknowledged", async () => {
    const { name } = await serve(async (ctx: Context) => {
      for (let n = 0; n < 5; n++) await ctx.step("quick", () => n, { noWait: true });
      return "done";
    });
    const execution = await ended(name);
    expect(execution.steps).toHaveLength(5);
    expect(execution.output).toBe("done");
  });
});

describe("sleeps", () => {
  test("a short one stays in memory, a long one holds no worker", async () => {
    let begun = 0;
    const unwound: unknown[] = [];
    const { name } = await serve(async (ctx: Context, { ms }: { ms: number }) => {
      begun++;
      try {
        await ctx.sleep("nap", ms);
      } catch (error) {
        unwound.push(error);
        throw error;
      }
      return { slept: true };
    });
    expect((await ended(name, { ms: 100 })).attempt).toBe(1);
    begun = 0;
    const { id } = await client.executions.start({ workflow: name, input: { ms: 2_400 } });
    const asleep = await until("asleep", async () => {
      const execution = await client.executions.get(id, { include: ["steps"] });
      return execution.status === "waiting" && execution;
    });
    expect(asleep).toMatchObject({
      status_reason: "timer",
      steps: [{ name: "nap", kind: "sleep", status: "waiting" }],
    });
    const execution = await client.executions.wait(id);
    expect(execution.output).toEqual({ slept: true });
    expect(begun).toBe(2);
    expect(unwound).toHaveLength(1);
    expect(isInterruption(unwound[0]) && unwound[0].reason).toBe("suspended");
    const slept = Date.parse(execution.completed_at ?? "") - Date.parse(execution.started_at ?? "");
    expect(slept).toBeGreaterThanOrEqual(2_400);
  });

  test("a handler that swallows the interruption changes nothing", async () => {
    let runs = 0;
    const { name } = await serve(async (ctx: Context) => {
      runs++;
      const before = await ctx.sleep("nap", 2_300).then(
        () => "slept",
        (error: Error) => error.name,
      );
      if (before !== "slept") {
        const after = await failure(ctx.step("never", () => 1));
        expect(after).toBeInstanceOf(InterruptedError);
        return "wrong";
      }
      return "right";
    });
    const execution = await ended(name);
    expect(execution.output).toBe("right");
    expect(runs).toBe(2);
    expect(execution.steps?.map((s) => s.name)).toEqual(["nap"]);
  });

  test("branches that nobody awaits do not end the process", async () => {
    const { name } = await serve(async (ctx: Context) => {
      const branch = async (key: string) => {
        await ctx.sleep("nap", 2_100, { key });
        return key;
      };
      const a = branch("a");
      const b = branch("b");
      return [await a, await b];
    });
    expect((await ended(name)).output).toEqual(["a", "b"]);
  });

  test("while a branch is at work the others wait in memory", async () => {
    let runs = 0;
    const { name } = await serve(async (ctx: Context) => {
      runs++;
      const [, work] = await Promise.all([
        ctx.sleep("nap", 2_200),
        ctx.step("work", () => new Promise((resolve) => setTimeout(() => resolve("worked"), 2_600))),
      ]);
      return work;
    });
    const execution = await ended(name);
    expect(execution).toMatchObject({ output: "worked", attempt: 1 });
    expect(runs).toBe(1);
  });
});

describe("outcomes", () => {
  test("errors, rejections and retries of handlers", async () => {
    const attempts: number[] = [];
    const { name } = await serve(
      async (ctx: Context, { how }: { how: string }) => {
        if (how === "coded")
          throw new HandlerError("it broke", { code: "broken", details: { part: "wheel" }, retryable: false });
        if (how === "reject") throw new RejectError("out_of_scope", "not ours");
        if (how === "reject in a step")
          await ctx.step("look", () => Promise.reject(new RejectError("out_of_scope", "not ours")));
        if (how === "text") throw "plain text";
        if (how === "retried") {
          await ctx.step("once", () => attempts.push(ctx.attempt));
          if (ctx.attempt < 3) throw new TypeError("x is not a function");
        }
        return ctx.attempt;
      },
      { handler: { retry: { maxAttempts: 3, initialMs: 10 } } },
    );
    expect(await ended(name, { how: "coded" })).toMatchObject({
      status: "failed",
      error: "it broke",
      error_code: "broken",
      error_details: { part: "wheel" },
      attempt: 1,
    });
    for (const how of ["reject", "reject in a step"]) {
      expect(await ended(name, { how })).toMatchObject({
        status: "rejected",
        error: "not ours",
        error_code: "out_of_scope",
      });
    }
    expect(await ended(name, { how: "text" })).toMatchObject({ status: "failed", error: "plain text", attempt: 3 });
    expect(await ended(name, { how: "retried" })).toMatchObject({ status: "completed", output: 3 });
    expect(attempts).toEqual([1]);
  });

  test("inputs and outputs are held to schemas and typed by them", async () => {
    const double = defineWorkflow(unique("ts"), {
      input: z.object({ n: z.number() }),
      output: z.object({ twice: z.number() }),
    });
    await serve(async (_, { n }) => ({ twice: n === 0 ? "nothing" : n * 2 }), {
      name: double.name,
      handler: { ...double },
    });
    const output = await client.run({ workflow: double, input: { n: 4 } });
    expect(output.twice satisfies number).toBe(8);
    const bad = await failure<ExecutionFailedError>(client.run({ workflow: double, input: { n: "four" } as never }));
    expect([bad.code, bad.message]).toEqual(["invalid_input", expect.stringContaining("n: ")]);
    const wrong = await failure<ExecutionFailedError>(client.run({ workflow: double, input: { n: 0 } }));
    expect(wrong.code).toBe("invalid_output");
  });

  test("a cancel reaches the handler and its steps", async () => {
    const seen: string[] = [];
    const { name } = await serve(async (ctx: Context) => {
      try {
        await ctx.step(
          "work",
          ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        );
      } catch (error) {
        seen.push(isInterruption(error) ? error.reason : String(error));
        throw error;
      } finally {
        seen.push("cleaned up");
      }
    });
    const { id } = await client.executions.start({ workflow: name });
    await until("running", async () => (await client.executions.get(id)).status === "running");
    const asked = await client.executions.cancel(id, { reason: "changed my mind" });
    expect(asked.cancel_requested_at).toBeDefined();
    const execution = await client.executions.wait(id, { include: ["steps"] });
    expect(execution).toMatchObject({ status: "cancelled", cancel_reason: "requested" });
    expect(seen).toEqual(["cancel_requested", "cleaned up"]);
  });

  test("lines of the log are kept, in order and under their step", async () => {
    const { name } = await serve(async (ctx: Context) => {
      ctx.log("hello", { n: 1, big: 10n, error: new Error("inner") });
      await ctx.step("s", ({ log }) => log.warn("from the step"));
      ctx.log.error("end");
    });
    const { id } = await ended(name);
    const lines = [];
    for await (const line of client.executions.logs(id)) lines.push(line);
    expect(lines.map((l) => [l.step, l.level, l.message])).toEqual(
      expect.arrayContaining([
        [undefined, "info", "hello"],
        ["s", "warn", "from the step"],
        [undefined, "error", "end"],
      ]),
    );
    expect(lines.find((l) => l.message === "hello")?.fields).toEqual({ n: 1, big: "10", error: "inner" });
  });
});

describe("the worker", () => {
  test("says what is wrong before it runs", async () => {
    const worker = new Worker(client);
    expect(() => worker.handle("Not A Name", () => 1)).toThrow(/not a workflow name/);
    await expect(worker.run()).rejects.toThrow(/no handler/);
    worker.handle("x", () => 1);
    expect(() => worker.handle("x", () => 2)).toThrow(/already/);
    const reader = await client.keys.create({ scopes: ["executions:read"] });
    const other = new Worker(sharedClient({ apiKey: reader.key }), { logger: quiet }).handle("x", () => 1);
    await expect(other.run()).rejects.toMatchObject({ status: 403 });
    await expect(other.ready).rejects.toMatchObject({ status: 403 });
    expect(() => new Worker(client, { concurrency: 0 })).toThrow(/concurrency/);
  });

  test("drains: what runs is finished, what does not end in time is given back", async () => {
    const gate = withResolvers<void>();
    const begun = withResolvers<void>();
    const name = unique("ts");
    const first = await serve(
      async (ctx: Context) => {
        begun.resolve();
        await ctx.step("work", () => gate.promise);
        return "finished";
      },
      { name },
    );
    const one = await client.executions.start({ workflow: name });
    await begun.promise;
    const stopped = first.stop();
    const two = await client.executions.start({ workflow: name });
    gate.resolve();
    await stopped;
    expect((await client.executions.get(one.id)).output).toBe("finished");
    // Whether it was handed out before the server knew of the drain or not: nobody holds it, so it is cancelled at once.
    expect((await client.executions.cancel(two.id)).status).toBe("cancelled");

    const again = withResolvers<void>();
    let stubborn = true;
    const second = await serve(
      async (ctx: Context) => {
        again.resolve();
        await ctx.step("work", ({ signal }) =>
          stubborn ? new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))) : 1,
        );
        return "finished later";
      },
      { name, worker: { shutdownGraceMs: 10 } },
    );
    const three = await client.executions.start({ workflow: name });
    await again.promise;
    await second.stop();
    stubborn = false;
    await serve(async () => "taken over", { name });
    expect(await client.executions.wait(three.id)).toMatchObject({
      status: "completed",
      output: "taken over",
      attempt: 1,
    });
  });

  test("runs no more handlers at a time than it should, and all of them in the end", async () => {
    let now = 0;
    let most = 0;
    const { name } = await serve(
      async (ctx: Context, { n }: { n: number }) => {
        most = Math.max(most, ++now);
        await ctx.step("work", () => new Promise((resolve) => setTimeout(resolve, 5)));
        now--;
        return n;
      },
      { worker: { concurrency: 3 } },
    );
    const started = await client.executions.startBatch(
      Array.from({ length: 30 }, (_, n) => ({ workflow: name, input: { n } })),
    );
    for (const [n, result] of started.entries()) {
      expect((await client.executions.wait(result.execution?.id ?? "")).output).toBe(n);
    }
    expect(most).toBeLessThanOrEqual(3);
  });

  test("interceptors wrap handlers and the steps that run", async () => {
    const seen: string[] = [];
    const { name } = await serve((ctx: Context) => ctx.step("s", () => 1), {
      worker: {
        interceptors: [
          {
            async execution(info, next) {
              seen.push(`begin ${info.attempt}`);
              await next();
              seen.push("end");
            },
            async step(info, next) {
              seen.push(`step ${info.step} ${info.attempt}`);
              await next();
            },
          },
        ],
      },
    });
    expect((await ended(name)).output).toBe(1);
    expect(seen).toEqual(["begin 1", "step s 1", "end"]);
  });
});

describe("faults on the way", () => {
  let proxy: FaultProxy;
  afterEach(() => proxy.close());

  test("every third answer of the worker protocol is lost, and every step runs once", async () => {
    proxy = await startProxy(inject("server").url);
    let n = 0;
    const faults = ["cut-answer", "half-answer", "refuse"] as const;
    proxy.fault = (request) => {
      if (!request.url?.startsWith("/v1/worker/report") && !request.url?.startsWith("/v1/worker/poll"))
        return undefined;
      return ++n % 3 === 0 ? faults[(n / 3) % 3] : undefined;
    };
    const ran = new Map<string, number>();
    const { name } = await serve(
      async (ctx: Context) => {
        let sum = 0;
        for (let i = 0; i < 4; i++) {
          sum += await ctx.step("add", ({ stepKey }) => {
            ran.set(stepKey, (ran.get(stepKey) ?? 0) + 1);
            return i;
          });
        }
        return sum;
      },
      { url: proxy.url },
    );
    const started = await client.executions.startBatch(Array.from({ length: 20 }, () => ({ workflow: name })));
    for (const { execution } of started) {
      expect(await client.executions.wait(execution?.id ?? "")).toMatchObject({
        status: "completed",
        output: 6,
        attempt: 1,
      });
    }
    expect(ran.size).toBe(80);
    expect([...ran.values()].every((times) => times === 1)).toBe(true);
    expect(n).toBeGreaterThanOrEqual(9);
  });

  test("a session that the server has forgotten is replaced", async () => {
    proxy = await startProxy(inject("server").url);
    const sessions: string[] = [];
    const name = unique("ts");
    const worker = new Worker(sharedClient({ baseUrl: proxy.url }), {
      logger: quiet,
      onReady: (id) => sessions.push(id),
    });
    worker.handle(name, (ctx: Context) => ctx.step("s", () => "fine"));
    const abort = new AbortController();
    const ran = worker.run({ signal: abort.signal });
    running.push(async () => {
      abort.abort();
      await ran;
    });
    await until("the first session", () => sessions.length === 1);
    await client.request("DELETE", `/v1/worker/sessions/${sessions[0]}`);
    await until("the second session", () => sessions.length === 2);
    expect((await ended(name)).output).toBe("fine");
  });

  test("an operation that the server cannot read does not hold up the others", async () => {
    proxy = await startProxy(inject("server").url);
    const { name } = await serve(async (ctx: Context, { bad }: { bad: boolean }) => {
      return ctx.step("s", () => (bad ? "\ud800" : "good"));
    });
    const [good, bad] = await Promise.all([ended(name, { bad: false }), ended(name, { bad: true })]);
    expect(good.output).toBe("good");
    expect(bad.status).toBe("failed");
  });
});

describe("files", () => {
  test("stay out of what has none", async () => {
    const { name } = await serve(async (_: Context, input: unknown) => input);
    expect((await ended(name, { list: [1, { a: null }] })).output).toEqual({ list: [1, { a: null }] });
    expect(toFile("text", "a.txt").filename).toBe("a.txt");
  });
});
