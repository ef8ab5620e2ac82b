import type { Sojourn } from "./client.js";
import type { Context } from "./context.js";
import { SojournError } from "./errors.js";
import { type RetryPolicy, StepError } from "./failures.js";
import { environment, runtime } from "./internal/environment.js";
import { completeRetry } from "./internal/failure.js";
import { httpFetch } from "./internal/http.js";
import { validWorkflowName } from "./internal/names.js";
import { openSession, type Session } from "./internal/session.js";
import { Transport } from "./internal/transport.js";
import { WorkerCore } from "./internal/worker-core.js";
import { isInterruption } from "./interruptions.js";
import type { Logger } from "./logger.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { VERSION } from "./version.js";
import type { Workflow } from "./workflow.js";

/** How long handlers may take to return after the worker has stopped. */
const UNWIND_MS = 5_000;

/** What an interceptor knows of an execution. */
export interface ExecutionInfo {
  id: string;
  workflow: string;
  /** Counts the times it was given to a worker, from 1. */
  attempt: number;
  /** W3C traceparent of whoever started it. */
  traceparent: string | undefined;
  createdAt: Date;
}

/** What an interceptor knows of a step. */
export interface StepInfo {
  execution: ExecutionInfo;
  /** With number and key, as recorded. */
  step: string;
  /** Try of the step, from 1. */
  attempt: number;
}

/** Wraps handlers and steps, for tracing and metrics. Each must call `next` exactly once and let its error pass. */
export interface Interceptor {
  execution?(info: ExecutionInfo, next: () => Promise<void>): Promise<void>;
  /** Wraps each try of a step that really runs, not the replay of a recorded one. */
  step?(info: StepInfo, next: () => Promise<void>): Promise<void>;
}

/** How a worker is made. */
export interface WorkerOptions {
  /** Shows in the list of workers. Default: the runtime and the process id. */
  name?: string;
  /** Version of the worker's program, shown in the list of workers. */
  version?: string;
  /** How many handlers may run at a time, 1 to 10,000. Default 64. */
  concurrency?: number;
  /** Milliseconds that handlers may go on after the worker was told to stop, before they are interrupted. Default 25,000. */
  shutdownGraceMs?: number;
  /** How many requests may carry results at a time. Default 2. All results of one execution stay in order on one. */
  reportConnections?: number;
  /** Gets what the worker has to say: trouble with the server, lost leases, failures. Default: warnings and errors, on the console. */
  logger?: Logger;
  /** Wrap handlers and steps; the first is the outermost. */
  interceptors?: Interceptor[];
  /**
   * Called each time a session with the server begins: first when the worker starts, again after the server has
   * forgotten it.
   */
  onReady?: (sessionId: string) => void;
}

/** Options of a handler. */
export interface HandlerOptions<I = any, O = any> {
  /** Checks inputs and gives them their type; an input that does not fit fails with code `invalid_input`. */
  input?: StandardSchemaV1<any, I>;
  /** Checks outputs; one that does not fit fails with code `invalid_output`. */
  output?: StandardSchemaV1<any, O>;
  /** Runs a failed execution again, from its recorded steps on: a policy, or just how many attempts. Default: one. */
  retry?: RetryPolicy | number;
  /** Names the version of the workflow that the handler implements. One that is new to the server becomes the current one. */
  version?: string;
  /** JSON Schema 2020-12 that the server holds inputs to at start. */
  inputSchema?: Record<string, unknown>;
  /** Default deadline of the workflow's executions, in milliseconds from their creation. */
  timeoutMs?: number;
  /** How long finished executions are kept, in milliseconds. */
  retentionMs?: number;
  /** What the workflow does, for people. */
  description?: string;
}

/** A function that runs executions of a workflow. */
export type HandlerFunction<I, O> = (ctx: Context, input: I) => O | Promise<O>;

/** How a worker runs. */
export interface RunOptions {
  /**
   * Stops the worker when it is aborted. Default: the worker stops at SIGTERM and SIGINT; a second one then ends the
   * process as usual.
   */
  signal?: AbortSignal;
}

