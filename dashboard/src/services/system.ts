// The servers and their data.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "./api";

export type System = Schemas["System"];
export type Project = Schemas["Project"];

/** How the servers and their data are. Only for admins. No event tells of it, so it is asked for every few seconds. */
export const systemQuery = queryOptions({
  queryKey: ["system"] as const,
  queryFn: ({ signal }) => api.get("/v1/system", { signal }),
  refetchInterval: 3_000,
});

const projectsKey = ["projects"] as const;

/** All projects of the server. Only for admins. */
export const projectsQuery = queryOptions({
  queryKey: projectsKey,
  queryFn: async ({ signal }) => (await api.get("/v1/projects", { signal })).data,
});

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => api.post("/v1/projects", { body: { name } }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: projectsKey }),
        client.invalidateQueries({ queryKey: systemQuery.queryKey }),
      ]),
  });
}

/** A project with what waits in it. */
export interface ProjectRow {
  id: string;
  name: string;
  createdAt: string | undefined;
  pending: number | undefined;
  oldestPendingAt: string | undefined;
}

/** Projects by name, each with its queue. Either list may be newer than the other. */
export function projectRows(projects: readonly Project[], queues: System["queues"]): ProjectRow[] {
  const rows = new Map<string, ProjectRow>();
  for (const project of projects) {
    rows.set(project.id, {
      id: project.id,
      name: project.name,
      createdAt: project.created_at,
      pending: undefined,
      oldestPendingAt: undefined,
    });
  }
  for (const queue of queues) {
    rows.set(queue.project.id, {
      id: queue.project.id,
      name: queue.project.name,
      createdAt: rows.get(queue.project.id)?.createdAt,
      pending: queue.pending,
      oldestPendingAt: queue.oldest_pending_at,
    });
  }
  return [...rows.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Since when the execution is ready that has waited longest, of all projects; undefined when none waits. */
export function oldestOf(queues: System["queues"]): string | undefined {
  return queues
    .map((queue) => queue.oldest_pending_at)
    .filter((at) => at !== undefined)
    .sort()[0];
}

/** Whether servers of different versions run together, as during an upgrade. */
export function mixedVersions(servers: System["servers"]): boolean {
  return new Set(servers.map((server) => server.version ?? "")).size > 1;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** "0 B", "812 B", "1.5 KiB", "64 MiB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]}`;
}

/** A rate per second: "0", "0.4", "12.5", "1,234". */
export function perSecondText(rate: number): string {
  return rate >= 100 ? Math.round(rate).toLocaleString() : String(Math.round(rate * 10) / 10);
}

/** "0.3 ms", "12 ms", "1.2 s". */
export function latencyText(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms >= 1000) return `${Math.round(ms / 100) / 10} s`;
  return `${ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10} ms`;
}

/** The longest time for which samples are kept: as many as are asked for in five minutes. */
export const mostSamples = 100;

/** The samples with one more, without the oldest when there are too many. */
export function withSample<T>(samples: readonly T[], sample: T): T[] {
  return [...samples, sample].slice(-mostSamples);
}
