// What the list reads from the server, and how it stays up to date.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { openStatuses } from "@/components/status";
import { ApiError, api } from "@/services/api";
import { type LiveEvent, useLiveState, useProjectEvents } from "@/services/live";
import { resolveMoment } from "./dates";
import { ExecutionList, type ListPage, type ListState, type Load, pageSize } from "./list";
import { type Paced, paced } from "./pace";
import { belongs, type Row, rowOf, tellsEnough } from "./row";
import { apiFilter, type ExecutionFilter, filterKey, type Status } from "./search";
import { gather, type Known } from "./suggest";

const seen = new Map<string, string[]>();

async function readPage(
  filter: ExecutionFilter,
  cursor: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<ListPage> {
  const page = await api.get("/v1/executions", {
    query: { ...apiFilter(filter), limit, ...(cursor === null ? {} : { cursor }) },
    signal,
  });
  const rows = page.data.map(rowOf);
  gather(seen, rows);
  return { rows, next: page.has_more ? page.next_cursor : null, searchedUntil: page.searched_until };
}

async function readRow(id: string, signal: AbortSignal): Promise<Row | undefined> {
  try {
    return rowOf(await api.get("/v1/executions/{id}", { path: { id }, signal }));
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
}

/** Whether an event of an execution that is not in the list may bring it in. */
export function enters(event: LiveEvent, filter: ExecutionFilter, now: number): boolean {
  if (event.type === "progressed") return false;
  if (filter.workflow !== undefined && event.workflow !== filter.workflow && event.workflow_id !== filter.workflow) {
    return false;
  }
  if (filter.status?.length && !filter.status.includes(event.status)) return false;
  // Without a state an execution is in the list from its beginning, unless it is the wait that brings it in.
  if (!filter.status?.length && event.type !== (filter.awaiting === undefined ? "created" : "wait_started"))
    return false;
  const to = filter.to === undefined ? undefined : resolveMoment(filter.to, now, true);
  return !(event.type === "created" && to !== undefined && to < now - 60_000);
}

// The lists that were looked at last, so that going back finds the rows and the place.
const kept = new Map<string, ExecutionList>();
const mostKept = 4;

function listOf(filter: ExecutionFilter): ExecutionList {
  const key = filterKey(filter);
  let list = kept.get(key);
  if (!list) {
    const load: Load = (cursor, limit, signal) => readPage(filter, cursor, limit, signal);
    list = new ExecutionList({
      load,
      loadOne: readRow,
      belongs: (row) => belongs(row, filter, Date.now()),
      enters: (event) => enters(event, filter, Date.now()),
      foretell: tellsEnough(filter),
    });
    void list.begin();
  }
  kept.delete(key);
  kept.set(key, list);
  for (const [oldest, each] of kept) {
    if (kept.size <= mostKept) break;
    each.abort();
    kept.delete(oldest);
  }
  return list;
}

/** Milliseconds between an event and its drawing: what comes in one burst is drawn at once. */
const gatherFor = 16;
const restOfRows = 250;
const restOfCounts = 500;
// Some reasons change without an event: a worker came or went.
const reasonsEvery = 15_000;

const readCounts = (query: ReturnType<typeof countable>, signal: AbortSignal) =>
  api.get("/v1/executions/counts", { query, signal });

// What of a filter the counts know.
function countable(filter: ExecutionFilter) {
  const { workflow_id, created_from, created_to } = apiFilter(filter);
  return {
    ...(workflow_id === undefined ? {} : { workflow_id }),
    ...(created_from === undefined ? {} : { created_from }),
    ...(created_to === undefined ? {} : { created_to }),
  };
}

/** The counts of a workflow and a range; they know nothing of the other filters. */
export const countsQuery = (filter: ExecutionFilter) => {
  const query = countable(filter);
  return queryOptions({
    queryKey: ["executions", "counts", query],
    queryFn: ({ signal }) => readCounts(query, signal),
  });
};

export interface LiveList {
  list: ExecutionList;
  state: ListState;
  /** The rows are of the filter before: the ones wanted are on their way. */
  stale: boolean;
}

/** The rows of a filter, live while the component is drawn. */
export function useExecutionList(filter: ExecutionFilter): LiveList {
  const key = filterKey(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what the filter says
  const list = useMemo(() => listOf(filter), [key]);
  const state = useSyncExternalStore(list.subscribe, list.snapshot);
  const client = useQueryClient();
  const live = useLiveState();
  const rowsPace = useRef<Paced>(undefined);
  const countsPace = useRef<Paced>(undefined);

  const countsKey = JSON.stringify(countsQuery(filter).queryKey);
  useEffect(() => {
    const queryKey = JSON.parse(countsKey) as unknown[];
    const pace = paced(() => client.refetchQueries({ queryKey, exact: true }, { cancelRefetch: false }), {
      rest: restOfCounts,
    });
    countsPace.current = pace;
    return pace.stop;
  }, [client, countsKey]);

  useEffect(() => {
    const pace = paced(() => list.refresh(), { rest: restOfRows });
    rowsPace.current = pace;
    // A list that was looked at before has missed what happened since.
    const { phase } = list.snapshot();
    if (phase === "ready") void list.refreshAll();
    if (phase === "failed") void list.begin();
    return pace.stop;
  }, [list]);

  // Events in one burst become one change.
  const buffer = useRef<LiveEvent[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const flush = () => {
    timer.current = undefined;
    const events = buffer.current;
    buffer.current = [];
    if (list.apply(events)) rowsPace.current?.request();
    if (events.some((event) => event.type !== "progressed")) countsPace.current?.request();
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const catchUp = () => {
    void list.refreshAll();
    countsPace.current?.request();
  };
  useProjectEvents(
    (event) => {
      buffer.current.push(event);
      timer.current ??= setTimeout(flush, gatherFor);
    },
    { onGap: catchUp },
  );

  const paused = live === "paused";
  const latest = useRef(catchUp);
  useEffect(() => {
    latest.current = catchUp;
  });
  useEffect(() => {
    if (paused) return;
    const onVisible = () => {
      if (document.visibilityState === "visible") latest.current();
    };
    document.addEventListener("visibilitychange", onVisible);
    const timer = setInterval(() => {
      const open = list.snapshot().rows.some((row) => openStatuses.includes(row.status));
      if (open) rowsPace.current?.request();
    }, reasonsEvery);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      clearInterval(timer);
    };
  }, [paused, list]);

  // Rows that left are taken away, and new ones lose their mark, a moment later.
  const { leaving, fresh } = state;
  useEffect(() => {
    if (leaving.size === 0) return;
    const wait = list.nextDeparture();
    if (wait === undefined) return;
    const timer = setTimeout(() => list.sweep(), wait + 10);
    return () => clearTimeout(timer);
  }, [list, leaving]);
  useEffect(() => {
    if (fresh.size === 0) return;
    const timer = setTimeout(() => list.calm(), 2_000);
    return () => clearTimeout(timer);
  }, [list, fresh]);

  // Until the first page of a new filter is there, the rows of the one before stay.
  const before = useRef<ListState>(undefined);
  useEffect(() => {
    if (state.phase === "ready") before.current = state;
  });
  const shown = state.phase === "loading" && state.rows.length === 0 ? before.current : undefined;
  return { list, state: shown ?? state, stale: shown !== undefined };
}

/** What the filter box can offer. The workflows are read when the box is first used. */
export function useKnown(wanted: boolean): Known {
  const { data } = useQuery({
    queryKey: ["workflows", "names"],
    queryFn: async ({ signal }) => {
      const names: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { data: { name: string }[]; has_more: boolean; next_cursor: string | null } = await api.get(
          "/v1/workflows",
          { query: { limit: 100, ...(cursor === null ? {} : { cursor }) }, signal },
        );
        names.push(...page.data.map((workflow) => workflow.name));
        cursor = page.has_more ? page.next_cursor : null;
      } while (cursor !== null && names.length < 2000);
      return names;
    },
    enabled: wanted,
    staleTime: 60_000,
  });
  return useMemo(() => ({ workflows: data ?? [], metadata: seen }), [data]);
}

export interface Measure {
  /** How many open executions match that nobody has asked to stop. */
  count: number;
  /** "about" for counts that are not exact, "least" when the counting was stopped. */
  precision: "exact" | "about" | "least";
  /** The filter, bounded to what existed when it was measured. */
  filter: ExecutionFilter;
}

const pagesToCount = 10;

/** Counts what cancelling all matches would reach, and fixes it: what is started later is not meant. */
export async function measure(filter: ExecutionFilter, signal: AbortSignal): Promise<Measure> {
  const wanted = filter.status?.length ? filter.status : openStatuses;
  const status: Status[] = openStatuses.filter((each) => wanted.includes(each));
  const open: ExecutionFilter = { ...filter, status };
  if (status.length === 0) return { count: 0, precision: "exact", filter: open };
  let page = await readPage(open, null, pageSize, signal);
  const newest = page.rows[0]?.created_at;
  const bounded: ExecutionFilter = newest === undefined ? open : { ...open, to: newest };
  const stoppable = (rows: readonly Row[]) =>
    rows.filter((row) => row.cancel_requested_at === undefined && row.status !== "finalizing").length;
  let count = stoppable(page.rows);
  if (page.next === null) return { count, precision: "exact", filter: bounded };
  if (tellsEnough(filter)) {
    const { counts, exact } = await readCounts(countable(bounded), signal);
    const total = status.filter((each) => each !== "finalizing").reduce((sum, each) => sum + counts[each], 0);
    return { count: total, precision: exact ? "exact" : "about", filter: bounded };
  }
  for (let i = 1; i < pagesToCount && page.next !== null; i++) {
    page = await readPage(bounded, page.next, pageSize, signal);
    count += stoppable(page.rows);
  }
  return { count, precision: page.next === null ? "exact" : "least", filter: bounded };
}
