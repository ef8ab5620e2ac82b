import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Chart, type Series } from "@/components/Chart";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import type { Status } from "@/components/status";
import { formatDuration } from "@/services/time";
import {
  errorRate,
  type Range,
  rangeOf,
  ranges,
  type StatsBucket,
  type Workflow,
  type WorkflowStats,
  workflowStatsQuery,
} from "@/services/workflows";
import classes from "./Workflow.module.css";

const sum = (bucket: StatsBucket, ...states: Status[]) =>
  states.reduce((total, state) => total + (bucket.counts[state] ?? 0), 0);

/** Executions by what became of them, the best at the bottom. */
function outcomes(buckets: readonly StatsBucket[]): Series[] {
  const series: [string, string, Status[]][] = [
    ["Completed", "--s-completed", ["completed"]],
    ["Failed", "--s-failed", ["failed"]],
    ["Rejected", "--s-rejected", ["rejected"]],
    ["Cancelled", "--s-cancelled", ["cancelled"]],
    ["Open", "--s-running", ["created", "pending", "running", "waiting", "finalizing"]],
  ];
  return series
    .map(([label, color, states]) => ({ label, color, values: buckets.map((bucket) => sum(bucket, ...states)) }))
    .filter(({ label, values }) => label === "Completed" || values.some((value) => value > 0));
}

function percentiles(buckets: readonly StatsBucket[], of: "run_ms" | "queue_ms"): Series[] {
  return [
    { label: "p95", color: "--s-waiting", values: buckets.map((bucket) => bucket[of]?.p95 ?? null) },
    { label: "p50", color: "--s-accent", values: buckets.map((bucket) => bucket[of]?.p50 ?? null) },
  ];
}

const countText = (value: number) => (Number.isInteger(value) ? value.toLocaleString() : "");
const timeText = (value: number) =>
  value === 0 ? "0" : value < 10 && !Number.isInteger(value) ? `${value.toFixed(1)} ms` : formatDuration(value);

interface Props {
  workflow: Workflow;
  /** Over which time; a day when left out. */
  range: Range | undefined;
  onRange: (range: Range) => void;
}

/** How much was started over a time, what became of it, and how long it took. */
export function Statistics({ workflow, range: chosen, onRange }: Props) {
  const range = rangeOf(chosen);
  const stats = useQuery(workflowStatsQuery(workflow.name, range));
  const data = stats.data;
  const picker = (
    <SegmentedControl
      aria-label="Over which time"
      value={range.value}
      onChange={(value) => {
        const next = ranges.find((each) => each.value === value);
        if (next) onRange(next.value);
      }}
      data={ranges.map(({ value, label }) => ({ value, label }))}
    />
  );
  if (!data) {
    return (
      <Panel title="Activity" actions={picker}>
        {stats.isError ? (
          <ErrorPanel
            error={stats.error}
            title="The statistics could not be loaded"
            compact
            onRetry={() => void stats.refetch()}
          />
        ) : (
          <BlockSkeleton lines={6} />
        )}
      </Panel>
    );
  }
  const times = data.buckets.map((bucket) => Date.parse(bucket.at));
  const chart = { times, width: data.bucket_ms };
  return (
    <>
      <Numbers stats={data} words={range.words} picker={picker} />
      <div className={classes.charts}>
        <Panel title={`Started, by outcome, per ${formatDuration(data.bucket_ms)}`}>
          <Chart
            {...chart}
            kind="bars"
            label={`Executions started in ${range.words}, by what became of them`}
            series={outcomes(data.buckets)}
            format={countText}
          />
          {!data.exact && (
            <p className={classes.note}>
              There are too many to count one by one: within an hour the bars are estimated.
            </p>
          )}
        </Panel>
        <Panel title="Run time">
          <Chart
            {...chart}
            kind="lines"
            label={`Time from the first claim to the end in ${range.words}`}
            series={percentiles(data.buckets, "run_ms")}
            format={timeText}
          />
        </Panel>
        <Panel title="Wait in the queue">
          <Chart
            {...chart}
            kind="lines"
            label={`Time from creation to the first claim in ${range.words}`}
            series={percentiles(data.buckets, "queue_ms")}
            format={timeText}
          />
        </Panel>
      </div>
    </>
  );
}

function Numbers({ stats, words, picker }: { stats: WorkflowStats; words: string; picker: ReactNode }) {
  const rate = errorRate(stats.counts);
  const of = stats.sampled ? ` of the newest ${stats.sample.toLocaleString()}` : "";
  const { counts, run_ms: run, oldest_pending_at: oldest } = stats;
  const open = counts.created + counts.pending + counts.running + counts.waiting + counts.finalizing;
  const percent = rate?.toLocaleString(undefined, { style: "percent", maximumFractionDigits: 1 });
  return (
    <Panel title={`In ${words}`} actions={picker} flush>
      <dl className={classes.numbers}>
        <Figure name="Started">{stats.started.toLocaleString()}</Figure>
        <Figure name="Errors">
          {percent ?? "–"} {percent && <small>{(counts.failed + counts.rejected).toLocaleString()}</small>}
        </Figure>
        <Figure name="Open now">{open.toLocaleString()}</Figure>
        <Figure name={`Run time, p50${of}`}>{run ? <Duration ms={run.p50} /> : "–"}</Figure>
        <Figure name={`Run time, p95${of}`}>{run ? <Duration ms={run.p95} /> : "–"}</Figure>
        <Figure name="Oldest in the queue">{oldest ? <Duration from={oldest} /> : "–"}</Figure>
      </dl>
    </Panel>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.number}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
