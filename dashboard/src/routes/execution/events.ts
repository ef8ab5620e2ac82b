// Events as people read them: what kind they are, and what they say.
import type { ExecutionEvent } from "@/services/execution";
import { formatDuration } from "@/services/time";

export const eventGroups = ["lifecycle", "steps", "waits", "progress", "problems"] as const;
export type EventGroup = (typeof eventGroups)[number];

export const groupLabel: Record<EventGroup, string> = {
  lifecycle: "Lifecycle",
  steps: "Steps",
  waits: "Waits and signals",
  progress: "Progress",
  problems: "Problems",
};

type Kind = ExecutionEvent["type"];

interface About {
  label: string;
  groups: readonly EventGroup[];
  /** The state whose colour its sign has; neutral when left out. */
  tone?: "running" | "waiting" | "completed" | "failed" | "cancelled" | "rejected" | "pending" | "finalizing";
}

const about: Record<Kind, About> = {
  created: { label: "Created", groups: ["lifecycle"] },
  ready: { label: "Ready", groups: ["lifecycle"], tone: "pending" },
  claimed: { label: "Claimed", groups: ["lifecycle"], tone: "running" },
  returned: { label: "Given back", groups: ["lifecycle"], tone: "pending" },
  lease_lost: { label: "Worker lost", groups: ["lifecycle", "problems"], tone: "failed" },
  suspended: { label: "Suspended", groups: ["lifecycle"], tone: "waiting" },
  woken: { label: "Woken", groups: ["lifecycle"], tone: "pending" },
  attempt_failed: { label: "Attempt failed", groups: ["lifecycle", "problems"], tone: "failed" },
  retried: { label: "Retried", groups: ["lifecycle"], tone: "pending" },
  cancel_requested: { label: "Cancel requested", groups: ["lifecycle"], tone: "cancelled" },
  finalizing: { label: "Finalizing", groups: ["lifecycle"], tone: "finalizing" },
  completed: { label: "Completed", groups: ["lifecycle"], tone: "completed" },
  failed: { label: "Failed", groups: ["lifecycle", "problems"], tone: "failed" },
  cancelled: { label: "Cancelled", groups: ["lifecycle"], tone: "cancelled" },
  rejected: { label: "Rejected", groups: ["lifecycle", "problems"], tone: "rejected" },
  step_started: { label: "Step started", groups: ["steps"], tone: "running" },
  step_completed: { label: "Step completed", groups: ["steps"], tone: "completed" },
  step_failed: { label: "Step failed", groups: ["steps", "problems"], tone: "failed" },
  sleep_started: { label: "Sleep started", groups: ["waits"], tone: "waiting" },
  wait_started: { label: "Wait started", groups: ["waits"], tone: "waiting" },
  signalled: { label: "Signal received", groups: ["waits"], tone: "waiting" },
  wait_ended: { label: "Wait ended", groups: ["waits"], tone: "waiting" },
  progressed: { label: "Progress", groups: ["progress"] },
};

// A newer server may know kinds that this page does not.
const unknown = (kind: string): About => ({ label: kind.replaceAll("_", " "), groups: ["lifecycle"] });

export const aboutEvent = (event: ExecutionEvent): About => about[event.type] ?? unknown(event.type);

export function inGroups(event: ExecutionEvent, groups: readonly EventGroup[] | undefined): boolean {
  return groups === undefined || aboutEvent(event).groups.some((group) => groups.includes(group));
}

export function countGroups(events: readonly ExecutionEvent[]): Record<EventGroup, number> {
  const counts: Record<EventGroup, number> = { lifecycle: 0, steps: 0, waits: 0, progress: 0, problems: 0 };
  for (const event of events) for (const group of aboutEvent(event).groups) counts[group]++;
  return counts;
}

export function actorText(actor: ExecutionEvent["actor"]): string {
  switch (actor.type) {
    case "engine":
      return "engine";
    case "key":
      return "API key";
    case "approval_link":
      return "approval link";
    default:
      return actor.type;
  }
}

