import { isFinal } from "@/components/status";
import { useNow } from "@/hooks/useNow";
import { formatDuration } from "@/services/time";
import bars from "./Bars.module.css";
import { kinds } from "./kinds";
import { LegendEntry, LegendList } from "./Legend";
import classes from "./TimeSpent.module.css";
import { type KindTotal, type TimeTotals, timeTotals } from "./totals";
import type { Event, Execution, Step } from "./wire";

interface Props {
  execution: Execution;
  steps: readonly Step[];
  events: readonly Event[];
}

/** How an execution spent its time since it was created, as one strip and in words. */
export function TimeSpent({ execution, steps, events }: Props) {
  const now = useNow(isFinal(execution.status) ? 60_000 : 1000);
  const totals = timeTotals(execution, steps, events, now);
  if (totals.kinds.length === 0) return null;
  return (
    <div className={classes.spent}>
      <div className={classes.strip} aria-hidden>
        {totals.kinds.map(({ kind, ms }) => (
          <span key={kind} className={bars.bar} data-kind={kind} style={{ flexGrow: ms }} />
        ))}
      </div>
      <LegendList label="How it spent its time">
        {totals.kinds.map((total) => (
          <LegendEntry
            key={total.kind}
            kind={total.kind}
            meaning={`${shareOf(total, totals)} of its time. ${meaningOf(total, totals)}`}
          >
            <span className={classes.total}>{total.text}</span>
          </LegendEntry>
        ))}
      </LegendList>
    </div>
  );
}

function shareOf({ ms }: KindTotal, { total }: TimeTotals): string {
  const percent = (100 * ms) / total;
  return percent < 1 ? "Less than 1 %" : `${Math.round(percent)} %`;
}

function meaningOf({ kind }: KindTotal, { handler }: TimeTotals): string {
  if (kind !== "running" || handler === 0) return kinds[kind].meaning;
  return `A worker ran it, for ${formatDuration(handler)} of that outside its steps.`;
}
