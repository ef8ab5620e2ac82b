import { Button, Menu } from "@mantine/core";
import { IconArrowUp, IconDownload, IconFilterOff, IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, getRouteApi, useRouter } from "@tanstack/react-router";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { TableSkeleton } from "@/components/skeletons";
import { statuses } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { shortId } from "@/services/ids";
import { saveText } from "@/services/save";
import { BulkBar } from "./Bulk";
import {
  CopyId,
  CreatedCell,
  DurationCell,
  MetadataCell,
  ProgressCell,
  ReasonCell,
  StatusCell,
  WorkflowCell,
} from "./cells";
import { countsQuery, useExecutionList } from "./data";
import classes from "./Executions.module.css";
import { toCSV, toJSON } from "./export";
import { FilterBox } from "./FilterBox";
import { add, remove, type Term, termsOf, write } from "./filter";
import { type ExecutionList, type ListState, mostRows } from "./list";
import { type Row, tellsEnough } from "./row";
import { SavedViews, useViews } from "./SavedViews";
import { StateTabs } from "./StateTabs";
import { type ExecutionFilter, filterKey, filterOf, isEverything, type Status, searchOf } from "./search";
import { TimeRange } from "./TimeRange";

export const Route = createLazyRoute("/shell/executions")({ component: ExecutionsPage });
const route = getRouteApi("/shell/executions");

// Nearer than this to the top, new rows may push the others down.
const topZone = 80;
const none: readonly Status[] = [];

function ExecutionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo(() => filterOf(search), [search]);
  const key = filterKey(filter);
  const [views] = useViews();
  const setFilter = useCallback(
    (next: ExecutionFilter) => {
      const all = isEverything(next) && views.first !== undefined;
      void navigate({ search: all ? { view: "all" } : searchOf(next) });
    },
    [navigate, views.first],
  );

  const { list, state, stale } = useExecutionList(filter);
  const counts = useQuery(countsQuery(filter));
  const { rows } = state;
  const router = useRouter();

  // Before the router scrolls the page that follows to its top: that is none of this list's business.
  useLayoutEffect(() => {
    const look = () => list.setAtTop(window.scrollY < topZone);
    window.addEventListener("scroll", look, { passive: true });
    // The router brings a list that was left further down back to its place after it is drawn.
    const ignore = router.subscribe("onRendered", look);
    return () => {
      window.removeEventListener("scroll", look);
      ignore();
    };
  }, [list, router]);

  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter means other rows
  useEffect(() => {
    setSelected(new Set());
    setAll(false);
  }, [key]);
  const chosen = useMemo(() => rows.filter((row) => selected.has(row.id)), [rows, selected]);

  const latest = useRef({ filter, setFilter });
  latest.current = { filter, setFilter };
  const onTerm = useCallback((term: Term) => latest.current.setFilter(add(latest.current.filter, [term])), []);
  const onStates = useCallback((chosen: Status[]) => {
    const { status: _, ...rest } = latest.current.filter;
    const status = statuses.filter((each) => chosen.includes(each));
    latest.current.setFilter(status.length > 0 ? { ...rest, status } : rest);
  }, []);
  const onRange = useCallback((range: { from?: string; to?: string }) => {
    const { from: _, to: __, ...rest } = latest.current.filter;
    latest.current.setFilter({ ...rest, ...range });
  }, []);
  const columns = useColumns(onTerm);

  const partial = !tellsEnough(filter);
  return (
    <Page title="Executions">
      <PageHeader
        title="Executions"
        actions={
          <>
            <SavedViews filter={filter} onChoose={setFilter} />
            <ExportMenu list={list} />
          </>
        }
      />
      <StateTabs
        chosen={filter.status ?? none}
        counts={counts.data?.counts}
        exact={counts.data?.exact ?? true}
        partial={partial}
        onChange={onStates}
      />
      <search className={classes.filters}>
        <FilterBox filter={filter} onChange={setFilter} />
        <TimeRange from={filter.from} to={filter.to} onChange={onRange} />
      </search>
      {state.arrived > 0 && (
        <div className={classes.arrived}>
          <button
            type="button"
            onClick={() => {
              list.showArrived();
              window.scrollTo({ top: 0 });
            }}
          >
            <IconArrowUp size={14} aria-hidden />
            {state.arrivedMore ? `More than ${state.arrived}` : state.arrived} new
          </button>
        </div>
      )}
      <div className={classes.list} aria-busy={stale} data-stale={stale || undefined}>
        <List
          filter={filter}
          setFilter={setFilter}
          list={list}
          state={state}
          columns={columns}
          total={!partial && counts.data?.exact && !filter.status ? counts.data.total : -1}
          selected={selected}
          onSelect={(next) => {
            setSelected(next);
            setAll(false);
          }}
        />
      </div>
      <BulkBar
        filter={filter}
        selected={chosen}
        selectedCount={selected.size}
        all={all}
        onAll={setAll}
        onClear={() => {
          setSelected(new Set());
          setAll(false);
        }}
      />
    </Page>
  );
}

