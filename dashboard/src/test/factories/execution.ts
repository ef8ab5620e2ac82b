import type { Awaited, Execution, ExecutionEvent, LogLine, Step } from "@/services/execution";

export const executionId = "exec_01jd7x0m8ke9tb3a0r6v5n2w4q";
const begun = Date.parse("2026-11-22T09:00:00.000Z");

/** So many milliseconds after the execution was created. */
export const at = (ms: number): string => new Date(begun + ms).toISOString();

export const executionOf = (given: Partial<Execution> = {}): Execution => ({
  id: executionId,
  workflow_id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q",
  workflow: { id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q", name: "order" },
  status: "running",
  revision: 1,
  attempt: 1,
  input: {},
  priority: 0,
  trigger_type: "api",
  created_at: at(0),
  ...given,
});

/** Events in their order: revisions and times are counted when they are not given. */
export const eventsOf = (...given: (Partial<ExecutionEvent> & Pick<ExecutionEvent, "type">)[]): ExecutionEvent[] =>
  given.map((event, i) => ({
    revision: i + 1,
    at: at(i * 100),
    actor: { type: "worker" },
    status: "running",
    ...event,
  }));

export const stepOf = (given: Partial<Step> = {}): Step => ({
  id: "step_01jd7x0m8ke9tb3a0r6v5n2w4q",
  name: "charge",
  kind: "step",
  status: "running",
  attempt: 1,
  attempts: [],
  ...given,
});

export const awaitedOf = (given: Partial<Awaited> = {}): Awaited => ({
  kind: "approval",
  name: "manager",
  step: "manager",
  since: at(50),
  ...given,
});

export const logLineOf = (given: Partial<LogLine> = {}): LogLine => ({
  attempt: 1,
  at: at(0),
  level: "info",
  message: "hello",
  ...given,
});
