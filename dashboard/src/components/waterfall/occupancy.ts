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
  for (const phase of phases) {
    if (phase.kind === "held") split(out, phase, held, now);
    else out.push(withUntil({ kind: waitingKind(phase, by), from: phase.from, to: phase.to }, phase.until));
  }
  return out;
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

function waitingKind(phase: Phase, by: Occupancy): Kind {
  if (phase.kind !== "parked") return phase.kind === "held" ? "handler" : phase.kind;
  const open = (i: Interval) => i.from <= phase.from && i.to > phase.from;
  const wait = by.waits.find(open);
  if (wait !== undefined) return wait.kind;
  return !by.sleeps.some(open) && by.backoffs.some(open) ? "backoff" : "sleeping";
}

function withUntil(segment: Segment, until: number | undefined): Segment {
  return until === undefined ? segment : { ...segment, until };
}
