import { APIStatusError, SojournError } from "../errors.js";
import type { Logger } from "../logger.js";
import { type Assignment, Attempt } from "./attempt.js";
import { fnv1a, hex16 } from "./fnv.js";
import { pause } from "./pause.js";
import { Reporter } from "./reporter.js";
import { retriable, retryAfter, type Transport } from "./transport.js";
import type { WorkerCore } from "./worker-core.js";

/** How long a handler may take to return after it was interrupted while the worker stops. */
const UNWIND_MS = 5_000;
/** Bounds each request of a drain. */
const FAREWELL_MS = 5_000;

/** How a session came to its end. */
export type SessionEnd = "drained" | "lost" | Error;

/** What the server has to say of executions that the worker holds, with any answer. */
export interface Signals {
  /** Stop them. */
  cancel?: string[];
  /** They are no longer this worker's. */
  drop?: string[];
  /** A wait of theirs has ended. */
  wake?: string[];
}

interface SessionAnswer {
  session_id: string;
  protocol: number;
  lease_ms: number;
  heartbeat_ms: number;
  max_wait_ms: number;
  max_operations: number;
}

interface Delivery extends Signals {
  delivery: number;
  executions: Assignment[];
}

/** What a session sends its requests with. */
export interface Transports {
  /** Of the client, for all that a handler does with the server. */
  api: Transport;
  /** For the worker protocol, polls apart. */
  protocol: Transport;
  /** For polls, and to open the session at the server that they reach. */
  polls: Transport;
}

/** One registration of the worker with the server, with all it holds. */
export class Session {
  readonly id: string;
  readonly maxOperations: number;
  readonly log: Logger;
  readonly transport: Transport;
  readonly protocol: Transport;
  /** The highest delivery that has arrived. */
  received = 0;

  readonly #polls: Transport;
  readonly #leaseMs: number;
  readonly #heartbeatMs: number;
  readonly #waitMs: number;
  readonly #reporters: Reporter[];
  readonly #held = new Map<string, Attempt>();
  readonly #abort = new AbortController();
  #digest = { high: 0, low: 0 };
  #next = 0;
  #draining = false;
  #end: SessionEnd | undefined;
  /** When the last request that was answered had been sent. */
  #contact: number;
  /** The server's clock minus ours. */
  #offset = 0;
  #onEmpty: (() => void) | undefined;

  constructor(
    readonly worker: WorkerCore,
    transports: Transports,
    answer: SessionAnswer,
    sent: number,
  ) {
    if (typeof answer?.session_id !== "string" || answer.session_id === "") {
      throw new SojournError("the answer to a new worker session is not what the protocol promises");
    }
    if (answer.protocol > 1) {
      throw new SojournError(`the server speaks worker protocol ${answer.protocol}, this SDK 1`);
    }
    this.transport = transports.api;
    this.protocol = transports.protocol;
    this.#polls = transports.polls;
    this.id = answer.session_id;
    this.#leaseMs = answer.lease_ms || 15_000;
    this.#heartbeatMs = answer.heartbeat_ms || 5_000;
    this.#waitMs = answer.max_wait_ms || 30_000;
    this.maxOperations = Math.min(answer.max_operations || 1024, 1024);
    this.log = worker.log;
    this.#contact = sent;
    this.#reporters = Array.from({ length: worker.reportConnections }, () => new Reporter(this));
  }

  /** Whether the session is over. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Is aborted when the session is over. */
  get signalOfEnd(): AbortSignal {
    return this.#abort.signal;
  }

  /** How many executions are held. */
  get held(): number {
    return this.#held.size;
  }

  /** Whether the server was heard within the lease. */
  get healthy(): boolean {
    return !this.ended && this.#silence() < this.#leaseMs;
  }

