import type { Kind, Outcome } from "./kinds";
import { firstEndingAfter, type Segment } from "./spans";

/** What is drawn of a segment, or of several that are too short to be told apart. In pixels from the left edge. */
export interface Bar {
  x: number;
  width: number;
  kind: Kind;
  outcome?: Outcome;
  /** The segment, or the one of those it stands for that says most. */
  segment: Segment;
  /** How many segments it stands for. */
  count: number;
  /** It goes on beyond the left or right edge: no round corners there. */
  cutLeft: boolean;
  cutRight: boolean;
}

/** Segments narrower than this are drawn together, on columns of this width. */
const column = 2;
/** How far bars reach beyond the edges, so that rounded ends are not seen where time goes on. */
const margin = 8;

/**
 * Lays segments out on a track. x gives the pixel of an instant. However many segments there are, there are no more bars
 * than the track has columns, and a failure is never hidden by what lies beside it.
 */
export function paint(segments: readonly Segment[], x: (time: number) => number, width: number, now: number): Bar[] {
  const bars: Bar[] = [];
  let small: Bar | undefined;
  let weight = 0;
  const flush = () => {
    if (small === undefined) return;
    const last = bars[bars.length - 1];
    const joins = last !== undefined && last.count > 0 && isSmall(last) && small.x - (last.x + last.width) < column;
    if (joins && last.kind === small.kind && last.outcome === small.outcome) {
      last.width = small.x + small.width - last.x;
      last.count += small.count;
    } else bars.push(small);
    small = undefined;
  };
  for (let i = firstVisible(segments, x); i < segments.length; i++) {
    const s = segments[i] as Segment;
    const left = x(s.from);
    if (left > width + margin) break;
    const right = x(s.to ?? Math.max(now, s.from));
    const wide = right - left;
    if (wide < column) {
      const at = Math.floor(left / column) * column;
      const rank = rankOf(s) + wide;
      if (small !== undefined && small.x === at) {
        small.count++;
        if (rank > weight) {
          small.kind = s.kind;
          small.outcome = s.outcome;
          small.segment = s;
          weight = rank;
        }
      } else {
        flush();
        small = { x: at, width: column, kind: s.kind, segment: s, count: 1, cutLeft: false, cutRight: false };
        if (s.outcome !== undefined) small.outcome = s.outcome;
        weight = rank;
      }
      continue;
    }
    flush();
    const from = Math.max(left, -margin);
    const to = Math.min(right, width + margin);
    const bar: Bar = {
      x: from,
      width: Math.max(to - from, column),
      kind: s.kind,
      segment: s,
      count: 1,
      cutLeft: left < -margin,
      cutRight: right > width + margin,
    };
    if (s.outcome !== undefined) bar.outcome = s.outcome;
    bars.push(bar);
  }
  flush();
  return bars;
}

const isSmall = (bar: Bar) => bar.count > 1 || bar.width <= column;

/** What matters more wins a column: failures before all, then what took time, whatever it is. */
function rankOf(s: Segment): number {
  if (s.outcome === "failed" || s.outcome === "lost" || s.outcome === "rejected") return 100;
  return s.kind === "handler" ? 0 : 10;
}

function firstVisible(segments: readonly Segment[], x: (time: number) => number): number {
  // Positions rise with time, so the first one that ends at the edge or after it is found by halving.
  let lo = 0;
  let hi = segments.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    const to = segments[mid]?.to;
    if (to === null || to === undefined || x(to) >= -margin) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

/** The segment at an instant, or the nearest one that is not further than the slack. */
export function segmentAt(segments: readonly Segment[], time: number, slack: number, now: number): Segment | undefined {
  const i = firstEndingAfter(segments, time);
  let best: Segment | undefined;
  let distance = slack;
  for (const s of [segments[i - 1], segments[i]]) {
    if (s === undefined) continue;
    const away = Math.max(s.from - time, time - (s.to ?? Math.max(now, s.from)), 0);
    if (away <= distance) {
      best = s;
      distance = away;
    }
  }
  return best;
}