function useColumns(onTerm: (term: Term) => void): Column<Row>[] {
  const [format] = useTimeFormat();
  return useMemo(
    () => [
      { key: "status", header: "Status", width: "104px", narrow: "first", cell: (row) => <StatusCell row={row} /> },
      {
        key: "workflow",
        header: "Workflow",
        width: "minmax(88px, 1.1fr)",
        narrow: "first",
        cell: (row) => <WorkflowCell row={row} />,
      },
      {
        key: "id",
        header: "Id",
        width: "128px",
        main: true,
        narrow: "second",
        cell: (row) => (
          <code className={classes.id} title={row.id}>
            {shortId(row.id)}
          </code>
        ),
      },
      {
        key: "copy",
        header: <span className={classes.hidden}>Copy</span>,
        width: "22px",
        cell: (row) => <CopyId id={row.id} />,
      },
      { key: "progress", header: "Progress", width: "84px", cell: (row) => <ProgressCell row={row} /> },
      {
        key: "reason",
        header: "Reason",
        width: "minmax(72px, 1.4fr)",
        narrow: "second",
        cell: (row) => <ReasonCell row={row} />,
      },
      {
        key: "metadata",
        header: "Metadata",
        width: "minmax(64px, 1.7fr)",
        cell: (row) => <MetadataCell row={row} onFilter={onTerm} />,
      },
      {
        key: "created",
        header: "Created",
        width: format === "relative" ? "84px" : "148px",
        narrow: "first",
        align: "end",
        cell: (row) => <CreatedCell row={row} />,
      },
      { key: "duration", header: "Duration", width: "84px", align: "end", cell: (row) => <DurationCell row={row} /> },
    ],
    [onTerm, format],
  );
}

const rowKey = (row: Row) => row.id;
const rowLink = (row: Row) => ({ to: "/executions/$id", params: { id: row.id } }) as const;

interface ListProps {
  filter: ExecutionFilter;
  setFilter: (filter: ExecutionFilter) => void;
  list: ExecutionList;
  state: ListState;
  columns: readonly Column<Row>[];
  total: number;
  selected: ReadonlySet<string>;
  onSelect: (selected: Set<string>) => void;
}

function List({ filter, setFilter, list, state, columns, total, selected, onSelect }: ListProps) {
  if (state.phase === "failed") {
    return (
      <ErrorPanel error={state.error} title="The executions could not be loaded" onRetry={() => void list.begin()} />
    );
  }
  if (state.phase === "loading" && state.rows.length === 0) return <TableSkeleton rows={14} columns={7} />;
  if (state.rows.length === 0) return <Nothing filter={filter} setFilter={setFilter} list={list} state={state} />;
  return (
    <DataTable
      label="Executions"
      columns={columns}
      rows={state.rows}
      rowKey={rowKey}
      rowLink={rowLink}
      total={total}
      selection={{ selected, onChange: onSelect }}
      highlighted={(row) => state.fresh.has(row.id)}
      footer={<Footer list={list} state={state} />}
    />
  );
}

