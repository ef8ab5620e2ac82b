import type { Kind, Outcome } from "./kinds";

/** A stretch of time of one kind. Times are milliseconds since the epoch. */
export interface Segment {
  kind: Kind;
  from: number;
  /** Null while it goes on: it grows with the clock. */
  to: number | null;
  /** When what goes on ends by itself; also, of a wait that ended early, when it would have. */
  until?: number;
  outcome?: Outcome;
  /** The try it belongs to, by its place in the step's list of attempts, from 1. */
  attempt?: number;
  code?: string;
  message?: string;
}

export interface Interval {
  from: number;
  to: number;
}

/** The parts of the interval that the others cover. The others are sorted and do not overlap; one may have no end. */
export function* covered<S extends { from: number; to: number | null }>(
  others: readonly S[],
  from: number,
  to: number,
): Generator<{ part: S; from: number; to: number; open: boolean }> {
  for (let i = firstEndingAfter(others, from); i < others.length; i++) {
    const part = others[i] as S;
    if (part.from >= to) return;
    const lo = Math.max(part.from, from);
    const hi = Math.min(part.to ?? Number.POSITIVE_INFINITY, to);
    if (hi > lo) yield { part, from: lo, to: hi, open: part.to === null && hi === to };
  }
}

/** The index of the first one that ends after the instant. */
export function firstEndingAfter(sorted: readonly { to: number | null }[], at: number): number {
  let lo = 0;
  let hi = sorted.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    const to = sorted[mid]?.to;
    if (to === null || to === undefined || to > at) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

/** The union of intervals, sorted. */
export function union(intervals: Interval[]): Interval[] {
  const sorted = intervals.filter((i) => i.to > i.from).sort((a, b) => a.from - b.from);
  const out: Interval[] = [];
  for (const next of sorted) {
    const last = out[out.length - 1];
    if (last !== undefined && next.from <= last.to) last.to = Math.max(last.to, next.to);
    else out.push({ from: next.from, to: next.to });
  }
  return out;
}

/** What of the interval none of the others covers. The others are sorted and do not overlap. */
export function uncovered(others: readonly Interval[], from: number, to: number): Interval[] {
  const out: Interval[] = [];
  let at = from;
  for (let i = firstEndingAfter(others, from); i < others.length && at < to; i++) {
    const next = others[i] as Interval;
    if (next.from > at) out.push({ from: at, to: Math.min(next.from, to) });
    at = Math.max(at, next.to);
  }
  if (at < to) out.push({ from: at, to });
  return out;
}
