import { outcomeError, SojournError } from "./errors.js";
import { Files } from "./files.js";
import { environment, inBrowser, runtime } from "./internal/environment.js";
import { query } from "./internal/query.js";
import { streamEvents } from "./internal/sse.js";
import { Transport } from "./internal/transport.js";
import type { Logger } from "./logger.js";
import { Executions, type StartParams, type StreamedEvent } from "./resources/executions.js";
import { Keys, Projects, Workers } from "./resources/keys.js";
import type { RequestOptions } from "./resources/options.js";
import { Webhooks } from "./resources/webhooks.js";
import { Workflows } from "./resources/workflows.js";
import { isTerminal, type ServerInfo } from "./types.js";
import { VERSION } from "./version.js";
import type { Workflow } from "./workflow.js";

/** Where a client looks for the server when neither its options nor the environment name one. */
export const DEFAULT_BASE_URL = "http://127.0.0.1:7373";

/** How a client is made. */
export interface ClientOptions {
  /** Authenticates every request. Default: the environment variable `SOJOURN_API_KEY`. */
  apiKey?: string;
  /** The server's address, without `/v1`. Default: `SOJOURN_BASE_URL`, else {@link DEFAULT_BASE_URL}. */
  baseUrl?: string;
  /** Milliseconds that one try of a request may take; the time it asks to be held comes on top. Default 30,000. */
  timeoutMs?: number;
  /** How often a request is sent again after a connection error, 408, 429 or 5xx. Default 2. */
  maxRetries?: number;
  /** Sends the requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** More headers for every request. */
  headers?: Record<string, string>;
  /** Gets a line for every retry at level debug. Default: none, or the console at the level of `SOJOURN_LOG`. */
  logger?: Logger;
}

/** A request that no method of the client covers. */
export interface RawRequest extends RequestOptions {
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  json?: unknown;
}

/** The answer to a {@link RawRequest}. */
export interface RawResponse<T> {
  status: number;
  headers: Headers;
  data: T;
}

/** Which events of the project to stream. */
export interface ProjectEventsParams {
  /** Only executions of these workflows, by name or id. */
  workflows?: string[];
  /** Only events of these types, for example `completed`. */
  kinds?: string[];
  /** The cursor of the last event seen; default: from now on. */
  after?: string;
}

/** An event of the project's stream. */
export interface ProjectEvent extends StreamedEvent {
  /** The cursor: where to go on. */
  id: string;
  workflow_id: string;
  /** The workflow's name. */
  workflow: string;
}

/**
 * Talks to a Sojourn server. Make one and keep it.
 *
 * ```ts
 * const client = new Sojourn(); // SOJOURN_API_KEY, SOJOURN_BASE_URL
 * const execution = await client.executions.start({ workflow: "add-up", input: { numbers: [1, 2] } });
 * const ended = await client.executions.wait(execution.id);
 * ```
 *
 * What you pass is in camelCase; what comes back is the server's JSON as it is, in snake_case.
 */
export class Sojourn {
  /** Starts, reads, waits for, signals and cancels executions. */
  readonly executions: Executions;
  /** Registers and reads workflows and their versions. */
  readonly workflows: Workflows;
  /** Uploads and downloads files. */
  readonly files: Files;
  /** Webhook endpoints and deliveries. */
  readonly webhooks: Webhooks;
  /** Makes, lists and revokes API keys. */
  readonly keys: Keys;
  /** Lists the live worker sessions. */
  readonly workers: Workers;
  /** Makes and lists projects. */
  readonly projects: Projects;
  /** The server's address, without a slash at the end. */
  readonly baseUrl: string;
  /** @internal */
  readonly transport: Transport;

