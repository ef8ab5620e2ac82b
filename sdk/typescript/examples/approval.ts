// An execution that waits for a person, without holding a worker. Beside it: sojourn dev
import { ApprovalRejectedError, Sojourn, Worker } from "sojourn";

const client = new Sojourn();
const worker = new Worker(client);

worker.handle("example-expense", async (ctx, input: { amount: number }) => {
  try {
    const { by, comment } = await ctx.waitForApproval("manager", {
      payload: { question: `May we spend ${input.amount}?` }, // what the approver sees
      timeoutMs: 72 * 3_600_000,
    });
    return { paid: input.amount, by, comment };
  } catch (error) {
    // Without this the execution would end as rejected.
    if (error instanceof ApprovalRejectedError) return { paid: 0, comment: error.decision.comment };
    throw error; // whatever else comes out of a wait must pass: the handler is unwound by it
  }
});

const running = worker.run();
await worker.ready;

const { id } = await client.executions.start({ workflow: "example-expense", input: { amount: 250 } });
const waiting = await client.executions.wait(id, { until: "actionable" });
console.log(waiting.status, waiting.awaiting?.[0]?.name);

// The manager decides: here through the API, elsewhere by `sojourn execution approve`, or by a link.
await client.executions.approve(id, { name: "manager", by: "Grace", comment: "go ahead" });
console.log(await client.executions.result(id));

worker.stop();
await running;
