import { describe, expect, it } from "vitest";
import { stats, worker } from "@/test/factories/admin";
import { filterWorkers, slotsOf, stateOf, unservedOf } from "./workers";

const now = Date.parse("2026-11-22T12:00:00Z");
const seen = (secondsAgo: number) => ({
  last_seen_at: new Date(now - secondsAgo * 1000).toISOString(),
  expires_at: new Date(now - secondsAgo * 1000 + 15_000).toISOString(),
});

describe("stateOf", () => {
  it.each([
    ["idle", { held: 0 }],
    ["working", { held: 3 }],
    ["full", { held: 10 }],
    ["draining", { held: 3, draining: true }],
  ])("%s", (state, part) => expect(stateOf(worker({ capacity: 10, ...seen(3), ...part }), now)).toBe(state));

  it("is silent after two missed heartbeats, whatever it did", () => {
    expect(stateOf(worker({ ...seen(11), held: 3 }), now)).toBe("working");
    expect(stateOf(worker({ ...seen(13), held: 3 }), now)).toBe("silent");
    expect(stateOf(worker({ ...seen(13), draining: true }), now)).toBe("silent");
  });
});

describe("slotsOf", () => {
  it("has none free at workers that drain", () => {
    const workers = [worker({ capacity: 10, held: 4 }), worker({ capacity: 8, held: 2, draining: true })];
    expect(slotsOf(workers)).toEqual({ used: 6, total: 18, free: 6 });
    expect(slotsOf([])).toEqual({ used: 0, total: 0, free: 0 });
  });
});

describe("filterWorkers", () => {
  const workers = [
    worker({ name: "eu-1", workflows: ["order"], sdk: "go/0.1.0" }),
    worker({ name: "us-1", workflows: ["order", "refund"], sdk: "python/0.1.0" }),
  ];
  it("asks for the workflow and the text at once", () => {
    expect(filterWorkers(workers, { workflow: "refund" }).map((x) => x.name)).toEqual(["us-1"]);
    expect(filterWorkers(workers, { workflow: "order", text: "GO/" }).map((x) => x.name)).toEqual(["eu-1"]);
    expect(filterWorkers(workers, { workflow: "ord" })).toEqual([]);
    expect(filterWorkers(workers, {})).toHaveLength(2);
  });
});

describe("unservedOf", () => {
  it("has those with ready work and no worker, the longest waiting first", () => {
    const ready = (name: string, workers: number, at?: string) =>
      stats({ workflow_name: name, workers, ...(at ? { oldest_pending_at: at } : {}) });
    const found = unservedOf([
      ready("served", 1, "2026-11-22T10:00:00.000Z"),
      ready("idle", 0),
      ready("late", 0, "2026-11-22T11:00:00.000Z"),
      ready("early", 0, "2026-11-22T09:00:00.000Z"),
    ]);
    expect(found.map((each) => each.workflow_name)).toEqual(["early", "late"]);
  });
});
