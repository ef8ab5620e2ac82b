import { formatDuration } from "@/services/time";
import { type Kind, kindOrder, kinds } from "./kinds";
import { type Model, modelOf } from "./model";
import type { Event, Execution, Step } from "./wire";

export interface KindTotal {
  kind: Kind;
  ms: number;
  /** "ran 3.00 s". */
  text: string;
}

/** How an execution spent its time. The kinds add up to the whole, from its creation to its end or now. */
export interface TimeTotals {
  /** In milliseconds. */
  total: number;
  /** Only those that took time, in the order of a life. The handler's own time counts as running. */
  kinds: KindTotal[];
  /** How much of the running was in the handler, outside its steps. */
  handler: number;
  /** "queued 1.20 s · ran 3.00 s · waited for approval 2 h"; empty when no time has passed. */
  text: string;
}

/** How the execution spent its time so far; now is in milliseconds since the epoch. */
export function timeTotals(
  execution: Execution,
  steps: readonly Step[],
  events: readonly Event[],
  now: number,
): TimeTotals {
  return totalsOf(latestModel(execution, steps, events, now), now);
}

/** The totals of a waterfall that is there already. */
export function totalsOf(model: Model, clock: number): TimeTotals {
  const now = model.end ?? Math.max(clock, model.now);
  const spent = new Map<Kind, number>();
  let total = 0;
  for (const { kind, from, to } of model.timeline) {
    const ms = (to ?? now) - from;
    total += ms;
    spent.set(kind, (spent.get(kind) ?? 0) + ms);
  }
  const handler = spent.get("handler") ?? 0;
  spent.set("running", (spent.get("running") ?? 0) + handler);
  const found: KindTotal[] = [];
  for (const kind of kindOrder) {
    const ms = kind === "handler" ? 0 : (spent.get(kind) ?? 0);
    if (ms > 0) found.push({ kind, ms, text: `${kinds[kind].spent} ${formatDuration(ms)}` });
  }
  return { total, kinds: found, handler, text: found.map((k) => k.text).join(" · ") };
}

let latest: { execution: Execution; steps: readonly Step[]; events: readonly Event[]; model: Model } | undefined;

/** The model of these very values; the last one is kept, so that a page which asks twice, or each second, pays once. */
export function latestModel(
  execution: Execution,
  steps: readonly Step[],
  events: readonly Event[],
  now: number,
): Model {
  const fresh =
    latest?.execution === execution &&
    latest.steps === steps &&
    latest.events === events &&
    (latest.model.changesAt === null || now < latest.model.changesAt);
  if (latest === undefined || !fresh) {
    latest = { execution, steps, events, model: modelOf(execution, steps, events, now) };
  }
  return latest.model;
}
