// Why an execution is where it is, in a sentence, and what would change it.
import { isFinal } from "@/components/status";
import type { Awaited, Execution, ExecutionEvent, Step } from "@/services/execution";
import { problemText } from "./events";

export interface Why {
  /** Without a full stop, so that for how long it has been so can follow. */
  sentence: string;
  /** A second sentence: what follows from it. */
  hint?: string;
  /** What happened before, such as the error that is retried. */
  because?: string;
  /** What a countdown to `until` says: "Runs again". */
  next?: string;
  until?: string;
  /** Since when it has been so. */
  since?: string;
  /** What people can do about it. */
  remedy?: "start-worker" | "decide" | "signal";
  awaiting?: readonly Awaited[];
}

/** The name behind "approval:manager". */
const kindOf = (reason: string): string => reason.split(":", 1)[0] ?? reason;

const quoted = (name: string) => `“${name}”`;

function lastProblem(events: readonly ExecutionEvent[]): string | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event?.type === "attempt_failed" || event?.type === "step_failed" || event?.type === "lease_lost") {
      if (event.type === "lease_lost") return "Its worker was lost.";
      const where = event.step === undefined ? undefined : `Step ${quoted(event.step)} failed`;
      return problemText(where, problemText(event.code, event.message)) || undefined;
    }
    if (event?.type === "claimed" && i < events.length - 50) return undefined;
  }
  return undefined;
}

