import { formatDuration } from "@/services/time";
import classes from "./Bars.module.css";
import { type Kind, kinds } from "./kinds";
import type { Row } from "./model";
import { type Bar, paint } from "./paint";

interface Props {
  row: Row;
  /** The pixel of an instant. */
  x: (time: number) => number;
  width: number;
  now: number;
  /** Folded stretches, in pixels: bars that go through them are slit there. */
  breaks: readonly { x: number; width: number }[];
}

/** What a row spent its time with, and a thin line from its beginning to its end. */
export function Bars({ row, x, width, now, breaks }: Props) {
  const from = Math.max(x(row.from), -8);
  const to = Math.min(x(row.to ?? now), width + 8);
  if (row.overridden) return from <= width && x(row.from) >= -8 ? <Given x={from} /> : null;
  return (
    <>
      {to > from && <span className={classes.thread} style={{ left: from, width: to - from }} />}
      {paint(row.segments, x, width, now).map((bar) => (
        <BarView key={`${bar.segment.from}${bar.kind}`} bar={bar} width={width} now={now} />
      ))}
      {breaks.map((b) =>
        b.x < to && b.x + b.width > from ? (
          <span key={b.x} className={classes.slits} style={{ left: b.x, width: b.width }} />
        ) : null,
      )}
    </>
  );
}

/** The narrowest bars, in pixels, that say in words what they are. */
const roomForWords = 132;
const roomForLength = 56;
const quiet: ReadonlySet<Kind> = new Set(["running", "handler"]);

function BarView({ bar, width, now }: { bar: Bar; width: number; now: number }) {
  const { kind, outcome, segment } = bar;
  // Words stay in sight while the bar moves past the left edge.
  const left = Math.max(bar.x, 0);
  const room = Math.min(bar.x + bar.width, width) - left;
  const words = bar.count > 1 || quiet.has(kind) || room < roomForLength ? "" : wordsOf(bar, room, now);
  return (
    <span
      className={classes.bar}
      data-kind={kind}
      data-outcome={outcome}
      data-open={segment.to === null || undefined}
      data-cut-left={bar.cutLeft || undefined}
      data-cut-right={bar.cutRight || undefined}
      style={{ left: bar.x, width: bar.width }}
    >
      {words && (
        <span className={classes.words} style={{ paddingLeft: left - bar.x }}>
          <span>{words}</span>
        </span>
      )}
    </span>
  );
}

function wordsOf({ kind, segment }: Bar, room: number, now: number): string {
  const length = formatDuration((segment.to ?? Math.max(now, segment.from)) - segment.from);
  return room < roomForWords ? length : `${kinds[kind].label} ${length}`;
}

/** The mark of a step that did not run. */
function Given({ x }: { x: number }) {
  return <span className={classes.given} style={{ left: x }} />;
}
