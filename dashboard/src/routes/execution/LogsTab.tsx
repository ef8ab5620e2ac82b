import { Button, SegmentedControl, Switch } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { TableSkeleton } from "@/components/skeletons";
import { isFinal } from "@/components/status";
import { allLogs, type Execution, type LogFilter, logsQuery } from "@/services/execution";
import { saveText } from "@/services/save";
import { LogLine } from "./LogLine";
import { type LogSearch, logFile, selectLines } from "./logs";
import rows from "./rows.module.css";
import { ScrolledRows } from "./ScrolledRows";
import { type Level, levels } from "./search";
import shared from "./shared.module.css";

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
        <div className={`${shared.frame} ${rows.list}`}>
          <ScrolledRows
            label="Log lines"
            rows={shown}
            estimate={26}
            follow={follow && open}
            draw={(line) => <LogLine line={line} step={steps} />}
          />
        </div>
      )}
      {more && (
        <div className={rows.more}>
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
