import { Portal } from "@mantine/core";
import { useLayoutEffect, useRef, useState } from "react";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { formatDuration, localTime, utcTime } from "@/services/time";
import { kinds } from "./kinds";
import type { Row } from "./model";
import { Swatch } from "./Swatch";
import type { Segment } from "./spans";
import classes from "./Tip.module.css";
import { endOf, nameOf } from "./words";

export interface Pointed {
  row: Row;
  segment: Segment | undefined;
  /** Where the pointer is, in the window. */
  x: number;
  y: number;
}

/** The exact times of what the pointer is on. */
export function Tip({ pointed, start, now }: { pointed: Pointed; start: number; now: number }) {
  const box = useRef<HTMLDivElement>(null);
  const [format] = useTimeFormat();
  const [at, setAt] = useState({ left: pointed.x + 14, top: pointed.y + 18 });
  useLayoutEffect(() => {
    const size = box.current?.getBoundingClientRect();
    if (size === undefined) return;
    const left = pointed.x + 14 + size.width > innerWidth - 8 ? pointed.x - size.width - 14 : pointed.x + 14;
    const top = pointed.y + 18 + size.height > innerHeight - 8 ? pointed.y - size.height - 12 : pointed.y + 18;
    setAt({ left: Math.max(left, 8), top: Math.max(top, 8) });
  }, [pointed.x, pointed.y]);
  const { row, segment } = pointed;
  const from = segment?.from ?? row.from;
  const to = segment === undefined ? row.to : segment.to;
  const end = segment === undefined ? (row.error ?? "") : endOf(segment);
  const clock = (time: number) => (format === "utc" ? utcTime(time, true) : localTime(time, true));
  const label = segment === undefined ? nameOf(row) : row.overridden ? "Given at the start" : labelOf(segment);
  const attempt =
    segment?.attempt !== undefined && (row.tries > 0 || row.kind === "try") ? ` · attempt ${segment.attempt}` : "";
  return (
    <Portal>
      <div ref={box} className={classes.tip} style={at} role="presentation">
        <div className={classes.head}>
          {segment !== undefined && <Swatch kind={segment.kind} outcome={segment.outcome} open={segment.to === null} />}
          <strong>{label}</strong>
          <span className={classes.length}>{formatDuration((to ?? now) - from)}</span>
        </div>
        {segment !== undefined && (
          <div className={classes.name}>
            {nameOf(row)}
            {row.kind === "execution" ? attempt.replace("attempt", "worker") : attempt}
          </div>
        )}
        {end && <div className={classes.end}>{end}</div>}
        <dl className={classes.times}>
          <dt>From</dt>
          <dd>
            {clock(from)}
            <span>+{formatDuration(from - start)}</span>
          </dd>
          <dt>To</dt>
          <dd>
            {to === null ? "goes on" : clock(to)}
            {to !== null && <span>+{formatDuration(to - start)}</span>}
          </dd>
          {segment?.until !== undefined && segment.until !== to && (
            <>
              <dt>Until</dt>
              <dd>
                {clock(segment.until)}
                {segment.until > now && to === null && <span>{formatDuration(segment.until - now)} to go</span>}
              </dd>
            </>
          )}
        </dl>
      </div>
    </Portal>
  );
}

function labelOf(segment: Segment): string {
  return segment.kind === "running" && segment.to !== null ? "Ran" : kinds[segment.kind].label;
}
