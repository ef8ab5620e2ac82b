// One execution: what is asked of it and what is done to it. Answers that are older than what is known are dropped, so that
// a slow one never turns the page back.
import { queryOptions, replaceEqualDeep } from "@tanstack/react-query";
import { isFinal } from "@/components/status";
import { api, type Schemas } from "./api";
import { queryClient } from "./query";

export type Execution = Schemas["Execution"];
export type Step = Schemas["Step"];
export type ExecutionEvent = Schemas["Event"];
export type LogLine = Schemas["LogLine"];
export type Awaited = NonNullable<Execution["awaiting"]>[number];
export type Delivery = Schemas["WebhookDelivery"];
export type StoredFile = Schemas["File"];

/** Events of an execution without a gap, from its first; last is the revision of the newest. */
export interface History {
  events: readonly ExecutionEvent[];
  last: number;
}

const headKey = (id: string) => ["execution", id, "head"] as const;
const historyKey = (id: string) => ["execution", id, "history"] as const;

function newer(before: unknown, after: unknown): unknown {
  const known = before as Execution | undefined;
  const got = after as Execution;
  // Reasons change without a revision, so an equal one may say something new.
  return known && known.revision > got.revision ? known : replaceEqualDeep(known, got);
}

/** The execution without its steps and events: quick whatever its size. */
export const executionQuery = (id: string) =>
  queryOptions({
    queryKey: headKey(id),
    queryFn: ({ signal }) => api.get("/v1/executions/{id}", { path: { id }, signal }),
    structuralSharing: newer,
    staleTime: (query) => (query.state.data && isFinal(query.state.data.status) ? 60_000 : 2_000),
  });

export interface Steps {
  /** Of the execution when it had these steps. */
  revision: number;
  steps: readonly Step[];
}

export const stepsQuery = (id: string) =>
  queryOptions({
    queryKey: ["execution", id, "steps"] as const,
    queryFn: async ({ signal }): Promise<Steps> => {
      const found = await api.get("/v1/executions/{id}", { path: { id }, query: { include: ["steps"] }, signal });
      return { revision: found.revision, steps: found.steps ?? [] };
    },
    structuralSharing: (before, after) => {
      const known = before as Steps | undefined;
      const got = after as Steps;
      return known && known.revision > got.revision ? known : replaceEqualDeep(known, got);
    },
    staleTime: 60_000,
  });

/** All events there are: at once the first time, then only what is new. */
export const historyQuery = (id: string) =>
  queryOptions({
    queryKey: historyKey(id),
    queryFn: async ({ signal }): Promise<History> => {
      const known = queryClient.getQueryData<History>(historyKey(id));
      if (!known) {
        const found = await api.get("/v1/executions/{id}", { path: { id }, query: { include: ["events"] }, signal });
        const events = found.events ?? [];
        return { events, last: events.at(-1)?.revision ?? 0 };
      }
      let events = [...known.events];
      let last = known.last;
      for (;;) {
        const page = await api.get("/v1/executions/{id}/events", { path: { id }, query: { after: last }, signal });
        if (page.reset) events = [];
        events.push(...page.data);
        last = Number(page.last_id);
        if (!page.has_more) return { events, last };
      }
    },
    structuralSharing: (before, after) => {
      const known = before as History | undefined;
      const got = after as History;
      return known && (known.last > got.last || (known.last === got.last && known.events.length === got.events.length))
        ? known
        : got;
    },
    staleTime: 60_000,
  });

/** The history with events that came since; what is in it already is left out. */
export function withEvents(history: History, events: readonly ExecutionEvent[]): History {
  const added = events.filter((event) => event.revision > history.last);
  const last = added.at(-1);
  return last ? { events: [...history.events, ...added], last: last.revision } : history;
}

export function addEvents(id: string, events: readonly ExecutionEvent[]): void {
  queryClient.setQueryData<History>(historyKey(id), (history) => history && withEvents(history, events));
  queryClient.setQueryData<Execution>(headKey(id), (execution) => execution && events.reduce(afterEvent, execution));
}

/** The execution as an event alone tells it: how far it is, or that it has ended. Everything else is loaded. */
export function afterEvent(execution: Execution, event: ExecutionEvent): Execution {
  if (event.revision <= execution.revision) return execution;
  if (event.progress !== undefined && event.type === "progressed") return { ...execution, progress: event.progress };
  if (!isFinal(event.status)) return execution;
  const { status_reason: _1, status_message: _2, resumes_at: _3, awaiting: _4, ...rest } = execution;
  return {
    ...rest,
    status: event.status,
    completed_at: event.at,
    ...(event.code === undefined ? {} : { error_code: event.code }),
    ...(event.message === undefined ? {} : { error: event.message }),
  };
}

/** Everything that is known of the execution is wrong: its server was restored from a backup. */
export function forget(id: string): void {
  queryClient.setQueryData<History>(historyKey(id), undefined);
  void queryClient.resetQueries({ queryKey: ["execution", id] });
}

