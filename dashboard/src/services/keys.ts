// API keys: what they may do, in words, and making and revoking them.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "./api";
import type { Scope } from "./session";

export type Key = Schemas["Key"];
export type NewKey = Schemas["NewKey"];

/** What each scope allows, as it ends "With this key one may …". In the order in which they are offered. */
export const scopeMeaning: Record<Scope, string> = {
  "executions:start": "start executions",
  "executions:read": "see executions with their inputs and outputs, and follow them",
  "executions:cancel": "cancel executions, one or many at a time",
  "executions:signal": "send signals to executions that wait for one",
  "executions:approve": "approve and reject, and make approval links",
  "executions:manage": "terminate, delete and redact executions",
  "workflows:read": "see workflows, their statistics and the workers",
  "workflows:manage": "register, change and delete workflows and versions",
  "workers:run": "take executions and run them, and nothing else",
  "files:read": "read all files of the project",
  "files:write": "upload and delete files",
  "webhooks:manage": "manage webhook endpoints, see their messages and read signing secrets",
  "keys:manage": "make keys with no more rights than its own, and revoke any key of the project",
  admin: "do everything, in every project of this server",
};

export const scopes = Object.keys(scopeMeaning) as Scope[];

/** Scopes that let their holder hurt others: shown with a warning. */
export const strongScopes: ReadonlySet<Scope> = new Set<Scope>(["admin", "keys:manage", "executions:manage"]);

export interface Preset {
  id: string;
  label: string;
  /** Who such a key is for. */
  text: string;
  scopes: readonly Scope[];
}

export const presets: readonly Preset[] = [
  {
    id: "start",
    label: "Start and read",
    text: "For a service that starts executions and waits for their results.",
    scopes: ["executions:start", "executions:read", "executions:cancel", "files:read", "files:write"],
  },
  {
    id: "worker",
    label: "Worker",
    text: "For a process that runs executions. It sees only those that it has taken.",
    scopes: ["workers:run"],
  },
  {
    id: "approver",
    label: "Approver",
    text: "For people who decide in the inbox, and change nothing else.",
    scopes: ["executions:read", "executions:approve", "workflows:read"],
  },
  {
    id: "read",
    label: "Read only",
    text: "For looking at everything in this dashboard without changing anything.",
    scopes: ["executions:read", "workflows:read", "files:read"],
  },
  {
    id: "operator",
    label: "Operator",
    text: "For running the project: all of it but keys and other projects.",
    scopes: [
      "executions:start",
      "executions:read",
      "executions:cancel",
      "executions:signal",
      "executions:approve",
      "executions:manage",
      "workflows:read",
      "workflows:manage",
      "files:read",
      "files:write",
      "webhooks:manage",
    ],
  },
  { id: "admin", label: "Admin", text: "For whoever owns the server.", scopes: ["admin"] },
];

const same = (a: readonly Scope[], b: readonly Scope[]) =>
  a.length === b.length && a.every((scope) => b.includes(scope));

/** The preset that is exactly these scopes. */
export function presetOf(chosen: readonly Scope[]): Preset | undefined {
  return presets.find((preset) => same(preset.scopes, chosen));
}

/** The scopes that a key with `own` may give to another. */
export function grantable(own: readonly Scope[], scope: Scope): boolean {
  return own.includes("admin") || own.includes(scope);
}

/** What the key may do, short enough for a table. */
export function scopesInWords(own: readonly Scope[]): string {
  if (own.includes("admin")) return "Everything";
  return presetOf(own)?.label ?? own.join(", ");
}

export type KeyState = "active" | "expiring" | "expired" | "revoked";

const soon = 7 * 24 * 3_600_000;

export function keyState(key: Pick<Key, "expires_at" | "revoked_at">, now: number): KeyState {
  if (key.revoked_at) return "revoked";
  if (!key.expires_at) return "active";
  const left = Date.parse(key.expires_at) - now;
  return left <= 0 ? "expired" : left < soon ? "expiring" : "active";
}

export const expiryChoices = [
  { value: "never", label: "Never" },
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "date", label: "On a day…" },
] as const;
export type ExpiryChoice = (typeof expiryChoices)[number]["value"];

/** When a key with this choice ends; date is yyyy-mm-dd, and means the end of that day where the person is. */
export function expiryTime(choice: ExpiryChoice, date: string, now: number): string | undefined {
  if (choice === "never") return undefined;
  if (choice !== "date") return new Date(now + Number(choice) * 24 * 3_600_000).toISOString();
  const [year, month, day] = date.split("-").map(Number);
  if (!year || !month || !day) return undefined;
  return new Date(year, month - 1, day, 23, 59, 59, 999).toISOString();
}

/** Why the text is no rate limit; undefined when it is one, or empty. */
export function rateProblem(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  const found = /^(\d+(?:\.\d+)?)\s*(?:\/\s*([smh]))?$/.exec(text.trim());
  if (!found) return "Write it as 10/s, 600/m or 3600/h.";
  const perSecond = Number(found[1]) / { s: 1, m: 60, h: 3600 }[(found[2] ?? "s") as "s" | "m" | "h"];
  return perSecond > 1_000_000 || perSecond < 1 / 3600 ? "From 1/h to 1000000/s." : undefined;
}

/** A rate in requests per second as people write it: 10/s, 6/m, 1/h. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined || perSecond === 0) return "none";
  const round = (value: number) => Math.round(value * 1000) / 1000;
  if (perSecond >= 1) return `${round(perSecond).toLocaleString()}/s`;
  if (perSecond * 60 >= 1) return `${round(perSecond * 60)}/m`;
  return `${round(perSecond * 3600)}/h`;
}

const keysKey = ["keys"] as const;

export const keysQuery = queryOptions({
  queryKey: keysKey,
  queryFn: async ({ signal }) => (await api.get("/v1/keys", { signal })).data,
  refetchInterval: 60_000,
});

export function useCreateKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (spec: Schemas["KeySpec"]) => api.post("/v1/keys", { body: spec }),
    onSuccess: () => client.invalidateQueries({ queryKey: keysKey }),
    // The secret must not stay in the cache of mutations.
    gcTime: 0,
  });
}

/** Revokes a key. */
export function useRevokeKey() {
  const client = useQueryClient();
  return (id: string) =>
    api.delete("/v1/keys/{id}", { path: { id } }).then(() => client.invalidateQueries({ queryKey: keysKey }));
}
