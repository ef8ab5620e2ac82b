/**
 * The API of EigenPal's workflows over a Sojourn server: `client.workflows.run` and `client.workflows.executions`. It
 * speaks the routes under `/api/v1/workflows`.
 *
 * @module
 */
import { APIConnectionError, APIStatusError, SojournError } from "../errors.js";
import { type FileContent, guessType, toFile, Upload } from "../files.js";
import { environment, inBrowser, operatingSystem, runtime } from "../internal/environment.js";
import { pause } from "../internal/pause.js";
import { part, query } from "../internal/query.js";
import { type Call, retryDelay, Transport } from "../internal/transport.js";
import { uuidv7 } from "../internal/uuid.js";
import { VERSION } from "../version.js";
import {
  EigenpalAuthError,
  EigenpalError,
  type EigenpalErrorEnvelope,
  EigenpalForbiddenError,
  EigenpalNotFoundError,
  EigenpalRateLimitError,
  EigenpalServerError,
  EigenpalTimeoutError,
  EigenpalValidationError,
} from "./errors.js";

export * from "./errors.js";
export { toFile };

/** The states of an execution. The first five are not final. */
export type ExecutionStatus =
  | "created"
  | "pending"
  | "running"
  | "waiting"
  | "finalizing"
  | "completed"
  | "failed"
  | "cancelled"
  | "rejected"
  | (string & {});

/** The answer to a run. `status` is there when it ended within `waitForCompletion`. */
export interface RunResponse {
  executionId: string;
  status?: ExecutionStatus;
  /** When completed. */
  result?: unknown;
  /** When failed or rejected. */
  error?: string;
  [member: string]: unknown;
}

/** The state of an execution. */
export interface ExecutionStatusResponse {
  executionId: string;
  status: ExecutionStatus;
  createdAt: string;
  completedAt: string | null;
  /** When completed. */
  result: unknown;
  /** When failed or rejected. */
  error: string | null;
  [member: string]: unknown;
}

/** An execution in a list. */
export interface ExecutionSummary {
  id: string;
  workflowId: string;
  status: ExecutionStatus;
  triggerType: string | null;
  triggerInput: Record<string, unknown> | null;
  result: unknown;
  error: string | null;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  /** Null when the workflow was deleted. */
  workflow: { id: string; name: string } | null;
  [member: string]: unknown;
}

/** A step of an execution. */
export interface ExecutionStep {
  id: string;
  name: string;
  status: ExecutionStatus;
  input: unknown;
  output: unknown;
  error: string | null;
  startedAt: string | null;
  completedAt: string | null;
  [member: string]: unknown;
}

/** An execution with its steps, in their order. */
export interface ExecutionDetail extends ExecutionSummary {
  steps: ExecutionStep[];
}

/** The answer to a cancel. */
export interface CancelResponse {
  executionId: string;
  status: "cancelled" | "cancellation-requested" | "already-terminal" | (string & {});
  /** The state when it was asked. */
  wasStatus: ExecutionStatus;
  [member: string]: unknown;
}

/** How an execution that was waited for ended. */
export interface RunAndWaitResult {
  executionId: string;
  status: ExecutionStatus;
  result?: unknown;
  error?: string;
}

/** One page of a list. */
export interface Page<T> {
  data: T[];
  /** How many there are in all. */
  total: number;
  limit: number;
  offset: number;
}

/** A workflow. */
export interface WorkflowSummary {
  id: string;
  name: string | null;
  /** Current release tag. */
  version: string | null;
  createdAt: string;
  updatedAt?: string;
  yamlContent?: string | null;
  [member: string]: unknown;
}

/** A version of a workflow. */
export interface WorkflowVersion {
  id: string;
  workflowId: string;
  version: string | null;
  isCurrent?: boolean;
  createdAt?: string;
  [member: string]: unknown;
}

/** A file in the top level of an input. */
export type FileValue = Blob | Upload | { content: FileContent; filename: string; mimeType?: string };

export interface EigenpalClientOptions {
  /** Default: the environment variable `EIGENPAL_API_KEY`. */
  apiKey?: string;
  /** The server's address. Default: `EIGENPAL_BASE_URL`, else http://127.0.0.1:7373. */
  baseUrl?: string;
  /** Milliseconds that one try of a request may take, the hold of a run not counted; default 60,000. */
  timeoutMs?: number;
  /** How often a request is sent again after 429 or 5xx; default 3. A repeated run makes no second execution. */
  maxRetries?: number;
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** More headers for every request. */
  defaultHeaders?: Record<string, string>;
}

