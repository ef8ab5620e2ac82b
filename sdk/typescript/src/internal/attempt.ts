import { Context } from "../context.js";
import { SojournError } from "../errors.js";
import { HandlerError, StepMismatchError, StepNameError } from "../failures.js";
import { uploadFiles } from "../files.js";
import { InterruptedError, type InterruptionReason } from "../interruptions.js";
import { validate } from "../standard-schema.js";
import { type Failure, failureOf, rejectionOf } from "./failure.js";
import type { Hash } from "./fnv.js";
import { byteLength, validStepName } from "./names.js";
import { lostCode, type OperationResult, type Reporter, soon, type WaitEnd } from "./reporter.js";
import type { Session } from "./session.js";
import type { Handler } from "./worker-core.js";

/** The protocol's limit for one output. */
export const MAX_PAYLOAD = 1 << 20;
/** The least time between two reports of progress. */
const PROGRESS_EVERY_MS = 100;
/** Bounds the memory that lines take while the server is away; more are dropped and counted. */
const MAX_UNSENT_LINES = 1000;

/** An execution as the server hands it out. */
export interface Assignment {
  id: string;
  workflow: string;
  version?: number;
  lease: string;
  attempt: number;
  input: unknown;
  metadata?: Record<string, string>;
  traceparent?: string;
  created_at: string;
  deadline_at?: string;
  recorded?: RecordedEntry[];
}

/** What the server knows of a step, a sleep or a wait. */
export interface RecordedEntry {
  step: string;
  kind: "step" | "sleep" | "wait" | (string & {});
  output?: unknown;
  until?: string;
  until_in_ms?: number;
  tries?: number;
  input_hash?: string;
  error?: string;
  error_code?: string;
  next_attempt_in_ms?: number;
  wait?: string;
  ended?: WaitEnd;
  expires_in_ms?: number;
}

/** A branch that waits for a timer, or for a signal or an approval. */
export interface Parking {
  /** By performance.now(); undefined: a wait that never ends by itself. */
  until?: number | undefined;
  /** The same instant by the server's clock, when it gave it. */
  server?: number | undefined;
  /** A wait: the server knows when it ends. */
  wait?: boolean;
  /** The server has said that a wait ended, before anybody was there to hear it. */
  woken?: boolean;
  wake?: (() => void) | undefined;
}

/** The use of one step name in an attempt. */
export interface NameUse {
  count: number;
  busy: boolean;
  /** It was in use at the same time as something else, so that a repeat's number would depend on chance. */
  concurrent: boolean;
}

/** Whether the attempt takes operations: a suspend or an outcome may be on its way, or the server has answered it. */
type State = "active" | "suspending" | "ending" | "over";

const returned = new InterruptedError("returned");

/** One lease on an execution: from its delivery until the server has answered how it ended. */
export class Attempt {
  readonly id: string;
  readonly lease: string;
  readonly number: number;
  readonly handler: Handler | undefined;
  readonly recorded = new Map<string, RecordedEntry>();
  /** When it arrived, by performance.now(). */
  readonly arrived = performance.now();

