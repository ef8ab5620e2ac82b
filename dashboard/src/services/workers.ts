// Who takes executions, and which workflows wait for somebody to do so.
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "./api";

export type Worker = Schemas["Worker"];

/** The live worker sessions of the project. No event tells of them, so they are asked for every few seconds. */
export const workersQuery = queryOptions({
  queryKey: ["workers"] as const,
  queryFn: async ({ signal }) => (await api.get("/v1/workers", { signal })).data,
  refetchInterval: 3_000,
});

export type WorkerState = "working" | "idle" | "full" | "draining" | "silent";

/** How a worker is. silent: it has missed its heartbeats, and its work goes to others soon. */
export function stateOf(worker: Worker, now: number): WorkerState {
  const seen = Date.parse(worker.last_seen_at);
  // A session ends one lease after the last sign of life, and three heartbeats go into a lease.
  const lease = Math.max(Date.parse(worker.expires_at) - seen, 5_000);
  if (now - seen > lease * 0.8) return "silent";
  if (worker.draining) return "draining";
  if (worker.held >= worker.capacity) return "full";
  return worker.held > 0 ? "working" : "idle";
}

export const stateMeaning: Record<WorkerState, string> = {
  working: "It has work, and takes more.",
  idle: "It has no work, and takes some.",
  full: "All its slots are taken; it takes more when one becomes free.",
  draining: "It finishes what it has, takes nothing more, and then leaves.",
  silent: "Nothing was heard of it for a while. If that goes on, its executions are given to others.",
};

/** Slots of all workers together; those that drain take nothing, so they have none free. */
export function slotsOf(workers: readonly Worker[]): { used: number; total: number; free: number } {
  let used = 0;
  let total = 0;
  let free = 0;
  for (const worker of workers) {
    used += worker.held;
    total += worker.capacity;
    if (!worker.draining) free += Math.max(0, worker.capacity - worker.held);
  }
  return { used, total, free };
}

/** Workers that serve the workflow and match the text in name, SDK or version; both may be left out. */
export function filterWorkers(
  workers: readonly Worker[],
  filter: { workflow?: string | undefined; text?: string | undefined },
): Worker[] {
  const wanted = filter.text?.toLowerCase();
  return workers.filter(
    (worker) =>
      (filter.workflow === undefined || worker.workflows.includes(filter.workflow)) &&
      (wanted === undefined ||
        [worker.name, worker.sdk, worker.version, worker.id].some((part) => part?.toLowerCase().includes(wanted))),
  );
}

/** A workflow with executions that wait for a worker, and none that would take them. */
export interface Unserved {
  workflow: string;
  /** Executions in the state pending; others may wait for a worker to go on. */
  waiting: number;
  /** When the one became ready that has waited longest. */
  since: string;
}

/** Those of the workflows that have work ready for a worker, and none: the longest waiting first. */
export function unservedOf(workflows: readonly Schemas["StatsOfWorkflow"][]): Schemas["StatsOfWorkflow"][] {
  return workflows
    .filter((workflow) => workflow.workers === 0 && workflow.oldest_pending_at !== undefined)
    .sort((a, b) => (a.oldest_pending_at ?? "").localeCompare(b.oldest_pending_at ?? ""));
}

// The number that waits costs a request for each.
const mostCounted = 20;

/** Workflows that have waiting work and no worker, the longest waiting first. */
export const unservedQuery = queryOptions({
  queryKey: ["unserved"] as const,
  queryFn: async ({ signal }): Promise<Unserved[]> => {
    const page = await api.get("/v1/stats", { query: { from: "now()-1h", buckets: 1, limit: 100 }, signal });
    return Promise.all(
      unservedOf(page.data)
        .slice(0, mostCounted)
        .map(async (workflow) => {
          const { counts } = await api.get("/v1/executions/counts", {
            query: { workflow_id: workflow.workflow_id },
            signal,
          });
          return {
            workflow: workflow.workflow_name,
            waiting: counts.pending,
            since: workflow.oldest_pending_at ?? "",
          };
        }),
    );
  },
  refetchInterval: 10_000,
});
