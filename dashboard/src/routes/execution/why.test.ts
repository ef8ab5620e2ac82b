import { describe, expect, it } from "vitest";
import { at, awaitedOf, eventsOf, executionOf, stepOf } from "@/test/factories/execution";
import { why } from "./why";

describe("why an execution is where it is", () => {
  it("names the workflow without a worker, and since when", () => {
    const x = executionOf({ status: "pending", status_reason: "no_worker", attempt: 0 });
    const events = eventsOf({ type: "created", status: "pending" });
    expect(why(x, [], events)).toEqual({
      sentence: "No worker serves “order”",
      hint: "It starts by itself when one connects.",
      remedy: "start-worker",
      since: at(0),
    });
  });

  it("names what is awaited, and when that ends by itself", () => {
    const awaiting = [awaitedOf(), awaitedOf({ kind: "signal", name: "paid", step: "paid" })];
    const x = executionOf({ status: "waiting", status_reason: "approval:manager", awaiting, resumes_at: at(9000) });
    const said = why(x, [], []);
    expect(said.sentence).toBe("It waits for the approval “manager” and 1 more");
    expect(said).toMatchObject({ remedy: "decide", next: "Times out", until: at(9000), since: at(50), awaiting });
  });

  it("asks for a signal when no approval is awaited", () => {
    const awaiting = [awaitedOf({ kind: "signal", name: "a:b", step: "a:b" })];
    const x = executionOf({ status: "waiting", status_reason: "signal:a:b", awaiting });
    expect(why(x, [], [])).toMatchObject({ sentence: "It waits for the signal “a:b”", remedy: "signal" });
    expect(why(x, [], [])).not.toHaveProperty("until");
  });

  it("says which error is retried", () => {
    const events = eventsOf(
      { type: "created" },
      { type: "claimed", attempt: 1 },
      { type: "attempt_failed", code: "timeout", message: "no answer" },
    );
    const x = executionOf({ status: "running", status_reason: "retry_backoff", resumes_at: at(5000) });
    expect(why(x, [], events)).toEqual({
      sentence: "Attempt 1 failed",
      next: "Runs again",
      because: "timeout: no answer",
      until: at(5000),
    });
  });

  it("tells the pause before a step's next try from a sleep", () => {
    const x = executionOf({ status: "waiting", status_reason: "timer", resumes_at: at(5000) });
    const failing = stepOf({ attempt: 2, next_attempt_at: at(5000), error: "declined" });
    expect(why(x, [failing], [])).toMatchObject({
      sentence: "Step “charge” failed 2 times",
      next: "Tried again",
      because: "declined",
    });
    const sleep = stepOf({ kind: "sleep", name: "cool off", status: "waiting", until: at(5000) });
    expect(why(x, [sleep], [])).toMatchObject({ sentence: "It sleeps in “cool off”", next: "Goes on" });
  });

  it("names the steps that run, but not those that wait for their next try", () => {
    const x = executionOf({ status_reason: "executing", attempt: 3 });
    const steps = [stepOf({ name: "a" }), stepOf({ name: "b" }), stepOf({ name: "c", next_attempt_at: at(1) })];
    expect(why(x, steps, []).sentence).toBe("A worker runs attempt 3 in steps “a”, “b”");
    const sleep = stepOf({ kind: "sleep", name: "tick", status: "waiting" });
    expect(why(x, [sleep], []).sentence).toBe("A worker runs attempt 3, which sleeps in “tick”");
    const many = ["a", "b", "c", "d", "e"].map((name) => stepOf({ name }));
    expect(why(x, many, []).sentence).toBe("A worker runs attempt 3 in steps “a”, “b”, “c” and 2 more");
  });

  it("tells a cancel that somebody asked for from a deadline", () => {
    const x = executionOf({ status_reason: "cancelling", cancel_reason: "timeout", resumes_at: at(1) });
    expect(why(x, [], []).sentence).toContain("deadline");
    expect(why({ ...x, cancel_reason: "requested" }, [], []).sentence).toContain("was asked for");
  });

  it("says how each end came about", () => {
    const cancelled = executionOf({ status: "cancelled", cancel_reason: "requested", error: "ordered twice" });
    expect(why(cancelled, [], [])).toEqual({ sentence: "It was cancelled on request", because: "ordered twice" });
    expect(why({ ...cancelled, error_code: "cancel_forced" }, [], []).sentence).toContain("the engine cancelled it");
    expect(why({ ...cancelled, cancel_reason: "terminated" }, [], []).sentence).toContain("without asking its worker");
    expect(why(executionOf({ status: "rejected", error_code: "queue_ttl" }), [], []).sentence).toContain(
      "No worker took it",
    );
    const refused = eventsOf({
      type: "wait_ended",
      outcome: "rejected",
      name: "manager",
      by: "Ann",
      comment: "too dear",
    });
    expect(why(executionOf({ status: "rejected", error_code: "approval_rejected" }), [], refused)).toEqual({
      sentence: "The approval “manager” was refused by Ann",
      because: "too dear",
    });
  });

  it("falls back to the server's own words for a reason that it does not know", () => {
    const x = executionOf({ status_reason: "throttled", status_message: "its key is at its limit" });
    expect(why(x, [], [])).toEqual({ sentence: "its key is at its limit" });
  });
});