/**
 * Runs handlers for executions that the server gives it.
 *
 * ```ts
 * const worker = new Worker(client);
 * worker.handle("add-up", async (ctx, input: { numbers: number[] }) => {
 *   const sum = await ctx.step("sum", () => input.numbers.reduce((a, b) => a + b, 0));
 *   return { sum };
 * });
 * await worker.run();
 * ```
 *
 * A handler runs from the top on each attempt, so what it does outside steps must be repeatable, and what it decides
 * must follow from its input and from what its steps gave.
 */
export class Worker {
  readonly #client: Sojourn;
  readonly #core: WorkerCore;
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #ready: Promise<void>;
  #begin: () => void = () => {};
  #giveUp: (reason: unknown) => void = () => {};
  #session: Session | undefined;
  #started = false;

  constructor(client: Sojourn, options: WorkerOptions = {}) {
    this.#client = client;
    this.#options = options;
    this.#ready = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#giveUp = reject;
    });
    this.#ready.catch(() => {}); // whoever does not ask need not hear
    const concurrency = options.concurrency ?? 64;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 10_000) {
      throw new RangeError(`sojourn: the concurrency of a worker is 1 to 10,000, not ${concurrency}`);
    }
    this.#core = new WorkerCore(
      options.logger ?? { warn: console.warn, error: console.error },
      concurrency,
      Math.max(options.reportConnections ?? 2, 1),
      Math.max(options.shutdownGraceMs ?? 25_000, 0),
      options.interceptors ?? [],
    );
  }

  /**
   * Registers the function that runs executions of a workflow. The worker tells the server of the workflow when it runs,
   * so nothing needs to exist beforehand. What the function throws fails the execution, after the retries that `retry`
   * allows; see {@link HandlerError} and {@link RejectError}.
   *
   * @throws {SojournError} when the name is not a workflow's (lower-case letters, digits, `.`, `_`, `-`, at most 100), or
   * has a handler already, or the worker runs already
   */
  handle<I = any, O = unknown>(workflow: string | Workflow<I, O>, run: HandlerFunction<I, O>): this;
  handle<I = any, O = unknown>(
    workflow: string | Workflow<I, O>,
    options: HandlerOptions<I, O>,
    run: HandlerFunction<I, O>,
  ): this;
  handle(
    workflow: string | Workflow,
    first: HandlerOptions | HandlerFunction<any, any>,
    second?: HandlerFunction<any, any>,
  ): this {
    const options = typeof first === "function" ? {} : first;
    const run = typeof first === "function" ? first : second;
    const name = typeof workflow === "string" ? workflow : workflow.name;
    const schemas: { input?: unknown; output?: unknown } = typeof workflow === "string" ? {} : workflow;
    if (typeof run !== "function") throw new SojournError(`workflow ${JSON.stringify(name)} was given no function`);
    if (!validWorkflowName(name)) {
      throw new SojournError(
        `${JSON.stringify(name)} is not a workflow name: use lower-case letters, digits, ".", "_" and "-", at most 100, not "executions"`,
      );
    }
    if (this.#core.handlers.has(name)) throw new SojournError(`workflow ${JSON.stringify(name)} has a handler already`);
    if (this.#started) throw new SojournError("handle was called after run");
    this.#core.handlers.set(name, {
      name,
      run,
      input: (options.input ?? schemas.input) as StandardSchemaV1 | undefined,
      output: (options.output ?? schemas.output) as StandardSchemaV1 | undefined,
      retry: completeRetry(options.retry),
      registration: {
        name,
        version: options.version,
        description: options.description,
        input_schema: options.inputSchema,
        retention_ms: options.retentionMs,
        timeout_ms: options.timeoutMs,
      },
    });
    return this;
  }

  /** Whether the worker has a session and has heard from the server within its lease. */
  get healthy(): boolean {
    return this.#session?.healthy ?? false;
  }

  /**
   * Resolves when the worker's first session with the server begins: from then on its workflows exist and are served. It
   * rejects when {@link Worker.run} ends before that.
   */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Stops the worker as the signal of {@link Worker.run} does; that promise resolves when it has stopped. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Serves the registered workflows until the worker is told to stop, then drains: it takes no new work, lets handlers
   * finish within `shutdownGraceMs`, gives back what is unfinished, and the promise resolves. It survives restarts of the
   * server. It rejects when the server refuses the worker: a wrong key, a missing scope, an invalid schema. A worker runs
   * once.
   */
  async run(options: RunOptions = {}): Promise<void> {
    if (this.#started) throw new SojournError("a worker runs only once");
    if (this.#core.handlers.size === 0) throw new SojournError("the worker has no handler: call handle before run");
    this.#started = true;
    const stop = this.#stop.signal;
    const unhook = options.signal ? forward(options.signal, () => this.stop()) : onTermination(() => this.stop());
    const unguard = ignoreInterruptions();
    const { config } = this.#client.transport;
    const faster = config.ownFetch ? undefined : httpFetch(config.baseUrl);
    const transport = faster ? new Transport({ ...config, fetch: faster }) : this.#client.transport;
    // Behind a load balancer a session lives at the server that its polls reach: they keep to a connection of their own,
    // as far as the runtime lets them.
    const apart = faster && httpFetch(config.baseUrl);
    const polls = apart ? new Transport({ ...config, fetch: apart }) : transport;
    try {
      while (!stop.aborted) {
        let session: Session;
        try {
          session = await openSession(
            this.#core,
            { api: this.#client.transport, protocol: transport, polls },
            this.#registration(),
            stop,
          );
        } catch (error) {
          if (stop.aborted) return;
          throw error;
        }
        this.#session = session;
        this.#begin();
        this.#options.onReady?.(session.id);
        const end = await session.serve(stop);
        this.#session = undefined;
        if (end === "lost") {
          this.#core.log.warn?.("the server no longer knows the worker's session; starting another", {
            session_id: session.id,
          });
          continue;
        }
        await this.#core.idle(UNWIND_MS);
        if (end instanceof Error) throw end;
        return;
      }
    } catch (error) {
      this.#giveUp(error);
      throw error;
    } finally {
      this.#giveUp(new SojournError("the worker was stopped before it began"));
      unhook();
      unguard();
    }
  }

  #registration() {
    return {
      protocol: 1,
      name: this.#options.name ?? defaultName(),
      sdk: `typescript/${VERSION}`,
      version: this.#options.version,
      capacity: this.#core.concurrency,
      workflows: [...this.#core.handlers.values()].map((handler) => handler.registration),
    };
  }
}

