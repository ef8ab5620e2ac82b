// What stands in the rows. Plain elements with titles: a list draws hundreds of them, and each tooltip component costs.
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { Dash } from "@/components/Dash";
import { Duration } from "@/components/Duration";
import { StatusDot } from "@/components/StatusDot";
import { isFinal, statusLabel, statusMeaning } from "@/components/status";
import { useCopy } from "@/hooks/useCopy";
import { useNow } from "@/hooks/useNow";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { fullTime, localTime, relativeTime, utcTime } from "@/services/time";
import classes from "./Executions.module.css";
import type { Term } from "./filter";
import { type Row, reasonOf } from "./row";

export function StatusCell({ row }: { row: Row }) {
  const stopping = row.cancel_requested_at !== undefined && !isFinal(row.status);
  return (
    <span className={classes.status} title={row.status_message ?? statusMeaning[row.status]}>
      <StatusDot status={row.status} />
      {stopping ? `${statusLabel(row.status)}, stopping` : statusLabel(row.status)}
    </span>
  );
}

export function WorkflowCell({ row }: { row: Row }) {
  if (row.workflow === null) {
    return (
      <span className={classes.gone} title={row.workflow_id}>
        deleted workflow
      </span>
    );
  }
  return (
    <span title={row.workflow}>
      {row.workflow}
      {row.version !== undefined && <span className={classes.version}> v{row.version}</span>}
    </span>
  );
}

export function CopyId({ id }: { id: string }) {
  const { state, said, copy } = useCopy("Copy the id");
  return (
    <button
      type="button"
      className={classes.copy}
      aria-label={said}
      title={said}
      data-state={state}
      onClick={() => copy(id)}
    >
      {state === "copied" ? <IconCheck size={13} aria-hidden /> : <IconCopy size={13} stroke={1.6} aria-hidden />}
    </button>
  );
}

export function ProgressCell({ row }: { row: Row }) {
  if (row.progress === undefined) return <Dash />;
  const percent = Math.floor(row.progress * 100);
  return (
    <span className={classes.progress}>
      <span
        className={classes.track}
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-label="Progress"
      >
        <span className={classes.bar} data-final={isFinal(row.status) || undefined} style={{ width: `${percent}%` }} />
      </span>
      {percent}%
    </span>
  );
}

export function ReasonCell({ row }: { row: Row }) {
  const reason = reasonOf(row);
  if (reason === "") return <Dash />;
  const failed = row.status === "failed" || row.status === "rejected";
  return (
    <span className={failed ? classes.wrong : classes.reason} title={row.status_message ?? reason}>
      {reason}
      {row.resumes_at !== undefined && !isFinal(row.status) && (
        <>
          , <Ahead at={row.resumes_at} />
        </>
      )}
    </span>
  );
}

function Ahead({ at }: { at: string }) {
  const now = useNow(1000);
  const time = Date.parse(at);
  return <>{time <= now ? "now" : relativeTime(time, now)}</>;
}

const mostChips = 6;

export function MetadataCell({ row, onFilter }: { row: Row; onFilter: (term: Term) => void }) {
  const entries = Object.entries(row.metadata ?? {});
  if (entries.length === 0) return <Dash />;
  return (
    <span className={classes.labels} title={entries.map(([key, value]) => `${key}: ${value}`).join("\n")}>
      {entries.slice(0, mostChips).map(([key, value]) => (
        <button
          key={key}
          type="button"
          className={classes.label}
          title={`Only those with ${key}: ${value}`}
          onClick={() => onFilter({ kind: "metadata", key, value })}
        >
          <span className={classes.labelKey}>{key}</span>
          {value}
        </button>
      ))}
    </span>
  );
}

export function CreatedCell({ row }: { row: Row }) {
  const [format] = useTimeFormat();
  const time = Date.parse(row.created_at);
  return (
    <time dateTime={row.created_at} title={`${fullTime(time)}\n${utcTime(time, true)}`}>
      {format === "relative" ? <Ago time={time} /> : format === "utc" ? utcTime(time) : localTime(time)}
    </time>
  );
}

function Ago({ time }: { time: number }) {
  const now = useNow(Math.abs(Date.now() - time) < 120_000 ? 1000 : 15_000);
  return <>{relativeTime(Math.min(time, now), now)}</>;
}

export function DurationCell({ row }: { row: Row }) {
  if (row.started_at === undefined) return <Dash />;
  return <Duration from={row.started_at} to={row.completed_at ?? null} />;
}
