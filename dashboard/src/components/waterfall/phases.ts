import { isFinal } from "@/components/status";
import type { Outcome } from "./kinds";
import { type Event, type Execution, millis } from "./wire";

/** Who had the execution: the clock, the queue, a worker ("held"), or nobody because all of it waits ("parked"). */
export type PhaseKind = "scheduled" | "queued" | "held" | "backoff" | "parked" | "cancelling" | "finalizing";

/** A phase of an execution's life. Phases follow each other without a gap. */
export interface Phase {
  kind: PhaseKind;
  from: number;
  to: number | null;
  /** When it ends by itself. */
  until?: number;
  /** Of a phase with a worker: how often one had taken it by then, from 1; claims that were given back count. */
  claim?: number;
  /** How a phase with a worker ended; absent when the worker let go because there was nothing to do but wait. */
  outcome?: Outcome;
  code?: string;
  message?: string;
  /** Of a backoff: the handler failed as a whole, so that its unfinished steps begin anew. */
  whole?: boolean;
}

export interface Life {
  phases: Phase[];
  start: number;
  /** Null while the execution is open. */
  end: number | null;
  /** The latest instant that is told of: the present is not before it, whatever the clock here says. */
  latest: number;
}

/** The longest backoff for which a worker keeps the handler in memory, as in docs/lifecycle.md. */
const shortBackoff = 2000;

/** An execution's phases. Events may be missing at either end: what they do not tell comes from the execution. */
export function lifeOf(execution: Execution, unordered: readonly Event[]): Life {
  const events = inOrder(unordered);
  const first = events[0];
  const created = millis(execution.created_at) ?? (first && millis(first.at)) ?? 0;
  const life = new Fold(Math.min(created, (first && millis(first.at)) ?? created));
  if (first?.type !== "created") life.unheard(execution);
  for (let i = 0; i < events.length && life.end === null; i++) life.add(execution, events, i);
  return life.finish(execution);
}

function inOrder(events: readonly Event[]): Event[] {
  const sorted = events.every((e, i) => i === 0 || e.revision > (events[i - 1] as Event).revision)
    ? [...events]
    : [...events].sort((a, b) => a.revision - b.revision);
  return sorted.filter((e, i) => i === 0 || e.revision !== (sorted[i - 1] as Event).revision);
}

class Fold {
  private readonly phases: Phase[] = [];
  private at: number;
  private claims = 0;
  end: number | null = null;

  constructor(private readonly start: number) {
    this.at = start;
  }

  /** What comes before the first event that is there. */
  unheard(x: Execution): void {
    const scheduled = millis(x.scheduled_at);
    const started = millis(x.started_at);
    if (x.status === "created") {
      this.enter({ kind: "scheduled", until: scheduled });
      return;
    }
    if (scheduled !== undefined) this.enter({ kind: "scheduled" }).advance(scheduled);
    this.enter({ kind: "queued" });
    if (started !== undefined) this.advance(started).enter({ kind: "held", claim: ++this.claims });
  }

  add(x: Execution, events: readonly Event[], i: number): void {
    const e = events[i] as Event;
    const at = millis(e.at);
    if (at === undefined) return;
    const until = millis(e.until);
    // A server whose clock is behind the last one's does not turn time back.
    this.advance(at);
    const now = this.phases[this.phases.length - 1];
    switch (e.type) {
      case "created":
        this.enter(e.status === "created" ? { kind: "scheduled", until } : { kind: "queued" });
        break;
      case "ready":
      case "woken":
      case "retried":
        this.enter({ kind: "queued" });
        break;
      case "claimed":
        this.enter({ kind: "held", claim: ++this.claims });
        break;
      case "returned":
        this.left("interrupted", e).enter({ kind: "queued" });
        break;
      case "lease_lost":
        this.left("lost", e).enter({ kind: "queued" });
        break;
      case "suspended":
        this.enter({ kind: "parked", until });
        break;
      case "wait_ended":
        if (now?.kind === "parked" || (now?.kind === "backoff" && !now.whole)) this.enter({ kind: "queued" });
        break;
      case "attempt_failed":
        this.left("failed", e).enter({ kind: "backoff", until, whole: true });
        break;
      case "step_failed":
        if (now?.kind === "held" && until !== undefined && letsGo(x, events, i, until - at)) {
          this.enter({ kind: "backoff", until });
        }
        break;
      case "cancel_requested":
        this.enter({ kind: "cancelling", until, claim: now?.claim });
        break;
      case "finalizing":
        this.left(undefined, e).enter({ kind: "finalizing" });
        break;
      case "completed":
      case "failed":
      case "cancelled":
      case "rejected":
        this.left(e.type, e);
        this.end = this.at;
        break;
      default: // changes nothing about who has it
    }
  }

  finish(x: Execution): Life {
    const completed = millis(x.completed_at);
    if (this.end === null && completed !== undefined && isFinal(x.status)) {
      this.advance(completed);
      this.end = this.at;
    }
    const phases = this.phases.filter((p, i) => {
      p.to = i + 1 < this.phases.length ? (this.phases[i + 1] as Phase).from : this.end;
      return p.to === null || p.to > p.from;
    });
    return { phases, start: this.start, end: this.end, latest: this.at };
  }

  private advance(at: number): this {
    this.at = Math.max(this.at, at);
    return this;
  }

  private enter(phase: Omit<Phase, "from" | "to">): this {
    // An execution may be older than its first event: its id is made before the two are stored.
    this.phases.push({ ...phase, from: this.phases.length === 0 ? this.start : this.at, to: null });
    return this;
  }

  private left(outcome: Outcome | undefined, e: Event): this {
    const now = this.phases[this.phases.length - 1];
    if (now?.kind === "held" || now?.kind === "cancelling") {
      now.outcome = outcome;
      if (e.code) now.code = e.code;
      if (e.message) now.message = e.message;
    }
    return this;
  }
}

/**
 * Whether the worker let go of the execution for the backoff that the i-th event begins. The event does not say: other
 * branches of the handler may have been busy. What follows tells.
 */
function letsGo(x: Execution, events: readonly Event[], i: number, backoff: number): boolean {
  if (backoff <= shortBackoff) return false;
  for (let j = i + 1; j < events.length; j++) {
    switch ((events[j] as Event).type) {
      case "claimed":
      case "retried":
      case "woken":
      case "cancelled":
        return true;
      case "signalled":
      case "wait_ended":
        break;
      default:
        return false;
    }
  }
  return !isFinal(x.status) && x.status_reason !== "executing" && x.status_reason !== "cancelling";
}
