/**
 * Seed API of human-sdk Workflows over a Sojourn server: `client.workflows.start`, `get`, `list`, `cancel` and
 * `waitForCompletion`, with its five states and its error classes.
 *
 * @module
 */
import { Sojourn } from "../client.js";
import { APIStatusError } from "../errors.js";
import { environment } from "../internal/environment.js";
import { pause } from "../internal/pause.js";
import { part, query } from "../internal/query.js";
import { uuidv7 } from "../internal/uuid.js";
import type { Execution, Step } from "../types.js";

/** ISO 8601 in UTC. */
export type Timestamp = string;

/** The five states of this API. */
export type ExecutionStatus = "pending" | "running" | "completed" | "failed" | "cancelled";

export interface ExecutionStep {
  /** Unique step identifier */
  id: string;
  /** Human-readable step name */
  name: string;
  /** Current step status */
  status: ExecutionStatus;
  /** Step input payload (workflow-defined) */
  input?: Record<string, unknown>;
  /** Step output payload (available when completed) */
  output?: Record<string, unknown>;
  /** When the step started executing */
  started_at?: Timestamp;
  /** When the step finished (completed, failed, or cancelled) */
  completed_at?: Timestamp;
  /** Error message if step failed */
  error?: string;
}

export interface AsyncExecution {
  /** Unique execution identifier */
  id: string;
  /** Current execution status */
  status: ExecutionStatus;
  /** Input payload provided at execution start */
  input: Record<string, unknown>;
  /** Output payload (available when status is 'completed'); what is not an object stands under `value` */
  output?: Record<string, unknown>;
  /** Error description (available when status is 'failed') */
  error?: string;
  /** When execution began running; until then, when it was created */
  started_at: Timestamp;
  /** When execution finished (completed, failed, or cancelled) */
  completed_at?: Timestamp;
  /** Execution progress as a value between 0 and 1, for workflows that report it */
  progress?: number;
  /** Ordered list of execution steps */
  steps?: ExecutionStep[];
  /** The workflow that it runs */
  workflow_id?: string;
  /** When it was started */
  created_at?: Timestamp;
}

export interface StartExecutionRequest {
  /** Workflow identifier to execute: an id or a name (optional when the client has a default) */
  workflow_id?: string;
  /** Input payload passed to the workflow */
  input: Record<string, unknown>;
  /** Maximum wall-clock time in milliseconds before the execution is automatically cancelled; default: the workflow's */
  timeout_ms?: number;
  /** URL that will receive a POST callback when the execution reaches a terminal state; see `verifyWebhook` */
  callback_url?: string;
}

export interface ExecutionListFilters {
  /** Filter by execution status */
  status?: ExecutionStatus;
  /** Filter by originating workflow */
  workflow_id?: string;
  /** Items per page, 1 to 100; default 20 */
  limit?: number;
  /** `next_cursor` of the page before */
  cursor?: string | null;
}

/** One page of executions, newest first. */
export interface ExecutionPage {
  data: AsyncExecution[];
  has_more: boolean;
  /** Null on the last page. */
  next_cursor: string | null;
}

export interface WaitOptions {
  /** Pause between two looks; default 2,000 */
  poll_interval_ms?: number;
  /** How long to wait; default 300,000 */
  timeout_ms?: number;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** The base of the errors of this API. */
export class HumanError extends Error {
  override readonly name: string = "HumanError";
  /** HTTP status. */
  readonly status: number;
  /** One word for programs. */
  readonly code: string;
  /** The fields that are wrong. */
  readonly errors: { field: string; code: string; message: string }[];
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;

