// What the address of one execution carries: the view, and what is chosen in all views together.
import { integer, manyOf, oneOf, text } from "@/services/search";
import { type EventGroup, eventGroups } from "./events";

export const tabs = ["waterfall", "events", "logs", "data", "deliveries"] as const;
export type Tab = (typeof tabs)[number];

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];

export interface ExecutionSearch {
  /** waterfall when left out. */
  tab?: Tab;
  /** The name of a step, shown beside every view. */
  step?: string;
  /** A try of that step by its place, from 1; without a step a turn of a worker. */
  attempt?: number;
  /** Which events are shown; all when left out. */
  kind?: EventGroup[];
  /** The lowest level of log lines that is shown. */
  level?: Level;
  /** A text that log lines hold. */
  q?: string;
}

export function readExecutionSearch(raw: Record<string, unknown>): ExecutionSearch {
  const attempt = integer(raw, "attempt");
  const found: { [K in keyof ExecutionSearch]: ExecutionSearch[K] | undefined } = {
    tab: oneOf(raw, "tab", tabs),
    step: text(raw, "step"),
    attempt: attempt !== undefined && attempt > 0 ? attempt : undefined,
    kind: manyOf(raw, "kind", eventGroups),
    level: oneOf(raw, "level", levels),
    q: text(raw, "q"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as ExecutionSearch;
}