function runningSteps(steps: readonly Step[]): string {
  const names = steps
    .filter((step) => step.status === "running" && step.next_attempt_at === undefined)
    .map((step) => step.name);
  if (names.length === 0) return "";
  const shown = names.slice(0, 3).map(quoted).join(", ");
  const more = names.length - 3;
  return ` in step${names.length > 1 ? "s" : ""} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A sleep that is too short to let go of the worker. */
function sleepingStep(steps: readonly Step[]): string {
  const step = steps.find(({ kind, status }) => kind === "sleep" && status === "waiting");
  return step ? `, which sleeps in ${quoted(step.name)}` : "";
}

function waitsFor(awaiting: readonly Awaited[]): string {
  const first = awaiting[0];
  if (!first) return "It waits for somebody";
  const more = awaiting.length - 1;
  const what = first.kind === "approval" ? "the approval" : "the signal";
  return `It waits for ${what} ${quoted(first.name)}${more > 0 ? ` and ${more} more` : ""}`;
}

export function why(x: Execution, steps: readonly Step[], events: readonly ExecutionEvent[]): Why {
  if (isFinal(x.status)) return ended(x, events);
  const reason = kindOf(x.status_reason ?? "");
  const until = x.resumes_at === undefined ? {} : { until: x.resumes_at };
  switch (reason) {
    case "scheduled":
      return { sentence: "Its start lies ahead", next: "Starts", ...until };
    case "queued":
      return { sentence: "It waits for a worker with a free place", ...since(x, events) };
    case "no_worker":
      return {
        sentence: `No worker serves ${quoted(x.workflow?.name ?? x.workflow_id)}`,
        hint: x.attempt === 0 ? "It starts by itself when one connects." : "It goes on by itself when one connects.",
        remedy: "start-worker",
        ...since(x, events),
      };
    case "executing":
      return { sentence: `A worker runs attempt ${x.attempt}${runningSteps(steps) || sleepingStep(steps)}` };
    case "retry_backoff":
      return { sentence: `Attempt ${x.attempt} failed`, next: "Runs again", ...because(lastProblem(events)), ...until };
    case "awaiting_worker":
      return {
        sentence: "It waits for the next free worker to go on",
        ...because(lostReason(events)),
        ...since(x, events),
      };
    case "awaiting_idle_worker":
      return {
        sentence: "It lost its worker more than once, and waits for one that runs nothing else",
        ...since(x, events),
      };
    case "timer": {
      const backoff = steps.find((step) => step.next_attempt_at !== undefined && step.status !== "completed");
      const sleep = steps.find((step) => step.kind === "sleep" && step.status === "waiting");
      if (backoff && !sleep) {
        const error = backoff.error ?? backoff.attempts.at(-1)?.error;
        return {
          sentence: `Step ${quoted(backoff.name)} failed ${backoff.attempt === 1 ? "once" : `${backoff.attempt} times`}`,
          next: "Tried again",
          ...because(error),
          ...until,
        };
      }
      return {
        sentence: `It sleeps${sleep ? ` in ${quoted(sleep.name)}` : ""}`,
        hint: "It holds no worker meanwhile.",
        next: "Goes on",
        ...until,
      };
    }
    case "signal":
    case "approval": {
      const awaiting = x.awaiting ?? [];
      const first = awaiting[0];
      return {
        sentence: waitsFor(awaiting),
        hint: "It holds no worker meanwhile.",
        remedy: awaiting.some((wait) => wait.kind === "approval") ? "decide" : "signal",
        awaiting,
        ...(first ? { since: first.since } : {}),
        ...(x.resumes_at === undefined ? {} : { next: "Times out", until: x.resumes_at }),
      };
    }
    case "cancelling":
      return {
        sentence:
          x.cancel_reason === "timeout"
            ? "Its deadline has passed. Its worker is told to stop"
            : "A cancel was asked for. Its worker is told to stop",
        next: "Cancelled by the engine",
        ...until,
      };
    case "finalizing":
      return { sentence: "Its outcome is decided; finalizers still run" };
    default:
      return { sentence: x.status_message ?? "The server gave no reason" };
  }
}

const because = (text: string | undefined) => (text === undefined || text === "" ? {} : { because: text });

function lostReason(events: readonly ExecutionEvent[]): string | undefined {
  const last = events.findLast((event) => ["lease_lost", "returned", "woken", "wait_ended"].includes(event.type));
  if (last?.type === "lease_lost") return "Its worker was lost.";
  if (last?.type === "returned") return "Its worker gave it back, as workers do when they stop.";
  if (last?.type === "woken" || last?.type === "wait_ended") return "Its wait is over.";
  return undefined;
}

/** Since when it waits for a worker: the event that put it there. */
function since(x: Execution, events: readonly ExecutionEvent[]): { since: string } {
  const put = events.findLast((event) =>
    ["created", "ready", "returned", "lease_lost", "woken", "retried", "wait_ended"].includes(event.type),
  );
  return { since: put?.at ?? x.scheduled_at ?? x.created_at };
}

function ended(x: Execution, events: readonly ExecutionEvent[]): Why {
  const last = events.findLast((event) => event.type === x.status);
  switch (x.status) {
    case "completed":
      return { sentence: x.attempt > 1 ? `It completed in attempt ${x.attempt}` : "It completed" };
    case "failed":
      return { sentence: x.attempt > 1 ? `It failed in attempt ${x.attempt}, the last` : "It failed" };
    case "rejected": {
      const decided = events.findLast((event) => event.type === "wait_ended" && event.outcome === "rejected");
      if (x.error_code === "approval_rejected" && decided) {
        const who = decided.by === undefined ? "" : ` by ${decided.by}`;
        return {
          sentence: `The approval ${quoted(decided.name ?? decided.step ?? "")} was refused${who}`,
          ...because(decided.comment),
        };
      }
      if (x.error_code === "queue_ttl") {
        return { sentence: "No worker took it within its time in the queue" };
      }
      return { sentence: "Its handler declined it", ...because(x.error) };
    }
    default: {
      const words = x.error ?? last?.message;
      switch (x.cancel_reason) {
        case "timeout":
          return { sentence: "Its deadline passed before it ended" };
        case "terminated":
          return { sentence: "It was ended at once, without asking its worker", ...because(words) };
        default:
          return x.error_code === "cancel_forced"
            ? { sentence: "Its worker did not stop within the grace, so the engine cancelled it", ...because(words) }
            : { sentence: "It was cancelled on request", ...because(words) };
      }
    }
  }
}
