import { Button, SegmentedControl, Switch } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { CopyButton } from "@/components/CopyButton";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { JsonView } from "@/components/JsonView";
import { TableSkeleton } from "@/components/skeletons";
import { isFinal } from "@/components/status";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { allLogs, type Execution, type LogFilter, type LogLine, logsQuery } from "@/services/execution";
import { saveText } from "@/services/save";
import { fullTime, localTime, utcTime } from "@/services/time";
import classes from "./Execution.module.css";
import { fieldsText, type LogSearch, logFile, selectLines } from "./logs";
import { ScrolledRows } from "./ScrolledRows";
import { type Level, levels } from "./search";

interface Props {
  execution: Execution;
  /** Only the lines of this step, and of this attempt of the execution. */
  filter: LogFilter;
  onClearStep: () => void;
  search: LogSearch;
  onSearch: (search: LogSearch) => void;
}

const firstPages = 5;

/** What the handler and its steps logged. */
export function LogsTab({ execution, filter, onClearStep, search, onSearch }: Props) {
  const open = !isFinal(execution.status);
  const [pages, setPages] = useState(firstPages);
  const [follow, setFollow] = useState(open);
  const logs = useQuery({
    ...logsQuery(execution.id, filter, pages),
    // Lines are no events: what came is found by looking.
    refetchInterval: (query) =>
      open ? (query.state.data && query.state.data.lines.length > 1000 ? 3_000 : 1_000) : false,
    placeholderData: keepPreviousData,
  });
  const { refetch } = logs;
  const { revision } = execution;
  const seen = useRef(revision);
  useEffect(() => {
    if (seen.current === revision) return;
    seen.current = revision;
    void refetch();
  }, [revision, refetch]);
  const shown = useMemo(() => selectLines(logs.data?.lines ?? [], search), [logs.data, search]);
  const download = useMutation({
    mutationFn: () => allLogs(execution.id, filter),
    onSuccess: (lines) => saveText(`${execution.id}.log`, logFile(selectLines(lines, {})), "text/plain"),
    onError: () => notifications.show({ message: "The log could not be loaded. Try again.", color: "red" }),
  });

  if (logs.error)
    return <ErrorPanel error={logs.error} title="The logs could not be loaded" onRetry={() => void refetch()} />;
  if (logs.isPending) return <TableSkeleton rows={8} columns={3} />;
  const { lines, more } = logs.data;
  const steps = lines.some((line) => line.step !== undefined);
  const filtered = search.level !== undefined || search.q !== undefined;
  return (
    <>
      <FilterBar
        onClear={filtered ? () => onSearch({ level: undefined, q: undefined }) : undefined}
        end={
          <>
            {open && (
              <Switch label="Follow" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
            )}
            <Button
              variant="default"
              leftSection={<IconDownload size={14} />}
              loading={download.isPending}
              disabled={lines.length === 0}
              onClick={() => download.mutate()}
            >
              Download
            </Button>
          </>
        }
      >
        <SearchField
          value={search.q ?? ""}
          onChange={(q) => onSearch({ ...search, q: q === "" ? undefined : q })}
          label="Search in the logs"
        />
        <SegmentedControl
          aria-label="Lowest level"
          value={search.level ?? "debug"}
          onChange={(value) => {
            const level = levels.find((known) => known === value);
            onSearch({ ...search, level: level === "debug" ? undefined : level });
          }}
          data={levels.map((level) => ({ value: level, label: levelLabel[level] }))}
        />
        {filter.step !== undefined && (
          <Button variant="light" onClick={onClearStep} title="Show the lines of all steps">
            Step {filter.step}
            {filter.attempt === undefined ? "" : `, attempt ${filter.attempt}`} ×
          </Button>
        )}
      </FilterBar>
      {shown.length === 0 ? (
        <EmptyState title={lines.length === 0 ? "Nothing was logged" : "No line matches"}>
          {lines.length > 0
            ? "Take a filter away, or search for another text."
            : filter.step === undefined
              ? "Handlers log with ctx.Log in Go, and ctx.log in TypeScript and Python. The lines appear here as they come."
              : "This step has logged nothing. The × above shows the lines of all steps."}
        </EmptyState>
      ) : (
        <div className={classes.list}>
          <ScrolledRows
            label="Log lines"
            rows={shown}
            estimate={26}
            follow={follow && open}
            draw={(line) => <Line line={line} step={steps} />}
          />
        </div>
      )}
      {more && (
        <div className={classes.more}>
          These are the first {lines.length.toLocaleString()} lines, by step.
          <Button variant="default" loading={logs.isFetching} onClick={() => setPages(pages + 20)}>
            Load more
          </Button>
        </div>
      )}
    </>
  );
}

const levelLabel: Record<Level, string> = { debug: "All", info: "Info", warn: "Warnings", error: "Errors" };

/** One line; a press shows its fields and all of a long text. */
export function Line({ line, step = true }: { line: LogLine; step?: boolean }) {
  const [format] = useTimeFormat();
  const [open, setOpen] = useState(false);
  const time = Date.parse(line.at);
  const text = (format === "utc" ? utcTime(time, true) : localTime(time, true)).slice(11).replace("Z", "");
  const fields = fieldsText(line.fields);
  return (
    <div className={classes.logItem} data-level={line.level}>
      <button type="button" className={classes.log} aria-expanded={open} onClick={() => setOpen(!open)}>
        <time dateTime={line.at} title={fullTime(time)} className={classes.logTime}>
          {text}
        </time>
        <span className={classes.level}>{line.level}</span>
        {step && <span className={classes.logStep}>{line.step ?? ""}</span>}
        <span className={classes.message} data-open={open || undefined}>
          {line.message}
          {fields !== "" && !open && <span className={classes.fields}> {fields}</span>}
        </span>
      </button>
      {open && (
        <div className={classes.logMore}>
          <span className={classes.muted}>
            {fullTime(time)} · attempt {line.attempt}
            {line.step ? ` · step ${line.step}` : ""}
          </span>
          <CopyButton value={line.message} label="Copy the message" />
          {line.fields && Object.keys(line.fields).length > 0 && (
            <div className={classes.logFields}>
              <JsonView value={line.fields} label="Fields" maxHeight={260} />
            </div>
          )}
        </div>
      )}
    </div>
  );
}
