import { formatDuration } from "@/services/time";
import { type Kind, kinds, type Outcome } from "./kinds";
import type { Model, Row, RowKind } from "./model";
import type { Segment } from "./spans";

const ends: Record<Outcome, string> = {
  completed: "",
  failed: "failed",
  cancelled: "cancelled",
  rejected: "rejected",
  lost: "its worker was lost",
  interrupted: "its worker let go of it",
  timeout: "timed out",
};

const rowKinds: Record<RowKind, string> = {
  execution: "execution",
  claim: "a worker had it",
  step: "step",
  sleep: "sleep",
  signal: "wait for a signal",
  approval: "wait for an approval",
  try: "attempt",
};

/** How a stretch ended, in words; empty for the way it should. */
export function endOf(segment: Segment): string {
  if (segment.outcome === undefined) return "";
  const text = ends[segment.outcome];
  if (segment.outcome !== "failed") return text;
  const why = segment.message ?? segment.code;
  return why ? `${text}: ${why}` : text;
}

/** "ran 401 ms, failed: the gateway did not answer". What goes on is told as such. */
export function segmentText(segment: Segment, now: number): string {
  const { spent, spending } = kinds[segment.kind];
  const length = formatDuration((segment.to ?? Math.max(now, segment.from)) - segment.from);
  if (segment.to !== null) {
    const end = endOf(segment);
    return `${spent} ${length}${end ? `, ${end}` : ""}`;
  }
  const left = segment.until === undefined ? 0 : segment.until - now;
  return `${spending} ${length}${left > 0 ? `, ${formatDuration(left)} to go` : ""}`;
}

/** The name of a row in the tree. */
export function nameOf(row: Row): string {
  switch (row.kind) {
    case "execution":
      return row.name || "Execution";
    case "claim":
      return `Worker ${row.attempt}`;
    case "try":
      return `Attempt ${row.attempt}`;
    default:
      return row.name;
  }
}

/** What a row is, without its name: "step, completed, 3 attempts". */
export function kindOf(row: Row): string {
  if (row.overridden) return "step, did not run: its output was given at the start";
  const tries = row.kind !== "execution" && row.tries > 0 ? `, ${row.tries} attempts` : "";
  return `${rowKinds[row.kind]}, ${row.status}${tries}`;
}

/** The most stretches that are told one by one. */
const few = 8;

/** What the bars of a row show, in words. */
export function barsText(row: Row, model: Model, now: number): string {
  if (row.overridden) return "took no time";
  const began = row.from - model.start;
  const start = row.kind === "execution" ? "" : `began ${formatDuration(began)} after the start, `;
  const length = formatDuration((row.to ?? now) - row.from);
  const whole = row.to === null ? `goes on for ${length}` : `took ${length}`;
  const parts = row.segments.length <= few ? row.segments.map((s) => segmentText(s, now)) : byKind(row.segments, now);
  return `${start}${whole}${parts.length > 0 ? `: ${parts.join("; ")}` : ""}`;
}

function byKind(segments: readonly Segment[], now: number): string[] {
  const spent = new Map<Kind, number>();
  for (const s of segments) spent.set(s.kind, (spent.get(s.kind) ?? 0) + (s.to ?? now) - s.from);
  return [...spent].map(([kind, ms]) => `${kinds[kind].spent} ${formatDuration(ms)} in all`);
}
