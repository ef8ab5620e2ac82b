import {
  ApprovalRejectedError,
  HandlerError,
  RejectError,
  type RetryPolicy,
  StepError,
  StepMismatchError,
  StepNameError,
  WaitTimeoutError,
} from "../failures.js";
import { byteLength } from "./names.js";

const MAX_MESSAGE = 8 << 10;
const MAX_STACK = 16 << 10;
const MAX_DETAILS = 64 << 10;
const MAX_CODE = 100;

/** An error as the protocol carries it. */
export interface Failure {
  code: string;
  message: string;
  details?: unknown;
}

/** What is to be reported of something that was thrown, and whether a retry cannot help. */
export function failureOf(thrown: unknown): { failure: Failure; final: boolean } {
  try {
    return describe(thrown);
  } catch (error) {
    // Getters and toString are the user's code.
    return {
      failure: { code: "error", message: clip(`the error cannot be shown: ${error}`, MAX_MESSAGE) },
      final: false,
    };
  }
}

function describe(thrown: unknown): { failure: Failure; final: boolean } {
  const message = clip(thrown instanceof Error ? thrown.message || thrown.name : String(thrown), MAX_MESSAGE);
  const own = (thrown as { code?: unknown } | null | undefined)?.code;
  const code = clip(typeof own === "string" && own !== "" ? own : "error", MAX_CODE);
  if (thrown instanceof HandlerError)
    return { failure: failure(code, message, thrown.details), final: !thrown.retryable };
  if (thrown instanceof StepError) return { failure: failure(code, message, thrown.details), final: thrown.final };
  const rejection = rejectionOf(thrown);
  if (rejection) return { failure: rejection, final: true };
  if (thrown instanceof StepMismatchError || thrown instanceof StepNameError || thrown instanceof WaitTimeoutError) {
    return { failure: failure(code, message), final: true };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { failure: failure(code, message, stack ? { stack: clip(stack, MAX_STACK) } : undefined), final: false };
}

function failure(code: string, message: string, details?: Record<string, unknown>): Failure {
  return details === undefined ? { code, message } : { code, message, details: checkedDetails(details) };
}

/** The rejection that something thrown is, if it is one. */
export function rejectionOf(thrown: unknown): Failure | undefined {
  if (thrown instanceof RejectError) {
    return failure(clip(thrown.code, MAX_CODE), clip(thrown.message, MAX_MESSAGE), thrown.details);
  }
  if (thrown instanceof ApprovalRejectedError) {
    return failure(thrown.code, clip(thrown.decision.comment || thrown.message, MAX_MESSAGE));
  }
  return undefined;
}

function checkedDetails(details: unknown): unknown {
  try {
    const text = JSON.stringify(details);
    if (text === undefined) return undefined;
    if (text.length > MAX_DETAILS) {
      return { details_error: `the details took ${text.length} characters of at most ${MAX_DETAILS}` };
    }
    return text.startsWith("{") ? details : { value: details };
  } catch (error) {
    return { details_error: String(error) };
  }
}

/** Shortens a text to at most so many bytes, and replaces halves of characters. */
export function clip(text: string, most: number): string {
  text = text.replace(/\p{Cs}/gu, "\ufffd");
  if (byteLength(text) <= most) return text;
  let end = Math.min(text.length, most - 3);
  while (byteLength(text.slice(0, end)) > most - 3) end -= Math.ceil((byteLength(text.slice(0, end)) - (most - 3)) / 3);
  if (/[\ud800-\udbff]/.test(text[end - 1] ?? "")) end--;
  return `${text.slice(0, end)}…`;
}

/** A retry policy with its defaults filled in, as the protocol has it. */
export interface CompleteRetry {
  max_attempts: number;
  initial_interval_ms: number;
  max_interval_ms: number;
  coefficient: number;
  jitter: number;
}

/** Fills in the defaults, so that worker and server compute the same delays. */
export function completeRetry(retry: RetryPolicy | number | undefined): CompleteRetry | undefined {
  if (retry === undefined) return undefined;
  const policy: RetryPolicy = typeof retry === "number" ? { maxAttempts: retry } : retry;
  const attempts = policy.maxAttempts ?? 3;
  if (!(attempts >= 1) || (attempts !== Number.POSITIVE_INFINITY && !Number.isInteger(attempts))) {
    throw new RangeError(
      `sojourn: maxAttempts of a retry must be a whole number from 1, or Infinity; it is ${attempts}`,
    );
  }
  const initial = Math.max(Math.ceil(policy.initialMs ?? 1000), 0);
  const most = Math.max(Math.ceil(policy.maxMs ?? Math.max(300_000, initial)), 1);
  return {
    max_attempts: Math.min(attempts, 2_147_483_647),
    initial_interval_ms: Math.min(initial, most),
    max_interval_ms: most,
    coefficient: Math.min(Math.max(policy.coefficient ?? 2, 1), 100),
    jitter: Math.min(Math.max(policy.jitter ?? 0.2, 0), 1),
  };
}

/** The wait after a failed try, counted from 1, in milliseconds. */
export function delayAfter(retry: CompleteRetry, attempt: number): number {
  const d = Math.min(retry.initial_interval_ms * retry.coefficient ** (attempt - 1), retry.max_interval_ms);
  return d - d * retry.jitter * Math.random();
}
