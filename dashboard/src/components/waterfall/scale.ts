import { isIdle } from "./kinds";
import type { Model } from "./model";
import { firstEndingAfter, type Interval } from "./spans";

/** An idle stretch that is drawn shorter than it was. */
export interface Fold extends Interval {
  /** Where it begins on the line, and how long it is there. */
  at: number;
  length: number;
}

/**
 * Time laid out on a line whose unit is a millisecond where nothing is folded. Positions are counted from the start.
 */
export interface Scale extends Interval {
  length: number;
  folds: readonly Fold[];
  place(time: number): number;
  time(place: number): number;
}

/** Lays out the time from start to end, the given stretches folded. They are sorted and do not overlap. */
export function scaleOf(from: number, to: number, idle: readonly Interval[] = []): Scale {
  const end = Math.max(to, from + 1);
  const folds = foldsOf(from, end, idle);
  const ends = folds.map((f) => ({ to: f.at + f.length }));
  const place = (time: number): number => {
    const i = firstEndingAfter(folds, time);
    const fold = folds[i];
    const before = folds[i - 1];
    if (fold !== undefined && time > fold.from) {
      return fold.at + ((time - fold.from) / (fold.to - fold.from)) * fold.length;
    }
    return before === undefined ? time - from : before.at + before.length + (time - before.to);
  };
  const time = (at: number): number => {
    const i = firstEndingAfter(ends, at);
    const fold = folds[i];
    const before = folds[i - 1];
    if (fold !== undefined && at > fold.at) return fold.from + ((at - fold.at) / fold.length) * (fold.to - fold.from);
    return before === undefined ? from + at : before.to + (at - before.at - before.length);
  };
  return { from, to: end, length: place(end), folds, place, time };
}

/** Only what becomes clearly shorter is folded; all folds together take no more room than what is not folded. */
function foldsOf(from: number, to: number, idle: readonly Interval[]): Fold[] {
  const stretches = idle
    .map((i) => ({ from: Math.max(i.from, from), to: Math.min(i.to, to) }))
    .filter((i) => i.to > i.from);
  const active = to - from - stretches.reduce((sum, i) => sum + i.to - i.from, 0);
  const length = Math.max(0.5, active * Math.min(0.25, 1 / Math.max(stretches.length, 1)));
  const folds: Fold[] = [];
  let saved = 0;
  for (const i of stretches) {
    if (i.to - i.from < 3 * length) continue;
    folds.push({ ...i, at: i.from - from - saved, length });
    saved += i.to - i.from - length;
  }
  return folds;
}

/** The stretches in which no step ran and no handler was at work, up to now. */
export function idleOf(model: Model, now: number): Interval[] {
  const out: Interval[] = [];
  for (const s of model.timeline) {
    if (!isIdle(s.kind)) continue;
    const to = s.to ?? now;
    const last = out[out.length - 1];
    if (last !== undefined && last.to === s.from) last.to = to;
    else if (to > s.from) out.push({ from: s.from, to });
  }
  return out;
}

/** How much of the time is left when idle stretches are folded: 1 is all of it. */
export function foldGain(from: number, to: number, idle: readonly Interval[]): number {
  return scaleOf(from, to, idle).length / Math.max(to - from, 1);
}