const outcomes: Record<NonNullable<ExecutionEvent["outcome"]>, string> = {
  received: "received",
  approved: "approved",
  rejected: "rejected",
  timeout: "timed out",
};

/** "code: message", or the one of them that there is; empty when there is neither. */
export function problemText(code: string | undefined, message: string | undefined): string {
  return [code, message].filter(Boolean).join(": ");
}

/** What an event says beyond its kind, in one line; empty when its kind says all. */
export function eventSummary(event: ExecutionEvent): string {
  const parts: string[] = [];
  if (event.step !== undefined) parts.push(event.step);
  else if (event.name !== undefined) parts.push(event.name);
  if (event.outcome !== undefined) parts.push(outcomes[event.outcome] ?? event.outcome);
  if (event.by !== undefined) parts.push(`by ${event.by}`);
  if (event.comment !== undefined && event.comment !== "") parts.push(`“${event.comment}”`);
  if (event.progress !== undefined) parts.push(`${Math.floor(event.progress * 100)} %`);
  if (event.type === "claimed" && event.attempt !== undefined) parts.push(`attempt ${event.attempt}`);
  const problem = problemText(event.code, event.message);
  if (problem !== "") parts.push(problem);
  if (event.until !== undefined) {
    const lasts = Date.parse(event.until) - Date.parse(event.at);
    const what = event.type === "step_failed" || event.type === "attempt_failed" ? "retried after" : "for at most";
    parts.push(`${event.type === "sleep_started" ? "for" : what} ${formatDuration(lasts)}`);
  }
  return parts.join(" · ");
}

/** One time that a worker had the execution, and what became of it. */
export interface Attempt {
  attempt: number;
  from: string;
  /** Undefined while it goes on. */
  to: string | undefined;
  outcome: "running" | "completed" | "failed" | "lost" | "returned" | "suspended" | "cancelled" | "rejected";
  code: string | undefined;
  message: string | undefined;
}

const ends: Partial<Record<Kind, Attempt["outcome"]>> = {
  returned: "returned",
  lease_lost: "lost",
  suspended: "suspended",
  attempt_failed: "failed",
  failed: "failed",
  completed: "completed",
  cancelled: "cancelled",
  rejected: "rejected",
};

/** Every time that a worker had it, oldest first. */
export function attemptsOf(events: readonly ExecutionEvent[]): Attempt[] {
  const attempts: Attempt[] = [];
  let failed: ExecutionEvent | undefined;
  for (const event of events) {
    const held = attempts.at(-1);
    if (event.type === "step_failed") failed = event;
    if (event.type === "claimed") {
      // A step that is retried later ends the attempt without an event of its own.
      if (held && held.to === undefined) {
        held.to = failed?.at ?? event.at;
        held.outcome = failed ? "failed" : "returned";
        held.code = failed?.code;
        held.message = failed?.message;
      }
      failed = undefined;
      attempts.push({
        attempt: event.attempt ?? attempts.length + 1,
        from: event.at,
        to: undefined,
        outcome: "running",
        code: undefined,
        message: undefined,
      });
      continue;
    }
    const outcome = ends[event.type];
    // What ends later, such as a cancelled wait, was not in a worker's hands.
    if (outcome === undefined || held === undefined || held.to !== undefined) continue;
    held.to = event.at;
    held.outcome = outcome;
    held.code = event.code;
    held.message = event.message;
  }
  return attempts;
}

/**
 * How long it waited for its first worker, in milliseconds, or since when it waits for it. One that may start at once
 * waits from when it was asked for, which is a commit before the event.
 */
export function queueWait(
  events: readonly ExecutionEvent[],
  asked: string,
): { first: number | undefined; since: string | undefined } {
  let since: string | undefined;
  let first: number | undefined;
  for (const event of events) {
    if (event.type === "claimed") {
      if (since !== undefined && first === undefined) first = Date.parse(event.at) - Date.parse(since);
      since = undefined;
    } else if (event.status === "pending") since ??= event.type === "created" ? asked : event.at;
    else if (event.status !== "running") since = undefined;
  }
  return { first, since: first === undefined ? since : undefined };
}
