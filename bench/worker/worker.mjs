// The worker process of the bench in TypeScript's SDK: workflows that do nothing. Server and key come from
// SOJOURN_BASE_URL and SOJOURN_API_KEY; the SDK is the built one.
import { Sojourn, Worker } from "../../sdk/typescript/dist/index.mjs";

const names = Array.from({ length: 10 }, (_, n) => `step-${n + 1}`);

const worker = new Worker(new Sojourn(), { name: "bench", concurrency: 256, onReady: () => console.log("ready") });

worker.handle("noop", () => ({ ok: true, message: "all done, nothing to see" }));

worker.handle("ten", async (ctx) => {
  for (const name of names) await ctx.step(name, () => "some text that a step gives back");
  return { ok: true, message: "all ten steps done" };
});

await worker.run();
