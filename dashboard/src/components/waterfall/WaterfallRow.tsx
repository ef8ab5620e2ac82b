// biome-ignore-all lint/a11y/useFocusableInteractive: a treegrid of which only what is in sight exists; the grid has the focus and names its active row.
// biome-ignore-all lint/a11y/useSemanticElements: a treegrid of which only what is in sight exists; the grid has the focus and names its active row.
import { VisuallyHidden } from "@mantine/core";
import {
  IconChevronRight,
  IconClockPause,
  IconSignature,
  IconStack2,
  IconUserCog,
  IconWifi,
} from "@tabler/icons-react";
import { memo, type ReactNode } from "react";
import { StatusDot } from "@/components/StatusDot";
import { formatDuration } from "@/services/time";
import { Bars } from "./Bars";
import type { Model, Row, RowKind } from "./model";
import classes from "./waterfall.module.css";
import { barsText, kindOf, nameOf } from "./words";

interface Props {
  id: string;
  row: Row;
  model: Model;
  index: number;
  top: number;
  selected: boolean;
  /** The one that keys act on. */
  active: boolean;
  expanded: boolean;
  x: (time: number) => number;
  width: number;
  now: number;
  narrow: boolean;
  breaks: readonly { x: number; width: number }[];
}

const icons: Partial<Record<RowKind, ReactNode>> = {
  execution: <IconStack2 size={14} stroke={1.6} />,
  claim: <IconUserCog size={14} stroke={1.6} />,
  sleep: <IconClockPause size={14} stroke={1.6} />,
  signal: <IconWifi size={14} stroke={1.6} />,
  approval: <IconSignature size={14} stroke={1.6} />,
};

/** One row: who it is, and what it spent its time with. */
export const WaterfallRow = memo(function WaterfallRow(props: Props) {
  const { row, model, now, expanded, narrow } = props;
  const nested = row.tries > 0;
  const length = row.overridden ? "given" : formatDuration((row.to ?? Math.max(now, row.from)) - row.from);
  return (
    // The grid has the focus and tells which row is active: rows come and go as it scrolls.
    <div
      id={props.id}
      role="row"
      aria-rowindex={props.index + 2}
      aria-level={row.level}
      aria-selected={props.selected}
      aria-expanded={nested ? expanded : undefined}
      className={classes.row}
      data-narrow={narrow || undefined}
      data-selected={(props.selected && row.key !== "") || undefined}
      data-active={props.active || undefined}
      data-level={row.level}
      data-index={props.index}
      style={{ transform: `translateY(${props.top}px)` }}
    >
      <div role="gridcell" className={classes.label}>
        <span className={classes.twist} data-toggle={nested || undefined} data-expanded={expanded || undefined}>
          {nested && <IconChevronRight size={14} stroke={2} />}
        </span>
        <StatusDot status={row.status} size={13} />
        <span className={classes.icon}>{icons[row.kind]}</span>
        <span className={classes.name} title={row.name.length > 24 ? row.name : undefined}>
          {nameOf(row)}
          <VisuallyHidden>, {kindOf(row)}</VisuallyHidden>
        </span>
        {nested && row.kind !== "execution" && (
          <span className={classes.tries} aria-hidden>
            ×{row.tries}
          </span>
        )}
        <span className={classes.length}>{length}</span>
      </div>
      <div role="gridcell" className={classes.cell}>
        <VisuallyHidden>{barsText(row, model, now)}</VisuallyHidden>
        <div className={classes.track} aria-hidden>
          <Bars row={row} x={props.x} width={props.width} now={now} breaks={props.breaks} />
        </div>
      </div>
    </div>
  );
});
