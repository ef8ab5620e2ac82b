import { type APIStatusError, NotFinishedError, outcomeError, SojournError } from "../errors.js";
import { type FileInput, uploadFiles } from "../files.js";
import { pause, timeLimit } from "../internal/pause.js";
import { holdMs, holdSeconds, part, query } from "../internal/query.js";
import { streamEvents } from "../internal/sse.js";
import { problem, retriable, retryAfter, retryDelay, type Transport } from "../internal/transport.js";
import { uuidv7 } from "../internal/uuid.js";
import { Page, type PageBody, PagePromise } from "../pagination.js";
import type { Counts, Execution, ExecutionEvent, ExecutionStatus, LogLine, Trigger } from "../types.js";
import { isTerminal } from "../types.js";
import type { Workflow } from "../workflow.js";
import type { RequestOptions } from "./options.js";

/** How long one request of a wait is held by the server. */
const LONG_POLL_MS = 60_000;
/** How many answers in a row a wait may miss: about a minute, longer than a restart of the server. */
const WAIT_PATIENCE = 10;

/** What a wait waits for: the end, or also a state in which somebody must act (a signal or an approval is awaited). */
export type Until = "terminal" | "actionable" | (string & {});

/** An execution to start. Only `workflow` is required. */
export interface StartParams<I = unknown> {
  /** Name or id of the workflow, or its definition. */
  workflow: string | Workflow<I, any>;
  /**
   * What the handler receives: any value that encodes to a JSON object; default `{}`. A `Blob`, a `File` or the result
   * of `toFile` may stand anywhere in it: it is uploaded first, and the handler gets a reference to it.
   */
  input?: NoInfer<I> | FileInput<NoInfer<I>>;
  /** Milliseconds from creation after which it is cancelled; default: the workflow's, or none. */
  timeoutMs?: number;
  /** Start later, at this time. */
  startAt?: Date | string;
  /** Start later, after so many milliseconds; not together with `startAt`. */
  delayMs?: number;
  /** Rejected when no worker took it in so many milliseconds; default: it waits. */
  queueTtlMs?: number;
  /** Your own labels, at most 32, to be found by {@link Executions.list}. */
  metadata?: Record<string, string>;
  /** -100 to 100; higher ones are claimed first. Default 0. */
  priority?: number;
  /** Label or number of a version of the workflow; default: the current one. */
  version?: string | number;
  /** One key, one execution: a repeated start gives the first one back. Default: made once for this call. */
  idempotencyKey?: string;
  /** Default `api`. */
  trigger?: Trigger;
  /** W3C traceparent, handed to the worker. */
  traceparent?: string;
  /** An http or https address that gets one POST when the execution has ended; see `verifyWebhook`. */
  callbackUrl?: string;
  /** Outputs of steps, by name, that are taken as given: those steps do not run. */
  overrides?: { steps: Record<string, unknown> };
  /** Hold the answer until the execution has ended, at most so many milliseconds (60,000). */
  waitMs?: number;
  /** What to hold for; default `terminal`. */
  until?: Until;
  /** Show the steps too. */
  include?: "steps"[];
}

/** What {@link Executions.get} should show and wait for. */
export interface GetParams {
  /** Show the steps, the history, or both. */
  include?: ("steps" | "events")[];
  /** Hold the answer until the execution has ended, at most so many milliseconds (60,000). */
  waitMs?: number;
  /** What to hold for; default `terminal`. */
  until?: Until;
}

/** How {@link Executions.wait} waits. */
export interface WaitParams {
  /** Show the steps, the history, or both. */
  include?: ("steps" | "events")[];
  /** What to wait for; default `terminal`. */
  until?: Until;
  /** Milliseconds after which the wait gives up with a {@link NotFinishedError}; default: never. */
  timeoutMs?: number;
}

/** Filters of a list. All must hold. */
export interface ListParams {
  /** Any of these states. */
  status?: ExecutionStatus | ExecutionStatus[];
  /** Name or id. */
  workflow?: string;
  /** A date, a date-time, or an expression such as `now()-7d`. */
  createdFrom?: Date | string;
  createdTo?: Date | string;
  /** All of these labels. */
  metadata?: Record<string, string>;
  /** Started by any of these. */
  trigger?: Trigger | Trigger[];
  /** What it waits for now: `approval` or `signal`, and after a colon the name of the wait if you like. */
  awaiting?: string;
  /** A text that the input holds. */
  text?: string;
  /** Items per page, 1 to 100; default 20. */
  limit?: number;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
  /** Count the executions of the same workflow and dates by state. */
  counts?: boolean;
}

