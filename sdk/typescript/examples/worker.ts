// A worker with one workflow, and a client that runs it. Beside it: sojourn dev
import { defineWorkflow, HandlerError, Sojourn, Worker } from "sojourn";
import { z } from "zod";

// Client and worker share this, so that inputs and outputs are typed on both sides.
const order = defineWorkflow("example-order", {
  input: z.object({ items: z.array(z.object({ name: z.string(), price: z.number() })) }),
  output: z.object({ total: z.number(), receipt: z.string() }),
});

const client = new Sojourn();
const worker = new Worker(client, { concurrency: 10 });

worker.handle(order, { retry: 3 }, async (ctx, { items }) => {
  // Steps of concurrent branches get a key each. The result of each is recorded: it is not run again after a crash.
  const prices = await Promise.all(items.map((item) => ctx.step("price", () => item.price, { key: item.name })));
  const total = prices.reduce((sum, price) => sum + price, 0);
  if (total <= 0) throw new HandlerError("there is nothing to pay", { code: "empty_order", retryable: false });
  ctx.progress(0.5);

  // The step's key is the same on every try: other systems recognise a repeat by it.
  const receipt = await ctx.step(
    "charge",
    async ({ stepKey, log }) => {
      log("charging", { total });
      return `receipt for ${total} (${stepKey.split("/")[1]})`;
    },
    { retry: { maxAttempts: 5, initialMs: 500 }, timeoutMs: 10_000 },
  );
  await ctx.sleep("cool off", 100);
  return { total, receipt };
});

const running = worker.run();
await worker.ready;

const { total, receipt } = await client.run({
  workflow: order,
  input: {
    items: [
      { name: "tea", price: 3 },
      { name: "cake", price: 4 },
    ],
  },
});
console.log(total, receipt);

worker.stop();
await running;
