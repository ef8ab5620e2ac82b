/** Waits; rejects with the signal's reason when that is aborted first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    // setTimeout fires at once for more than 2^31-1 ms; longer waits are cut, and their callers look again.
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(Math.max(ms, 0), 2_147_483_647),
    );
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What {@link timeLimit} gives. */
export interface TimeLimit {
  signal: AbortSignal;
  expired(): boolean;
  dispose(): void;
}

/** A signal that is aborted when `outer` is, or after a time; `expired` tells the two apart. */
export function timeLimit(ms: number | undefined, outer?: AbortSignal): TimeLimit {
  const abort = new AbortController();
  let over = false;
  const passOn = () => abort.abort(outer?.reason);
  if (outer?.aborted) passOn();
  outer?.addEventListener("abort", passOn, { once: true });
  const timer =
    ms === undefined
      ? undefined
      : setTimeout(
          () => {
            over = !abort.signal.aborted;
            abort.abort(new DOMException(`the time of ${ms} ms is over`, "TimeoutError"));
          },
          Math.min(Math.max(ms, 0), 2_147_483_647),
        );
  return {
    signal: abort.signal,
    expired: () => over,
    dispose: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", passOn);
    },
  };
}
