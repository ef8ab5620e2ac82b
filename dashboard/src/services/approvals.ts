// The decisions that executions wait for: what is open, and approving or rejecting it.
import { infiniteQueryOptions, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Schemas } from "./api";
import { type LiveEvent, useProjectEvents } from "./live";
import { useSession } from "./session";

export type Execution = Schemas["Execution"];
export type Awaited = Schemas["Awaited"];
export type Verdict = "approve" | "reject";

export interface InboxFilter {
  /** Name or id of a workflow. */
  workflow?: string | undefined;
  /** Of the approval. */
  name?: string | undefined;
}

/** One open wait for an approval. */
export interface Approval {
  /** Names it among all: the execution and the step of the wait. */
  key: string;
  execution: Execution;
  wait: Awaited;
  /** Its place among the open approvals of its execution, from 1. */
  place: number;
  /** How many approvals its execution waits for. */
  of: number;
}

/** All open approvals of the executions, in their order; those of one execution oldest first. */
export function approvalsOf(executions: readonly Execution[], name?: string): Approval[] {
  return executions.flatMap((execution) => {
    const open = (execution.awaiting ?? []).filter((wait) => wait.kind === "approval");
    return open
      .map((wait, i) => ({
        key: `${execution.id}/${wait.step}`,
        execution,
        wait,
        place: i + 1,
        of: open.length,
      }))
      .filter((approval) => name === undefined || approval.wait.name === name);
  });
}

// Members of a payload that say in words what is asked, the best first.
const askers = ["question", "title", "summary", "subject", "message", "prompt", "description", "text"];

/** What is asked, in words, when the payload says it; undefined otherwise. */
export function questionOf(payload: unknown): string | undefined {
  if (typeof payload === "string") return payload.trim() || undefined;
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return undefined;
  const members = payload as Record<string, unknown>;
  for (const name of askers) {
    const value = members[name];
    if (typeof value === "string" && value.trim() !== "" && value.length <= 600) return value.trim();
  }
  return undefined;
}

/** Whether the question is all that the payload has, so that the tree would only repeat it. */
export function onlyQuestion(payload: unknown): boolean {
  if (typeof payload === "string") return true;
  return (
    typeof payload === "object" &&
    payload !== null &&
    Object.keys(payload).length === 1 &&
    questionOf(payload) !== undefined
  );
}

export type Urgency = "none" | "calm" | "soon" | "now" | "over";

/** How pressing a wait is that ends by itself. */
export function urgencyOf(expiresAt: string | undefined, now: number): Urgency {
  if (expiresAt === undefined) return "none";
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return "over";
  return left < 10 * 60_000 ? "now" : left < 3 * 3_600_000 ? "soon" : "calm";
}

/** The one to look at after the one with this key is gone: its successor, or the last one. */
export function nextKey(approvals: readonly Approval[], key: string): string | undefined {
  const at = approvals.findIndex((approval) => approval.key === key);
  if (at < 0) return approvals[0]?.key;
  return (approvals[at + 1] ?? approvals[at - 1])?.key;
}

const pageSize = 50;
// The list carries the inputs of executions; the badge need not be exact beyond this.
const badgeSize = 20;
const approvalsKey = ["approvals"] as const;

const awaitingOf = (name: string | undefined) => (name === undefined ? "approval" : `approval:${name}`);

/** Executions that wait for an approval, newest first. */
export function inboxQuery(filter: InboxFilter) {
  return infiniteQueryOptions({
    queryKey: [...approvalsKey, "list", filter] as const,
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/executions", {
        query: {
          awaiting: awaitingOf(filter.name),
          limit: pageSize,
          ...(filter.workflow ? { workflow_id: filter.workflow } : {}),
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => (page.has_more ? page.next_cursor : undefined),
    // Events say at once what changes; this is for what no event says.
    refetchInterval: 60_000,
  });
}

const oneKey = ["approval"] as const;

/** One execution with what its approvers get to see, which lists do not carry. Events say when it changes. */
export function approvalQuery(execution: string) {
  return queryOptions({
    queryKey: [...oneKey, execution] as const,
    queryFn: ({ signal }) => api.get("/v1/executions/{id}", { path: { id: execution }, signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const badgeQuery = queryOptions({
  queryKey: [...approvalsKey, "badge"] as const,
  queryFn: ({ signal }) => api.get("/v1/executions", { query: { awaiting: "approval", limit: badgeSize }, signal }),
  refetchInterval: 60_000,
});

/** Whether the event changes what is open. known says which executions are shown. */
export function concerns(event: LiveEvent, known: (execution: string) => boolean): boolean {
  switch (event.type) {
    case "wait_started":
      return event.wait !== "signal";
    case "wait_ended":
      return true;
    case "cancel_requested":
    case "finalizing":
    case "completed":
    case "failed":
    case "cancelled":
    case "rejected":
      return event.execution_id !== undefined && known(event.execution_id);
    default:
      return false;
  }
}

/** Loads open approvals again when an event changes them: at once, and then at most once a second. */
function useInboxEvents(enabled: boolean): void {
  const client = useQueryClient();
  const last = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const reload = () => {
    if (timer.current !== undefined) return;
    timer.current = setTimeout(
      () => {
        timer.current = undefined;
        last.current = Date.now();
        void client.invalidateQueries({ queryKey: approvalsKey });
      },
      Math.max(0, last.current + 1000 - Date.now()),
    );
  };
  const known = (id: string) =>
    client
      .getQueriesData<{ data?: Execution[]; pages?: { data: Execution[] }[] }>({ queryKey: approvalsKey })
      .some(([, found]) =>
        [found?.data, ...(found?.pages ?? []).map((page) => page.data)].some((list) => list?.some((x) => x.id === id)),
      );
  useProjectEvents(
    (event) => {
      if (!concerns(event, known)) return;
      reload();
      void client.invalidateQueries({ queryKey: [...oneKey, event.execution_id] });
    },
    {
      onGap: () => {
        reload();
        void client.invalidateQueries({ queryKey: oneKey });
      },
      enabled,
    },
  );
}

/** How many approvals are open, for the navigation; undefined while that is not known. It keeps all of them fresh. */
export function useInboxCount(): { count: number; more: boolean } | undefined {
  const { can } = useSession();
  const enabled = can("executions:read");
  useInboxEvents(enabled);
  const { data } = useQuery({ ...badgeQuery, enabled });
  return data && { count: approvalsOf(data.data).length, more: data.has_more };
}

export interface DecisionInput {
  verdict: Verdict;
  approval: Approval;
  comment: string;
  by: string;
  /** JSON for the handler; undefined for none. */
  payload?: Schemas["JSON"] | undefined;
}

/** Approves or rejects. However it ends, what is open is loaded again: somebody else may have been quicker. */
export function useDecision() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ verdict, approval, comment, by, payload }: DecisionInput) =>
      api.post(verdict === "approve" ? "/v1/executions/{id}/approve" : "/v1/executions/{id}/reject", {
        path: { id: approval.execution.id },
        body: {
          name: approval.wait.name,
          step: approval.wait.step,
          ...(comment.trim() ? { comment: comment.trim() } : {}),
          ...(by.trim() ? { by: by.trim() } : {}),
          ...(payload === undefined ? {} : { payload }),
        },
      }),
    onSettled: (_, __, { approval }) =>
      Promise.all([
        client.invalidateQueries({ queryKey: approvalsKey }),
        client.invalidateQueries({ queryKey: [...oneKey, approval.execution.id] }),
      ]),
  });
}
