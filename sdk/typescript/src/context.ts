import {
  ApprovalRejectedError,
  type Decision,
  HandlerError,
  RejectError,
  type RetryPolicy,
  StepError,
  WaitTimeoutError,
} from "./failures.js";
import { type FileReference, Files, type Upload } from "./files.js";
import type { Attempt, Parking, RecordedEntry } from "./internal/attempt.js";
import { clip, completeRetry, delayAfter, failureOf, rejectionOf } from "./internal/failure.js";
import { fnv1a, hex16 } from "./internal/fnv.js";
import { keyText } from "./internal/names.js";
import { lostCode, type OperationResult, type WaitEnd } from "./internal/reporter.js";
import { InterruptedError } from "./interruptions.js";
import { type ApprovalLink, type ApprovalLinkParams, Executions } from "./resources/executions.js";
import { type StandardSchemaV1, validate } from "./standard-schema.js";

/** The longest wait for which a handler stays in memory. */
const SHORT_MS = 2_000;
/** How long a step runs before the server is told that it does. */
const STARTED_AFTER_MS = 250;
/** Marks the recorded code of a step that rejected, so that a replay rejects too. */
const REJECTED = "rejected.";
const MAX_LINE = 8 << 10;
const MAX_FIELDS = 16 << 10;

/**
 * What becomes of a value that is recorded: its JSON, decoded. Dates are texts, files are references, functions are gone
 * and undefined is null. A step gives this also when it has just run, so that the first run and a replay are the same.
 */
export type Recorded<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null
    ? T
    : // biome-ignore lint/suspicious/noConfusingVoidType: the type of a function that returns nothing
      T extends undefined | void
      ? null
      : T extends Blob | Upload
        ? FileReference
        : T extends { toJSON(...args: any[]): infer J }
          ? Recorded<J>
          : T extends bigint | symbol | ((...args: any[]) => unknown)
            ? never
            : T extends readonly unknown[]
              ? { [K in keyof T]: Recorded<T[K]> }
              : T extends object
                ? {
                    [K in keyof T as T[K] extends symbol | ((...args: any[]) => unknown) ? never : K]:
                      | Recorded<Exclude<T[K], undefined>>
                      | (undefined extends T[K] ? undefined : never);
                  }
                : T;

/** How a step is run. */
export interface StepOptions<R = unknown> {
  /**
   * Names the item that a step in a loop or in a concurrent branch works on, so that it is matched by item and not by
   * its number: an id, a name, an index of a list that does not change.
   */
  key?: unknown;
  /** Tries it again when it fails: a policy, or just how many tries in all. Default: one try. */
  retry?: RetryPolicy | number;
  /**
   * Bounds each try, in milliseconds: its signal is aborted, and the try fails with code `step_timeout`. A function that
   * ignores its signal goes on in the background.
   */
  timeoutMs?: number;
  /**
   * What the step works on. Its hash is recorded; when the handler is run again and it has changed, the recorded result
   * would be a wrong one, and the execution fails with code `step_mismatch`.
   */
  input?: unknown;
  /** Checks the result, also the recorded one, and gives it its type. */
  output?: StandardSchemaV1<any, R>;
  /**
   * Go on before the server has acknowledged the result. It is faster, and weaker: a crash can lose the result although
   * later code has run, and then the step runs again.
   */
  noWait?: boolean;
}

/** What a step's function is given. */
export interface StepContext {
  /** Ends when the step must stop: its time is over, or the handler is interrupted. Pass it to `fetch` and the like. */
  readonly signal: AbortSignal;
  /**
   * The same on every try of the step, in every attempt and on every worker: hand it to other systems as an idempotency
   * key.
   */
  readonly stepKey: string;
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** The step as recorded. */
  readonly step: string;
  /** Keeps lines with the execution, under this step. */
  readonly log: Log;
  /** The context of the handler. */
  readonly ctx: Context;
}

/** Options of a sleep. */
export interface SleepOptions {
  /** As of a step. */
  key?: unknown;
}

