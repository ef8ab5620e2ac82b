// Cancelling many executions: what is asked for, how far it is, and what became of them. It goes on while other pages are
// looked at, and can be stopped.
import { useSyncExternalStore } from "react";
import { ApiError, api, type Schemas } from "@/services/api";
import { apiFilter, type ExecutionFilter } from "./search";

export interface BulkState {
  phase: "running" | "stopped" | "done" | "failed";
  /** How many it was to be, as far as that was known. */
  expected: number | undefined;
  /** Cancelled at once. */
  cancelled: number;
  /** Their workers were told to stop. */
  requested: number;
  /** Had ended by themselves. */
  ended: number;
  /** Were not cancelled; why is in problems. */
  failed: number;
  /** The first few things that went wrong. */
  problems: readonly { id?: string; error: unknown }[];
}

export interface BulkActions {
  cancelAll: (
    body: Schemas["BulkCancel"],
    signal: AbortSignal,
  ) => Promise<{ matched: number; cancelled: number; requested: number; already_terminal: number; has_more: boolean }>;
  cancelOne: (id: string, reason: string | undefined, signal: AbortSignal) => Promise<Schemas["Status"]>;
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const start = (expected: number | undefined): BulkState => ({
  phase: "running",
  expected,
  cancelled: 0,
  requested: 0,
  ended: 0,
  failed: 0,
  problems: [],
});

export const handled = (state: BulkState): number => state.cancelled + state.requested + state.ended + state.failed;

const perRequest = 250;
const atOnce = 4;
const patience = 5;
const mostProblems = 5;

// Repeats what the server had no time for.
async function patiently<T>(run: () => Promise<T>, actions: BulkActions, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError) || !error.temporary || tries >= patience) throw error;
      await actions.sleep(error.retryAfter === undefined ? 500 * 2 ** tries : error.retryAfter * 1000, signal);
    }
  }
}

/** Cancels everything open that matches, in rounds, and says after each how far it is. */
export async function cancelMatching(
  filter: ExecutionFilter,
  reason: string | undefined,
  expected: number | undefined,
  onChange: (state: BulkState) => void,
  signal: AbortSignal,
  actions: BulkActions = server,
): Promise<BulkState> {
  let state = start(expected);
  const set = (change: Partial<BulkState>) => {
    state = { ...state, ...change };
    onChange(state);
    return state;
  };
  set({});
  const body = { filter: apiFilter(filter), limit: perRequest, ...(reason === undefined ? {} : { reason }) };
  try {
    for (;;) {
      if (signal.aborted) return set({ phase: "stopped" });
      const out = await patiently(() => actions.cancelAll(body, signal), actions, signal);
      set({
        cancelled: state.cancelled + out.cancelled,
        requested: state.requested + out.requested,
        ended: state.ended + out.already_terminal,
      });
      if (!out.has_more) return set({ phase: "done" });
    }
  } catch (error) {
    if (signal.aborted) return set({ phase: "stopped" });
    return set({ phase: "failed", problems: [{ error }] });
  }
}

/** Cancels these, a few at a time. One that cannot be cancelled does not keep the others. */
export async function cancelThese(
  ids: readonly string[],
  reason: string | undefined,
  onChange: (state: BulkState) => void,
  signal: AbortSignal,
  actions: BulkActions = server,
): Promise<BulkState> {
  let state = start(ids.length);
  const set = (change: Partial<BulkState>) => {
    state = { ...state, ...change };
    onChange(state);
    return state;
  };
  set({});
  let next = 0;
  const work = async () => {
    while (!signal.aborted) {
      const id = ids[next++];
      if (id === undefined) return;
      try {
        const status = await patiently(() => actions.cancelOne(id, reason, signal), actions, signal);
        set(status === "cancelled" ? { cancelled: state.cancelled + 1 } : { requested: state.requested + 1 });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.code === "already_terminal") set({ ended: state.ended + 1 });
        else set({ failed: state.failed + 1, problems: [...state.problems, { id, error }].slice(0, mostProblems) });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return set({ phase: signal.aborted ? "stopped" : "done" });
}

const server: BulkActions = {
  cancelAll: (body, signal) => api.post("/v1/executions/cancel", { body, signal }),
  cancelOne: async (id, reason, signal) => {
    const body = reason === undefined ? {} : { reason };
    return (await api.post("/v1/executions/{id}/cancel", { path: { id }, body, signal })).status;
  },
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

// The one that is under way or was the last; it outlives the page that began it.
let current: BulkState | undefined;
let controller: AbortController | undefined;
const listeners = new Set<() => void>();

function show(state: BulkState | undefined): void {
  current = state;
  for (const listener of listeners) listener();
}

/** Begins what run does, unless another is under way. */
export function beginBulk(
  run: (onChange: (state: BulkState) => void, signal: AbortSignal) => Promise<BulkState>,
): Promise<BulkState> {
  if (current?.phase === "running") throw new Error("another bulk action is under way");
  controller = new AbortController();
  const mine = controller;
  return run((state) => {
    if (controller === mine) show(state);
  }, mine.signal);
}

export const stopBulk = (): void => controller?.abort();
export const dismissBulk = (): void => {
  if (current?.phase !== "running") show(undefined);
};

export function useBulk(): BulkState | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
