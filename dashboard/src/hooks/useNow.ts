import { useCallback, useSyncExternalStore } from "react";

interface Clock {
  now: number;
  listeners: Set<() => void>;
  timer: ReturnType<typeof setInterval> | undefined;
}
const clocks = new Map<number, Clock>();

function clockOf(interval: number): Clock {
  let clock = clocks.get(interval);
  if (!clock) {
    clock = { now: Date.now(), listeners: new Set(), timer: undefined };
    clocks.set(interval, clock);
  }
  return clock;
}

/**
 * The time in milliseconds, read again every so many of them. All users of one interval share a timer and change together;
 * nothing ticks in a hidden tab.
 */
export function useNow(interval = 1000): number {
  const subscribe = useCallback(
    (listener: () => void) => {
      const clock = clockOf(interval);
      clock.listeners.add(listener);
      clock.timer ??= setInterval(() => {
        if (document.visibilityState === "hidden") return;
        clock.now = Date.now();
        for (const each of clock.listeners) each();
      }, interval);
      return () => {
        clock.listeners.delete(listener);
        if (clock.listeners.size === 0) {
          clearInterval(clock.timer);
          clock.timer = undefined;
        }
      };
    },
    [interval],
  );
  return useSyncExternalStore(subscribe, () => {
    const clock = clockOf(interval);
    // Without a timer nobody has kept it.
    if (clock.timer === undefined && Date.now() - clock.now >= interval) clock.now = Date.now();
    return clock.now;
  });
}