/** Options of a wait for a signal. */
export interface SignalOptions<T = unknown> {
  /** Milliseconds after which the wait ends with a {@link WaitTimeoutError}; default: never. Counted from the first call. */
  timeoutMs?: number;
  /** As of a step. The signal's name is then `name[key]`. */
  key?: unknown;
  /** Checks the payload and gives it its type. */
  payload?: StandardSchemaV1<any, T>;
}

/** Options of a wait for an approval. */
export interface ApprovalOptions {
  /** Milliseconds after which the wait ends with a {@link WaitTimeoutError}; default: never. Counted from the first call. */
  timeoutMs?: number;
  /** What the approver gets to see: any JSON. */
  payload?: unknown;
  /** As of a step. */
  key?: unknown;
}

/** Keeps lines with the execution. It never blocks; while the server is away at most 1,000 lines wait. */
export interface Log {
  /** At level info. */
  (message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/**
 * What a handler is given. Its methods throw an {@link InterruptedError} when the handler must stop: let it pass.
 *
 * Branches may run at the same time (`Promise.all`). When all that is left of a handler are waits of more than two
 * seconds, the execution is suspended: the handler is unwound, and runs again from the top when a wait is over. Work
 * outside steps does not count, and must be quick and repeatable.
 */
export class Context {
  /** The execution's id. */
  readonly executionId: string;
  /** The workflow's name. */
  readonly workflow: string;
  /** Counts the times the execution was given to a worker, from 1. */
  readonly attempt: number;
  /** What the execution was started with. */
  readonly metadata: Readonly<Record<string, string>>;
  /** When it was started. */
  readonly createdAt: Date;
  /** When the server cancels it, if it does. */
  readonly deadlineAt: Date | undefined;
  /** The W3C traceparent of whoever started it. */
  readonly traceparent: string | undefined;
  readonly #a: Attempt;
  #log: Log | undefined;
  #files: Files | undefined;

  /** @internal */
  constructor(attempt: Attempt) {
    this.#a = attempt;
    const { id, workflow, attempt: number, metadata, created_at, deadline_at, traceparent } = attempt.assignment;
    this.executionId = id;
    this.workflow = workflow;
    this.attempt = number;
    this.metadata = metadata ?? {};
    this.createdAt = new Date(created_at);
    this.deadlineAt = deadline_at === undefined ? undefined : new Date(deadline_at);
    this.traceparent = traceparent;
  }

  /**
   * Ends when a cancel is requested, the lease is lost, the worker drains or the execution is suspended; its reason is an
   * {@link InterruptedError} that says which.
   */
  get signal(): AbortSignal {
    return this.#a.signal;
  }

  /** Keeps lines with the execution. */
  get log(): Log {
    this.#log ??= makeLog(this.#a, undefined);
    return this.#log;
  }

  /** Downloads the files of the execution, and uploads new ones. A handler or step may also just return a file. */
  get files(): Files {
    this.#files ??= new Files(this.#a.session.transport, this.#a.leaseHeaders());
    return this.#files;
  }

  /** Says how far the work is, 0 to 1. At most ten values a second are sent, the latest always. It never falls. */
  progress(value: number): void {
    this.#a.progress(value);
  }

  /**
   * Runs a function and records its result; when the execution's record has the result already, gives that and does not
   * run it. The promise resolves once the server has acknowledged the record, with the JSON of the result, decoded.
   *
   * The name is how the step is found again: 1 to 100 bytes without `#`, `[` and `]`. The same name in sequence is
   * numbered; in loops over a changing list and in concurrent branches give each a `key`.
   *
   * @throws {StepError} when it has failed for good
   */
  step<R>(
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions<R> & { output: StandardSchemaV1<any, R> },
  ): Promise<R>;
  step<T>(name: string, run: (step: StepContext) => T | Promise<T>, options?: StepOptions): Promise<Recorded<T>>;
  step(name: string, run: (step: StepContext) => unknown, options: StepOptions<any> = {}): Promise<any> {
    return guarded(this.#step(name, run, options));
  }

  /**
   * Waits durably: the end of the sleep is recorded first, so a crash does not start it anew, and it never ends early. Up
   * to two seconds the handler waits in memory; a longer sleep suspends the execution.
   */
  sleep(name: string, ms: number, options: SleepOptions = {}): Promise<void> {
    return guarded(this.#sleep(name, ms, options));
  }

  /**
   * Waits until somebody sends the execution a signal of the name (`client.executions.signal`) and gives its payload.
   * Signals that were sent before are kept in their order, and each wait takes one. Meanwhile the execution is `waiting`
   * and holds no worker.
   *
   * @throws {WaitTimeoutError} when `timeoutMs` passes first
   */
  waitForSignal<T = unknown>(name: string, options: SignalOptions<T> = {}): Promise<T> {
    return guarded(this.#waitForSignal(name, options));
  }

  /**
   * Waits until somebody approves or rejects (`client.executions.approve`, `client.executions.reject`, an approval link),
   * and gives the decision when it was approved.
   *
   * @throws {ApprovalRejectedError} when it was refused; the execution ends `rejected` unless the handler catches it
   * @throws {WaitTimeoutError} when `timeoutMs` passes first
   */
  waitForApproval(name: string, options: ApprovalOptions = {}): Promise<Decision> {
    return guarded(this.#waitForApproval(name, options));
  }

  /**
   * Makes a link for an approval that the handler is going to wait for, by the worker's own key. Make it in a step, and
   * send it from the same step: the token is shown only once.
   */
  async createApprovalLink(params: ApprovalLinkParams): Promise<ApprovalLink> {
    const executions = new Executions(this.#a.session.transport);
    return executions.createApprovalLink(this.executionId, { ...params, lease: this.#a.lease } as ApprovalLinkParams, {
      signal: this.signal,
    });
  }

  async #step(name: string, run: (step: StepContext) => unknown, options: StepOptions<any>): Promise<unknown> {
    const a = this.#a;
    const retry = completeRetry(options.retry);
    const hash =
      options.input === undefined ? undefined : hex16(fnv1a(a.encode(options.input, `input of step ${name}`)));
    const { use, step } = a.enter(name, options.key === undefined ? undefined : keyText(options.key));
    try {
      const recorded = a.recorded.get(step);
      let attempt = 1;
      if (recorded) {
        const replayed = await this.#replay(recorded, step, hash, options.output);
        if (replayed) return replayed.value;
        attempt = (recorded.tries ?? 0) + 1;
        const due = a.arrived + (recorded.next_attempt_in_ms ?? 0);
        await this.#backOff(due);
      }
      for (; ; attempt++) {
        const tried = await this.#try(step, attempt, hash, run, options);
        if (!("thrown" in tried)) return tried.value;
        // Interrupted, not failed.
        if (a.signal.aborted) throw a.signal.reason;
        await this.#failed(step, attempt, hash, retry, tried.thrown, tried.tookMs);
      }
    } finally {
      a.leave(use);
    }
  }

  /** The recorded end of a step, if it has one. */
  async #replay(
    recorded: RecordedEntry,
    step: string,
    hash: string | undefined,
    schema?: StandardSchemaV1<any, unknown>,
  ) {
    const a = this.#a;
    if (recorded.kind !== "step") throw a.mismatch(step, `it was recorded as a ${recorded.kind}`);
    if (hash && recorded.input_hash && hash !== recorded.input_hash) throw a.mismatch(step, "its input has changed");
    if (recorded.next_attempt_in_ms !== undefined) return undefined;
    if (recorded.error !== undefined) {
      const code = recorded.error_code ?? "error";
      if (code.startsWith(REJECTED)) throw new RejectError(code.slice(REJECTED.length), recorded.error);
      throw new StepError(step, code, recorded.error, recorded.tries ?? 1);
    }
    const value = recorded.output ?? null;
    if (!schema) return { value };
    const checked = await validate(schema, value);
    if (!checked.ok)
      throw a.mismatch(step, `its recorded output does not fit its schema: ${checked.issues.join("; ")}`);
    return checked;
  }

  /** Runs the function once and records its result. */
  async #try(
    step: string,
    attempt: number,
    hash: string | undefined,
    run: (step: StepContext) => unknown,
    options: StepOptions<any>,
  ): Promise<{ value: unknown } | { thrown: unknown; tookMs: number }> {
    const a = this.#a;
    const begun = performance.now();
    const context = new StepRun(this, a, step, attempt, options.timeoutMs);
    const announcement = setTimeout(() => {
      if (!a.signal.aborted && a.accepting) a.forget(`"step_started"${about(step, attempt, hash)}`);
    }, STARTED_AFTER_MS);
    let text: string;
    let value: unknown;
    try {
      value = await a.session.worker.aroundStep(
        () => ({ execution: a.info(), step, attempt }),
        async () => context.race(run),
      );
      value = await a.upload(value);
      text = a.encode(value, `output of step ${step}`);
      // What a replay will give is given now too.
      if (value === undefined) value = null;
      else if (typeof value === "object" && value !== null) value = JSON.parse(text);
      if (options.output) {
        const checked = await validate(options.output, value);
        if (!checked.ok) {
          throw new HandlerError(`the output does not fit its schema: ${checked.issues.join("; ")}`, {
            code: "invalid_output",
            retryable: false,
          });
        }
        value = checked.value;
      }
    } catch (thrown) {
      return { thrown, tookMs: performance.now() - begun };
    } finally {
      clearTimeout(announcement);
      context.dispose();
    }
    if (!a.accepting) a.check();
    const operation = `"step_completed"${about(step, attempt, hash, begun)},"output":${text}`;
    if (options.noWait) {
      a.forget(operation);
      return { value };
    }
    const result = await a.ask(operation);
    if (!result.ok) throw refusal(step, result);
    return { value };
  }

  /** Reports a failed try; returns when the step should be tried again, and throws the error of the step otherwise. */
  async #failed(
    step: string,
    attempt: number,
    hash: string | undefined,
    retry: ReturnType<typeof completeRetry>,
    thrown: unknown,
    tookMs: number,
  ): Promise<void> {
    const a = this.#a;
    if (!a.accepting) a.check();
    const { failure, final } = failureOf(thrown);
    const rejection = rejectionOf(thrown);
    if (rejection) failure.code = clip(REJECTED + rejection.code, 100);
    const last = final || !retry || attempt >= retry.max_attempts;
    const { alone } = a;
    let rest = `,"final":true`;
    if (!last) {
      // While other branches are at work the lease must stay, so the worker keeps a long back-off itself.
      const told = alone
        ? retry
        : {
            ...retry,
            initial_interval_ms: Math.min(retry.initial_interval_ms, SHORT_MS),
            max_interval_ms: Math.min(retry.max_interval_ms, SHORT_MS),
          };
      rest = `,"retry":${JSON.stringify(told)}`;
    }
    const took = `,"duration_ms":${Math.round(tookMs)}`;
    const result = await a.ask(
      `"step_failed"${about(step, attempt, hash)}${took},"error":${JSON.stringify(failure)}${rest}`,
    );
    if (!result.ok) throw refusal(step, result);
    if (result.suspended) {
      a.suspendedByServer();
      throw new InterruptedError("suspended");
    }
    if (rejection) throw thrown;
    if (last || result.final) {
      const details = failure.details as Record<string, unknown> | undefined;
      throw new StepError(step, failure.code, failure.message, attempt, { final, details });
    }
    let wait = result.delay_ms ?? 0;
    if (!alone) wait = Math.max(wait, delayAfter(retry, attempt));
    await this.#backOff(performance.now() + wait);
  }

  /** Waits before the next try: in memory when short, otherwise parked. */
  async #backOff(due: number): Promise<void> {
    const wait = due - performance.now();
    if (wait > SHORT_MS) await this.#a.park({ until: due });
    else if (wait > 0) await this.#a.nap(wait);
    this.#a.check();
  }

  async #sleep(name: string, ms: number, options: SleepOptions): Promise<void> {
    const a = this.#a;
    if (typeof ms !== "number" || Number.isNaN(ms))
      throw new TypeError(`sojourn: a sleep takes a number of milliseconds, not ${ms}`);
    const { use, step } = a.enter(name, options.key === undefined ? undefined : keyText(options.key));
    try {
      const recorded = a.recorded.get(step);
      const p: Parking = {};
      if (recorded) {
        if (recorded.kind !== "sleep") throw a.mismatch(step, `it was recorded as a ${recorded.kind}`);
        p.until = a.arrived + (recorded.until_in_ms ?? 0);
        if (recorded.until !== undefined) p.server = Date.parse(recorded.until);
      } else if (ms <= 0) {
        return;
      } else {
        const result = await a.ask(`"sleep","step":${JSON.stringify(step)},"duration_ms":${Math.ceil(ms)}`);
        if (!result.ok) throw refusal(step, result);
        p.until = performance.now() + (result.delay_ms ?? ms);
        if (result.wake_at !== undefined) {
          p.server = Date.parse(result.wake_at);
          if (!result.duplicate && result.delay_ms !== undefined) a.session.observe(result.wake_at, result.delay_ms);
        }
      }
      const wait = p.until - performance.now();
      if (wait > SHORT_MS) await a.park(p);
      else if (wait > 0) await a.nap(wait);
      a.check();
    } finally {
      a.leave(use);
    }
  }

  async #waitForSignal<T>(name: string, options: SignalOptions<T>): Promise<T> {
    const { end } = await this.#waitFor("signal", name, options, undefined);
    const payload = end.payload ?? null;
    if (!options.payload) return payload as T;
    const checked = await validate(options.payload, payload);
    if (!checked.ok) {
      throw new HandlerError(
        `the payload of signal ${JSON.stringify(name)} does not fit its schema: ${checked.issues.join("; ")}`,
        {
          code: "invalid_payload",
          retryable: false,
        },
      );
    }
    return checked.value;
  }

