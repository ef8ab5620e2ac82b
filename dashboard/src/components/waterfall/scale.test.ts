import { describe, expect, it } from "vitest";
import { modelOf } from "./model";
import { foldGain, idleOf, scaleOf } from "./scale";
import { randomFrom, simulate } from "./simulation";
import { panned, placed, revealing, shown, type Window, zoomed } from "./window";

describe("a scale with folds", { timeout: 60_000 }, () => {
  it("gives each fold the same short piece of the line and leaves the rest as it is", () => {
    const scale = scaleOf(1000, 1000 + 100 + 9000 + 100, [{ from: 1100, to: 10_100 }]);
    expect(scale.folds).toEqual([{ from: 1100, to: 10_100, at: 100, length: 50 }]);
    expect(scale.length).toBe(250);
    expect(scale.place(1050)).toBe(50);
    expect(scale.place(5600)).toBe(125);
    expect(scale.place(10_150)).toBe(200);
    expect(scale.time(125)).toBe(5600);
  });

  it("does not fold what would hardly become shorter", () => {
    expect(scaleOf(0, 1000, [{ from: 100, to: 150 }]).folds).toEqual([]);
    expect(foldGain(0, 1000, [{ from: 100, to: 150 }])).toBe(1);
    expect(foldGain(0, 1000, [{ from: 10, to: 990 }])).toBeCloseTo(0.025);
  });

  it("keeps order and finds back, for the idle stretches of any life", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const seen = simulate(seed, { cut: seed % 2 === 0 });
      const model = modelOf(seen.execution, seen.steps, seen.events, seen.now);
      const scale = scaleOf(model.start, seen.now, idleOf(model, seen.now));
      const random = randomFrom(seed);
      const times = Array.from({ length: 40 }, () => model.start + random() * (seen.now - model.start)).sort(
        (a, b) => a - b,
      );
      let last = 0;
      for (const time of times) {
        const place = scale.place(time);
        if (place < last - 1e-6 || place > scale.length + 1e-6) expect.fail(`seed ${seed}: ${time} is at ${place}`);
        if (Math.abs(scale.time(place) - time) > 0.01) expect.fail(`seed ${seed}: ${time} is not found back`);
        last = place;
      }
    }
  });
});

describe("the window", { timeout: 60_000 }, () => {
  const scale = scaleOf(0, 10_000);

  it("zooms around a place that stays where it is", () => {
    const window = zoomed(scale, null, 4, 0.25);
    expect(window).toEqual({ from: 1875, to: 4375 });
    expect(zoomed(scale, window, 1 / 4, 0.25)).toBeNull();
  });

  it("pans to the ends and not beyond", () => {
    const window = { from: 1000, to: 2000 };
    expect(panned(scale, window, 0.5)).toEqual({ from: 1500, to: 2500 });
    expect(panned(scale, window, -5)).toEqual({ from: 0, to: 1000 });
    expect(panned(scale, window, 50)).toEqual({ from: 9000, to: 10_000 });
    expect(panned(scale, null, 1)).toBeNull();
  });

  it("goes to what is not to be seen, and stays when it is", () => {
    const window = { from: 1000, to: 2000 };
    expect(revealing(scale, window, 1500, 5000)).toBe(window);
    for (const [from, to] of [
      [4000, 4100],
      [0, 200],
      [9990, 10_000],
      [3000, 9000],
    ] as const) {
      const moved = revealing(scale, window, from, to) as NonNullable<Window>;
      expect(moved.to - moved.from).toBeCloseTo(1000);
      expect(moved.from < to && moved.to > from).toBe(true);
    }
  });

  it("stays within the line and never gets too narrow, whatever is done to it", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = randomFrom(seed);
      const folded = scaleOf(0, 1e6, [{ from: 1e5, to: 9e5 }]);
      let window: Window = null;
      for (let i = 0; i < 60; i++) {
        const sort = random();
        if (sort < 0.5) window = zoomed(folded, window, 0.3 + random() * 4, random());
        else if (sort < 0.8) window = panned(folded, window, random() * 4 - 2);
        else window = shown(folded, random() * folded.length, random() * folded.length);
        const { from, to } = placed(folded, window);
        if (from < -1e-6 || to > folded.length + 1e-6 || to - from < 1.9) expect.fail(`seed ${seed}: ${from} to ${to}`);
      }
    }
  });
});
