import type { Kind } from "./kinds";
import type { Event, Execution, Status, Step } from "./wire";

/** A source of numbers from 0 to 1 that gives the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Simulated {
  execution: Execution;
  steps: Step[];
  events: Event[];
  /** When it was looked at. */
  now: number;
  /** What really happened, without gaps or overlaps. */
  truth: { kind: Kind; from: number; to: number }[];
}

const hexDigits = "0123456789abcdefghjkmnpqrstvwxyz";

/** An id as the server makes them, from a number. */
export function idOf(prefix: string, n: number): string {
  let text = "";
  for (let i = 0, rest = n; i < 25; i++, rest = Math.floor(rest / 32)) text = hexDigits[rest % 32] + text;
  return `${prefix}_0${text}`;
}

export const time = (ms: number): string => new Date(ms).toISOString();

/**
 * Plays one execution of a sequential handler with all that may befall it, and says what really happened. Its steps
 * are put together from its events as the server does it. cut stops it somewhere in its life.
 */
export function simulate(seed: number, options: { steps?: number; cut?: boolean } = {}): Simulated {
  const random = randomFrom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const chance = (p: number) => random() < p;
  const world = new World(Date.UTC(2026, 10, 22, 9) + below(1e6));
  const lengths = () => [1, 30, 400, 5_000, 60_000, 3_600_000, 86_400_000][below(7)] as number;
  const some = () => 1 + below(lengths());

  world.event("created", chance(0.2) ? "created" : "pending");
  if (world.status === "created") {
    world.pass("scheduled", some());
    world.event("ready", "pending");
  }
  world.pass("queued", below(lengths()));
  world.claim();

  const count = options.steps ?? 1 + below(8);
  for (let n = 0; n < count; n++) {
    const name = `step-${n}`;
    if (chance(0.5)) world.pass("handler", below(50));
    const sort = random();
    if (sort < 0.6) {
      const tries = chance(0.3) ? 1 + below(3) : 0;
      for (let k = 0; k <= tries; k++) {
        const lost = chance(0.1);
        const from = world.now;
        const announced = lost || chance(0.5);
        if (announced) world.event("step_started", "running", { step: name }, { try: k + 1 });
        world.pass("running", some());
        if (lost) {
          world.event("lease_lost", "running");
          world.pass("queued", below(lengths()));
          world.claim();
          world.pass("handler", below(20));
          k--;
        } else if (k === tries) {
          world.event("step_completed", "running", { step: name }, { try: k + 1, since: from });
        } else {
          const delay = some();
          const until = world.now + delay;
          world.event(
            "step_failed",
            "running",
            { step: name, until: time(until), code: "broken" },
            { try: k + 1, since: from },
          );
          world.pass("backoff", delay);
          if (delay > 2000) {
            world.event("retried", "running");
            world.pass("queued", below(lengths()));
            world.claim();
            world.pass("handler", below(20));
          }
        }
      }
    } else if (sort < 0.8) {
      const length = some();
      const until = world.now + length;
      world.event("sleep_started", "running", { step: name, until: time(until) });
      if (length > 2000) {
        world.event("suspended", "waiting", { until: time(until) });
        world.pass("sleeping", length);
        world.event("woken", "running");
        world.pass("queued", below(lengths()));
        world.claim();
      } else {
        world.pass("sleeping", length);
      }
    } else if (sort < 0.95) {
      const wait = chance(0.5) ? "signal" : "approval";
      world.event("wait_started", "running", { step: name, wait, name });
      world.event("suspended", "waiting");
      world.pass(wait, some());
      if (wait === "signal") world.event("signalled", "waiting", { name });
      world.event("wait_ended", "running", { step: name, outcome: wait === "signal" ? "received" : "approved" });
      world.pass("queued", below(lengths()));
      world.claim();
    } else {
      const delay = some();
      world.event("attempt_failed", "running", { until: time(world.now + delay), code: "broken" });
      world.pass("backoff", delay);
      world.event("retried", "running");
      world.pass("queued", below(lengths()));
      world.claim();
    }
  }
  if (chance(0.2)) {
    world.event("cancel_requested", "running", { until: time(world.now + 30_000) });
    world.pass("cancelling", below(30_000));
    world.event("cancelled", "cancelled");
  } else {
    world.event("completed", "completed");
  }
  return world.seen(options.cut ? world.start + Math.floor((world.now - world.start) * random()) : world.now);
}

interface Hidden {
  try?: number;
  since?: number;
}

class World {
  now: number;
  status: Status = "created";
  private attempt = 0;
  private readonly events: (Event & { hidden: Hidden })[] = [];
  private readonly truth: Simulated["truth"] = [];

  constructor(readonly start: number) {
    this.now = start;
  }

  event(type: Event["type"], status: Status, more: Partial<Event> = {}, hidden: Hidden = {}): void {
    this.status = status;
    this.events.push({
      revision: this.events.length + 1,
      type,
      at: time(this.now),
      actor: { type: "engine" },
      ...(this.attempt > 0 ? { attempt: this.attempt } : {}),
      ...more,
      status,
      hidden,
    });
  }

