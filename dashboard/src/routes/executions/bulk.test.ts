import { describe, expect, it } from "vitest";
import { ApiError } from "@/services/api";
import { type BulkActions, type BulkState, cancelMatching, cancelThese } from "./bulk";

const round = (cancelled: number, requested: number, has_more: boolean) => ({
  matched: cancelled + requested,
  cancelled,
  requested,
  already_terminal: 0,
  has_more,
});
const refused = (status: number, code: ApiError["code"], retryAfter?: number) =>
  new ApiError({ status, code, detail: code, retryAfter });

function actions(change: Partial<BulkActions>): BulkActions & { slept: number[] } {
  const slept: number[] = [];
  return {
    cancelAll: async () => round(0, 0, false),
    cancelOne: async () => "cancelled",
    sleep: async (milliseconds) => void slept.push(milliseconds),
    slept,
    ...change,
  };
}

describe("cancelling all that match", () => {
  it("asks again until nothing is left, and says how far it is", async () => {
    const rounds = [round(250, 0, true), round(200, 50, true), round(3, 0, false)];
    const bodies: unknown[] = [];
    const seen: BulkState[] = [];
    const end = await cancelMatching(
      { status: ["pending"], workflow: "a", to: "2026-11-22T00:00:00Z" },
      "superseded",
      503,
      (state) => seen.push(state),
      new AbortController().signal,
      actions({
        cancelAll: async (body) => {
          bodies.push(body);
          return rounds.shift() ?? round(0, 0, false);
        },
      }),
    );
    expect(end).toMatchObject({ phase: "done", cancelled: 453, requested: 50, expected: 503 });
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toEqual({
      filter: { status: ["pending"], workflow_id: "a", created_to: "2026-11-22T00:00:00Z" },
      reason: "superseded",
      limit: 250,
    });
    expect(seen.map((state) => state.cancelled)).toEqual([0, 250, 450, 453, 453]);
  });

  it("stops between rounds", async () => {
    const controller = new AbortController();
    const end = await cancelMatching(
      {},
      undefined,
      undefined,
      () => {},
      controller.signal,
      actions({
        cancelAll: async () => {
          controller.abort();
          return round(250, 0, true);
        },
      }),
    );
    expect(end).toMatchObject({ phase: "stopped", cancelled: 250 });
  });

  it("waits as long as the server asks, and tells what was done before it gave up", async () => {
    let calls = 0;
    const busy = actions({
      cancelAll: async () => {
        calls++;
        if (calls === 1) return round(250, 0, true);
        throw refused(429, "rate_limited", 2);
      },
    });
    const end = await cancelMatching({}, undefined, undefined, () => {}, new AbortController().signal, busy);
    expect(end).toMatchObject({ phase: "failed", cancelled: 250 });
    expect(end.problems[0]?.error).toBeInstanceOf(ApiError);
    expect(busy.slept).toEqual([2000, 2000, 2000, 2000]);
  });

  it("does not repeat what the server refuses", async () => {
    const forbidden = actions({
      cancelAll: async () => {
        throw refused(403, "forbidden");
      },
    });
    const end = await cancelMatching({}, undefined, undefined, () => {}, new AbortController().signal, forbidden);
    expect(end.phase).toBe("failed");
    expect(forbidden.slept).toEqual([]);
  });
});

describe("cancelling these", () => {
  it("tells what became of each kind, and one refusal keeps no other", async () => {
    const asked: string[] = [];
    const end = await cancelThese(
      ["a", "b", "c", "d", "e", "f"],
      undefined,
      () => {},
      new AbortController().signal,
      actions({
        cancelOne: async (id) => {
          asked.push(id);
          if (id === "b") return "running";
          if (id === "c") throw refused(409, "already_terminal");
          if (id === "d") throw refused(404, "not_found");
          return "cancelled";
        },
      }),
    );
    expect(asked.sort()).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(end).toMatchObject({ phase: "done", expected: 6, cancelled: 3, requested: 1, ended: 1, failed: 1 });
    expect(end.problems).toMatchObject([{ id: "d" }]);
  });

  it("stops when asked to", async () => {
    const controller = new AbortController();
    let calls = 0;
    const end = await cancelThese(
      Array.from({ length: 100 }, (_, i) => String(i)),
      undefined,
      () => {},
      controller.signal,
      actions({
        cancelOne: async () => {
          if (++calls === 10) controller.abort();
          return "cancelled";
        },
      }),
    );
    expect(end.phase).toBe("stopped");
    expect(end.cancelled).toBeGreaterThanOrEqual(10);
    expect(end.cancelled).toBeLessThan(20);
  });
});
