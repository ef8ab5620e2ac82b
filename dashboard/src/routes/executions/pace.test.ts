import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { paced } from "./pace";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("paced", () => {
  it("runs at once, then once for all that was asked meanwhile", async () => {
    const run = vi.fn(async () => {});
    const pace = paced(run, { rest: 250, hidden: () => false });
    pace.request();
    expect(run).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 50; i++) pace.request();
    await vi.advanceTimersByTimeAsync(249);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("never overlaps, and rests longer after what took long", async () => {
    const done: (() => void)[] = [];
    const run = vi.fn(() => new Promise<void>((resolve) => done.push(resolve)));
    const pace = paced(run, { rest: 100, hidden: () => false });
    pace.request();
    pace.request();
    await vi.advanceTimersByTimeAsync(500);
    expect(run).toHaveBeenCalledTimes(1);
    done[0]?.();
    await vi.advanceTimersByTimeAsync(1_499);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("goes on after a failure, but not when hidden or stopped", async () => {
    let hidden = false;
    const run = vi.fn(async () => {
      throw new Error("away");
    });
    const pace = paced(run, { rest: 100, hidden: () => hidden });
    pace.request();
    await vi.advanceTimersByTimeAsync(200);
    pace.request();
    await vi.advanceTimersByTimeAsync(200);
    expect(run).toHaveBeenCalledTimes(2);
    hidden = true;
    pace.request();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run).toHaveBeenCalledTimes(2);
    hidden = false;
    pace.request();
    expect(run).toHaveBeenCalledTimes(3);
    pace.stop();
    pace.request();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run).toHaveBeenCalledTimes(3);
  });
});
