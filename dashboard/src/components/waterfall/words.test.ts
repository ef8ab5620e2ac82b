import { describe, expect, it } from "vitest";
import { modelOf, triesOf } from "./model";
import { simulate } from "./simulation";
import { barsText, kindOf, nameOf, segmentText } from "./words";

describe("a stretch in words", () => {
  it.each([
    [{ kind: "queued", from: 0, to: 1200 } as const, "queued 1.20 s"],
    [
      { kind: "running", from: 0, to: 400, outcome: "failed", code: "gone", message: "it is gone" } as const,
      "ran 400 ms, failed: it is gone",
    ],
    [
      { kind: "running", from: 0, to: 400, outcome: "lost", code: "lease_lost" } as const,
      "ran 400 ms, its worker was lost",
    ],
    [{ kind: "approval", from: 0, to: 60_000, outcome: "rejected" } as const, "waited for approval 1 min, rejected"],
    [{ kind: "sleeping", from: 0, to: null, until: 15_000 } as const, "sleeping for 10.0 s, 5.00 s to go"],
    [{ kind: "backoff", from: 0, to: null, until: 9_000 } as const, "backing off for 10.0 s"],
  ])("%#", (segment, expected) => {
    expect(segmentText(segment, 10_000)).toBe(expected);
  });
});

describe("a row in words", { timeout: 60_000 }, () => {
  it("says what it is and what its bars show, however many there are", () => {
    let most = 0;
    for (let seed = 1; seed < 60; seed++) {
      const seen = simulate(seed, { steps: 12, cut: seed % 2 === 0 });
      const model = modelOf(seen.execution, seen.steps, seen.events, seen.now);
      for (const row of [model.execution, ...model.claims, ...model.steps, ...model.steps.flatMap(triesOf)]) {
        const text = `${nameOf(row)}, ${kindOf(row)}. ${barsText(row, model, seen.now)}`;
        if (/undefined|NaN|null|-\d/.test(text.replaceAll(/step-\d+/g, ""))) expect.fail(`seed ${seed}: ${text}`);
        most = Math.max(most, text.length);
      }
    }
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThan(700);
  });

  it("tells an overridden step apart from one that ran", () => {
    const seen = simulate(3);
    const given = { ...(seen.steps[0] as (typeof seen.steps)[number]), overridden: true as const, attempts: [] };
    const model = modelOf(seen.execution, [given], seen.events, seen.now);
    const row = model.steps[0] as (typeof model.steps)[number];
    expect(kindOf(row)).toBe("step, did not run: its output was given at the start");
    expect(barsText(row, model, seen.now)).toBe("took no time");
  });
});
