import type { components } from "@/services/schema.gen";

export type Execution = components["schemas"]["Execution"];
export type Step = components["schemas"]["Step"];
export type Event = components["schemas"]["Event"];
export type Status = components["schemas"]["Status"];

/** The wire's time in milliseconds since the epoch; undefined when it is absent or no time. */
export function millis(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const at = Date.parse(time);
  return Number.isNaN(at) ? undefined : at;
}

/** Whether nothing about an execution in this state changes any more. */
export function isFinal(status: Status): boolean {
  return status === "completed" || status === "failed" || status === "cancelled" || status === "rejected";
}
