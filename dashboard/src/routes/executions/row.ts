// An execution as the list keeps it: without input and output, which may be large and are not shown.
import { finalStatuses } from "@/components/status";
import type { Schemas } from "@/services/api";
import type { LiveEvent } from "@/services/live";
import { resolveMoment } from "./dates";
import type { ExecutionFilter } from "./search";

type Execution = Schemas["Execution"];

export type Row = Pick<
  Execution,
  | "id"
  | "workflow_id"
  | "version"
  | "status"
  | "status_reason"
  | "status_message"
  | "resumes_at"
  | "revision"
  | "attempt"
  | "error"
  | "error_code"
  | "progress"
  | "priority"
  | "trigger_type"
  | "metadata"
  | "created_at"
  | "scheduled_at"
  | "started_at"
  | "completed_at"
  | "deadline_at"
  | "cancel_requested_at"
> & {
  /** The name, or null when the workflow was deleted. */
  workflow: string | null;
};

const longestError = 300;

/** Keeps of an execution what the list shows and exports. */
export function rowOf(execution: Execution): Row {
  const { input: _, output: __, error_details: ___, callback_url: ____, awaiting: _____, ...rest } = execution;
  const row: Row & { steps?: unknown; events?: unknown } = { ...rest, workflow: execution.workflow?.name ?? null };
  delete row.steps;
  delete row.events;
  if (row.error !== undefined && row.error.length > longestError) row.error = `${row.error.slice(0, longestError)}…`;
  return row;
}

/** What the event of its creation tells of an execution; the rest comes with the next page. */
export function fromEvent(event: LiveEvent): Row | undefined {
  if (event.type !== "created" || !event.execution_id || !event.workflow_id) return undefined;
  return {
    id: event.execution_id,
    workflow_id: event.workflow_id,
    workflow: event.workflow ?? null,
    status: event.status,
    revision: event.revision,
    attempt: 0,
    priority: 0,
    trigger_type: "api",
    created_at: event.at,
  };
}

/** The row after an event, as far as events tell; undefined when the event is older than the row. */
export function afterEvent(row: Row, event: LiveEvent): Row | undefined {
  if (event.revision <= row.revision) return undefined;
  const next: Row = { ...row, revision: event.revision };
  if (event.type === "progressed" && event.progress !== undefined) next.progress = event.progress;
  if (event.type === "claimed") {
    next.started_at ??= event.at;
    next.attempt = event.attempt ?? next.attempt;
  }
  if (event.type === "cancel_requested") next.cancel_requested_at ??= event.at;
  if (event.type !== "progressed") {
    // The reason belongs to the state that was left.
    delete next.status_reason;
    delete next.status_message;
    delete next.resumes_at;
  }
  if (finalStatuses.includes(event.status)) {
    next.completed_at ??= event.at;
    if (event.status !== "completed" && event.message !== undefined) next.error = event.message;
    if (event.code !== undefined) next.error_code = event.code;
  }
  next.status = event.status;
  return next;
}

/** Whether the event of its creation tells enough to say that an execution belongs. */
export function tellsEnough(filter: ExecutionFilter): boolean {
  const { metadata, trigger, awaiting, text } = filter;
  return metadata === undefined && trigger === undefined && awaiting === undefined && text === undefined;
}

/** Whether a row belongs to the filter, as far as its members tell: the text stands in the input, which rows do not keep. */
export function belongs(row: Row, filter: ExecutionFilter, now: number): boolean {
  // Which waits are open is the server's to say; one that goes on or has ended waits for nothing.
  if (filter.awaiting !== undefined && finalStatuses.includes(row.status)) return false;
  if (filter.status?.length && !filter.status.includes(row.status)) return false;
  if (filter.workflow !== undefined && row.workflow !== filter.workflow && row.workflow_id !== filter.workflow)
    return false;
  if (filter.trigger?.length && !filter.trigger.includes(row.trigger_type)) return false;
  for (const [key, value] of Object.entries(filter.metadata ?? {})) if (row.metadata?.[key] !== value) return false;
  const created = Date.parse(row.created_at);
  const from = filter.from === undefined ? undefined : resolveMoment(filter.from, now, false);
  // Rows age out of a moving range without a word; they may stay for as long as nobody asks again.
  if (from !== undefined && created < from - 60_000) return false;
  const to = filter.to === undefined ? undefined : resolveMoment(filter.to, now, true);
  return to === undefined || created <= to;
}

const stopping = "Stopping";
const waits: Record<string, string> = {
  scheduled: "Scheduled",
  queued: "In the queue",
  no_worker: "No worker for it",
  executing: "Executing",
  retry_backoff: "Backing off before the next attempt",
  awaiting_worker: "Waiting for its worker to come back",
  awaiting_idle_worker: "Waiting for an idle worker",
  timer: "Sleeping",
  cancelling: stopping,
  finalizing: "Finalizing",
};

/** Why it is where it is, in a few words. */
export function reasonOf(row: Row): string {
  if (finalStatuses.includes(row.status)) {
    const said = row.error ?? row.error_code ?? "";
    // "cancelled" beside Cancelled says nothing.
    return said === row.status ? "" : said;
  }
  const reason = row.status_reason;
  if (reason === undefined) return row.cancel_requested_at === undefined ? "" : stopping;
  const awaited = /^(signal|approval):(.*)$/s.exec(reason);
  if (awaited) return awaited[1] === "approval" ? `Needs approval: ${awaited[2]}` : `Waits for signal: ${awaited[2]}`;
  return waits[reason] ?? row.status_message ?? reason;
}
