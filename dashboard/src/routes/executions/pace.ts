/**
 * Runs something when asked, at once, but never twice at a time and never again before a rest; what is asked for meanwhile
 * becomes one more run. Nothing runs in a hidden tab: whoever shows it again asks again.
 */
export interface Paced {
  request: () => void;
  stop: () => void;
}

const longestRest = 3_000;

export function paced(
  run: () => Promise<unknown>,
  options: {
    /** Milliseconds from the start of one run to the next; a run that takes long earns a longer rest. */
    rest: number;
    hidden?: () => boolean;
  },
): Paced {
  const hidden = options.hidden ?? (() => document.visibilityState === "hidden");
  let running = false;
  let wanted = false;
  let stopped = false;
  let next = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const begin = async () => {
    timer = undefined;
    if (stopped || hidden()) return;
    running = true;
    wanted = false;
    const start = performance.now();
    try {
      await run();
    } catch {
      // Whoever runs it says what went wrong; the next request tries again.
    }
    const end = performance.now();
    next = start + Math.max(options.rest, Math.min((end - start) * 4, longestRest));
    running = false;
    if (wanted) request();
  };
  const request = () => {
    if (stopped) return;
    if (running || timer !== undefined) {
      wanted = true;
      return;
    }
    const wait = next - performance.now();
    if (wait <= 0) void begin();
    else timer = setTimeout(() => void begin(), wait);
  };
  return {
    request,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