/** What the server answered to a command is the newest there is. */
function told(execution: Execution): Execution {
  queryClient.setQueryData<Execution>(headKey(execution.id), execution);
  void queryClient.invalidateQueries({ queryKey: ["executions"] });
  return execution;
}

export async function cancel(id: string, reason: string): Promise<Execution> {
  const body = reason === "" ? {} : { reason };
  return told(await api.post("/v1/executions/{id}/cancel", { path: { id }, body }));
}

export async function terminate(id: string, reason: string): Promise<Execution> {
  const body = reason === "" ? {} : { reason };
  return told(await api.post("/v1/executions/{id}/terminate", { path: { id }, body }));
}

export type Decision = Schemas["Decision"];

export async function decide(id: string, verb: "approve" | "reject", body: Decision): Promise<Execution> {
  const path = { id };
  const answer =
    verb === "approve"
      ? api.post("/v1/executions/{id}/approve", { path, body })
      : api.post("/v1/executions/{id}/reject", { path, body });
  return told(await answer);
}

/** key makes a repeat of the same signal harmless. */
export async function signal(id: string, name: string, payload: unknown, key: string): Promise<Execution> {
  const body = payload === undefined ? {} : { payload: payload as Schemas["JSON"] };
  const headers = { "Idempotency-Key": key };
  return told(await api.post("/v1/executions/{id}/signals/{name}", { path: { id, name }, body, headers }));
}

export function createApprovalLink(
  id: string,
  body: { name?: string; step?: string; expires_in_ms: number },
): Promise<Schemas["ApprovalLink"]> {
  return api.post("/v1/executions/{id}/approval-links", { path: { id }, body });
}

export async function remove(id: string, mode: "delete" | "redact"): Promise<void> {
  await api.delete("/v1/executions/{id}", { path: { id }, query: { mode } });
  void queryClient.invalidateQueries({ queryKey: ["executions"] });
  if (mode === "redact") await queryClient.resetQueries({ queryKey: ["execution", id] });
}

export interface LogFilter {
  step?: string | undefined;
  attempt?: number | undefined;
}

const logPage = 1000;
// A thousand pages are a million lines: a browser holds no more.
const allPages = 1000;

async function readLogs(
  id: string,
  filter: LogFilter,
  pages: number,
  abort?: AbortSignal,
): Promise<{ lines: LogLine[]; more: boolean }> {
  const lines: LogLine[] = [];
  let cursor: string | undefined;
  for (let i = 0; i < pages; i++) {
    const page = await api.get("/v1/executions/{id}/logs", {
      path: { id },
      query: {
        limit: logPage,
        ...(filter.step === undefined ? {} : { step: filter.step }),
        ...(filter.attempt === undefined ? {} : { attempt: filter.attempt }),
        ...(cursor === undefined ? {} : { cursor }),
      },
      ...(abort ? { signal: abort } : {}),
    });
    lines.push(...page.data);
    if (!page.has_more || page.next_cursor === null) return { lines, more: false };
    cursor = page.next_cursor;
  }
  return { lines, more: true };
}

/** The first pages of the log, a thousand lines each: by step, attempt and arrival. */
export const logsQuery = (id: string, filter: LogFilter, pages: number) =>
  queryOptions({
    queryKey: ["execution", id, "logs", filter, pages] as const,
    queryFn: ({ signal: abort }) => readLogs(id, filter, pages, abort),
    staleTime: 1_000,
  });

/** Every line, for a file. */
export async function allLogs(id: string, filter: LogFilter): Promise<LogLine[]> {
  return (await readLogs(id, filter, allPages)).lines;
}

/** The messages about the execution, newest first, and whether there are more than these. */
export const deliveriesQuery = (id: string) =>
  queryOptions({
    queryKey: ["deliveries", "of", id] as const,
    queryFn: ({ signal }) => api.get("/v1/webhooks/deliveries", { query: { execution_id: id, limit: 100 }, signal }),
    refetchInterval: (query) => (query.state.data?.data.some((one) => one.state === "pending") ? 2_000 : false),
  });

export const deliveryQuery = (id: string) =>
  queryOptions({
    queryKey: ["deliveries", id] as const,
    queryFn: ({ signal }) => api.get("/v1/webhooks/deliveries/{id}", { path: { id }, signal }),
    refetchInterval: (query) => (query.state.data?.state === "pending" ? 2_000 : false),
  });

export async function redeliver(id: string): Promise<void> {
  await api.post("/v1/webhooks/deliveries/{id}/redeliver", { path: { id }, body: {} });
  await queryClient.invalidateQueries({ queryKey: ["deliveries"] });
}

/** The files that the execution refers to and that are still there; complete when these are all. */
export const filesQuery = (id: string) =>
  queryOptions({
    queryKey: ["execution", id, "files"] as const,
    queryFn: async ({ signal }): Promise<{ files: StoredFile[]; complete: boolean }> => {
      const page = await api.get("/v1/files", { query: { execution_id: id, limit: 100 }, signal });
      return { files: page.data, complete: !page.has_more };
    },
  });
