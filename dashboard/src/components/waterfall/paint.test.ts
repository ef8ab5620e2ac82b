import { describe, expect, it } from "vitest";
import { modelOf } from "./model";
import { paint, segmentAt } from "./paint";
import { randomFrom, simulate } from "./simulation";
import type { Segment } from "./spans";

const short =
  (outcome?: Segment["outcome"]) =>
  (i: number): Segment => ({
    kind: "running",
    from: i,
    to: i + 1,
    ...(outcome ? { outcome } : {}),
  });

describe("bars", { timeout: 60_000 }, () => {
  it("are drawn together when they are too short to be told apart", () => {
    const bars = paint(
      Array.from({ length: 1000 }, (_, i) => short("completed")(i)),
      (t) => t / 10,
      100,
      1000,
    );
    expect(bars).toHaveLength(1);
    expect(bars[0]).toMatchObject({ x: 0, width: 100, kind: "running", outcome: "completed", count: 1000 });
  });

  it("show a failure among a thousand that went well", () => {
    const segments = Array.from({ length: 1000 }, (_, i) => short(i === 503 ? "failed" : "completed")(i));
    const failed = paint(segments, (t) => t / 10, 100, 1000).filter((b) => b.outcome === "failed");
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ x: 50, width: 2, segment: segments[503] });
  });

  it("reach a little beyond the edges and say so, and those out of sight are left out", () => {
    const segments: Segment[] = [
      { kind: "queued", from: 0, to: 10 },
      { kind: "running", from: 10, to: 500 },
      { kind: "sleeping", from: 500, to: null },
    ];
    const x = (t: number) => (t - 100) * 10;
    const [bar, ...others] = paint(segments, x, 200, 900);
    expect(others).toEqual([]);
    expect(bar).toMatchObject({ kind: "running", x: -8, width: 216, cutLeft: true, cutRight: true });
  });

  it("of what goes on end now", () => {
    const segments: Segment[] = [{ kind: "running", from: 0, to: null }];
    expect(paint(segments, (t) => t, 1000, 70)[0]).toMatchObject({ x: 0, width: 70, cutRight: false });
    expect(paint(segments, (t) => t, 1000, 90)[0]).toMatchObject({ x: 0, width: 90 });
  });

  it("are in order, within the track, and never more than it has columns, for any life at any zoom", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const seen = simulate(seed, { steps: 40 });
      const { timeline, start } = modelOf(seen.execution, seen.steps, seen.events, seen.now);
      const from = start + random() * (seen.now - start);
      const length = 1 + random() ** 4 * (seen.now - from);
      const width = 300 + random() * 900;
      const bars = paint(timeline, (t) => ((t - from) / length) * width, width, seen.now);
      if (bars.length > width / 2 + 10) expect.fail(`seed ${seed}: ${bars.length} bars`);
      let right = Number.NEGATIVE_INFINITY;
      for (const bar of bars) {
        if (bar.x < right - 2.01) expect.fail(`seed ${seed}: bars overlap at ${bar.x}, ${right}`);
        if (bar.x < -10 || bar.x + bar.width > width + 12)
          expect.fail(`seed ${seed}: a bar at ${bar.x} + ${bar.width}`);
        right = bar.x + bar.width;
      }
    }
  });
});

describe("the segment under the pointer", () => {
  const segments: Segment[] = [
    { kind: "running", from: 0, to: 10 },
    { kind: "queued", from: 50, to: null },
  ];
  it.each([
    [5, "running"],
    [12, "running"],
    [30, undefined],
    [47, "queued"],
    [80, "queued"],
    [140, undefined],
  ])("at %i is %s", (time, kind) => {
    expect(segmentAt(segments, time, 5, 100)?.kind).toBe(kind);
  });
});
