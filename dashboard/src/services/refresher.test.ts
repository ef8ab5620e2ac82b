import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Refresher } from "./refresher";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

/** Loads that take so long, and when they began. */
function loads(takes: number) {
  const begun: number[] = [];
  const load = vi.fn(async () => {
    begun.push(performance.now());
    await new Promise((done) => setTimeout(done, takes));
  });
  return { begun, load };
}

it("loads at once, and once more for all that came meanwhile", async () => {
  const { begun, load } = loads(10);
  const refresher = new Refresher(load, 0.5, 30);
  const start = performance.now();
  refresher.request();
  expect(load).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 5; i++) refresher.request();
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun.map((time) => time - start)).toEqual([0, 40]);
});

it("loads the more rarely the longer it takes", async () => {
  const { begun, load } = loads(100);
  const refresher = new Refresher(load, 0.25, 50);
  const start = performance.now();
  refresher.request();
  refresher.request();
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun.map((time) => time - start)).toEqual([0, 400]);
});

it("goes on after an error, and not after it was stopped", async () => {
  const load = vi.fn().mockRejectedValue(new Error("away"));
  const refresher = new Refresher(load, 0.5, 10);
  refresher.request();
  await vi.advanceTimersByTimeAsync(20);
  refresher.request();
  expect(load).toHaveBeenCalledTimes(2);
  refresher.request();
  refresher.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(load).toHaveBeenCalledTimes(2);
});
