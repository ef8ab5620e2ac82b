import { Tooltip } from "@mantine/core";
import { memo } from "react";
import { type Kind, kindOrder, kinds, type Outcome } from "./kinds";
import type { Model } from "./model";
import classes from "./waterfall.module.css";

interface Entry {
  kind: Kind;
  outcome?: Outcome;
  open?: boolean;
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
    <ul className={classes.legend} aria-label="Legend">
      {legendOf(model).map((e) => (
        <li key={e.label}>
          <Tooltip label={e.meaning}>
            <span className={classes.entry}>
              <span className={classes.swatch}>
                <span className={classes.bar} data-kind={e.kind} data-outcome={e.outcome} data-open={e.open} />
              </span>
              {e.label}
            </span>
          </Tooltip>
        </li>
      ))}
    </ul>
  );
});