  /**
   * Works until `stop` is aborted and everything held is finished or given back, until the session is lost, or until
   * the server refuses the worker.
   */
  async serve(stop: AbortSignal): Promise<SessionEnd> {
    const polling = new AbortController();
    this.signalOfEnd.addEventListener("abort", () => polling.abort(), { once: true });
    const loops = [this.#beat(), this.#watch()];
    const polled = this.#poll(polling.signal);
    await new Promise<void>((resolve) => {
      if (stop.aborted || this.ended) resolve();
      stop.addEventListener("abort", () => resolve(), { once: true });
      this.signalOfEnd.addEventListener("abort", () => resolve(), { once: true });
    });
    if (!this.ended) {
      this.#draining = true;
      for (const attempt of this.worker.unqueue()) attempt.giveBack();
      await this.#announceDrain();
      // What a poll hands over now is given back; one that stays parked is cut off.
      await Promise.race([polled, pause(100)]);
      polling.abort();
      await polled;
      if (!(await this.#empty(this.worker.shutdownGraceMs))) {
        for (const attempt of this.#held.values()) attempt.drain();
        await this.#empty(UNWIND_MS);
      }
      this.finish("drained");
    }
    await Promise.all([...loops, polled]);
    this.#loseAll();
    if (this.#end === "drained") await this.close();
    return this.#end ?? "drained";
  }

  /** Ends the session; the first reason counts. */
  finish(reason: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#abort.abort();
    this.#onEmpty?.();
  }

  /** Ends the session with the server, which takes back what is still held. */
  async close(): Promise<void> {
    try {
      await this.protocol.call({
        method: "DELETE",
        path: `/v1/worker/sessions/${this.id}`,
        timeoutMs: FAREWELL_MS,
        maxRetries: 1,
      });
    } catch (error) {
      if (error instanceof APIStatusError && error.status === 404) return;
      this.log.warn?.("could not end the worker's session; the server ends it when its lease is over", { error });
    }
  }

  async #announceDrain(): Promise<void> {
    try {
      const path = `/v1/worker/sessions/${this.id}/drain`;
      await this.protocol.call({ method: "POST", path, timeoutMs: FAREWELL_MS, signal: this.signalOfEnd });
    } catch (error) {
      if (!this.ended) this.log.warn?.("could not tell the server that the worker drains", { error });
    }
  }

  /** Waits until nothing is held; false when the time is over first. */
  #empty(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#held.size === 0 || this.ended) {
        resolve(true);
        return;
      }
      const timer = setTimeout(() => {
        this.#onEmpty = undefined;
        resolve(false);
      }, ms);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  /** Sends one request of the worker protocol, once; gives undefined for an answer without a body. */
  async post<T>(
    path: string,
    body: string,
    options: { holdMs?: number; timeoutMs?: number; signal?: AbortSignal; over?: Transport } = {},
  ): Promise<T> {
    const sent = performance.now();
    const { data } = await (options.over ?? this.protocol).send<T>({
      method: "POST",
      path,
      body,
      headers: { "Content-Type": "application/json" },
      timeoutMs: options.timeoutMs ?? this.#leaseMs,
      holdMs: options.holdMs,
      signal: options.signal ?? this.signalOfEnd,
    });
    if (sent > this.#contact) this.#contact = sent;
    return data;
  }

  /** Ends the session when an error says that the server will not serve it again; says whether it did. */
  refused(error: unknown): boolean {
    if (!(error instanceof APIStatusError)) return false;
    if (error.status === 404 && error.code === "session_lost") {
      this.finish("lost");
      return true;
    }
    if (error.status === 401 || error.status === 403) {
      this.finish(error);
      return true;
    }
    return false;
  }

  /** The pause after failures in a row, with full jitter: workers do not return to a restarted server together. */
  backoff(failures: number, error: unknown): number {
    const most = Math.min(50 * 2 ** Math.min(failures, 10), 3_000);
    return Math.max(Math.random() * most, most / 10, retryAfter(error) ?? 0);
  }

  #silence(): number {
    return performance.now() - this.#contact;
  }

  /** Learns the server's clock from an instant that lies so far ahead of its now. */
  observe(at: string, aheadMs: number): void {
    const instant = Date.parse(at);
    if (!Number.isNaN(instant)) this.#offset = instant - aheadMs - Date.now();
  }

  /** An instant of our clock on the server's, in milliseconds. */
  serverTime(at: number): number {
    return at + this.#offset;
  }

  /** Passes on what the server has said. */
  signal(told: Signals): void {
    for (const id of told.cancel ?? []) this.#held.get(id)?.requestCancel();
    for (const id of told.drop ?? []) this.#held.get(id)?.lose();
    for (const id of told.wake ?? []) this.#held.get(id)?.wake();
  }

  /** Takes an attempt out of what is held. */
  release(attempt: Attempt): void {
    if (this.#held.get(attempt.id) !== attempt) return;
    this.#held.delete(attempt.id);
    this.#toggle(attempt);
    if (this.#held.size === 0) this.#onEmpty?.();
  }

  #toggle({ hash }: Attempt): void {
    this.#digest.high = (this.#digest.high ^ hash.high) >>> 0;
    this.#digest.low = (this.#digest.low ^ hash.low) >>> 0;
  }

  #accept(delivery: Delivery): void {
    this.received = Math.max(this.received, delivery.delivery);
    const fresh: Attempt[] = [];
    for (const assignment of delivery.executions) {
      const old = this.#held.get(assignment.id);
      if (old) {
        if (old.lease === assignment.lease) continue; // delivered twice
        old.lose();
      }
      const reporter = this.#reporters[this.#next++ % this.#reporters.length] as Reporter;
      const attempt = new Attempt(this, reporter, assignment, fnv1a(assignment.lease));
      this.#held.set(attempt.id, attempt);
      this.#toggle(attempt);
      fresh.push(attempt);
    }
    for (const attempt of fresh) {
      if (this.#draining) attempt.giveBack();
      else this.worker.launch(attempt);
    }
  }

  #loseAll(): void {
    for (const attempt of [...this.#held.values()]) attempt.lose();
  }

  /**
   * Asks for work, one request at a time. The server keeps the worker's credit: it hands out at most its capacity minus
   * what it holds, and keeps the request parked while there is none.
   */
  async #poll(stop: AbortSignal): Promise<void> {
    for (let failures = 0; !this.#draining && !stop.aborted; ) {
      const asked = performance.now();
      let delay = 50 + Math.random() * 100;
      try {
        const body = `{"session_id":${JSON.stringify(this.id)},"received":${this.received},"wait_ms":${this.#waitMs}}`;
        const delivery = await this.post<Delivery | undefined>("/v1/worker/poll", body, {
          holdMs: this.#waitMs,
          signal: stop,
          over: this.#polls,
        });
        if (delivery !== undefined) {
          checkDelivery(delivery);
          this.#accept(delivery);
          this.signal(delivery);
          failures = 0;
          const said = delivery.executions.length + (delivery.cancel?.length ?? 0) + (delivery.drop?.length ?? 0);
          if (said + (delivery.wake?.length ?? 0) > 0 || performance.now() - asked > 100) continue;
        }
        // Empty at once, or 204: the server drains; come back when its successor may be there.
      } catch (error) {
        if (stop.aborted || this.refused(error)) return;
        this.log.warn?.("asking for work failed", { error });
        delay = this.backoff(failures++, error);
      }
      await pause(delay, stop).catch(() => {});
    }
  }

  /** Tells the server at every heartbeat interval that the worker lives and what it holds. */
  async #beat(): Promise<void> {
    let failures = 0;
    for (let delay = this.#heartbeatMs; ; ) {
      await pause(delay, this.signalOfEnd).catch(() => {});
      if (this.ended) return;
      try {
        if (await this.#beatOnce(false)) await this.#beatOnce(true);
        failures = 0;
        delay = this.#heartbeatMs * (1 - Math.random() / 10);
      } catch (error) {
        if (this.ended || this.refused(error)) return;
        this.log.warn?.("heartbeat failed", { error });
        delay = Math.min(this.backoff(failures++, error), this.#heartbeatMs);
      }
    }
  }

  /** Sends one heartbeat, with the leases themselves when the server has found that its list differs. */
  async #beatOnce(leases: boolean): Promise<boolean> {
    const body: Record<string, unknown> = {
      session_id: this.id,
      received: this.received,
      held: this.#held.size,
      digest: hex16(this.#digest),
    };
    if (leases) body.leases = [...this.#held.values()].map((attempt) => attempt.lease);
    const answer = await this.post<Signals & { reconcile?: boolean }>("/v1/worker/heartbeat", JSON.stringify(body), {
      timeoutMs: this.#heartbeatMs,
    });
    this.signal(answer);
    return answer.reconcile === true;
  }

  /**
   * Presumes every lease lost when the server has not answered for the length of one. Results of handlers that have
   * returned are still sent: the server takes them if nobody else has taken the execution.
   */
  async #watch(): Promise<void> {
    while (!this.ended) {
      const left = this.#leaseMs - this.#silence();
      if (left > 0) {
        await pause(left, this.signalOfEnd).catch(() => {});
        continue;
      }
      let lost = 0;
      for (const attempt of [...this.#held.values()]) if (attempt.presumeLost()) lost++;
      if (lost > 0) {
        this.log.error?.("no answer from the server for the length of a lease; handlers were interrupted", {
          lease_ms: this.#leaseMs,
          handlers: lost,
        });
      }
      await pause(this.#heartbeatMs / 4, this.signalOfEnd).catch(() => {});
    }
  }
}

function checkDelivery(delivery: Delivery): void {
  const fine =
    typeof delivery.delivery === "number" &&
    Array.isArray(delivery.executions) &&
    delivery.executions.every(
      (e) => typeof e?.id === "string" && e.id !== "" && typeof e.lease === "string" && e.lease !== "",
    );
  if (!fine) throw new SojournError("the answer to a poll is not what the protocol promises");
}

/** Opens a session; tries until the server answers or refuses for good, or the signal is aborted. */
export async function openSession(
  worker: WorkerCore,
  transports: Transports,
  body: unknown,
  stop: AbortSignal,
): Promise<Session> {
  for (let failures = 0; ; failures++) {
    const sent = performance.now();
    try {
      const { data } = await transports.polls.send<SessionAnswer>({
        method: "POST",
        path: "/v1/worker/sessions",
        json: body,
        signal: stop,
      });
      return new Session(worker, transports, data, sent);
    } catch (error) {
      if (stop.aborted || !retriable(error)) throw error;
      const delay = Math.max(
        Math.min(500 * 2 ** Math.min(failures, 4), 8_000) * Math.random(),
        50,
        retryAfter(error) ?? 0,
      );
      worker.log.warn?.("cannot reach the server; trying again", { delay_ms: Math.round(delay), error });
      await pause(delay, stop);
    }
  }
}
