// What an execution is started with beside its input, from what people type.
import type { Schemas } from "@/services/api";
import { durationProblem, parseDuration } from "@/services/durations";
import type { Execution } from "@/services/execution";
import { parseNumber } from "./schema";

export interface Pair {
  id: number;
  key: string;
  value: string;
}

/** The settings beside the input, as they are typed. */
export interface More {
  metadata: Pair[];
  priority: string;
  delay: string;
  timeout: string;
  idempotency: string;
  callback: string;
  version: string | null;
}

const nothingMore: More = {
  metadata: [],
  priority: "",
  delay: "",
  timeout: "",
  idempotency: "",
  callback: "",
  version: null,
};

/** The settings beside the input as an execution had them: those that a start like it would have too. */
export function moreOf(model: Execution | undefined): More {
  const labels = Object.entries(model?.metadata ?? {});
  return {
    ...nothingMore,
    metadata: labels.map(([key, value], id) => ({ id, key, value })),
    priority: model && model.priority !== 0 ? String(model.priority) : "",
  };
}

/** What the API calls them. */
const moreFields = ["metadata", "priority", "delay_ms", "timeout_ms", "idempotency_key", "callback_url", "version"];

/** What is wrong with the settings beside the input, by the names of their fields. */
export function problemsOf(more: More): Record<string, string | undefined> {
  const priority = parseNumber(more.priority, true);
  return {
    priority:
      priority.problem ??
      (priority.value !== undefined && Math.abs(priority.value) > 100 ? "From -100 to 100." : undefined),
    delay_ms: durationProblem(more.delay),
    timeout_ms: durationProblem(more.timeout, 1),
    metadata: more.metadata.some((pair) => pair.key.trim() === "" && pair.value !== "")
      ? "Each label needs a name."
      : undefined,
  };
}

/** The request that starts an execution. */
export function startOf(workflow: string, input: Record<string, unknown>, more: More): Schemas["Start"] {
  const pairs = more.metadata.filter((pair) => pair.key.trim() !== "");
  const priority = parseNumber(more.priority, true).value;
  const delay = parseDuration(more.delay);
  const timeout = parseDuration(more.timeout);
  return {
    workflow_id: workflow,
    input,
    trigger: "manual",
    ...(pairs.length > 0 ? { metadata: Object.fromEntries(pairs.map((pair) => [pair.key.trim(), pair.value])) } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(delay === undefined ? {} : { delay_ms: delay }),
    ...(timeout === undefined ? {} : { timeout_ms: timeout }),
    ...(more.idempotency.trim() === "" ? {} : { idempotency_key: more.idempotency.trim() }),
    ...(more.callback.trim() === "" ? {} : { callback_url: more.callback.trim() }),
    ...(more.version === null ? {} : { version: Number(more.version) }),
  };
}

/** Whether an error at the field is about one of them: "metadata.customer", "priority". */
export const isMore = (field: string): boolean => moreFields.includes(field.split(/[.[]/)[0] ?? "");