export interface RunOptions {
  /** Version id, release tag or `latest`; default: the current one. */
  version?: string;
  /** Hold the answer until the run has ended, at most so many seconds, 0 to 60; default 0. */
  waitForCompletion?: number;
  /** Outputs of steps that are not to run, by step: `{ steps: { … } }` or flat. */
  overrides?: Record<string, unknown>;
  /** Ends the request, not the run. */
  signal?: AbortSignal;
}

export interface RunAndWaitOptions extends Omit<RunOptions, "waitForCompletion"> {
  /** Pause between two looks in milliseconds; default 2,000. */
  pollIntervalMs?: number;
  /** How long to wait in milliseconds; default 300,000. */
  timeoutMs?: number;
}

export interface ExecutionListOptions {
  status?: ExecutionStatus | ExecutionStatus[];
  /** ISO 8601, or `now()` with shifts such as `now()-7d`. */
  fromDate?: string;
  toDate?: string;
  exampleId?: string;
  /** 1 to 100; default 50. */
  limit?: number;
  offset?: number;
  signal?: AbortSignal;
}

/**
 * The client of this API.
 *
 * ```ts
 * import { EigenpalClient } from "sojourn/eigenpal";
 *
 * const client = new EigenpalClient({ apiKey, baseUrl: "http://127.0.0.1:7373" });
 * const run = await client.workflows.run("extract-invoice", { contract_document: file }, { waitForCompletion: 60 });
 * ```
 */
export class EigenpalClient {
  readonly workflows: Workflows;

  /** @throws {EigenpalError} with status 0 when there is no API key */
  constructor(options: EigenpalClientOptions = {}) {
    const key = options.apiKey ?? environment("EIGENPAL_API_KEY") ?? "";
    if (key === "") throw new EigenpalError("no API key: pass apiKey or set the environment variable EIGENPAL_API_KEY");
    const headers: Record<string, string> = {
      Accept: "application/json",
      Authorization: `Bearer ${key}`,
      "X-Eigenpal-Sdk": "typescript",
      "X-Eigenpal-Sdk-Version": VERSION,
      "X-Eigenpal-Sdk-Runtime": runtime(),
      "X-Eigenpal-Sdk-Os": operatingSystem(),
    };
    if (!inBrowser())
      headers["User-Agent"] = `sojourn-typescript-eigenpal/${VERSION} (${runtime()}; ${operatingSystem()})`;
    const transport = new Transport({
      baseUrl: (options.baseUrl ?? environment("EIGENPAL_BASE_URL") ?? "http://127.0.0.1:7373").replace(/\/+$/, ""),
      headers: { ...headers, ...options.defaultHeaders },
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
      ownFetch: options.fetch !== undefined,
      maxRetries: 0, // repeated here, by this API's rules
      timeoutMs: options.timeoutMs ?? 60_000,
      log: {},
    });
    this.workflows = new Workflows(new Requests(transport, options.maxRetries ?? 3));
  }
}

/** Workflows, and what runs of them. */
export class Workflows {
  /** Inspects and manages individual executions. */
  readonly executions: Executions;
  readonly #requests: Requests;

  /** @internal */
  constructor(requests: Requests) {
    this.#requests = requests;
    this.executions = new Executions(requests, this);
  }

  /**
   * Runs a workflow, named by id or slug. Files in the top level of the input are uploaded with it.
   *
   * @throws {EigenpalValidationError} when the input or an option is wrong
   * @throws {EigenpalNotFoundError} when there is no such workflow or version
   */
  async run(id: string, input?: Record<string, unknown>, options: RunOptions = {}): Promise<RunResponse> {
    const { version, waitForCompletion, overrides, signal } = options;
    return this.#requests.send<RunResponse>({
      method: "POST",
      path: `/api/v1/workflows/${part(id)}/run`,
      query: query({ version, wait_for_completion: waitForCompletion }),
      ...(await runBody(input, overrides)),
      holdMs: (waitForCompletion ?? 0) * 1000,
      headers: { "Idempotency-Key": uuidv7() },
      signal,
    });
  }

  /** Lists workflows. */
  list(
    options: {
      search?: string;
      name?: string;
      kind?: string;
      limit?: number;
      offset?: number;
      signal?: AbortSignal;
    } = {},
  ): Promise<Page<WorkflowSummary>> {
    const { signal, ...members } = options;
    return this.#requests.send({ method: "GET", path: "/api/v1/workflows", query: query(members), signal });
  }

  /** Reads a workflow by id or slug. */
  get(id: string, options: { signal?: AbortSignal } = {}): Promise<WorkflowSummary> {
    return this.#requests.send({ method: "GET", path: `/api/v1/workflows/${part(id)}`, ...options });
  }

  /** Lists a workflow's versions, newest first. */
  versions(
    id: string,
    options: { limit?: number; offset?: number; signal?: AbortSignal } = {},
  ): Promise<Page<WorkflowVersion>> {
    const { signal, ...members } = options;
    return this.#requests.send({
      method: "GET",
      path: `/api/v1/workflows/${part(id)}/versions`,
      query: query(members),
      signal,
    });
  }
}