interface NodeProcess {
  pid?: number;
  once?(event: string, listener: () => void): void;
  on?(event: string, listener: (reason: unknown) => void): void;
  off?(event: string, listener: (...args: any[]) => void): void;
  listenerCount?(event: string): number;
}

const process = (globalThis as { process?: NodeProcess }).process;

function defaultName(): string {
  return `${environment("HOSTNAME") ?? runtime()}-${process?.pid ?? Math.random().toString(36).slice(2, 8)}`;
}

function forward(signal: AbortSignal, stop: () => void): () => void {
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return () => signal.removeEventListener("abort", stop);
}

function onTermination(stop: () => void): () => void {
  if (!process?.once || !process.off) return () => {};
  const unhook = () => {
    process.off?.("SIGTERM", once);
    process.off?.("SIGINT", once);
  };
  const once = () => {
    unhook();
    stop();
  };
  process.once("SIGTERM", once);
  process.once("SIGINT", once);
  return unhook;
}

/**
 * Keeps interruptions, and failures of steps, of branches that a handler has stopped listening to from ending the
 * process; everything else is handled as it would be without us.
 */
function ignoreInterruptions(): () => void {
  if (!process?.on || !process.off) return () => {};
  const listener = (reason: unknown) => {
    if (isInterruption(reason) || reason instanceof StepError) return;
    if (process.listenerCount?.("unhandledRejection") === 1) throw reason;
  };
  process.on("unhandledRejection", listener);
  return () => process.off?.("unhandledRejection", listener);
}
