import { describe, expect, it } from "vitest";
import { execution } from "@/test/factories/admin";
import { type Awaited, approvalsOf, concerns, nextKey, onlyQuestion, questionOf, urgencyOf } from "./approvals";
import type { LiveEvent } from "./live";

const now = Date.parse("2026-11-22T12:00:00Z");
const wait = (step: string, part: Partial<Awaited> = {}): Awaited => ({
  kind: "approval",
  name: step.replace(/#\d+$/, ""),
  step,
  since: "2026-11-22T11:00:00.000Z",
  ...part,
});

describe("approvalsOf", () => {
  const waiting = execution({
    status: "waiting",
    awaiting: [wait("manager"), wait("paid", { kind: "signal" }), wait("legal"), wait("manager#2")],
  });

  it("has each open approval of each execution, without signals", () => {
    const found = approvalsOf([waiting, execution(), execution({ awaiting: [wait("manager")] })]);
    expect(found.map((approval) => approval.wait.step)).toEqual(["manager", "legal", "manager#2", "manager"]);
    expect(found.map((approval) => [approval.place, approval.of])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
      [1, 1],
    ]);
    expect(new Set(found.map((approval) => approval.key)).size).toBe(4);
  });

  it("keeps places when only one name is wanted", () => {
    const [one] = approvalsOf([waiting], "legal");
    expect(one?.place).toBe(2);
    expect(one?.of).toBe(3);
  });
});

describe("questionOf", () => {
  it.each([
    [{ question: "Ship it?", amount: 3 }, "Ship it?"],
    [{ amount: 3, title: " Refund " }, "Refund"],
    ["Ship it?", "Ship it?"],
    [{ question: "", message: "Look" }, "Look"],
    [{ question: 3 }, undefined],
    [{ question: "x".repeat(601) }, undefined],
    [["question"], undefined],
    [null, undefined],
    [undefined, undefined],
    ["  ", undefined],
  ])("%j asks %j", (payload, question) => expect(questionOf(payload)).toBe(question));

  it("leaves the tree out only when it would repeat the question", () => {
    expect(onlyQuestion({ question: "Ship it?" })).toBe(true);
    expect(onlyQuestion({ question: "Ship it?", amount: 3 })).toBe(false);
    expect(onlyQuestion({ amount: 3 })).toBe(false);
    expect(onlyQuestion([1])).toBe(false);
  });
});

describe("urgencyOf", () => {
  it.each([
    [undefined, "none"],
    ["2026-11-22T11:59:59.000Z", "over"],
    ["2026-11-22T12:05:00.000Z", "now"],
    ["2026-11-22T14:00:00.000Z", "soon"],
    ["2026-11-25T12:00:00.000Z", "calm"],
  ])("%s is %s", (at, urgency) => expect(urgencyOf(at, now)).toBe(urgency));
});

describe("nextKey", () => {
  const [a, b, c] = ["a", "b", "c"].map((step) => approvalsOf([execution({ awaiting: [wait(step)] })])[0]);
  const all = [a, b, c].filter((approval) => approval !== undefined);
  it("is the one after, or the last, or the first", () => {
    expect(nextKey(all, b?.key ?? "")).toBe(c?.key);
    expect(nextKey(all, c?.key ?? "")).toBe(b?.key);
    expect(nextKey(all, "gone")).toBe(a?.key);
    expect(nextKey(all.slice(0, 1), a?.key ?? "")).toBeUndefined();
  });
});

describe("concerns", () => {
  const event = (part: Partial<LiveEvent>): LiveEvent => ({
    revision: 3,
    type: "wait_started",
    at: "2026-11-22T12:00:00.000Z",
    actor: { type: "engine" },
    status: "waiting",
    execution_id: "exec_1",
    ...part,
  });
  const known = (id: string) => id === "exec_1";
  it("is for what opens or ends an approval", () => {
    expect(concerns(event({ wait: "approval" }), known)).toBe(true);
    expect(concerns(event({ wait: "signal" }), known)).toBe(false);
    expect(concerns(event({ type: "wait_ended", execution_id: "exec_2" }), known)).toBe(true);
    expect(concerns(event({ type: "progressed" }), known)).toBe(false);
  });
  it("is for the end of an execution only when it is shown", () => {
    expect(concerns(event({ type: "cancelled" }), known)).toBe(true);
    expect(concerns(event({ type: "completed", execution_id: "exec_2" }), known)).toBe(false);
  });
});
