import type { Server } from "./server";

/** Starts an execution whose worker is this test, and which runs a step that goes on as long as the worker's lease does. */
export async function holdStep(server: Server, workflow: string, step: string): Promise<string> {
  const session = await server.call<{ session_id: string }>("POST", "/v1/worker/sessions", {
    protocol: 1,
    name: "held-by-a-test",
    capacity: 1,
    workflows: [{ name: workflow }],
  });
  const id = await server.start(workflow);
  const delivery = await server.call<{ delivery: number; executions: { id: string; lease: string }[] }>(
    "POST",
    "/v1/worker/poll",
    { session_id: session.session_id, received: 0, wait_ms: 10_000 },
  );
  const lease = delivery.executions.find((each) => each.id === id)?.lease;
  if (lease === undefined) throw new Error(`${id} was not delivered: ${JSON.stringify(delivery)}`);
  const report = await server.call<{ results: { ok: boolean }[] }>("POST", "/v1/worker/report", {
    session_id: session.session_id,
    received: delivery.delivery,
    operations: [{ id, lease, op: "step_started", step, try: 1 }],
  });
  if (!report.results[0]?.ok) throw new Error(`the step was not started: ${JSON.stringify(report)}`);
  return id;
}
