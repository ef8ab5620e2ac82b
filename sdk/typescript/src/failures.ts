import { SojournError } from "./errors.js";

/** More about a {@link HandlerError}. */
export interface HandlerErrorOptions {
  /** One word for programs; default `error`. */
  code?: string;
  /** Kept beside the message. */
  details?: Record<string, unknown>;
  /** False: trying again cannot help, whatever the retry policy says. Default true. */
  retryable?: boolean;
  cause?: unknown;
}

/**
 * An error of a step or a handler with a code, details, or the wish not to be retried. Any other error may be thrown
 * too: its code is its own `code` when that is a text, and its stack is kept.
 */
export class HandlerError extends SojournError {
  override readonly name: string = "HandlerError";
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;
  readonly retryable: boolean;

  constructor(message: string, options: HandlerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? "error";
    this.details = options.details;
    this.retryable = options.retryable ?? true;
  }
}

/**
 * Declines the work: thrown by a handler or step, it ends the execution `rejected`, not failed, and is not retried.
 */
export class RejectError extends SojournError {
  override readonly name: string = "RejectError";
  /** One word for programs. */
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: string, message: string, options: { details?: Record<string, unknown> } = {}) {
    super(message);
    this.code = code;
    this.details = options.details;
  }
}

/**
 * A step that failed for good: after its retries, or because a retry cannot help. It says the same when the handler is
 * run again and the step is not, so it does not hold the error that the step threw: use codes to tell errors apart.
 */
export class StepError extends SojournError {
  override readonly name: string = "StepError";
  /** The step as recorded. */
  readonly step: string;
  readonly code: string;
  /** What the step's error said. */
  readonly detail: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** @internal */
  readonly final: boolean;
  /** @internal */
  readonly details: Record<string, unknown> | undefined;

  constructor(
    step: string,
    code: string,
    detail: string,
    attempts: number,
    more: { final?: boolean; details?: Record<string, unknown> | undefined } = {},
  ) {
    super(`step ${JSON.stringify(step)} failed: ${detail}`);
    this.step = step;
    this.code = code;
    this.detail = detail;
    this.attempts = attempts;
    this.final = more.final ?? false;
    this.details = more.details;
  }
}

/**
 * The record of the execution does not fit the code that runs it: a step was a sleep before, or had another input, or
 * its recorded output does not fit its schema. The execution fails with code `step_mismatch` whatever the handler does.
 */
export class StepMismatchError extends SojournError {
  override readonly name: string = "StepMismatchError";
  readonly step: string;
  readonly code = "step_mismatch";

  constructor(step: string, message: string) {
    super(`step ${JSON.stringify(step)} does not fit its record: ${message}`);
    this.step = step;
  }
}

/**
 * A step name that cannot be matched safely: not a name, or used at the same time as another without a key. The
 * execution fails with code `step_name` whatever the handler does.
 */
export class StepNameError extends SojournError {
  override readonly name: string = "StepNameError";
  readonly step: string;
  readonly code = "step_name";

  constructor(step: string, message: string) {
    super(`step name ${JSON.stringify(step)}: ${message}`);
    this.step = step;
  }
}

/** How an approval was decided. */
export interface Decision {
  /** What the approver wrote. */
  comment?: string;
  /** Who it was, as the decider said. */
  by?: string;
  /** What came with the decision. */
  payload?: unknown;
}

/**
 * An approval that was refused. A handler that lets it pass ends its execution `rejected`, with code
 * `approval_rejected` and the comment as message.
 */
export class ApprovalRejectedError extends SojournError {
  override readonly name: string = "ApprovalRejectedError";
  readonly code = "approval_rejected";
  /** Name of the wait, with its key. */
  readonly approval: string;
  readonly decision: Decision;

  constructor(approval: string, decision: Decision) {
    let text = `approval ${JSON.stringify(approval)} was rejected`;
    if (decision.by) text += ` by ${decision.by}`;
    if (decision.comment) text += `: ${decision.comment}`;
    super(text);
    this.approval = approval;
    this.decision = decision;
  }
}

/** A wait whose time passed first. A handler that lets it pass fails its execution with code `wait_timeout`. */
export class WaitTimeoutError extends SojournError {
  override readonly name: string = "WaitTimeoutError";
  readonly code = "wait_timeout";
  /** The wait as recorded. */
  readonly step: string;

  constructor(kind: string, step: string) {
    super(`${kind} ${JSON.stringify(step)} did not come in time`);
    this.step = step;
  }
}

/** How often and after what delays a failed step, or a failed execution, is tried again. */
export interface RetryPolicy {
  /** Tries in all; default 3. `Infinity`: no limit. */
  maxAttempts?: number;
  /** Delay before the second try in milliseconds; default 1,000. */
  initialMs?: number;
  /** Longest delay in milliseconds; default 300,000. */
  maxMs?: number;
  /** Growth of the delay from try to try, 1 to 100; default 2. */
  coefficient?: number;
  /** Share of the delay, 0 to 1, that is random; default 0.2. */
  jitter?: number;
}
