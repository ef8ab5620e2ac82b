/** What an execution, or a step of it, spends its time with. */
export type Kind =
  | "scheduled"
  | "queued"
  | "running"
  | "handler"
  | "backoff"
  | "sleeping"
  | "signal"
  | "approval"
  | "cancelling"
  | "finalizing";

/** How a stretch of time ended. Absent while it goes on, and where nothing is to be said about it. */
export type Outcome = "completed" | "failed" | "cancelled" | "rejected" | "lost" | "interrupted" | "timeout";

interface KindText {
  /** For the legend and for tooltips. */
  label: string;
  /** What it is, in a sentence, for those who meet it for the first time. */
  meaning: string;
  /** Goes before a duration: "queued 1.2 s". */
  spent: string;
  /** Goes before a duration while it goes on. */
  spending: string;
}

/** The kinds in the order of an execution's life, which is the order of the legend and of the totals. */
export const kinds: Record<Kind, KindText> = {
  scheduled: {
    label: "Scheduled",
    meaning: "Its start time had not come yet.",
    spent: "scheduled for",
    spending: "scheduled for",
  },
  queued: {
    label: "Queued",
    meaning: "It waited for a free worker: at its start, after a wait, or because its worker was lost.",
    spent: "queued",
    spending: "queued for",
  },
  running: { label: "Running", meaning: "A worker ran a step.", spent: "ran", spending: "running for" },
  handler: {
    label: "In the handler",
    meaning: "A worker held it, and no step was recorded for this time: the handler's own code, or a replay.",
    spent: "in the handler",
    spending: "in the handler for",
  },
  backoff: {
    label: "Backing off",
    meaning: "A try failed, and the delay before the next one passed.",
    spent: "backed off",
    spending: "backing off for",
  },
  sleeping: { label: "Sleeping", meaning: "A durable sleep passed.", spent: "slept", spending: "sleeping for" },
  signal: {
    label: "Waiting for a signal",
    meaning: "It waited until somebody sent a signal. No worker was held.",
    spent: "waited for a signal",
    spending: "waiting for a signal for",
  },
  approval: {
    label: "Waiting for approval",
    meaning: "It waited until somebody decided. No worker was held.",
    spent: "waited for approval",
    spending: "waiting for approval for",
  },
  cancelling: {
    label: "Cancelling",
    meaning: "Its worker was asked to stop.",
    spent: "cancelling",
    spending: "cancelling for",
  },
  finalizing: {
    label: "Finalizing",
    meaning: "Its outcome was decided and finalizers ran.",
    spent: "finalized",
    spending: "finalizing for",
  },
};

export const kindOrder = Object.keys(kinds) as Kind[];

/** Kinds in which no worker holds the execution: stretches of them can be folded away. */
export function isIdle(kind: Kind): boolean {
  return kind !== "running" && kind !== "handler" && kind !== "cancelling" && kind !== "finalizing";
}
