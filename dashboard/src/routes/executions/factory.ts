// Executions for tests.
import type { Schemas } from "@/services/api";
import type { LiveEvent } from "@/services/live";
import { type Row, rowOf } from "./row";

/** The id of the nth execution: later ones are greater. */
export const idOf = (n: number): string => `exec_0${String(n).padStart(25, "0")}`;
export const createdOf = (n: number): string => new Date(Date.UTC(2026, 10, 22) + n * 1000).toISOString();

export function anExecution(n: number, change: Partial<Schemas["Execution"]> = {}): Schemas["Execution"] {
  return {
    id: idOf(n),
    workflow_id: "wf_00000000000000000000000001",
    workflow: { id: "wf_00000000000000000000000001", name: "echo" },
    status: "running",
    revision: 3,
    attempt: 1,
    input: { n },
    priority: 0,
    trigger_type: "api",
    created_at: createdOf(n),
    ...change,
  };
}

export const aRow = (n: number, change: Partial<Schemas["Execution"]> = {}): Row => rowOf(anExecution(n, change));

export function anEvent(n: number, change: Partial<LiveEvent> = {}): LiveEvent {
  return {
    revision: 4,
    type: "completed",
    at: createdOf(n + 5),
    actor: { type: "worker" },
    status: "completed",
    execution_id: idOf(n),
    workflow_id: "wf_00000000000000000000000001",
    workflow: "echo",
    ...change,
  };
}
