import type { Kind } from "./kinds";
import type { Phase } from "./phases";
import { covered, type Interval, type Segment, uncovered, union } from "./spans";

/** What the steps did, over all of them: who was busy, and what was waited for. */
export interface Occupancy {
  running: Interval[];
  /** Waits for signals and approvals, in the order in which they began. */
  waits: (Interval & { kind: "signal" | "approval" })[];
  sleeps: Interval[];
  backoffs: Interval[];
}

/**
 * The execution's whole life as segments: phases with a worker are split by what its steps did, and phases without one
 * are named after what was waited for. Nothing goes on after now; what goes on now has no end.
 */
export function occupy(phases: readonly Phase[], by: Occupancy, now: number): Segment[] {
  const held: [Kind, Interval[]][] = [
    ["running", union(by.running)],
    ["approval", union(by.waits.filter((w) => w.kind === "approval"))],
    ["signal", union(by.waits.filter((w) => w.kind === "signal"))],
    ["sleeping", union(by.sleeps)],
    ["backoff", union(by.backoffs)],
  ];
  const out: Segment[] = [];
  const waits = new Sweep(by.waits);
  const sleeps = new Sweep(by.sleeps);
  const backoffs = new Sweep(by.backoffs);
  const parked = (at: number): Kind => {
    const [wait] = waits.at(at);
    if (wait !== undefined) return wait.kind;
    return sleeps.at(at).length === 0 && backoffs.at(at).length > 0 ? "backoff" : "sleeping";
  };
  for (const phase of phases) {
    if (phase.kind === "held") {
      split(out, phase, held, now);
      continue;
    }
    const kind = phase.kind === "parked" ? parked(phase.from) : phase.kind;
    out.push(withUntil({ kind, from: phase.from, to: phase.to }, phase.until));
  }
  return out;
}

/** The intervals that contain an instant, the oldest first. Instants are asked for in order. */
class Sweep<I extends Interval> {
  private readonly sorted: I[];
  private next = 0;
  private open: I[] = [];

  constructor(intervals: readonly I[]) {
    this.sorted = [...intervals].sort((a, b) => a.from - b.from);
  }

  at(time: number): readonly I[] {
    for (let i = this.sorted[this.next]; i !== undefined && i.from <= time; i = this.sorted[++this.next]) {
      this.open.push(i);
    }
    this.open = this.open.filter((i) => i.to > time);
    return this.open;
  }
}

/** Splits a phase with a worker. The first layer that covers an instant names it; where none does the handler ran. */
function split(out: Segment[], phase: Phase, layers: readonly [Kind, Interval[]][], now: number): void {
  const end = phase.to ?? Math.max(now, phase.from);
  const open = phase.to === null;
  const first = out.length;
  const fill = (depth: number, from: number, to: number): void => {
    const layer = layers[depth];
    if (layer === undefined) {
      out.push({ kind: "handler", from, to });
      return;
    }
    const [kind, intervals] = layer;
    for (const c of covered(intervals, from, to)) out.push({ kind, from: c.from, to: c.to });
    for (const gap of uncovered(intervals, from, to)) fill(depth + 1, gap.from, gap.to);
  };
  fill(0, phase.from, end);
  const parts = out.splice(first).sort((a, b) => a.from - b.from);
  if (open) {
    const last = parts[parts.length - 1];
    if (last !== undefined) last.to = null;
    else parts.push({ kind: "handler", from: phase.from, to: null });
  }
  for (const part of parts) out.push(phase.claim === undefined ? part : { ...part, attempt: phase.claim });
}

function withUntil(segment: Segment, until: number | undefined): Segment {
  return until === undefined ? segment : { ...segment, until };
}