  constructor(cause: APIStatusError) {
    super(cause.detail, { cause });
    this.status = cause.status;
    this.code = cause.code;
    this.errors = cause.errors;
    this.requestId = cause.requestId;
  }
}

/** The request payload is invalid. */
export class ValidationError extends HumanError {
  override readonly name: string = "ValidationError";
}

/** The execution or the workflow does not exist. */
export class NotFoundError extends HumanError {
  override readonly name: string = "NotFoundError";
}

/** The key is missing, wrong, or not allowed to do this. */
export class AuthorizationError extends HumanError {
  override readonly name: string = "AuthorizationError";
}

/** The execution is already in a terminal state. */
export class ConflictError extends HumanError {
  override readonly name: string = "ConflictError";
}

/** Too many requests. */
export class RateLimitError extends HumanError {
  override readonly name: string = "RateLimitError";
  /** When to come back, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(cause: APIStatusError) {
    super(cause);
    this.retryAfterMs = cause.retryAfterMs;
  }
}

export interface HumanClientOptions {
  /** Default: the environment variable `HUMAN_API_KEY`. */
  apiKey?: string;
  /** The server's address. Default: `HUMAN_API_URL`, else http://127.0.0.1:7373. */
  baseUrl?: string;
  /** Used by `start` when the request names none. */
  workflowId?: string;
  /** Milliseconds that one try of a request may take; default 30,000. */
  timeoutMs?: number;
  /** How often a request is sent again after a failure that may pass; default 2. */
  maxRetries?: number;
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
}

/**
 * The client of this API.
 *
 * ```ts
 * import { HumanClient } from "sojourn/human";
 *
 * const client = new HumanClient({ apiKey, baseUrl: "http://127.0.0.1:7373" });
 * const execution = await client.workflows.start({ workflow_id: "wf_summarize", input: { text: "Hello world" } });
 * ```
 */
export class HumanClient {
  readonly workflows: Workflows;

  constructor(options: HumanClientOptions = {}) {
    const { workflowId, ...rest } = options;
    const apiKey = options.apiKey ?? environment("HUMAN_API_KEY") ?? "";
    if (apiKey === "") throw new Error("no API key: pass apiKey or set the environment variable HUMAN_API_KEY");
    const baseUrl = options.baseUrl ?? environment("HUMAN_API_URL") ?? "http://127.0.0.1:7373";
    this.workflows = new Workflows(new Sojourn({ ...rest, apiKey, baseUrl }), workflowId);
  }
}

/** Run async tasks with full lifecycle tracking: start, monitor, cancel, and wait for completion. */
export class Workflows {
  readonly #client: Sojourn;
  readonly #workflow: string | undefined;

  /** @internal */
  constructor(client: Sojourn, workflow: string | undefined) {
    this.#client = client;
    this.#workflow = workflow;
  }

