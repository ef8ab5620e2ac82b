import { describe, expect, it } from "vitest";
import { axisOf, niceStep } from "./axis";
import { scaleOf } from "./scale";
import { randomFrom } from "./simulation";

const start = Date.UTC(2026, 10, 22, 9, 21, 31, 518);
const labels = (length: number, mode: "offset" | "utc" = "offset", from = 0, width = 800) => {
  const scale = scaleOf(start, start + from + length);
  return axisOf(scale, from, from + length * 1.05, width * 1.05, mode).ticks.map((t) => t.label);
};

describe("the axis", { timeout: 60_000 }, () => {
  it.each([
    [8, ["0", "1 ms", "2 ms", "3 ms", "4 ms", "5 ms", "6 ms", "7 ms", "8 ms"]],
    [1000, ["0", "200 ms", "400 ms", "600 ms", "800 ms", "1.0 s"]],
    [30_000, ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]],
    [600_000, ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]],
    [7_200_000, ["0", "15 min", "30 min", "45 min", "1 h", "1 h 15 min", "1 h 30 min", "1 h 45 min", "2 h"]],
    [5 * 86_400_000, ["0", "1 d", "2 d", "3 d", "4 d", "5 d"]],
    [90 * 86_400_000, ["0", "10 d", "20 d", "30 d", "40 d", "50 d", "60 d", "70 d", "80 d", "90 d"]],
  ])("counts from the start over %i ms", (length, expected) => {
    expect(labels(length)).toEqual(expected);
  });

  it("tells the first of small steps far from the start, and round instants, in full", () => {
    const from = 3 * 86_400_000 + 4 * 3_600_000 + 12 * 60_000 + 4_700;
    const scale = scaleOf(start, start + from + 800);
    const { ticks } = axisOf(scale, from, from + 800, 800, "offset");
    expect(ticks.map((t) => t.label)).toEqual([
      "3 d 4 h 12 min 4.7 s",
      "4.9 s",
      "3 d 4 h 12 min 5.0 s",
      "5.2 s",
      "5.3 s",
      "5.4 s",
      "",
    ]);
    expect(ticks[2]?.major).toBe(true);
  });

  it("tells where time goes on after a fold", () => {
    const idle = { from: start + 900, to: start + 100_000_600 };
    const { ticks, breaks } = axisOf(scaleOf(start, start + 100_001_000, [idle]), 0, 1625, 1000, "offset");
    expect(ticks.map((t) => t.label)).toEqual([
      "0",
      "200 ms",
      "400 ms",
      "600 ms",
      "800 ms",
      "1 d 3 h 46 min 40.6 s",
      "",
    ]);
    expect(breaks).toEqual([{ x: expect.closeTo(553.8, 0), width: expect.closeTo(200, 0), label: "1 d 3 h" }]);
  });

  it.each([
    [1000, ["09:21:31.600", ".800", "09:21:32", ".200", ".400"]],
    [30_000, ["09:21:35", "09:21:40", "09:21:45", "09:21:50", "09:21:55", "09:22:00"]],
    [86_400_000, ["12:00", "15:00", "18:00", "21:00", "23 Nov", "03:00", "06:00", "09:00"]],
    [10 * 86_400_000, ["23 Nov", "25 Nov", "27 Nov", "29 Nov", "1 Dec"]],
    [300 * 86_400_000, ["2027", "Mar", "May", "Jul", "Sep"]],
  ])("shows the clock over %i ms", (length, expected) => {
    expect(labels(length, "utc").slice(0, expected.length)).toEqual(expected);
  });

  it("has a step for every length, and none that does not divide what is above it", () => {
    for (let length = 1; length < 1e13; length *= 1.7)
      expect(niceStep(length)).toBeGreaterThanOrEqual(Math.min(length, 8.64e11));
  });

  it("draws ticks in order, apart from each other, within the picture, and not into folds", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const length = 2 + Math.floor(10 ** (random() * 10));
      const a = Math.floor(random() * length);
      const folds = seed % 2 ? [{ from: start + a, to: start + a + Math.floor(random() * (length - a)) }] : [];
      const scale = scaleOf(start, start + length, folds);
      const from = random() * scale.length * 0.9;
      const to = from + (scale.length - from) * (0.01 + random());
      const width = 200 + random() * 1500;
      const { ticks, breaks } = axisOf(
        scale,
        from,
        to,
        width,
        (["offset", "utc", "local"] as const)[seed % 3] ?? "utc",
      );
      let right = Number.NEGATIVE_INFINITY;
      for (const tick of ticks) {
        if (tick.x < right + 40 || tick.x < -0.5 || tick.x > width + 0.5)
          expect.fail(`seed ${seed}: tick at ${tick.x}`);
        if (breaks.some((b) => tick.x > b.x && tick.x < b.x + b.width)) expect.fail(`seed ${seed}: tick in a fold`);
        right = tick.x;
      }
      if (ticks.length > width / 40) expect.fail(`seed ${seed}: ${ticks.length} ticks on ${width} px`);
      if (ticks.length === 0 && breaks.length === 0 && width > 400 && to - from > 8)
        expect.fail(`seed ${seed}: no ticks`);
    }
  });
});
