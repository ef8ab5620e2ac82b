import type { Schemas } from "@/services/api";

export type Status = Schemas["Status"];

/** In the order of a life. */
export const statuses: readonly Status[] = [
  "created",
  "pending",
  "running",
  "waiting",
  "finalizing",
  "completed",
  "failed",
  "cancelled",
  "rejected",
];
export const openStatuses: readonly Status[] = statuses.slice(0, 5);
export const finalStatuses: readonly Status[] = statuses.slice(5);

export const isFinal = (status: Status): boolean => finalStatuses.includes(status);

/** What each state means, for tooltips and legends. */
export const statusMeaning: Record<Status, string> = {
  created: "Stored; its start time lies in the future.",
  pending: "Eligible, and waiting for a worker.",
  running: "A worker has it, or it is between two attempts.",
  waiting: "Parked on a timer, a signal or an approval; it holds no worker.",
  finalizing: "The outcome is decided; finalizers still run.",
  completed: "The handler returned an output.",
  failed: "An error remained after the retries.",
  cancelled: "Stopped by a caller, its deadline or an operator.",
  rejected: "Declined by the handler, or its time in the queue ran out.",
};

/** The state's colour, and its tint for backgrounds. Defined in tokens.css for both schemes. */
export const statusColor = (status: Status): string => `var(--s-${status})`;
export const statusTint = (status: Status): string => `var(--s-${status}-tint)`;

/** "completed" as "Completed". */
export const statusLabel = (status: Status): string => status.charAt(0).toUpperCase() + status.slice(1);
