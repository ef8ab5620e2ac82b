// Starts an execution and waits for its output. Beside it: sojourn dev
//
//   export SOJOURN_BASE_URL=http://127.0.0.1:7373 SOJOURN_API_KEY=…
//   npx tsx start.ts
import { ExecutionFailedError, Sojourn } from "sojourn";

const client = new Sojourn();

// Start, wait and take the output in one go.
console.log(await client.run({ workflow: "echo", input: { name: "Ada" } }));

// Or start now and look later. The same key is the same execution, however often it is started.
const execution = await client.executions.start({
  workflow: "steps",
  input: { number: 20 },
  metadata: { customer: "1138" },
  idempotencyKey: `order-${process.pid}`,
});
for await (const event of client.executions.events(execution.id)) {
  console.log(event.type, event.step ?? "");
}

// A failed execution is an error of run and result.
try {
  await client.run({ workflow: "fail" });
} catch (error) {
  if (!(error instanceof ExecutionFailedError)) throw error;
  console.log(error.execution.status, error.code);
}

// Lists are iterated over, page by page.
for await (const { id, status } of client.executions.list({ metadata: { customer: "1138" }, limit: 10 })) {
  console.log(id, status);
  break;
}