  /**
   * Starts an execution and returns at once. It may be retried: one call makes one execution.
   *
   * @throws {ValidationError} if the request payload is invalid
   * @throws {NotFoundError} if the workflow does not exist
   */
  async start(request: StartExecutionRequest): Promise<AsyncExecution> {
    const json = { ...request, workflow_id: request.workflow_id ?? this.#workflow };
    const headers = { "Idempotency-Key": uuidv7() };
    return view(await this.#send("POST", "/v1/executions", { json, headers }));
  }

  /**
   * Reads an execution, with its steps.
   *
   * @throws {NotFoundError} if the execution does not exist
   * @throws {AuthorizationError} if not authorized to view it
   */
  async get(id: string): Promise<AsyncExecution> {
    return view(await this.#send("GET", `/v1/executions/${part(id)}`, { query: query({ include: "steps" }) }));
  }

  /** Lists executions, newest first. */
  async list(filters: ExecutionListFilters = {}): Promise<ExecutionPage> {
    const page = await this.#send<{ data: Execution[]; has_more: boolean; next_cursor: string | null }>(
      "GET",
      "/v1/executions",
      {
        query: query({
          status: filters.status === undefined ? undefined : (wider[filters.status] ?? filters.status),
          workflow_id: filters.workflow_id,
          limit: filters.limit,
          cursor: filters.cursor,
        }),
      },
    );
    return { data: page.data.map(view), has_more: page.has_more, next_cursor: page.next_cursor ?? null };
  }

  /**
   * Requests cooperative cancellation. The execution may take time to wind down.
   *
   * @throws {NotFoundError} if the execution does not exist
   * @throws {AuthorizationError} if not authorized to cancel it
   * @throws {ConflictError} if it is already in a terminal state
   */
  async cancel(id: string): Promise<AsyncExecution> {
    return view(await this.#send("POST", `/v1/executions/${part(id)}/cancel`, { json: {} }));
  }

  /**
   * Polls the execution until it is completed, failed or cancelled. It is not cancelled when the time is over.
   *
   * @throws {NotFoundError} if the execution does not exist
   * @throws {Error} if the timeout elapses first
   */
  async waitForCompletion(id: string, options: WaitOptions = {}): Promise<AsyncExecution> {
    const interval = options.poll_interval_ms ?? 2_000;
    const timeout = options.timeout_ms ?? 300_000;
    const deadline = Date.now() + timeout;
    for (;;) {
      options.signal?.throwIfAborted();
      const execution = await this.get(id);
      if (execution.status !== "pending" && execution.status !== "running") return execution;
      const left = deadline - Date.now();
      if (left <= 0) {
        throw new Error(`timeout: execution ${id} is ${execution.status} after ${timeout} ms`);
      }
      await pause(Math.min(interval, left), options.signal);
    }
  }

  async #send<T = Execution>(
    method: string,
    path: string,
    call: { json?: unknown; query?: URLSearchParams; headers?: Record<string, string> },
  ): Promise<T> {
    try {
      return (await this.#client.transport.call<T>({ method, path, ...call })).data;
    } catch (error) {
      throw error instanceof APIStatusError ? translate(error) : error;
    }
  }
}

function translate(error: APIStatusError): HumanError {
  switch (error.status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return new ValidationError(error);
    case 401:
    case 403:
      return new AuthorizationError(error);
    case 404:
    case 410:
      return new NotFoundError(error);
    case 409:
      return new ConflictError(error);
    case 429:
      return new RateLimitError(error);
    default:
      return new HumanError(error);
  }
}

/** The server's states behind each of the five. */
const wider: Record<string, string[]> = {
  pending: ["created", "pending"],
  running: ["running", "waiting", "finalizing"],
  failed: ["failed", "rejected"],
};

function statusOf(status: string): ExecutionStatus {
  for (const [ours, theirs] of Object.entries(wider)) {
    if (theirs.includes(status)) return ours as ExecutionStatus;
  }
  return status as ExecutionStatus;
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return { value };
}

/** An execution as this API shows it. */
function view(execution: Execution): AsyncExecution {
  const out: AsyncExecution = {
    id: execution.id,
    status: statusOf(execution.status),
    input: execution.input ?? {},
    started_at: execution.started_at ?? execution.created_at,
    workflow_id: execution.workflow_id,
    created_at: execution.created_at,
  };
  if (execution.status === "completed") out.output = object(execution.output ?? null);
  if (execution.status === "rejected") out.error = `rejected: ${execution.error ?? "the work was declined"}`;
  else if (execution.error !== undefined) out.error = execution.error;
  if (execution.completed_at !== undefined) out.completed_at = execution.completed_at;
  if (execution.progress !== undefined) out.progress = execution.progress;
  if (execution.steps !== undefined) out.steps = execution.steps.map(viewStep);
  return out;
}

function viewStep(step: Step & { input?: unknown }): ExecutionStep {
  const out: ExecutionStep = { id: step.id, name: step.name, status: statusOf(step.status) };
  if (step.input !== undefined) out.input = object(step.input);
  if (step.status === "completed") out.output = object(step.output ?? null);
  if (step.started_at !== undefined) out.started_at = step.started_at;
  if (step.completed_at !== undefined) out.completed_at = step.completed_at;
  if (step.error !== undefined) out.error = step.error;
  return out;
}