  readonly #head: string;
  readonly #abort = new AbortController();
  readonly #names = new Map<string, NameUse>();
  /** The uses that are under way. */
  readonly #busy = new Set<NameUse>();
  readonly #parked = new Set<Parking>();
  readonly #waits = new Set<Parking>();
  /** Rejects what waits in memory. */
  readonly #waiters = new Set<(error: InterruptedError) => void>();
  /** Rejects what waits for an answer. */
  readonly #calls = new Set<(error: InterruptedError) => void>();
  #state: State = "active";
  #stopping: InterruptedError | undefined;
  #cancel = false;
  #drain = false;
  #returned = false;
  #refusedBefore = false;
  #fatal: unknown;
  #active = 0;
  #checking = false;
  #progress: { value: number; pending: boolean; sent: number; timer: ReturnType<typeof setTimeout> | undefined } = {
    value: 0,
    pending: false,
    sent: Number.NEGATIVE_INFINITY,
    timer: undefined,
  };
  #unsentLines = 0;
  #droppedLines = 0;

  constructor(
    readonly session: Session,
    readonly reporter: Reporter,
    readonly assignment: Assignment,
    readonly hash: Hash,
  ) {
    this.id = assignment.id;
    this.lease = assignment.lease;
    this.number = assignment.attempt;
    this.handler = session.worker.handlers.get(assignment.workflow);
    this.#head = `{"id":${JSON.stringify(this.id)},"lease":${JSON.stringify(this.lease)},"op":`;
    for (const entry of assignment.recorded ?? []) this.recorded.set(entry.step, entry);
  }

  /** Ends when the handler must stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether operations of the attempt still matter. */
  get reporting(): boolean {
    return this.#state !== "over";
  }

  /** Whether nothing else of the handler is under way. */
  get alone(): boolean {
    return this.#active === 1 && this.#parked.size === 0;
  }

  /** Calls the handler and reports what came of it. */
  async run(): Promise<void> {
    const { handler } = this;
    if (this.#stopping) {
      this.#conclude(undefined, this.#stopping); // it came to its end while it waited for a free place
      return;
    }
    if (!handler) {
      this.session.log.error?.("gave back an execution of a workflow that was not registered", {
        execution_id: this.id,
        workflow: this.assignment.workflow,
      });
      this.giveBack();
      return;
    }
    let output: string | undefined;
    let thrown: unknown;
    let failed = false;
    try {
      const context = new Context(this);
      output = await this.session.worker.aroundExecution(this.info(), () => this.#call(handler, context));
    } catch (error) {
      failed = true;
      thrown = error;
    }
    this.#conclude(failed ? undefined : (output ?? "null"), thrown);
    this.#interrupt("returned");
  }

  async #call(handler: Handler, context: Context): Promise<string> {
    let input: unknown = this.assignment.input ?? {};
    if (handler.input) {
      const checked = await validate(handler.input, input);
      if (!checked.ok) {
        throw new HandlerError(`the input does not fit its schema: ${checked.issues.join("; ")}`, {
          code: "invalid_input",
          retryable: false,
        });
      }
      input = checked.value;
    }
    let output: unknown = await handler.run(context, input);
    if (handler.output) {
      const checked = await validate(handler.output, output);
      if (!checked.ok) {
        throw new HandlerError(`the output does not fit its schema: ${checked.issues.join("; ")}`, {
          code: "invalid_output",
          retryable: false,
        });
      }
      output = checked.value;
    }
    return this.encode(await this.upload(output), "output");
  }

  /** Puts references in the place of files. */
  async upload(value: unknown): Promise<unknown> {
    return uploadFiles(this.session.transport, value, { signal: this.signal }, this.leaseHeaders());
  }

  /** What shows the server that the worker may use this execution's files. */
  leaseHeaders(): { "Sojourn-Lease": string } {
    return { "Sojourn-Lease": `${this.id} ${this.lease}` };
  }

  /** A value as JSON, held to the protocol's limit. */
  encode(value: unknown, what: string): string {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      throw new HandlerError(`the ${what} cannot be encoded: ${error instanceof Error ? error.message : error}`, {
        code: "invalid_output",
        retryable: false,
        cause: error,
      });
    }
    if (text === undefined) {
      if (value !== undefined) {
        throw new HandlerError(`the ${what} is a ${typeof value}, which is not JSON`, {
          code: "invalid_output",
          retryable: false,
        });
      }
      return "null";
    }
    if (text.length > MAX_PAYLOAD / 3 && byteLength(text) > MAX_PAYLOAD) {
      throw new HandlerError(
        `the ${what} takes ${byteLength(text)} bytes of at most ${MAX_PAYLOAD}; return a file, or keep it elsewhere and return where it is`,
        { code: "payload_too_large", retryable: false },
      );
    }
    return text;
  }

  /** What interceptors are told. */
  info() {
    const { id, workflow, attempt, traceparent, created_at } = this.assignment;
    return { id, workflow, attempt, traceparent, createdAt: new Date(created_at) };
  }

  // How it ends.

  #interrupt(reason: InterruptionReason): void {
    if (this.#stopping) return;
    // Every handler ends with this one; its stack says nothing, and would cost as much as a small handler.
    const error = reason === "returned" ? returned : new InterruptedError(reason);
    this.#stopping = error;
    this.#abort.abort(error);
    for (const reject of [...this.#waiters]) reject(error);
    this.#waiters.clear();
  }

  /** Passes a cancel on to the handler. */
  requestCancel(): void {
    if (this.#cancel) return;
    this.#cancel = true;
    this.#interrupt("cancel_requested");
  }

  /** Interrupts the handler because the worker stops. */
  drain(): void {
    this.#drain = true;
    this.#interrupt("draining");
  }

  /** Ends the attempt without a report: the lease is another's, or nobody's. */
  lose(reason: InterruptionReason = "lease_lost"): void {
    this.session.release(this);
    if (this.#state === "over") return;
    this.#state = "over";
    this.#stopProgress();
    this.#interrupt(reason);
    const error = new InterruptedError(reason);
    for (const reject of [...this.#calls]) reject(error);
    this.#calls.clear();
  }

  /** Is {@link lose} for an attempt whose outcome is not on its way yet. */
  presumeLost(): boolean {
    if (this.#state === "ending" || this.#state === "over") return false;
    this.lose();
    return true;
  }

  /** Returns an attempt whose handler has not begun. */
  giveBack(): void {
    this.#drain = true;
    this.#returned = true;
    if (this.#state === "active") this.#reportReturn();
  }

  #conclude(output: string | undefined, thrown: unknown): void {
    this.#returned = true;
    if (this.#state !== "active") return; // suspended or lost: what the handler returned does not count
    this.#flushProgress();
    if (this.#fatal !== undefined) {
      this.#reportFail(this.#fatal);
      return;
    }
    if (output !== undefined) {
      this.#outcome(`"complete","output":${output}`);
      return;
    }
    if (this.#cancel) {
      this.#reportCancelled();
      return;
    }
    if (this.#drain) {
      this.#reportReturn();
      return;
    }
    const rejection = rejectionOf(thrown);
    if (rejection) {
      this.#outcome(`"reject",${members(rejection)}`);
      return;
    }
    this.#reportFail(thrown);
  }

  #reportFail(thrown: unknown): void {
    const { failure, final } = failureOf(thrown);
    if (thrown instanceof Error && !(thrown instanceof SojournError)) {
      this.session.log.warn?.("a handler failed", {
        execution_id: this.id,
        workflow: this.assignment.workflow,
        error: thrown,
      });
    }
    this.#fail(failure, final);
  }

  #fail(failure: Failure, final: boolean): void {
    const retry = this.handler?.retry;
    const rest = final || !retry ? `"final":true` : `"retry":${JSON.stringify(retry)}`;
    this.#outcome(`"fail","error":{${members(failure)}},${rest}`);
  }

  #reportCancelled(): void {
    this.#outcome(`"cancelled"`);
  }

  #reportReturn(): void {
    this.#outcome(`"return"`, "return");
  }

  #outcome(text: string, kind: "outcome" | "return" = "outcome"): void {
    this.#state = "ending";
    this.send(text, (result) => this.#answered(result, kind));
  }

  /** Takes the answer to an operation that ends the attempt. */
  #answered(result: OperationResult, kind: "outcome" | "return" | "suspend"): void {
    if (this.#state === "over") return;
    if (result.ok || lostCode(result.code)) {
      if (!result.ok) {
        // It was settled already: the answer was lost and this is the second try, or the lease had moved on.
        this.session.log.info?.("the outcome of an attempt was not taken", {
          execution_id: this.id,
          code: result.code,
        });
      }
      this.#settle();
      return;
    }
    if (kind === "suspend" && result.code === "cancel_requested") {
      this.#cancel = true;
      this.#state = "active";
      if (this.#returned) this.#reportCancelled();
      return;
    }
    this.session.log.error?.("the server refused the outcome of an attempt", {
      execution_id: this.id,
      code: result.code,
      message: result.message,
    });
    if (kind === "return") {
      this.#settle();
    } else if (this.#refusedBefore) {
      this.#reportReturn();
    } else {
      // For example an output beyond the limit of the history: the execution fails with the reason.
      this.#refusedBefore = true;
      this.#fail({ code: result.code ?? "error", message: result.message ?? "the server refused the outcome" }, true);
    }
  }

  #settle(): void {
    this.session.release(this);
    this.#state = "over";
    this.#stopProgress();
  }

  /** The server has released the lease by itself. */
  suspendedByServer(): void {
    this.lose("suspended");
  }

  // Operations.

  /** Sends an operation: its name in quotes and its members. */
  send(text: string, settle: (result: OperationResult) => void): void {
    this.reporter.push({ attempt: this, text: `${this.#head}${text}}`, settle });
  }

  /** Sends an operation that nobody waits for. */
  forget(text: string): void {
    this.send(text, (result) => {
      if (!result.ok) this.#refused(result);
    });
  }

  /** Sends an operation and waits for its answer; throws when the lease is lost first. */
  ask(text: string): Promise<OperationResult> {
    return new Promise((resolve, reject) => {
      if (this.#state === "over") {
        reject(new InterruptedError("lease_lost"));
        return;
      }
      this.#calls.add(reject);
      this.send(text, (result) => {
        this.#calls.delete(reject);
        if (!result.ok) this.#refused(result);
        resolve(result);
      });
    });
  }

  /** Takes a refusal that concerns the whole attempt. */
  #refused(result: OperationResult): void {
    if (this.#state === "over") return;
    if (lostCode(result.code)) this.lose();
    else if (result.code === "cancel_requested") this.requestCancel();
  }

  /** Throws when the attempt takes no more work. */
  check(): void {
    if (this.#stopping) throw this.#stopping;
    if (this.#state === "suspending") throw new InterruptedError("suspended");
    if (this.#state === "over") throw new InterruptedError("lease_lost");
    if (this.#state === "ending" || this.#returned) throw new InterruptedError("returned");
  }

  /** Whether the result of work that is done may still be sent: then the server decides whether it takes it. */
  get accepting(): boolean {
    return this.#state === "active" && !this.#returned;
  }

  /** Fails the execution whatever the handler makes of the error. */
  fatal<E>(error: E): E {
    this.#fatal ??= error;
    return error;
  }

  /** The record does not fit the code. */
  mismatch(step: string, message: string): StepMismatchError {
    return this.fatal(new StepMismatchError(step, message));
  }

  // Names.

  /** Gives a step its full name and marks it as under way. */
  enter(name: string, key: string | undefined): { use: NameUse; step: string } {
    this.check();
    let step = key === undefined ? name : `${name}[${key}]`;
    if (!validStepName(name)) {
      throw this.fatal(new StepNameError(String(step), `a name is 1 to 100 printable bytes without "#", "[" and "]"`));
    }
    let use = this.#names.get(step);
    if (use === undefined) {
      use = { count: 0, busy: false, concurrent: false };
      this.#names.set(step, use);
    } else if (use.busy) {
      throw this.fatal(new StepNameError(step, "another step of this name runs at the same time; give each a key"));
    }
    if (this.#busy.size > 0) {
      use.concurrent = true;
      for (const other of this.#busy) other.concurrent = true;
    }
    if (use.count > 0 && use.concurrent) {
      throw this.fatal(
        new StepNameError(
          step,
          "a step of this name was used before while others ran, so their order is not fixed; give each a key",
        ),
      );
    }
    use.count++;
    if (use.count > 1) step += `#${use.count}`;
    use.busy = true;
    this.#busy.add(use);
    this.#active++;
    return { use, step };
  }

  /** Ends what {@link enter} began. */
  leave(use: NameUse): void {
    use.busy = false;
    this.#busy.delete(use);
    this.#active--;
    this.#checkParked();
  }

  // Waiting.

  /** Waits in memory; throws when the handler is interrupted. */
  nap(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) {
        reject(this.#stopping);
        return;
      }
      const stop = (error: InterruptedError) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#waiters.add(stop);
      const end = performance.now() + ms;
      const fire = () => {
        // Timers of the runtime can be a millisecond early; durable ones never are.
        const left = end - performance.now();
        if (left > 0) {
          timer = setTimeout(fire, Math.ceil(left));
          return;
        }
        this.#waiters.delete(stop);
        resolve();
      };
      let timer = setTimeout(fire, Math.max(Math.ceil(ms), 0));
    });
  }

  /** Waits until a parking is over or woken, while the branch has nothing else to do. */
  async park(p: Parking): Promise<void> {
    this.check();
    this.#active--;
    this.#parked.add(p);
    try {
      await new Promise<void>((resolve, reject) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const done = () => {
          clearTimeout(timer);
          this.#waiters.delete(stop);
          p.wake = undefined;
          p.woken = false;
          resolve();
        };
        const stop = (error: InterruptedError) => {
          clearTimeout(timer);
          p.wake = undefined;
          reject(error);
        };
        if (p.woken) {
          done();
          return;
        }
        this.#waiters.add(stop);
        p.wake = done;
        const arm = () => {
          const left = (p.until as number) - performance.now();
          if (left <= 0) done();
          else timer = setTimeout(arm, Math.min(Math.ceil(left), 2_147_483_647));
        };
        if (p.until !== undefined) arm();
        this.#checkParked();
      });
    } finally {
      this.#parked.delete(p);
      this.#active++;
    }
    this.check();
  }

  /** Notes a wait that {@link wake} should reach. */
  watchWait(p: Parking): void {
    this.#waits.add(p);
  }

  /** Ends {@link watchWait}. */
  forgetWait(p: Parking): void {
    this.#waits.delete(p);
  }

  /** Lets every branch that waits ask how its wait stands. */
  wake(): void {
    for (const p of [...this.#waits]) {
      if (p.wake) p.wake();
      else p.woken = true;
    }
  }

  /** Suspends the execution once everything that is left of the handler is a wait. */
  #checkParked(): void {
    if (this.#parked.size === 0 || this.#active > 0 || this.#checking) return;
    this.#checking = true;
    // First everything runs that can: a branch that was just woken may have more to do.
    soon(() => {
      this.#checking = false;
      if (this.#parked.size === 0 || this.#active > 0 || this.#stopping || this.#state !== "active" || this.#returned)
        return;
      this.#suspend();
    });
  }

  #suspend(): void {
    let wake = Number.POSITIVE_INFINITY;
    for (const p of this.#parked) {
      if (p.wait) {
        if (p.woken) return; // it is about to ask
        continue; // the server knows when it ends
      }
      const at = p.server ?? this.session.serverTime(Date.now() + (p.until as number) - performance.now());
      wake = Math.min(wake, at);
    }
    this.#flushProgress();
    this.#state = "suspending";
    const at = wake === Number.POSITIVE_INFINITY ? "" : `,"wake_at":"${new Date(Math.ceil(wake)).toISOString()}"`;
    this.send(`"suspend"${at}`, (result) => this.#answered(result, "suspend"));
    this.#interrupt("suspended");
  }

  // Progress and lines.

  /** Reports progress, at most ten times a second, the latest always. */
  progress(value: number): void {
    if (this.#stopping || !this.accepting) return;
    const p = this.#progress;
    p.value = value >= 0 ? Math.min(value, 1) : 0;
    p.pending = true;
    const wait = PROGRESS_EVERY_MS - (performance.now() - p.sent);
    if (wait <= 0) this.#flushProgress();
    else {
      p.timer ??= setTimeout(() => {
        p.timer = undefined;
        if (!this.#stopping) this.#flushProgress();
      }, wait);
    }
  }

  #flushProgress(): void {
    const p = this.#progress;
    if (!p.pending || this.#state !== "active") return;
    this.#stopProgress();
    p.sent = performance.now();
    this.forget(`"progress","value":${p.value}`);
  }

  #stopProgress(): void {
    clearTimeout(this.#progress.timer);
    this.#progress.timer = undefined;
    this.#progress.pending = false;
  }

  /** Queues a line of the log. */
  line(level: string, message: string, fields: string | undefined, step: string | undefined): void {
    if (!this.accepting) return;
    if (this.#unsentLines >= MAX_UNSENT_LINES) {
      this.#droppedLines++;
      return;
    }
    if (this.#droppedLines > 0) {
      const dropped = this.#droppedLines;
      this.#droppedLines = 0;
      this.line("warn", `${dropped} lines were dropped here: the server could not be reached`, undefined, step);
    }
    this.#unsentLines++;
    const at = new Date(this.session.serverTime(Date.now())).toISOString();
    this.send(
      `"log"${step === undefined ? "" : `,"step":${JSON.stringify(step)}`},"level":"${level}","message":${JSON.stringify(message)}${
        fields === undefined ? "" : `,"fields":${fields}`
      },"at":"${at}"`,
      (result) => {
        this.#unsentLines--;
        if (!result.ok) this.#refused(result);
      },
    );
  }
}

function members(failure: Failure): string {
  const details = failure.details === undefined ? "" : `,"details":${JSON.stringify(failure.details)}`;
  return `"code":${JSON.stringify(failure.code)},"message":${JSON.stringify(failure.message)}${details}`;
}
