import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LiveEvent, setLivePaused, useLiveState, type Watcher, watchExecution, watchProject } from "./live";

class FakeSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static opened: FakeSource[] = [];
  static get last(): FakeSource {
    const last = FakeSource.opened.at(-1);
    if (!last) throw new Error("no stream was opened");
    return last;
  }
  readyState = FakeSource.CONNECTING;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeSource.opened.push(this);
  }

  close(): void {
    this.readyState = FakeSource.CLOSED;
  }

  accept(): void {
    this.readyState = FakeSource.OPEN;
    act(() => this.onopen?.());
  }

  /** The connection broke; given up is what browsers do after an answer that is no stream. */
  fail(givenUp: boolean): void {
    this.readyState = givenUp ? FakeSource.CLOSED : FakeSource.CONNECTING;
    act(() => this.onerror?.());
  }

  send(type: string, data: unknown, id: string): void {
    act(() => {
      this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId: id }));
    });
  }
}

const event = (revision: number): LiveEvent => ({
  revision,
  type: "progressed",
  at: "2026-11-22T09:00:00.000Z",
  actor: { type: "worker" },
  status: "running",
});

let stops: (() => void)[] = [];
function follow(watcher: Watcher, id?: string, after = 0): () => void {
  const stop = id === undefined ? watchProject(watcher) : watchExecution(id, after, watcher);
  stops.push(stop);
  return stop;
}

function hide(hidden: boolean): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(hidden ? "hidden" : "visible");
  act(() => {
    document.dispatchEvent(new Event("visibilitychange"));
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.opened = [];
  vi.stubGlobal("EventSource", FakeSource);
});

afterEach(async () => {
  hide(false);
  act(() => setLivePaused(false));
  for (const stop of stops) stop();
  stops = [];
  await act(async () => Promise.resolve());
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a stream", () => {
  it("is one connection for all who follow the same, and closes after the last", async () => {
    const first = vi.fn();
    const second = vi.fn();
    const stopFirst = follow({ onEvent: first });
    const stopSecond = follow({ onEvent: second });
    expect(FakeSource.opened.map((source) => source.url)).toEqual(["/ui/v1/events"]);
    FakeSource.last.accept();
    FakeSource.last.send("progressed", event(1), "a");
    expect(first).toHaveBeenCalledWith(event(1));
    expect(second).toHaveBeenCalledTimes(1);
    stopFirst();
    await Promise.resolve();
    expect(FakeSource.last.readyState).toBe(FakeSource.OPEN);
    stopSecond();
    await Promise.resolve();
    expect(FakeSource.last.readyState).toBe(FakeSource.CLOSED);
  });

  it("of an execution begins behind the revision that is known", () => {
    follow({}, "exec_1", 7);
    expect(FakeSource.last.url).toBe("/ui/v1/executions/exec_1/events?after=7");
  });

  it("says that it reconnects, and leaves the reconnecting to the browser while that tries", () => {
    const state = renderHook(() => useLiveState());
    expect(state.result.current).toBe("off");
    act(() => void follow({}));
    expect(state.result.current).toBe("connecting");
    FakeSource.last.accept();
    expect(state.result.current).toBe("live");
    FakeSource.last.fail(false);
    expect(state.result.current).toBe("reconnecting");
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.opened).toHaveLength(1);
    FakeSource.last.accept();
    expect(state.result.current).toBe("live");
  });

  it("opens again behind the last event where the browser gave up, more and more rarely", () => {
    const state = renderHook(() => useLiveState());
    act(() => void follow({}));
    FakeSource.last.accept();
    FakeSource.last.send("progressed", event(1), "place 1");
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = FakeSource.opened.length;
      FakeSource.last.fail(true);
      let waited = 0;
      while (FakeSource.opened.length === before && waited < 60_000) {
        act(() => vi.advanceTimersByTime(500));
        waited += 500;
      }
      waits.push(waited);
      expect(state.result.current).toBe("reconnecting");
      expect(FakeSource.last.url).toBe("/ui/v1/events?after=place+1");
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
    FakeSource.last.accept();
    FakeSource.last.fail(true);
    act(() => vi.advanceTimersByTime(1000));
    expect(FakeSource.opened).toHaveLength(8);
  });

  it("is closed while the tab is hidden, and goes on where it stopped", () => {
    const state = renderHook(() => useLiveState());
    const onGap = vi.fn();
    act(() => void follow({ onGap }));
    FakeSource.last.accept();
    FakeSource.last.send("progressed", event(1), "place 1");
    hide(true);
    expect(FakeSource.last.readyState).toBe(FakeSource.CLOSED);
    expect(state.result.current).toBe("paused");
    hide(false);
    expect(FakeSource.last.url).toBe("/ui/v1/events?after=place+1");
    expect(onGap).not.toHaveBeenCalled();
  });

  it("says that events may be missing after a pause before which none had come", () => {
    const onGap = vi.fn();
    follow({ onGap });
    FakeSource.last.accept();
    act(() => setLivePaused(true));
    act(() => setLivePaused(false));
    expect(FakeSource.opened).toHaveLength(2);
    expect(onGap).toHaveBeenCalledTimes(1);
  });

  it("passes on that the timeline was restored", () => {
    const onGap = vi.fn();
    follow({ onGap });
    FakeSource.last.accept();
    FakeSource.last.send("reset", {}, "place 9");
    expect(onGap).toHaveBeenCalledTimes(1);
    FakeSource.last.fail(true);
    vi.advanceTimersByTime(1000);
    expect(FakeSource.last.url).toBe("/ui/v1/events?after=place+9");
  });

  it("ends with the execution and is not opened again", () => {
    const state = renderHook(() => useLiveState());
    const onEnd = vi.fn();
    act(() => void follow({ onEnd }, "exec_1", 1));
    FakeSource.last.accept();
    FakeSource.last.send("end", { status: "completed" }, "9");
    expect(onEnd).toHaveBeenCalledWith({ status: "completed" });
    expect(state.result.current).toBe("off");
    hide(true);
    hide(false);
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.opened).toHaveLength(1);
  });
});
