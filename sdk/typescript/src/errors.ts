import type { Execution, ExecutionStatus } from "./types.js";

/** The root of every error that this package makes; what a handler's own code throws is left as it is. */
export class SojournError extends Error {
  override readonly name: string = "SojournError";
}

/** One wrong field of a request. */
export interface FieldError {
  /** JSON path, for example `input.lines[2].qty`, or the name of a query parameter or header. */
  field: string;
  /** One word, for example `required` or `out_of_range`. */
  code: string;
  /** A sentence. */
  message: string;
}

/** A request that got no answer. Whether the server acted on it is unknown. */
export class APIConnectionError extends SojournError {
  override readonly name: string = "APIConnectionError";
  /** The request's method. */
  readonly method: string;
  /** The request's address, without its query. */
  readonly url: string;

  constructor(method: string, url: string, cause: unknown) {
    super(`${method} ${url}: ${reason(cause)}`, { cause });
    this.method = method;
    this.url = url;
  }
}

/** A request whose answer did not come within the client's `timeoutMs`. */
export class APITimeoutError extends APIConnectionError {
  override readonly name: string = "APITimeoutError";
}

/** What an {@link APIStatusError} is made from. */
export interface StatusErrorInit {
  status: number;
  headers?: Headers | undefined;
  code?: string | undefined;
  title?: string | undefined;
  message: string;
  errors?: FieldError[] | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  executionStatus?: ExecutionStatus | undefined;
  body?: unknown;
}

/** An answer of the server that is not a success. Its subclasses say which. */
export class APIStatusError extends SojournError {
  override readonly name: string = "APIStatusError";
  /** HTTP status. */
  readonly status: number;
  /** One word of the server's vocabulary, for example `not_found`; empty when the answer was not the server's own. */
  readonly code: string;
  /** The problem's title. */
  readonly title: string;
  /** What is wrong and what to do, without the status and code that `message` begins with. */
  readonly detail: string;
  /** The fields that are wrong; empty unless the request was invalid. */
  readonly errors: FieldError[];
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;
  /** How many milliseconds to wait before trying again, when the server said so. */
  readonly retryAfterMs: number | undefined;
  /** The state of the execution when it stood in the way. */
  readonly executionStatus: ExecutionStatus | undefined;
  /** The answer's headers. */
  readonly headers: Headers;
  /** The whole answer: decoded when it was JSON, otherwise its text. */
  readonly body: unknown;

  constructor(init: StatusErrorInit) {
    let text = `${init.status}`;
    if (init.code) text += ` ${init.code}`;
    text += `: ${init.message}`;
    for (const e of init.errors ?? []) {
      if (!init.message.includes(e.message)) text += `; ${e.field}: ${e.message}`;
    }
    if (init.requestId) text += ` (request ${init.requestId})`;
    super(text);
    this.status = init.status;
    this.code = init.code ?? "";
    this.title = init.title ?? "";
    this.detail = init.message;
    this.errors = init.errors ?? [];
    this.requestId = init.requestId;
    this.retryAfterMs = init.retryAfterMs;
    this.executionStatus = init.executionStatus;
    this.headers = init.headers ?? new Headers();
    this.body = init.body;
  }
}

/** 400, 413 or 415: the request is wrong; `errors` says where. */
export class BadRequestError extends APIStatusError {
  override readonly name: string = "BadRequestError";
}

/** 401: the key is missing, unknown, expired or revoked. */
export class AuthenticationError extends APIStatusError {
  override readonly name: string = "AuthenticationError";
}

/** 403: the key lacks a scope; `detail` names it. */
export class PermissionDeniedError extends APIStatusError {
  override readonly name: string = "PermissionDeniedError";
}

/** 404: there is no such thing in the key's project. */
export class NotFoundError extends APIStatusError {
  override readonly name: string = "NotFoundError";
}

