// What the address of the list carries: ?status=failed&workflow=extract-invoice&metadata.customer=1138&from=now()-7d
import type { Schemas } from "@/services/api";
import { text, texts } from "@/services/search";

export type Status = Schemas["Status"];
export type Trigger = Schemas["Trigger"];

/** The filters of the list, each absent when it lets everything through. All of them must hold. */
export interface ExecutionFilter {
  status?: Status[];
  /** A name or an id. */
  workflow?: string;
  trigger?: Trigger[];
  /** At or after this, as the API writes moments. */
  from?: string;
  /** At or before this. */
  to?: string;
  /** What is waited for: approval or signal, or one by its name as approval:manager. */
  awaiting?: string;
  /** A text that the input holds. */
  text?: string;
  metadata?: Record<string, string>;
}

/** The search parameters of /executions. */
export type ExecutionSearch = Omit<ExecutionFilter, "metadata"> & {
  /** "all" shows everything although a view is kept as the one to begin with. */
  view?: "all";
} & { [key: `metadata.${string}`]: string };

const prefix = "metadata.";

// Values that the API does not know stay: it then says what is wrong, where a list without the filter would mislead.
function words<T extends string>(search: Record<string, unknown>, name: string): T[] | undefined {
  const values = texts(search, name)?.flatMap((value) => value.split(","));
  const kept = [...new Set(values?.map((value) => value.trim()).filter((value) => value !== ""))];
  return kept.length > 0 ? (kept as T[]) : undefined;
}

/** Reads the parameters of an address, also of one that somebody typed. */
export function validateSearch(search: Record<string, unknown>): ExecutionSearch {
  const filter: ExecutionFilter = {};
  const status = words<Status>(search, "status");
  if (status) filter.status = status;
  const workflow = text(search, "workflow");
  if (workflow !== undefined) filter.workflow = workflow;
  const trigger = words<Trigger>(search, "trigger");
  if (trigger) filter.trigger = trigger;
  // A plus sign in an address is a space by the time it is read.
  const from = text(search, "from");
  if (from !== undefined) filter.from = from.trim();
  const to = text(search, "to");
  if (to !== undefined) filter.to = to.trim();
  const awaiting = text(search, "awaiting");
  if (awaiting !== undefined) filter.awaiting = awaiting;
  const wanted = text(search, "text");
  if (wanted !== undefined) filter.text = wanted;
  for (const name of Object.keys(search)) {
    if (!name.startsWith(prefix) || name === prefix) continue;
    const value = Array.isArray(search[name]) ? search[name][0] : search[name];
    filter.metadata = { ...filter.metadata, [name.slice(prefix.length)]: String(value ?? "") };
  }
  const out = searchOf(filter);
  return search.view === "all" && isEverything(filter) ? { ...out, view: "all" } : out;
}

/** The filter that an address names. */
export function filterOf(search: ExecutionSearch): ExecutionFilter {
  const { view: _, ...rest } = search;
  const filter: ExecutionFilter = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith(prefix)) filter.metadata = { ...filter.metadata, [name.slice(prefix.length)]: String(value) };
    else Object.assign(filter, { [name]: value });
  }
  return filter;
}

/** The address's parameters for a filter, in one order whatever the order of its members. */
export function searchOf(filter: ExecutionFilter): ExecutionSearch {
  const search: ExecutionSearch = {};
  if (filter.status?.length) search.status = filter.status;
  if (filter.workflow !== undefined) search.workflow = filter.workflow;
  if (filter.trigger?.length) search.trigger = filter.trigger;
  if (filter.from !== undefined) search.from = filter.from;
  if (filter.to !== undefined) search.to = filter.to;
  if (filter.awaiting !== undefined) search.awaiting = filter.awaiting;
  if (filter.text !== undefined) search.text = filter.text;
  for (const key of Object.keys(filter.metadata ?? {}).sort()) {
    search[`${prefix}${key}` as `metadata.${string}`] = filter.metadata?.[key] ?? "";
  }
  return search;
}

/** Whether nothing is filtered. */
export function isEverything(filter: ExecutionFilter): boolean {
  return Object.keys(searchOf(filter)).length === 0;
}

/** A text that two filters share when they mean the same. */
export function filterKey(filter: ExecutionFilter): string {
  const search = searchOf(filter);
  return JSON.stringify({
    ...search,
    ...(search.status ? { status: [...search.status].sort() } : {}),
    ...(search.trigger ? { trigger: [...search.trigger].sort() } : {}),
  });
}

/** The filter as the query of GET /v1/executions, and as the filter of POST /v1/executions/cancel. */
export function apiFilter(filter: ExecutionFilter) {
  return {
    ...(filter.status?.length ? { status: filter.status } : {}),
    ...(filter.workflow === undefined ? {} : { workflow_id: filter.workflow }),
    ...(filter.trigger?.length ? { trigger: filter.trigger } : {}),
    ...(filter.from === undefined ? {} : { created_from: filter.from }),
    ...(filter.to === undefined ? {} : { created_to: filter.to }),
    ...(filter.metadata && Object.keys(filter.metadata).length > 0 ? { metadata: filter.metadata } : {}),
    ...(filter.awaiting === undefined ? {} : { awaiting: filter.awaiting }),
    ...(filter.text === undefined ? {} : { text: filter.text }),
  };
}