  claim(): void {
    this.attempt++;
    this.event("claimed", "running");
  }

  pass(kind: Kind, ms: number): void {
    if (ms > 0) this.truth.push({ kind, from: this.now, to: this.now + ms });
    this.now += ms;
  }

  /** What a reader gets to see at an instant. Of what happens just then, all of it. */
  seen(now: number): Simulated {
    const events = this.events.filter((e) => Date.parse(e.at) <= now);
    const last = events[events.length - 1] as Event;
    const final = ["completed", "failed", "cancelled", "rejected"].includes(last.status);
    const execution: Execution = {
      id: idOf("exec", this.start % 1e9),
      workflow_id: idOf("wf", 1),
      workflow: { id: idOf("wf", 1), name: "simulated" },
      status: last.status,
      revision: last.revision,
      attempt: last.attempt ?? 0,
      input: {},
      priority: 0,
      trigger_type: "api",
      created_at: time(this.start),
    };
    const scheduled = events.find((e) => e.type === "ready");
    if (scheduled) execution.scheduled_at = scheduled.at;
    const claimed = events.find((e) => e.type === "claimed");
    if (claimed) execution.started_at = claimed.at;
    if (final) execution.completed_at = last.at;
    const truth = this.truth.filter((t) => t.from < now).map((t) => ({ ...t, to: Math.min(t.to, now) }));
    const current = truth[truth.length - 1]?.kind;
    if (!final) execution.status_reason = current === "backoff" ? "retry_backoff" : "executing";
    return {
      execution,
      steps: stepsOf(events, now),
      events: events.map(({ hidden: _, ...event }) => event),
      now,
      truth,
    };
  }
}

/** The server's fold of events into steps, for what the simulation sends. */
function stepsOf(events: readonly (Event & { hidden: Hidden })[], now: number): Step[] {
  const steps = new Map<string, Step>();
  // The handler is sequential: no other step than the latest one can be in flight.
  let latest: Step | undefined;
  const interrupt = (code: string, at: string) => {
    const last = latest?.attempts[latest.attempts.length - 1];
    if (last && last.completed_at === undefined)
      Object.assign(last, { completed_at: at, error_code: code, error: code });
  };
  const at = (e: Event & { hidden: Hidden }, kind: Step["kind"]): Step => {
    let step = steps.get(e.step ?? "");
    if (!step) {
      step = {
        id: idOf("step", steps.size + 1),
        name: e.step ?? "",
        kind,
        status: "running",
        attempt: 1,
        started_at: e.hidden.since === undefined ? e.at : time(e.hidden.since),
        attempts: [],
      };
      steps.set(e.step ?? "", step);
    }
    if (e.hidden.try !== undefined) step.attempt = e.hidden.try;
    latest = step;
    return step;
  };
  for (const e of events) {
    switch (e.type) {
      case "step_started": {
        const step = at(e, "step");
        step.status = "running";
        delete step.next_attempt_at;
        step.attempts.push({ attempt: step.attempt, execution_attempt: e.attempt ?? 0, started_at: e.at });
        break;
      }
      case "step_completed":
      case "step_failed": {
        const step = at(e, "step");
        let last = step.attempts[step.attempts.length - 1];
        if (last === undefined || last.completed_at !== undefined) {
          last = { attempt: step.attempt, execution_attempt: e.attempt ?? 0 };
          step.attempts.push(last);
        }
        last.started_at = time(e.hidden.since ?? Date.parse(e.at));
        last.completed_at = e.at;
        delete step.next_attempt_at;
        if (e.type === "step_completed") {
          step.status = "completed";
          step.completed_at = e.at;
        } else {
          last.error_code = e.code ?? "error";
          if (e.until !== undefined) step.next_attempt_at = e.until;
        }
        break;
      }
      case "sleep_started": {
        const step = at(e, "sleep");
        if (e.until !== undefined) step.until = e.until;
        step.status = "waiting";
        if (e.until !== undefined && Date.parse(e.until) <= now) {
          step.status = "completed";
          step.completed_at = e.until;
        }
        break;
      }
      case "wait_started":
        at(e, e.wait ?? "signal").status = "waiting";
        break;
      case "wait_ended": {
        const step = at(e, "signal");
        step.status = "completed";
        step.completed_at = e.at;
        step.output = { outcome: e.outcome ?? "received" };
        break;
      }
      case "lease_lost":
        interrupt("lease_lost", e.at);
        break;
      case "claimed":
      case "returned":
      case "suspended":
      case "attempt_failed":
        interrupt("interrupted", e.at);
        break;
      case "completed":
      case "failed":
      case "cancelled":
      case "rejected":
        interrupt("cancelled", e.at);
        break;
      default:
    }
  }
  return [...steps.values()];
}
