import { Tooltip } from "@mantine/core";
import { memo, type ReactNode } from "react";
import { type Kind, kindOrder, kinds, type Outcome } from "./kinds";
import classes from "./Legend.module.css";
import type { Model } from "./model";
import { Swatch } from "./Swatch";

interface Entry {
  kind: Kind;
  outcome?: Outcome | undefined;
  open?: boolean | undefined;
  label: string;
  meaning: string;
}

const outcomes: Entry[] = [
  { kind: "running", outcome: "failed", label: "Failed", meaning: "A try of a step that ended with an error." },
  { kind: "running", outcome: "lost", label: "Worker lost", meaning: "Its worker was lost in the middle of it." },
  {
    kind: "running",
    outcome: "interrupted",
    label: "Given back",
    meaning: "Its worker let go of it without a result, for example to restart.",
  },
];

/** The kinds that the waterfall shows, and no others. */
export function legendOf(model: Model): Entry[] {
  const seen = new Set<string>();
  let open = false;
  for (const { kind, to } of model.timeline) {
    seen.add(kind);
    open ||= kind === "running" && to === null;
  }
  for (const row of model.steps) {
    for (const s of row.segments) {
      seen.add(s.kind);
      if (s.outcome !== undefined) seen.add(`${s.kind} ${s.outcome}`);
    }
  }
  const entries: Entry[] = [];
  for (const kind of kindOrder) {
    if (!seen.has(kind)) continue;
    if (kind !== "running") entries.push({ kind, label: kinds[kind].label, meaning: kinds[kind].meaning });
    else {
      entries.push({ kind, outcome: "completed", label: "Ran", meaning: kinds.running.meaning });
      if (open) entries.push({ kind, open: true, label: "Running", meaning: "A worker runs a step just now." });
      entries.push(...outcomes.filter((o) => seen.has(`running ${o.outcome}`)));
    }
  }
  return entries;
}

/** What the colours and patterns mean. */
export const Legend = memo(function Legend({ model }: { model: Model }) {
  return (
    <LegendList label="Legend">
      {legendOf(model).map((e) => (
        <LegendEntry key={e.label} kind={e.kind} outcome={e.outcome} open={e.open} meaning={e.meaning}>
          {e.label}
        </LegendEntry>
      ))}
    </LegendList>
  );
});

export function LegendList({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={classes.legend} aria-label={label}>
      {children}
    </ul>
  );
}

interface EntryProps extends Omit<Entry, "label"> {
  children: ReactNode;
}

export function LegendEntry({ kind, outcome, open = false, meaning, children }: EntryProps) {
  return (
    <li>
      <Tooltip label={meaning} multiline maw={360}>
        <span className={classes.entry}>
          <Swatch kind={kind} outcome={outcome} open={open} />
          {children}
        </span>
      </Tooltip>
    </li>
  );
}