/** A page of executions. */
export class ExecutionPage extends Page<Execution> {
  /** With `counts`. */
  declare readonly counts?: Counts;
  /** False when `counts` are approximate at the edges of the dates. */
  declare readonly counts_exact?: boolean;
  /** How far back the search got, when it stopped early; go on with `next_cursor`. */
  declare readonly searched_until?: string;
}

/** How to cancel. */
export interface CancelParams {
  /** In your words; kept with the event. */
  reason?: string;
  /** Milliseconds a running handler may take to stop by itself; default 30,000. */
  graceMs?: number;
}

/** Which executions to cancel, and how. An empty filter means all that are open. */
export interface CancelAllParams extends CancelParams {
  filter: Omit<ListParams, "limit" | "cursor" | "counts">;
  /** 1 to 1,000 in one call; default 1,000. */
  limit?: number;
}

/** What {@link Executions.cancelAll} did. */
export interface CancelAllResult {
  matched: number;
  /** Cancelled at once. */
  cancelled: number;
  /** Their workers were told. */
  requested: number;
  already_terminal: number;
  /** More match: call again. */
  has_more: boolean;
}

/** The counts of executions by state. */
export interface CountResult {
  counts: Counts;
  total: number;
  /** False when the dates cut an hour with more executions than are counted one by one. */
  exact: boolean;
}

/** The answer to one start of a batch: `execution` or `error` is set. */
export interface BatchResult {
  status: number;
  execution?: Execution;
  error?: APIStatusError;
}

/** Which log lines to read. */
export interface LogParams {
  /** Only lines of this step; "" for those outside steps. */
  step?: string;
  /** Only lines of this attempt. */
  attempt?: number;
  /** Lines per page, 1 to 1,000; default 200. */
  limit?: number;
  cursor?: string | null;
}

/** A decision about an approval. */
export interface DecisionParams {
  /** Which approval; may be left out when exactly one is awaited. */
  name?: string;
  /** The step as recorded, when a name is used more than once, for example `manager#2`; default: the oldest awaited. */
  step?: string;
  /** A sentence, kept with the decision and given to the handler. */
  comment?: string;
  /** Any JSON for the handler. */
  payload?: unknown;
  /** The display name of who decided. */
  by?: string;
}

/** An approval link to make. */
export interface ApprovalLinkParams {
  /** Which approval; may be left out when exactly one is awaited. */
  name?: string;
  /** The step as recorded, when a name is used more than once, for example `manager#2`. */
  step?: string;
  /** How long it works, in milliseconds; default 7 days, at most 90. */
  expiresInMs?: number;
}

/** A link with which one person may decide one approval, once. */
export interface ApprovalLink {
  /** The page to send. */
  url: string;
  /** The secret in it. */
  token: string;
  /** The wait that it decides. */
  step: string;
  expires_at: string;
}

/** An event of a stream: one change of one execution. */
export type StreamedEvent = ExecutionEvent & {
  execution_id: string;
  /** A newer server may send more members. */
  [member: string]: unknown;
};

/** Where a stream of events begins. */
export interface EventsParams {
  /** The revision after which to begin; default 0, the whole history. */
  after?: number;
}

