import { memo } from "react";
import { StatusDot } from "@/components/StatusDot";
import { statuses, statusLabel, statusMeaning } from "@/components/status";
import type { Schemas } from "@/services/api";
import classes from "./StateTabs.module.css";
import type { Status } from "./search";

interface Props {
  chosen: readonly Status[];
  onChange: (chosen: Status[]) => void;
  counts: Schemas["Counts"] | undefined;
  /** Counts that are of whole hours where the range cuts one. */
  exact: boolean;
  /** The list has filters that the counts do not know. */
  partial: boolean;
}

const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

function written(count: number, exact: boolean): string {
  const text = count < 100_000 ? count.toLocaleString() : short.format(count);
  return exact ? text : `about ${text}`;
}

/** The states with their counts. A press shows one, with Ctrl or Shift it joins or leaves those shown. */
export const StateTabs = memo(function StateTabs({ chosen, onChange, counts, exact, partial }: Props) {
  const total = counts && statuses.reduce((sum, status) => sum + counts[status], 0);
  const note = partial ? "Of the workflow and the range; the other filters are not counted." : undefined;
  const tab = (status: Status | undefined, count: number | undefined) => {
    const active = status === undefined ? chosen.length === 0 : chosen.includes(status);
    const title = [
      status === undefined ? "All states" : statusMeaning[status],
      count === undefined ? undefined : `${exact ? "" : "About "}${count.toLocaleString()}.`,
      count === undefined ? undefined : note,
    ];
    return (
      <button
        key={status ?? "all"}
        type="button"
        className={classes.tab}
        aria-pressed={active}
        title={title.filter((line) => line !== undefined).join("\n")}
        onClick={(event) => {
          if (status === undefined) onChange([]);
          else if (event.shiftKey || event.ctrlKey || event.metaKey) {
            onChange(active ? chosen.filter((each) => each !== status) : [...chosen, status]);
          } else onChange(active && chosen.length === 1 ? [] : [status]);
        }}
      >
        {status && <StatusDot status={status} />}
        {status === undefined ? "All" : statusLabel(status)}
        <span className={classes.count} data-none={count === 0 || undefined} data-partial={partial || undefined}>
          {count === undefined ? "" : written(count, exact)}
        </span>
      </button>
    );
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot scroll sideways everywhere
    <div className={classes.tabs} role="group" aria-label="States">
      {tab(undefined, total)}
      {statuses.map((status) => tab(status, counts?.[status]))}
    </div>
  );
});
