import { SojournError } from "./errors.js";

/**
 * Why a handler is interrupted:
 * - `suspended`: the execution waits without holding this worker; the handler runs again from the top when it is over
 * - `cancel_requested`: somebody asked for the execution to be cancelled
 * - `lease_lost`: the execution is no longer this worker's; another may already run it
 * - `draining`: the worker stops; the execution is given back and does not lose an attempt
 * - `returned`: the handler has already ended
 */
export type InterruptionReason = "suspended" | "cancel_requested" | "lease_lost" | "draining" | "returned";

const texts: Record<InterruptionReason, string> = {
  suspended: "suspended: the handler runs again when the wait is over",
  cancel_requested: "a cancel was requested",
  lease_lost: "the lease was lost",
  draining: "the worker is draining",
  returned: "the handler has returned",
};

/**
 * What unwinds a handler that must stop. It comes out of every method of the context, and is the reason of `ctx.signal`.
 * Let it pass, after cleaning up in `finally`. A handler that catches it and goes on changes nothing: every further
 * method throws it again, and what the handler returns does not count unless the reason was a cancel.
 */
export class InterruptedError extends SojournError {
  override readonly name: string = "InterruptedError";
  readonly reason: InterruptionReason;

  constructor(reason: InterruptionReason) {
    super(texts[reason]);
    this.reason = reason;
  }
}

/** Whether something that was caught is an interruption, which should be thrown on. */
export function isInterruption(error: unknown): error is InterruptedError {
  return error instanceof InterruptedError;
}