/** `client.executions` */
export class Executions {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /**
   * Starts an execution. The promise resolves once it is durably stored, or with `waitMs` once it has ended or the time
   * is over. It may be retried: all tries carry one idempotency key and make one execution.
   *
   * @throws {BadRequestError} when the parameters or the input are wrong; `errors` names the fields
   * @throws {NotFoundError} when there is no such workflow or version
   * @throws {UnprocessableEntityError} when the idempotency key was used for another request
   * @throws {RateLimitError} when there are too many requests or too many open executions
   */
  async start<I = unknown>(params: StartParams<I>, options: RequestOptions = {}): Promise<Execution> {
    const body = await this.#startBody(params, options);
    const answer = await this.#t.call<Execution>({
      method: "POST",
      path: "/v1/executions",
      json: body,
      query: query({
        wait: holdSeconds(params.waitMs),
        until: params.waitMs ? params.until : undefined,
        include: params.include,
      }),
      holdMs: holdMs(params.waitMs),
      ...options,
      headers: {
        "Idempotency-Key": params.idempotencyKey ?? uuidv7(),
        traceparent: params.traceparent,
        ...options.headers,
      },
    });
    return answer.data;
  }

  async #startBody(params: StartParams<any>, options: RequestOptions): Promise<Record<string, unknown>> {
    const workflow = typeof params.workflow === "string" ? params.workflow : params.workflow.name;
    return {
      workflow_id: workflow,
      input: await uploadFiles(this.#t, params.input ?? {}, options),
      timeout_ms: params.timeoutMs,
      start_at: params.startAt instanceof Date ? params.startAt.toISOString() : params.startAt,
      delay_ms: params.delayMs,
      queue_ttl_ms: params.queueTtlMs,
      metadata: params.metadata,
      priority: params.priority,
      version: params.version,
      trigger: params.trigger,
      callback_url: params.callbackUrl,
      overrides: params.overrides,
    };
  }

  /**
   * Starts up to 1,000 executions in one request. Each succeeds or fails by itself, in the order given. `waitMs`,
   * `include` and `traceparent` are not used.
   */
  async startBatch(starts: StartParams<any>[], options: RequestOptions = {}): Promise<BatchResult[]> {
    const executions: Record<string, unknown>[] = [];
    for (const params of starts) {
      const body = await this.#startBody(params, options);
      executions.push({ ...body, idempotency_key: params.idempotencyKey ?? uuidv7() });
    }
    const { data } = await this.#t.call<{ results: { status: number; execution?: Execution; error?: unknown }[] }>({
      method: "POST",
      path: "/v1/executions/batch",
      json: { executions },
      ...options,
    });
    if (data.results.length !== starts.length) {
      throw new SojournError(`the server answered ${data.results.length} of ${starts.length} starts`);
    }
    return data.results.map(({ status, execution, error }) => {
      if (error !== undefined) return { status, error: problem(status, new Headers(), error) };
      return execution ? { status, execution } : { status };
    });
  }

  /** Reads an execution. */
  async get(id: string, params: GetParams = {}, options: RequestOptions = {}): Promise<Execution> {
    return (await this.#get(id, params, options)).data;
  }

  #get(id: string, params: GetParams, options: RequestOptions, etag?: string) {
    return this.#t.call<Execution>({
      method: "GET",
      path: `/v1/executions/${part(id)}`,
      query: query({
        wait: holdSeconds(params.waitMs),
        until: params.waitMs ? params.until : undefined,
        include: params.include,
      }),
      holdMs: holdMs(params.waitMs),
      ...options,
      headers: { ...options.headers, "If-None-Match": etag },
    });
  }

  /**
   * Lists executions, newest first. `await` it for one page, or use `for await` for every execution of every page.
   */
  list(params: ListParams = {}, options: RequestOptions = {}): PagePromise<Execution, ExecutionPage> {
    const fetch = async (cursor: string | null | undefined): Promise<ExecutionPage> => {
      const q = query({
        ...filter(params),
        limit: params.limit,
        cursor,
        include: params.counts ? "counts" : undefined,
      });
      for (const [name, value] of Object.entries(params.metadata ?? {})) q.set(`metadata[${name}]`, value);
      const { data } = await this.#t.call<PageBody<Execution>>({
        method: "GET",
        path: "/v1/executions",
        query: q,
        ...options,
      });
      return new ExecutionPage(data, fetch);
    };
    return new PagePromise(() => fetch(params.cursor));
  }

  /**
   * Waits until the execution has ended, or with `until: "actionable"` until somebody must act. The server holds the
   * answers, so nothing is polled in a hurry. Aborting the signal ends the wait and leaves the execution alone.
   * A failed execution is an ordinary answer here; see {@link Executions.result}.
   *
   * @throws {NotFinishedError} when `timeoutMs` passes first
   */
  async wait(id: string, params: WaitParams = {}, options: RequestOptions = {}): Promise<Execution> {
    const limit = timeLimit(params.timeoutMs, options.signal);
    try {
      return await this.#await(id, params, { ...options, signal: limit.signal });
    } catch (error) {
      if (!limit.expired()) throw error;
      const execution = await this.get(id, params.include ? { include: params.include } : {}, options);
      if (isTerminal(execution.status)) return execution;
      throw new NotFinishedError(execution, `has not ended within ${params.timeoutMs} ms: it is ${execution.status}`);
    } finally {
      limit.dispose();
    }
  }

  async #await(id: string, params: WaitParams, options: RequestOptions): Promise<Execution> {
    for (let missed = 0; ; ) {
      const asked = Date.now();
      try {
        const execution = await this.get(id, { ...params, waitMs: LONG_POLL_MS }, options);
        if (isTerminal(execution.status)) return execution;
        if (params.until === "actionable" && isActionable(execution)) return execution;
        missed = 0;
        // A server that does not hold must not be asked in a tight loop.
        const early = 1000 - (Date.now() - asked);
        if (early > 0) await pause(early, options.signal);
      } catch (error) {
        if (options.signal?.aborted || !retriable(error) || missed >= WAIT_PATIENCE) throw error;
        // A wait outlives a restart of the server: what it waits for is durable.
        await pause(Math.max(retryDelay(missed), retryAfter(error) ?? 0), options.signal);
        missed++;
      }
    }
  }

  /**
   * Waits for the end of an execution and gives its output.
   *
   * @throws {ExecutionFailedError | ExecutionCancelledError | ExecutionRejectedError} when it did not complete
   * @throws {NotFinishedError} when `timeoutMs` passes first
   */
  async result<O = unknown>(
    id: string,
    params: Pick<WaitParams, "timeoutMs"> = {},
    options: RequestOptions = {},
  ): Promise<O> {
    const execution = await this.wait(id, params, options);
    const error = outcomeError(execution);
    if (error) throw error;
    return execution.output as O;
  }

  /**
   * Yields the execution as it is now, and again after each change, until it has ended. Changes that follow each other
   * quickly are seen as one. A server that is away for a while does not end it.
   */
  async *watch(
    id: string,
    params: Pick<GetParams, "include"> = {},
    options: RequestOptions = {},
  ): AsyncGenerator<Execution, void, undefined> {
    let etag: string | undefined;
    let delay = 150;
    for (let missed = 0; ; ) {
      try {
        const answer = await this.#get(id, params, options, etag);
        missed = 0;
        const tag = answer.headers.get("etag") ?? undefined;
        if (answer.status !== 304 && (tag === undefined || tag !== etag)) {
          etag = tag;
          delay = 150;
          yield answer.data;
          if (isTerminal(answer.data.status)) return;
        } else {
          delay = Math.min(delay * 2, 1000);
        }
      } catch (error) {
        if (options.signal?.aborted || !retriable(error) || missed >= WAIT_PATIENCE) throw error;
        delay = Math.max(retryDelay(missed), retryAfter(error) ?? 0);
        missed++;
      }
      await pause(delay, options.signal);
    }
  }

  /**
   * Yields what happens to the execution, event by event in order of revision, and returns after the last one. It
   * reconnects by itself and misses nothing.
   *
   * @throws {EventsResetError} when the server's data was restored from a backup
   */
  events(
    id: string,
    params: EventsParams = {},
    options: RequestOptions = {},
  ): AsyncGenerator<StreamedEvent, void, undefined> {
    return streamEvents<StreamedEvent>(this.#t, {
      path: `/v1/executions/${part(id)}/events`,
      after: params.after ? String(params.after) : undefined,
      options,
    });
  }

  /**
   * Asks an execution to stop. The one returned is `cancelled` when no worker held it; otherwise `cancel_requested_at`
   * is set and it ends within the grace. Asking again changes nothing.
   *
   * @throws {ConflictError} with code `already_terminal` when it has ended
   */
  cancel(id: string, params: CancelParams = {}, options: RequestOptions = {}): Promise<Execution> {
    return this.#post(id, "cancel", { reason: params.reason, grace_ms: params.graceMs }, options);
  }

  /**
   * Ends an execution at once, without letting its handler clean up.
   *
   * @throws {ConflictError} with code `already_terminal` when it has ended
   */
  terminate(id: string, params: Pick<CancelParams, "reason"> = {}, options: RequestOptions = {}): Promise<Execution> {
    return this.#post(id, "terminate", { reason: params.reason }, options);
  }

  /** Cancels open executions that match a filter, newest first. */
  async cancelAll(params: CancelAllParams, options: RequestOptions = {}): Promise<CancelAllResult> {
    const { status, trigger, ...rest } = filter(params.filter);
    const { data } = await this.#t.call<CancelAllResult>({
      method: "POST",
      path: "/v1/executions/cancel",
      json: {
        filter: { ...rest, status: list(status), trigger: list(trigger), metadata: params.filter.metadata },
        reason: params.reason,
        grace_ms: params.graceMs,
        limit: params.limit,
      },
      ...options,
    });
    return data;
  }

  /** Counts executions by state. */
  async counts(
    params: Pick<ListParams, "workflow" | "createdFrom" | "createdTo"> = {},
    options: RequestOptions = {},
  ): Promise<CountResult> {
    const { data } = await this.#t.call<CountResult>({
      method: "GET",
      path: "/v1/executions/counts",
      query: query(filter(params)),
      ...options,
    });
    return data;
  }

  /**
   * Removes a finished execution.
   *
   * @throws {ConflictError} with code `not_finished` when it has not ended
   */
  async delete(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#t.call({ method: "DELETE", path: `/v1/executions/${part(id)}`, ...options });
  }

  /** Removes the payloads of a finished execution and keeps the rest. */
  async redact(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#t.call({
      method: "DELETE",
      path: `/v1/executions/${part(id)}`,
      query: query({ mode: "redact" }),
      ...options,
    });
  }

  /** Reads what handlers and steps logged: by step, attempt and arrival. */
  logs(id: string, params: LogParams = {}, options: RequestOptions = {}): PagePromise<LogLine> {
    const fetch = async (cursor: string | null | undefined): Promise<Page<LogLine>> => {
      const q = query({ attempt: params.attempt, limit: params.limit, cursor });
      if (params.step !== undefined) q.set("step", params.step);
      const { data } = await this.#t.call<PageBody<LogLine>>({
        method: "GET",
        path: `/v1/executions/${part(id)}/logs`,
        query: q,
        ...options,
      });
      return new Page(data, fetch);
    };
    return new PagePromise(() => fetch(params.cursor));
  }

  /**
   * Sends a signal, which the handler takes with `ctx.waitForSignal`. One that comes before the wait is kept. It may be
   * retried: all tries carry one idempotency key, and the signal counts once.
   *
   * @throws {ConflictError} with code `already_terminal` when the execution has ended, or `signal_limit` when too many
   * signals are kept
   */
  async signal(
    id: string,
    name: string,
    payload?: unknown,
    options: RequestOptions & { idempotencyKey?: string } = {},
  ): Promise<Execution> {
    const { idempotencyKey, ...rest } = options;
    const { data } = await this.#t.call<Execution>({
      method: "POST",
      path: `/v1/executions/${part(id)}/signals/${part(name)}`,
      json: payload === undefined ? {} : { payload },
      ...rest,
      headers: { "Idempotency-Key": idempotencyKey ?? uuidv7(), ...rest.headers },
    });
    return data;
  }

  /**
   * Approves what the execution waits for.
   *
   * @throws {ConflictError} with code `not_awaiting` when no such approval is awaited, `already_terminal` when it has
   * ended. It is not retried when its outcome is unknown: a repeat could decide the next approval.
   */
  approve(id: string, params: DecisionParams = {}, options: RequestOptions = {}): Promise<Execution> {
    return this.#post(id, "approve", { ...params }, { ...options, once: true });
  }

  /** Refuses what the execution waits for: it ends `rejected` unless the handler handles it. Errors are as for approve. */
  reject(id: string, params: DecisionParams = {}, options: RequestOptions = {}): Promise<Execution> {
    return this.#post(id, "reject", { ...params }, { ...options, once: true });
  }

  /** Makes a link with which somebody without a key can decide an approval once. */
  async createApprovalLink(
    id: string,
    params: ApprovalLinkParams = {},
    options: RequestOptions = {},
  ): Promise<ApprovalLink> {
    const { data } = await this.#t.call<ApprovalLink>({
      method: "POST",
      path: `/v1/executions/${part(id)}/approval-links`,
      json: {
        name: params.name,
        step: params.step,
        expires_in_ms: params.expiresInMs,
        lease: (params as { lease?: string }).lease, // of a worker
      },
      once: true,
      ...options,
    });
    return data;
  }

  async #post(
    id: string,
    verb: string,
    json: unknown,
    options: RequestOptions & { once?: boolean },
  ): Promise<Execution> {
    const { data } = await this.#t.call<Execution>({
      method: "POST",
      path: `/v1/executions/${part(id)}/${verb}`,
      json,
      ...options,
    });
    return data;
  }
}

/** Whether a signal or an approval is awaited. */
export function isActionable(execution: Execution): boolean {
  return execution.status === "waiting" && (execution.awaiting?.length ?? 0) > 0;
}

function filter(params: ListParams) {
  return {
    status: params.status,
    workflow_id: params.workflow,
    created_from: params.createdFrom,
    created_to: params.createdTo,
    trigger: params.trigger,
    awaiting: params.awaiting,
    text: params.text,
  };
}

function list(value: string | string[] | undefined): string[] | undefined {
  return typeof value === "string" ? [value] : value;
}