/** 409: the state of things is in the way; `code` says how, for example `already_terminal`. */
export class ConflictError extends APIStatusError {
  override readonly name: string = "ConflictError";
}

/** 410: it was deleted. */
export class DeletedError extends APIStatusError {
  override readonly name: string = "DeletedError";
}

/** 422: the idempotency key was used for a request with another body. */
export class UnprocessableEntityError extends APIStatusError {
  override readonly name: string = "UnprocessableEntityError";
}

/** 429: too many requests, or too many open executions; `retryAfterMs` says when to come back. */
export class RateLimitError extends APIStatusError {
  override readonly name: string = "RateLimitError";
}

/** 5xx: the outcome is unknown. Repeating a start with the same idempotency key is safe. */
export class InternalServerError extends APIStatusError {
  override readonly name: string = "InternalServerError";
}

/** The class for a status. */
export function statusError(init: StatusErrorInit): APIStatusError {
  switch (init.status) {
    case 400:
    case 413:
    case 415:
      return new BadRequestError(init);
    case 401:
      return new AuthenticationError(init);
    case 403:
      return new PermissionDeniedError(init);
    case 404:
      return new NotFoundError(init);
    case 409:
      return new ConflictError(init);
    case 410:
      return new DeletedError(init);
    case 422:
      return new UnprocessableEntityError(init);
    case 429:
      return new RateLimitError(init);
    default:
      return init.status >= 500 ? new InternalServerError(init) : new APIStatusError(init);
  }
}

/**
 * A stream of events that cannot go on where it was: the server's data was restored from a backup, and the events that
 * were seen are of another timeline. Read the state anew, and open a new stream.
 */
export class EventsResetError extends SojournError {
  override readonly name: string = "EventsResetError";

  constructor() {
    super("the server's data is of another timeline than the events that were seen");
  }
}

/** An execution that did not complete. Its subclasses say how it ended. */
export class ExecutionError extends SojournError {
  override readonly name: string = "ExecutionError";
  /** The execution in its final state. */
  readonly execution: Execution;
  /** Why, as one word: the handler's code or one of the engine's, for example `poison` or `timeout`. */
  readonly code: string;

  constructor(execution: Execution, verb: string) {
    let text = `execution ${execution.id} ${verb}`;
    if (execution.error_code) text += ` (${execution.error_code})`;
    if (execution.error) text += `: ${execution.error}`;
    super(text);
    this.execution = execution;
    this.code = execution.error_code ?? "";
  }
}

/** An execution that failed. */
export class ExecutionFailedError extends ExecutionError {
  override readonly name: string = "ExecutionFailedError";
}

/** An execution that was cancelled, also by its deadline. */
export class ExecutionCancelledError extends ExecutionError {
  override readonly name: string = "ExecutionCancelledError";
}

/** An execution that was declined. */
export class ExecutionRejectedError extends ExecutionError {
  override readonly name: string = "ExecutionRejectedError";
}

/** An execution that did not end within the time a wait was given. It goes on. */
export class NotFinishedError extends ExecutionError {
  override readonly name: string = "NotFinishedError";
}

/** The error for how an execution ended; undefined when it completed or has not ended. */
export function outcomeError(execution: Execution): ExecutionError | undefined {
  switch (execution.status) {
    case "failed":
      return new ExecutionFailedError(execution, "failed");
    case "cancelled":
      return new ExecutionCancelledError(execution, "was cancelled");
    case "rejected":
      return new ExecutionRejectedError(execution, "was rejected");
    default:
      return undefined;
  }
}

/** The text of whatever was thrown; fetch hides the real reason of a failed connection in its cause. */
export function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown.cause;
  if (inner instanceof Error && (thrown.message === "fetch failed" || thrown.message === "terminated")) {
    const first = inner instanceof AggregateError ? inner.errors[0] : undefined;
    return reason(inner.message ? inner : (first ?? inner));
  }
  return thrown.message || thrown.name;
}