/** Loads on when it comes near; where the server stopped searching the person decides. */
function Footer({ list, state }: { list: ExecutionList; state: ListState }) {
  const mark = useRef<HTMLDivElement>(null);
  const automatic = state.more && state.searchedUntil === undefined && state.error === undefined && !state.full;
  // biome-ignore lint/correctness/useExhaustiveDependencies: after each page it looks again whether the end is in view
  useEffect(() => {
    const element = mark.current;
    if (!automatic || !element) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void list.loadMore();
      },
      { rootMargin: "900px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [automatic, list, state.rows.length]);
  return (
    <div ref={mark} className={classes.footer}>
      {state.error !== undefined && (
        <ErrorPanel
          error={state.error}
          compact
          title="This may be old, or incomplete"
          onRetry={() => {
            void list.refresh();
            void list.loadMore();
          }}
        />
      )}
      {state.searchedUntil !== undefined && state.more ? (
        <>
          <span>
            Searched back to <TimeText value={state.searchedUntil} format="local" />. There may be older ones.
          </span>
          <Button variant="default" loading={state.loadingMore} onClick={() => void list.loadMore()}>
            Search further back
          </Button>
        </>
      ) : state.full ? (
        <span>
          The newest {mostRows.toLocaleString()} are loaded. For older ones, narrow the range or add a filter.
        </span>
      ) : state.more ? (
        <Button variant="default" loading={state.loadingMore} onClick={() => void list.loadMore()}>
          Load more
        </Button>
      ) : (
        <span>
          {state.rows.length === 1 ? "That is the only one." : `All ${state.rows.length.toLocaleString()} are shown.`}
        </span>
      )}
    </div>
  );
}

function Nothing({
  filter,
  setFilter,
  list,
  state,
}: {
  filter: ExecutionFilter;
  setFilter: (filter: ExecutionFilter) => void;
  list: ExecutionList;
  state: ListState;
}) {
  if (isEverything(filter)) {
    return (
      <EmptyState
        icon={<IconRocket size={20} stroke={1.6} />}
        title="No executions yet"
        command="sojourn run echo -f name=Ada"
      >
        An execution is one run of a workflow. Start the first one in a terminal; it appears here as it happens.
      </EmptyState>
    );
  }
  if (state.more && state.searchedUntil !== undefined) {
    return (
      <EmptyState
        icon={<IconFilterOff size={20} stroke={1.6} />}
        title="Nothing found so far"
        action={
          <Button variant="default" loading={state.loadingMore} onClick={() => void list.loadMore()}>
            Search further back
          </Button>
        }
      >
        Everything back to <TimeText value={state.searchedUntil} format="local" /> was searched, and nothing matches.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconFilterOff size={20} stroke={1.6} />}
      title="Nothing matches"
      action={
        <div className={classes.widen}>
          {termsOf(filter).map((term) => (
            <Button key={write(term)} variant="default" onClick={() => setFilter(remove(filter, term))}>
              {term.kind === "created" ? "Look at any time" : `Without ${write(term)}`}
            </Button>
          ))}
          {termsOf(filter).length > 1 && (
            <Button variant="subtle" onClick={() => setFilter({})}>
              Show everything
            </Button>
          )}
        </div>
      }
    >
      No execution fulfils all the conditions. Take one away:
    </EmptyState>
  );
}

// It reads the rows when it is opened: it is drawn with every change of the list otherwise.
const ExportMenu = memo(function ExportMenu({ list }: { list: ExecutionList }) {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const save = (type: "csv" | "json") => {
    const name = `executions-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}.${type}`;
    if (type === "csv") saveText(name, toCSV(rows), "text/csv");
    else saveText(name, toJSON(rows));
  };
  return (
    <Menu position="bottom-end" width={220} onOpen={() => setRows(list.snapshot().rows)}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} stroke={1.7} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {rows.length === 1
            ? "The one row that is loaded"
            : `The ${rows.length.toLocaleString()} rows that are loaded`}
        </Menu.Label>
        <Menu.Item disabled={rows.length === 0} onClick={() => save("csv")}>
          CSV, for spreadsheets
        </Menu.Item>
        <Menu.Item disabled={rows.length === 0} onClick={() => save("json")}>
          JSON, as the API names it
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
});
