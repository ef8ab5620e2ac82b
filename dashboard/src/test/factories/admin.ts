// Things as the API answers them, with what a test cares for.
import type { Schemas } from "@/services/api";

let made = 0;
const id = (prefix: string) => `${prefix}_01jd7x0m8ke9tb3a0r6v${String(++made).padStart(6, "0")}`;
const time = "2026-11-22T12:00:00.000Z";

export const worker = (part: Partial<Schemas["Worker"]> = {}): Schemas["Worker"] => ({
  id: id("sess"),
  name: "worker",
  sdk: "go/0.1.0",
  version: "1",
  workflows: ["echo"],
  capacity: 10,
  held: 0,
  last_seen_at: time,
  expires_at: "2026-11-22T12:00:15.000Z",
  draining: false,
  ...part,
});

export const delivery = (part: Partial<Schemas["WebhookDelivery"]> = {}): Schemas["WebhookDelivery"] => ({
  id: id("evt"),
  kind: "endpoint",
  type: "execution.completed",
  url: "https://example.com/hooks",
  state: "delivered",
  attempts: 1,
  created_at: time,
  ...part,
});

export const execution = (part: Partial<Schemas["Execution"]> = {}): Schemas["Execution"] => ({
  id: id("exec"),
  workflow_id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q",
  workflow: { id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q", name: "echo" },
  status: "pending",
  revision: 1,
  attempt: 0,
  input: {},
  priority: 0,
  trigger_type: "api",
  created_at: time,
  ...part,
});

export const stats = (part: Partial<Schemas["StatsOfWorkflow"]> = {}): Schemas["StatsOfWorkflow"] => ({
  workflow_id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q",
  workflow_name: "echo",
  workers: 1,
  started: 0,
  counts: {
    created: 0,
    pending: 0,
    running: 0,
    waiting: 0,
    finalizing: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    rejected: 0,
  },
  exact: true,
  sample: 0,
  sampled: false,
  buckets: [],
  ...part,
});
