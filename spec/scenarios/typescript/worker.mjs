// The handlers of the scenarios in TypeScript's terms: see the README one folder up.
import { appendFile, stat } from "node:fs/promises";
import { join } from "node:path";

const dir = process.env.SCENARIO_DIR;

// note appends a word to what the test reads.
function note(id, word) {
  return appendFile(join(dir, "notes"), `${id} ${word}\n`);
}

// pass waits until the test has made the gate.
async function pass(gate, signal) {
  for (;;) {
    signal.throwIfAborted();
    if (await stat(join(dir, gate)).catch(() => undefined)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// noted is a step that notes its own name.
function noted(ctx, name, run) {
  return ctx.step(name, async (step) => {
    await note(ctx.executionId, name);
    return run(step);
  });
}

export async function work(sdk, client) {
  const worker = new sdk.Worker(client);

  worker.handle("echo", (_, input) => input);

  worker.handle("steps", async (ctx, { number }) => {
    const doubled = await ctx.step("double", async () => {
      await note(ctx.executionId, "double");
      return { number: 2 * number };
    });
    ctx.progress(0.5);
    const described = await ctx.step("describe", async () => {
      await note(ctx.executionId, "describe");
      return { text: `twice ${number} is ${doubled.number}` };
    });
    ctx.progress(1);
    return described;
  });

  worker.handle("repeat", async (ctx, { times }) => {
    let sum = 0;
    for (let i = 1; i <= times; i++) sum += await ctx.step("again", () => i);
    return { sum };
  });

  worker.handle("loop", async (ctx, { items }) => ({
    items: await Promise.all(items.map((item) => ctx.step("item", () => item.toUpperCase(), { key: item }))),
  }));

  worker.handle("flaky", (ctx, { failures, attempts }) =>
    ctx.step(
      "try",
      async ({ attempt }) => {
        await note(ctx.executionId, "try");
        if (attempt <= failures) throw new sdk.HandlerError(`try ${attempt} failed`, { code: "not_yet" });
        return { tries: attempt };
      },
      { retry: { maxAttempts: attempts, initialMs: 10, coefficient: 1 } },
    ),
  );

  worker.handle("fail", async (ctx) => {
    await ctx.step("prepare", () => ({ ready: true }));
    throw new sdk.HandlerError("it broke", { code: "broken", details: { part: "wheel" } });
  });

  worker.handle("reject", () => {
    throw new sdk.RejectError("out_of_scope", "not ours");
  });

  worker.handle("sleep", async (ctx, { ms }) => {
    await note(ctx.executionId, "begin");
    await ctx.sleep("nap", ms);
    await note(ctx.executionId, "end");
    return { slept: true };
  });

  worker.handle("held", async (ctx, { gate }) => {
    const before = await noted(ctx, "before", () => ({ n: 1 }));
    const held = await noted(ctx, "held", async ({ signal }) => {
      await pass(gate, signal);
      return { n: 2 };
    });
    const after = await noted(ctx, "after", () => ({ n: 3 }));
    return { sum: before.n + held.n + after.n };
  });

  worker.handle("patient", (ctx) =>
    ctx.step("work", async ({ signal }) => {
      await note(ctx.executionId, "work");
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      await note(ctx.executionId, "stopped");
      throw signal.reason;
    }),
  );

  worker.handle("signal", async (ctx, { times = 1, timeout_ms }) => {
    const received = [];
    while (received.length < times) received.push(await ctx.waitForSignal("go", { timeoutMs: timeout_ms }));
    return { received };
  });

  worker.handle("approval", async (ctx, { question, timeout_ms, handle }) => {
    try {
      const decision = await ctx.waitForApproval("manager", { timeoutMs: timeout_ms, payload: { question } });
      return { approved: true, comment: decision.comment ?? "", by: decision.by ?? "" };
    } catch (error) {
      if (!handle || !(error instanceof sdk.ApprovalRejectedError)) throw error;
      return { approved: false, comment: error.decision.comment ?? "", by: error.decision.by ?? "" };
    }
  });

  worker.handle("beside", async (ctx, { gate }) => {
    const [payload] = await Promise.all([
      ctx.waitForSignal("go").then(async (payload) => {
        await note(ctx.executionId, "signalled");
        return payload;
      }),
      noted(ctx, "held", async ({ signal }) => {
        await pass(gate, signal);
        return { n: 2 };
      }),
    ]);
    return { payload };
  });

  worker.handle("log", (ctx) => {
    ctx.log("hello", { n: 1 });
    return {};
  });

  await worker.run();
}