/** Executions of workflows. */
export class Executions {
  readonly #requests: Requests;
  readonly #workflows: Workflows;

  /** @internal */
  constructor(requests: Requests, workflows: Workflows) {
    this.#requests = requests;
    this.#workflows = workflows;
  }

  /** Reads an execution; with `includeSteps` in the long form of lists, with its steps. */
  get(executionId: string, options: { includeSteps: true; signal?: AbortSignal }): Promise<ExecutionDetail>;
  get(executionId: string, options?: { includeSteps?: false; signal?: AbortSignal }): Promise<ExecutionStatusResponse>;
  get(
    executionId: string,
    options: { includeSteps?: boolean; signal?: AbortSignal } = {},
  ): Promise<ExecutionStatusResponse | ExecutionDetail> {
    return this.#requests.send<ExecutionStatusResponse | ExecutionDetail>({
      method: "GET",
      path: `/api/v1/workflows/executions/${part(executionId)}`,
      query: query({ includeSteps: options.includeSteps ? "true" : undefined }),
      signal: options.signal,
    });
  }

  /** Lists the executions of a workflow, newest first. */
  list(id: string, options: ExecutionListOptions = {}): Promise<Page<ExecutionSummary>> {
    const { signal, ...members } = options;
    return this.#requests.send({
      method: "GET",
      path: `/api/v1/workflows/${part(id)}/executions`,
      query: query(members),
      signal,
    });
  }

  /** Cancels an execution. It may be repeated: one that has ended answers `already-terminal`. */
  cancel(executionId: string, options: { signal?: AbortSignal } = {}): Promise<CancelResponse> {
    return this.#requests.send({
      method: "POST",
      path: `/api/v1/workflows/executions/${part(executionId)}/cancel`,
      ...options,
    });
  }

  /**
   * Runs a workflow and looks every `pollIntervalMs` until it has ended.
   *
   * @throws {EigenpalTimeoutError} when `timeoutMs` passes first; the run goes on
   */
  async runAndWait(
    id: string,
    input?: Record<string, unknown>,
    options: RunAndWaitOptions = {},
  ): Promise<RunAndWaitResult> {
    const { pollIntervalMs = 2_000, timeoutMs = 300_000, ...run } = options;
    const deadline = Date.now() + timeoutMs;
    const { executionId } = await this.#workflows.run(id, input, run);
    for (;;) {
      const seen = await this.get(executionId, run.signal ? { signal: run.signal } : {});
      if (["completed", "failed", "cancelled", "rejected"].includes(seen.status)) {
        const out: RunAndWaitResult = { executionId, status: seen.status };
        if (seen.status === "completed") out.result = seen.result;
        if (seen.error !== null && seen.error !== undefined) out.error = seen.error;
        return out;
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new EigenpalTimeoutError(executionId, timeoutMs);
      await pause(Math.min(pollIntervalMs, left), run.signal);
    }
  }
}

/** Sends requests by this API's rules. */
class Requests {
  constructor(
    readonly transport: Transport,
    readonly maxRetries: number,
  ) {}

  async send<T>(call: Call): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const { data, headers, status } = await this.transport.send<T>(call);
        const type = headers.get("content-type") ?? "";
        if (status !== 204 && type !== "" && !type.includes("json")) throw notTheAPI(status, type);
        return data;
      } catch (error) {
        if (call.signal?.aborted) throw error;
        const again = error instanceof APIStatusError && (error.status === 429 || error.status >= 500);
        if (!again || attempt >= this.maxRetries) throw translate(error);
        await pause(error.retryAfterMs ?? retryDelay(attempt), call.signal);
      }
    }
  }
}

