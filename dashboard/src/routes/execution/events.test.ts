import { describe, expect, it } from "vitest";
import { at, eventsOf } from "@/test/factories/execution";
import { attemptsOf, countGroups, eventSummary, inGroups, queueWait } from "./events";

describe("events", () => {
  it("are counted in each of their groups", () => {
    const events = eventsOf({ type: "created" }, { type: "step_failed" }, { type: "failed" }, { type: "progressed" });
    expect(countGroups(events)).toEqual({ lifecycle: 2, steps: 1, waits: 0, progress: 1, problems: 2 });
    expect(events.filter((event) => inGroups(event, ["problems"])).map((event) => event.type)).toEqual([
      "step_failed",
      "failed",
    ]);
    expect(events.every((event) => inGroups(event, undefined))).toBe(true);
  });

  it("of kinds that a newer server has are shown all the same", () => {
    const [event] = eventsOf({ type: "paused" as "created" });
    expect(event && inGroups(event, ["lifecycle"])).toBe(true);
  });

  it.each([
    [{ type: "claimed", attempt: 2 } as const, "attempt 2"],
    [{ type: "progressed", progress: 0.339 } as const, "33 %"],
    [
      {
        type: "step_failed",
        step: "pay",
        code: "declined",
        message: "no money",
        until: at(1500),
        at: at(500),
      } as const,
      "pay · declined: no money · retried after 1.00 s",
    ],
    [{ type: "sleep_started", step: "cool off", until: at(90_000), at: at(0) } as const, "cool off · for 1 min 30 s"],
    [
      { type: "wait_ended", step: "manager", outcome: "approved", by: "Ann", comment: "go" } as const,
      "manager · approved · by Ann · “go”",
    ],
    [{ type: "ready" } as const, ""],
  ])("say what happened: %o", (given, said) => {
    const [event] = eventsOf(given);
    expect(event && eventSummary(event)).toBe(said);
  });
});

describe("attempts", () => {
  it("begin when a worker takes it and end when it loses it", () => {
    const events = eventsOf(
      { type: "created", status: "pending" },
      { type: "claimed", attempt: 1 },
      { type: "lease_lost", status: "pending" },
      { type: "claimed", attempt: 2 },
      { type: "attempt_failed", message: "boom", code: "error" },
      { type: "retried", status: "pending" },
      { type: "claimed", attempt: 3 },
    );
    expect(attemptsOf(events).map(({ attempt, outcome, message, to }) => [attempt, outcome, message, to])).toEqual([
      [1, "lost", undefined, at(200)],
      [2, "failed", "boom", at(400)],
      [3, "running", undefined, undefined],
    ]);
  });

  it("end with the step that is retried later", () => {
    const events = eventsOf(
      { type: "claimed", attempt: 1 },
      { type: "step_failed", step: "pay", code: "declined", message: "no money", until: at(9000) },
      { type: "claimed", attempt: 2 },
    );
    expect(attemptsOf(events)).toMatchObject([
      { attempt: 1, outcome: "failed", code: "declined", message: "no money", to: at(100) },
      { attempt: 2, outcome: "running", to: undefined },
    ]);
  });

  it("do not end a second time when a waiting execution is cancelled", () => {
    const events = eventsOf(
      { type: "claimed", attempt: 1 },
      { type: "suspended" },
      { type: "cancelled", message: "why" },
    );
    expect(attemptsOf(events)).toMatchObject([{ outcome: "suspended", message: undefined }]);
  });
});

describe("the wait for a worker", () => {
  it("is that before the first claim", () => {
    const events = eventsOf(
      { type: "created", status: "pending" },
      { type: "claimed" },
      { type: "lease_lost", status: "pending" },
      { type: "claimed", at: at(9000) },
    );
    expect(queueWait(events, at(-20))).toEqual({ first: 120, since: undefined });
  });
  it("does not count the time before the start that was asked for", () => {
    const events = eventsOf(
      { type: "created", status: "created" },
      { type: "ready", status: "pending" },
      { type: "claimed" },
    );
    expect(queueWait(events, at(-20))).toEqual({ first: 100, since: undefined });
  });
  it("goes on while there was no claim", () => {
    expect(queueWait(eventsOf({ type: "created", status: "pending" }), at(-20))).toEqual({
      first: undefined,
      since: at(-20),
    });
  });
});
