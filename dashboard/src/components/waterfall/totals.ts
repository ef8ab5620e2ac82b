import { isFinal } from "@/components/status";
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
  return { total, kinds: found, handler };
}

interface Made {
  execution: Execution;
  steps: readonly Step[];
  events: readonly Event[];
  model: Model;
  /** When it was made and how long that took, by the browser's clock. */
  at: number;
  cost: number;
}
let latest: Made | undefined;

/** Models that cost more than this, in milliseconds, are not made anew with each event of a busy execution. */
const cheap = 20;
/** Of the time, the part that making models may take then. */
const share = 0.1;

/**
 * The model of these values; the last one is kept, so that a page which asks twice, or each second, pays once. While a
 * large execution is open the model may be a second or so behind: scrolling goes before.
 */
export function latestModel(
  execution: Execution,
  steps: readonly Step[],
  events: readonly Event[],
  now: number,
): Model {
  const clock = performance.now();
  if (latest?.execution.id === execution.id && isUsable(latest, execution, steps, events, now, clock))
    return latest.model;
  const model = modelOf(execution, steps, events, now);
  latest = { execution, steps, events, model, at: clock, cost: performance.now() - clock };
  return model;
}

function isUsable(
  made: Made,
  execution: Execution,
  steps: readonly Step[],
  events: readonly Event[],
  now: number,
  clock: number,
): boolean {
  const due = made.model.changesAt !== null && now >= made.model.changesAt;
  const same = made.execution === execution && made.steps === steps && made.events === events;
  if (same && !due) return true;
  return made.cost > cheap && !isFinal(execution.status) && clock - made.at < Math.min(made.cost / share, 1500);
}
