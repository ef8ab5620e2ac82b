// Workflows: their settings, versions and statistics.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "./api";

export type Workflow = Schemas["Workflow"];
export type Version = Schemas["Version"];
export type WorkflowStats = Schemas["WorkflowStats"];
export type StatsOfWorkflow = Schemas["StatsOfWorkflow"];
export type StatsBucket = Schemas["StatsBucket"];
export type Execution = Schemas["Execution"];

/** The times that statistics are shown over, and into how many buckets they are divided. */
export const ranges = [
  { value: "1h", label: "1 h", words: "the last hour", buckets: 60 },
  { value: "24h", label: "24 h", words: "the last 24 hours", buckets: 48 },
  { value: "7d", label: "7 d", words: "the last 7 days", buckets: 84 },
  { value: "30d", label: "30 d", words: "the last 30 days", buckets: 30 },
] as const;
export type Range = (typeof ranges)[number]["value"];
export const rangeNames: readonly Range[] = ranges.map((range) => range.value);
export const rangeOf = (value: Range | undefined) => ranges.find((range) => range.value === value) ?? ranges[1];

const listKey = ["workflows"] as const;
const pageSize = 100;

/** Workflows by name, a page at a time. */
export const workflowsQuery = (search: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...listKey, "list", search ?? ""] as const,
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/workflows", {
        query: {
          limit: pageSize,
          ...(search ? { search } : {}),
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

/** Statistics of the same workflows over the last 24 hours, by their ids; pages is how many of the list are shown. */
export const statsQuery = (search: string | undefined, pages: number) =>
  queryOptions({
    queryKey: [...listKey, "stats", search ?? "", pages] as const,
    queryFn: async ({ signal }): Promise<ReadonlyMap<string, StatsOfWorkflow>> => {
      const found = new Map<string, StatsOfWorkflow>();
      let cursor: string | null = "";
      for (let page = 0; page < pages && cursor !== null; page++) {
        const answer: { data: StatsOfWorkflow[]; next_cursor: string | null } = await api.get("/v1/stats", {
          query: {
            limit: pageSize,
            buckets: 24,
            ...(search ? { search } : {}),
            ...(cursor === "" ? {} : { cursor }),
          },
          signal,
        });
        for (const each of answer.data) found.set(each.workflow_id, each);
        cursor = answer.next_cursor;
      }
      return found;
    },
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

export const workflowQuery = (name: string) =>
  queryOptions({
    queryKey: [...listKey, "one", name] as const,
    queryFn: ({ signal }) => api.get("/v1/workflows/{workflow}", { path: { workflow: name }, signal }),
    refetchInterval: 10_000,
  });

export const versionsQuery = (name: string) =>
  queryOptions({
    queryKey: [...listKey, "versions", name] as const,
    queryFn: async ({ signal }) => {
      const found: Version[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const page: { data: Version[]; next_cursor: string | null } = await api.get(
          "/v1/workflows/{workflow}/versions",
          { path: { workflow: name }, query: { limit: 100, ...(cursor === "" ? {} : { cursor }) }, signal },
        );
        found.push(...page.data);
        cursor = page.next_cursor;
      }
      return found;
    },
  });

export const workflowStatsQuery = (name: string, range: (typeof ranges)[number]) =>
  queryOptions({
    queryKey: [...listKey, "history", name, range.value] as const,
    queryFn: ({ signal }) =>
      api.get("/v1/workflows/{workflow}/stats", {
        path: { workflow: name },
        query: { from: `now()-${range.value}`, buckets: range.buckets },
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: range.value === "1h" ? 5_000 : 15_000,
  });

/** The newest executions of a workflow. */
export const recentQuery = (name: string) =>
  queryOptions({
    queryKey: [...listKey, "recent", name] as const,
    queryFn: async ({ signal }) =>
      (await api.get("/v1/executions", { query: { workflow_id: name, limit: 10 }, signal })).data,
    refetchInterval: 5_000,
  });

/** What a workflow was started with last; undefined when it never was, or that was removed. */
export async function lastInput(name: string): Promise<Record<string, unknown> | undefined> {
  const page = await api.get("/v1/executions", { query: { workflow_id: name, limit: 1 } });
  const input: unknown = page.data[0]?.input;
  return typeof input === "object" && input !== null && !Array.isArray(input)
    ? (input as Record<string, unknown>)
    : undefined;
}

export const updateWorkflow = (
  name: string,
  change: { retention_ms?: number; timeout_ms?: number; api_trigger?: boolean },
) => api.patch("/v1/workflows/{workflow}", { path: { workflow: name }, body: change });

export const setCurrentVersion = (name: string, version: number) =>
  api.put("/v1/workflows/{workflow}/versions/current", { path: { workflow: name }, body: { version } });

export const startExecution = (body: Schemas["Start"]) => api.post("/v1/executions", { body });

/** Uploads a file, for references to it. It is removed after a day when nothing refers to it. */
export async function uploadFile(file: File): Promise<Schemas["File"]> {
  const response = await send(`/ui/v1/files?filename=${encodeURIComponent(file.name)}`, {
    method: "POST",
    headers: { "Content-Type": file.type || "application/octet-stream", Accept: "application/json" },
    body: file,
  });
  return (await response.json()) as Schemas["File"];
}

/** How many of those that have ended did not complete well, of 1; undefined when none has ended. */
export function errorRate(counts: { completed?: number; failed?: number; rejected?: number }): number | undefined {
  const bad = (counts.failed ?? 0) + (counts.rejected ?? 0);
  const ended = bad + (counts.completed ?? 0);
  return ended === 0 ? undefined : bad / ended;
}
