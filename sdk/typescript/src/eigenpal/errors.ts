/** One thing that is wrong with a request. */
export interface EigenpalIssue {
  /** JSON path such as `body.input`, or `<root>`. */
  field: string;
  message: string;
  code: string;
  severity: "error" | "warning" | (string & {});
}

/** The body of every error. */
export interface EigenpalErrorEnvelope {
  issues: EigenpalIssue[];
  requestId: string;
  hint?: string;
  docsUrl?: string;
}

/** The root of this API's errors. `status` is 0 when there was no answer. */
export class EigenpalError extends Error {
  override readonly name: string = "EigenpalError";
  /** HTTP status, or 0. */
  readonly status: number;
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;
  /** The answer's body, when it was an error of the API. */
  readonly envelope: EigenpalErrorEnvelope | undefined;

  constructor(message: string, status = 0, envelope?: EigenpalErrorEnvelope, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
    this.requestId = envelope?.requestId;
    this.envelope = envelope;
  }
}

/** 400: the request is wrong; `issues` says where. */
export class EigenpalValidationError extends EigenpalError {
  override readonly name: string = "EigenpalValidationError";

  get issues(): EigenpalIssue[] {
    return this.envelope?.issues ?? [];
  }
}

/** 401: the key is missing or wrong. */
export class EigenpalAuthError extends EigenpalError {
  override readonly name: string = "EigenpalAuthError";
}

/** 403: the key may not do this. */
export class EigenpalForbiddenError extends EigenpalError {
  override readonly name: string = "EigenpalForbiddenError";
}

/** 404: there is no such workflow or execution. */
export class EigenpalNotFoundError extends EigenpalError {
  override readonly name: string = "EigenpalNotFoundError";
}

/** 429: too many requests. */
export class EigenpalRateLimitError extends EigenpalError {
  override readonly name: string = "EigenpalRateLimitError";
  /** Seconds after which a request will be let through. */
  readonly retryAfter: number | undefined;

  constructor(message: string, envelope: EigenpalErrorEnvelope | undefined, retryAfter: number | undefined) {
    super(message, 429, envelope);
    this.retryAfter = retryAfter;
  }
}

/** 5xx. */
export class EigenpalServerError extends EigenpalError {
  override readonly name: string = "EigenpalServerError";
}

/** An execution that did not end within the time `runAndWait` was given. It goes on. */
export class EigenpalTimeoutError extends EigenpalError {
  override readonly name: string = "EigenpalTimeoutError";
  /** The execution that was waited for. */
  readonly executionId: string;

  constructor(executionId: string, timeoutMs: number) {
    super(`the execution has not ended within ${timeoutMs} ms (executionId=${executionId})`);
    this.executionId = executionId;
  }
}