  async #waitForApproval(name: string, options: ApprovalOptions): Promise<Decision> {
    const { payload } = options;
    const { end, step } = await this.#waitFor("approval", name, options, payload);
    const decision: Decision = {};
    if (end.comment !== undefined) decision.comment = end.comment;
    if (end.by !== undefined) decision.by = end.by;
    if (end.payload !== undefined) decision.payload = end.payload;
    if (end.outcome === "rejected") throw new ApprovalRejectedError(step, decision);
    return decision;
  }

  /** Records the wait, or finds it recorded, and gives how it ended. */
  async #waitFor(
    kind: "signal" | "approval",
    name: string,
    options: { timeoutMs?: number; key?: unknown },
    payload: unknown,
  ): Promise<{ end: WaitEnd; step: string }> {
    const a = this.#a;
    const shown =
      payload === undefined ? "" : `,"payload":${a.encode(await a.upload(payload), `payload of ${kind} ${name}`)}`;
    const { use, step } = a.enter(name, options.key === undefined ? undefined : keyText(options.key));
    const p: Parking = { wait: true };
    a.watchWait(p);
    try {
      const limit = options.timeoutMs === undefined ? "" : `,"timeout_ms":${Math.max(Math.ceil(options.timeoutMs), 1)}`;
      const expire = (ms: number | undefined) => {
        p.until = ms === undefined || ms <= 0 ? undefined : performance.now() + ms;
      };
      const ask = async (more: string): Promise<WaitEnd | undefined> => {
        const result = await a.ask(`"wait","step":${JSON.stringify(step)},"wait":"${kind}"${limit}${more}`);
        if (!result.ok) throw refusal(step, result);
        expire(result.expires_in_ms);
        return result.ended ?? undefined;
      };
      const recorded = a.recorded.get(step);
      let end: WaitEnd | undefined;
      if (!recorded) {
        end = await ask(shown);
      } else if (recorded.kind !== "wait") {
        throw a.mismatch(step, `it was recorded as a ${recorded.kind}`);
      } else if (recorded.wait !== kind) {
        throw a.mismatch(
          step,
          `it was recorded as a wait for ${recorded.wait === "approval" ? "an approval" : "a signal"}`,
        );
      } else {
        end = recorded.ended ?? undefined;
        expire(recorded.expires_in_ms);
      }
      while (end === undefined) {
        await a.park(p);
        end = await ask("");
      }
      if (end.outcome === "timeout") throw new WaitTimeoutError(kind, step);
      return { end, step };
    } finally {
      a.forgetWait(p);
      a.leave(use);
    }
  }
}

