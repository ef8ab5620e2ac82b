import { describe, expect, it } from "vitest";
import { executionOf } from "@/test/factories/execution";
import { isMore, moreOf, problemsOf, startOf } from "./more";

const none = moreOf(undefined);

describe("what is started beside the input", () => {
  it("is nothing while nothing is typed", () => {
    expect(startOf("order", { n: 1 }, none)).toEqual({ workflow_id: "order", input: { n: 1 }, trigger: "manual" });
    expect(Object.values(problemsOf(none)).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it("is what was typed, in the API's units", () => {
    const more = {
      metadata: [
        { id: 1, key: " customer ", value: "1138" },
        { id: 2, key: " ", value: "" },
      ],
      priority: "-7",
      delay: "90s",
      timeout: "1h 30m",
      idempotency: " order-1 ",
      callback: "https://example.com/done ",
      version: "3",
    };
    expect(startOf("order", {}, more)).toEqual({
      workflow_id: "order",
      input: {},
      trigger: "manual",
      metadata: { customer: "1138" },
      priority: -7,
      delay_ms: 90_000,
      timeout_ms: 5_400_000,
      idempotency_key: "order-1",
      callback_url: "https://example.com/done",
      version: 3,
    });
  });

  it("begins as the execution had it that is done again", () => {
    const more = moreOf(executionOf({ metadata: { customer: "1138" }, priority: 5 }));
    expect(startOf("order", {}, more)).toMatchObject({ metadata: { customer: "1138" }, priority: 5 });
    expect(moreOf(executionOf({ priority: 0 })).priority).toBe("");
  });

  it("says at the field what is wrong", () => {
    const problems = problemsOf({
      ...none,
      metadata: [{ id: 1, key: "", value: "1138" }],
      priority: "101",
      delay: "soon",
      timeout: "0",
    });
    expect(problems.metadata).toBe("Each label needs a name.");
    expect(problems.priority).toBe("From -100 to 100.");
    expect(problems.delay_ms).toBeDefined();
    expect(problems.timeout_ms).toBeDefined();
    expect(problemsOf({ ...none, priority: "high" }).priority).toBeDefined();
  });

  it("knows an error that is about it", () => {
    expect(["priority", "metadata.customer", "metadata[0]"].map(isMore)).toEqual([true, true, true]);
    expect(["input", "input.priority", "priorities"].map(isMore)).toEqual([false, false, false]);
  });
});
