import type { components } from "./internal/api.gen.js";

type Schemas = components["schemas"];

/**
 * The state of an execution. The first five are open, the last four final. A newer server may send one that is not
 * named here.
 */
export type ExecutionStatus = Schemas["Status"];

/** One run of a workflow on one input, as the server sends it. */
export type Execution = Schemas["Execution"] & {
  /** Only from a repeated start: the execution of this idempotency key was deleted, and only its id is known. */
  deleted?: true;
  /** A newer server may send more members. */
  [member: string]: unknown;
};

/** A checkpointed part of an execution. */
export type Step = Schemas["Step"];

/** One change of an execution. */
export type ExecutionEvent = Schemas["Event"];

/** A signal or an approval that an execution waits for. */
export type AwaitedWait = Schemas["Awaited"];

/** How many executions are in each state. */
export type Counts = Schemas["Counts"];

/** A line that a handler or step logged. */
export type LogLine = Schemas["LogLine"];

/** A named, versioned piece of work. */
export type WorkflowInfo = Schemas["Workflow"];

/** One version of a workflow. */
export type WorkflowVersion = Schemas["Version"];

/** How many executions of a workflow were started, what became of them, and how long they took. */
export type WorkflowStats = Schemas["WorkflowStats"];

/** A live worker session. */
export type WorkerInfo = Schemas["Worker"];

/** An API key, without its secret. */
export type APIKey = Schemas["Key"];

/** A new API key; `key` is the secret, shown only now. */
export type NewAPIKey = Schemas["NewKey"];

/** What a key may do. */
export type Scope = Schemas["Scope"];

/** A project owns workflows, executions and keys. */
export type Project = Schemas["Project"];

/** What server, project and key a client talks to. */
export type ServerInfo = Schemas["Info"];

/** What started an execution. */
export type Trigger = Schemas["Trigger"];

/** The final states. */
export const TERMINAL_STATUSES: readonly ExecutionStatus[] = ["completed", "failed", "cancelled", "rejected"];

/** All states, in the order of a life. */
export const STATUSES: readonly ExecutionStatus[] = [
  "created",
  "pending",
  "running",
  "waiting",
  "finalizing",
  ...TERMINAL_STATUSES,
];

/** Whether a state is final: nothing about the execution changes any more. */
export function isTerminal(status: ExecutionStatus): boolean {
  return TERMINAL_STATUSES.includes(status);
}