  /**
   * @throws {SojournError} when there is no API key, or the address is not an http or https URL. The server is not
   * contacted.
   */
  constructor(options: ClientOptions = {}) {
    const key = (options.apiKey ?? environment("SOJOURN_API_KEY") ?? "").trim();
    if (key === "") {
      throw new SojournError("no API key: pass apiKey or set the environment variable SOJOURN_API_KEY");
    }
    if (/[^\x21-\x7e]/.test(key)) {
      throw new SojournError("the API key holds a character that cannot be in a key; was it copied whole?");
    }
    this.baseUrl = checkedUrl(options.baseUrl ?? environment("SOJOURN_BASE_URL") ?? DEFAULT_BASE_URL);
    const headers: Record<string, string> = { Accept: "application/json", Authorization: `Bearer ${key}` };
    if (!inBrowser()) headers["User-Agent"] = `sojourn-typescript/${VERSION} (${runtime()})`;
    this.transport = new Transport({
      baseUrl: this.baseUrl,
      headers: { ...headers, ...options.headers },
      // Called without its this, the global fetch of browsers refuses.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
      ownFetch: options.fetch !== undefined,
      maxRetries: options.maxRetries ?? 2,
      timeoutMs: options.timeoutMs ?? 30_000,
      log: options.logger ?? consoleLogger(environment("SOJOURN_LOG")),
    });
    this.executions = new Executions(this.transport);
    this.workflows = new Workflows(this.transport);
    this.files = new Files(this.transport);
    this.webhooks = new Webhooks(this.transport);
    this.keys = new Keys(this.transport);
    this.workers = new Workers(this.transport);
    this.projects = new Projects(this.transport);
  }

  /**
   * Starts an execution, waits for its end and gives its output. Aborting the signal ends the wait and leaves the
   * execution alone.
   *
   * @throws {ExecutionFailedError | ExecutionCancelledError | ExecutionRejectedError} when it did not complete
   */
  async run<I, O>(params: StartParams<I> & { workflow: Workflow<I, O> }, options?: RequestOptions): Promise<O>;
  async run<O = unknown>(params: StartParams<any> & { workflow: string }, options?: RequestOptions): Promise<O>;
  async run(params: StartParams<any>, options: RequestOptions = {}): Promise<unknown> {
    const started = await this.executions.start({ waitMs: 60_000, ...params }, options);
    if (!isTerminal(started.status)) return this.executions.result(started.id, {}, options);
    const error = outcomeError(started);
    if (error) throw error;
    return started.output;
  }

  /**
   * Yields what happens to the executions of the project, from now on or after a cursor. It reconnects by itself and
   * misses nothing.
   *
   * @throws {EventsResetError} when the server's data was restored from a backup
   */
  events(
    params: ProjectEventsParams = {},
    options: RequestOptions = {},
  ): AsyncGenerator<ProjectEvent, void, undefined> {
    const q = query({ kinds: params.kinds });
    for (const workflow of params.workflows ?? []) q.append("workflow_id", workflow);
    return streamEvents<ProjectEvent>(this.transport, { path: "/v1/events", query: q, after: params.after, options });
  }

  /** What server, project and key the client talks to. */
  async info(options: RequestOptions = {}): Promise<ServerInfo> {
    return (await this.transport.call<ServerInfo>({ method: "GET", path: "/v1/info", ...options })).data;
  }

  /** Sends a request that no method covers; `path` begins with `/v1`. Errors and retries are as for every request. */
  request<T = unknown>(method: string, path: string, request: RawRequest = {}): Promise<RawResponse<T>> {
    const { query: members, json, ...options } = request;
    return this.transport.call<T>({ method, path, json, query: query(members ?? {}), ...options });
  }
}

function checkedUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SojournError(`base URL ${JSON.stringify(text)} is not an http:// or https:// address`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new SojournError(`base URL ${JSON.stringify(text)} is not an http:// or https:// address`);
  }
  if (url.search !== "" || url.hash !== "") {
    throw new SojournError(`base URL ${JSON.stringify(text)} must not have a query or a fragment`);
  }
  return text.replace(/\/+$/, "");
}

function consoleLogger(level: string | undefined): Logger {
  if (level !== "debug" && level !== "info") return {};
  const { info, warn, error } = console;
  return level === "debug" ? { debug: console.debug, info, warn, error } : { info, warn, error };
}