function translate(error: unknown): unknown {
  if (error instanceof APIConnectionError) return new EigenpalError(error.message, 0, undefined, { cause: error });
  if (!(error instanceof APIStatusError)) {
    return error instanceof SojournError ? new EigenpalError(error.message, 0, undefined, { cause: error }) : error;
  }
  const { status } = error;
  const type = error.headers.get("content-type") ?? "";
  if (type !== "" && !type.includes("json")) return notTheAPI(status, type);
  const body = error.body as Partial<EigenpalErrorEnvelope> | undefined;
  const envelope = Array.isArray(body?.issues) ? (body as EigenpalErrorEnvelope) : undefined;
  const first = envelope?.issues[0];
  const message = first?.message ?? `unexpected status ${status}`;
  switch (status) {
    case 400:
      return new EigenpalValidationError(first ? `${first.field}: ${first.message}` : message, status, envelope);
    case 401:
      return new EigenpalAuthError(message, status, envelope);
    case 403:
      return new EigenpalForbiddenError(message, status, envelope);
    case 404:
      return new EigenpalNotFoundError(message, status, envelope);
    case 429:
      return new EigenpalRateLimitError(
        message,
        envelope,
        error.retryAfterMs === undefined ? undefined : error.retryAfterMs / 1000,
      );
  }
  if (status >= 500) return new EigenpalServerError(message, status, envelope);
  return new EigenpalError(`unexpected status ${status}${first ? `: ${first.message}` : ""}`, status, envelope);
}

function notTheAPI(status: number, type: string): EigenpalError {
  return new EigenpalError(`the answer is ${type}, not JSON: point baseUrl at the API`, status);
}

/** A body in JSON, or in parts when the input has files in its top level. */
async function runBody(
  input: Record<string, unknown> | undefined,
  overrides: Record<string, unknown> | undefined,
): Promise<{ json: unknown } | { body: FormData }> {
  const files: [string, Blob, string][] = [];
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input ?? {})) {
    const file = await fileOf(value);
    if (file) {
      files.push([name, file.blob, file.filename]);
      continue;
    }
    forbidFiles(value, name);
    rest[name] = value;
  }
  if (files.length === 0)
    return { json: { ...(input === undefined ? {} : { input }), ...(overrides ? { overrides } : {}) } };
  const form = new FormData();
  if (Object.keys(rest).length > 0 || overrides) {
    form.set("_json", JSON.stringify({ input: rest, ...(overrides ? { overrides } : {}) }));
  }
  for (const [name, blob, filename] of files) form.append(name, blob, filename);
  return { body: form };
}

async function fileOf(value: unknown): Promise<{ blob: Blob; filename: string } | undefined> {
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof Blob) return { blob: value, filename: (value as { name?: string }).name ?? "file" };
  let upload: Upload;
  if (value instanceof Upload) {
    upload = value;
  } else if (isStream(value)) {
    const path = (value as { path?: unknown }).path;
    upload = new Upload(value, typeof path === "string" ? (path.split(/[\\/]/).pop() ?? "file") : "file", undefined);
  } else if (
    "content" in value &&
    "filename" in value &&
    typeof value.filename === "string" &&
    isContent(value.content)
  ) {
    const { mimeType } = value as { mimeType?: string };
    upload = new Upload(value.content, value.filename, mimeType);
  } else {
    return undefined;
  }
  const { content, filename } = upload;
  const type = upload.mimeType ?? (content instanceof Blob && content.type !== "" ? content.type : guessType(filename));
  const pieces: BlobPart[] = [];
  if (isStream(content)) for await (const chunk of content as AsyncIterable<Uint8Array>) pieces.push(chunk as BlobPart);
  else pieces.push(content as BlobPart);
  return { blob: new Blob(pieces, { type }), filename };
}

type BlobPart = ConstructorParameters<typeof Blob>[0] extends Iterable<infer P> | undefined ? P : never;

function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isContent(value: unknown): value is FileContent {
  return (
    value instanceof Blob ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    isStream(value) ||
    typeof value === "string"
  );
}

function forbidFiles(value: unknown, path: string, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > 64) return;
  if (value instanceof Blob || value instanceof Upload || isStream(value)) {
    throw new TypeError(`the file at input.${path} is nested: files stand in the top level of an input`);
  }
  for (const [name, member] of Object.entries(value)) forbidFiles(member, `${path}.${name}`, depth + 1);
}