/** One try of a step. */
class StepRun implements StepContext {
  readonly stepKey: string;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: ((error: unknown) => void) | undefined;
  #passOn: (() => void) | undefined;
  #log: Log | undefined;

  constructor(
    readonly ctx: Context,
    readonly a: Attempt,
    readonly step: string,
    readonly attempt: number,
    readonly timeoutMs: number | undefined,
  ) {
    this.stepKey = `${a.id}/${step}`;
    if (timeoutMs === undefined) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#passOn = () => abort.abort(a.signal.reason);
    a.signal.addEventListener("abort", this.#passOn, { once: true });
    this.#timer = setTimeout(
      () => {
        const error = new HandlerError(`not finished after ${timeoutMs} ms`, { code: "step_timeout" });
        abort.abort(error);
        this.#late?.(error);
      },
      Math.min(timeoutMs, 2_147_483_647),
    );
  }

  get signal(): AbortSignal {
    return this.#abort?.signal ?? this.a.signal;
  }

  get log(): Log {
    this.#log ??= makeLog(this.a, this.step);
    return this.#log;
  }

  /** Runs the function; throws when its time is over first. */
  race(run: (step: StepContext) => unknown): unknown {
    const running = run(this);
    if (this.timeoutMs === undefined) return running;
    return new Promise((resolve, reject) => {
      this.#late = reject;
      Promise.resolve(running).then(resolve, reject);
    });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    if (this.#passOn) this.a.signal.removeEventListener("abort", this.#passOn);
  }
}

/** The members that every operation about a step has. */
function about(step: string, attempt: number, hash: string | undefined, begun?: number): string {
  let text = `,"step":${JSON.stringify(step)},"try":${attempt}`;
  if (begun !== undefined) text += `,"duration_ms":${Math.round(performance.now() - begun)}`;
  if (hash) text += `,"input_hash":"${hash}"`;
  return text;
}

/** The error of a step whose record the server does not take. */
function refusal(step: string, result: OperationResult): Error {
  if (lostCode(result.code)) return new InterruptedError("lease_lost");
  if (result.code === "cancel_requested") return new InterruptedError("cancel_requested");
  return new StepError(step, result.code ?? "error", result.message ?? "the server refused the record", 1, {
    final: true,
  });
}

/**
 * Keeps a rejection from ending the process when the handler has stopped listening: a branch that nobody awaits any
 * more is interrupted too.
 */
function guarded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function makeLog(a: Attempt, step: string | undefined): Log {
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    a.line(level, clip(String(message), MAX_LINE), fields === undefined ? undefined : encodeFields(fields), step);
  };
  return Object.assign(at("info"), { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") });
}

function encodeFields(fields: Record<string, unknown>): string | undefined {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    try {
      plain[name] = value instanceof Error ? value.message : typeof value === "bigint" ? String(value) : value;
      // One value that cannot be encoded must not lose the others.
      if (typeof value === "object") JSON.stringify(plain[name]);
    } catch (error) {
      plain[name] = `!${error instanceof Error ? error.message : error}`;
    }
  }
  const text = JSON.stringify(plain);
  if (text.length <= MAX_FIELDS) return text;
  return JSON.stringify({ fields_error: `the fields took ${text.length} characters of at most ${MAX_FIELDS}` });
}
