import { APIStatusError } from "../errors.js";
import type { Attempt } from "./attempt.js";
import { pause } from "./pause.js";
import type { Session } from "./session.js";
import { retriable } from "./transport.js";

/** A batch is sealed at so many characters: the server takes 8 MiB, and one operation can take over 1 MiB. */
const BATCH_CHARACTERS = 1_500_000;

/** The server's answer to one operation. */
export interface OperationResult {
  ok: boolean;
  duplicate?: boolean;
  suspended?: boolean;
  final?: boolean;
  delay_ms?: number;
  wake_at?: string;
  retry_at?: string;
  ended?: WaitEnd;
  expires_in_ms?: number;
  code?: string;
  message?: string;
}

/** How a wait ended. */
export interface WaitEnd {
  outcome: "received" | "approved" | "rejected" | "timeout";
  payload?: unknown;
  comment?: string;
  by?: string;
}

/** An operation on its way. */
export interface Operation {
  attempt: Attempt;
  /** Its JSON. */
  text: string;
  /** Takes the answer. */
  settle: (result: OperationResult) => void;
}

/** Whether a refusal means that the lease no longer stands. */
export function lostCode(code: string | undefined): boolean {
  switch (code) {
    case "stale_lease":
    case "already_terminal":
    case "not_found":
    case "deleted":
    case "session_lost":
      return true;
  }
  return false;
}

const soon: (run: () => void) => void =
  typeof setImmediate === "function" ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0);

/** Runs something after everything that can run now. */
export { soon };

/**
 * Sends operations over one connection: whatever has accumulated while the last request was in flight goes in the next
 * one. A request whose answer is lost is sent again, byte for byte; operations are idempotent.
 */
export class Reporter {
  #queue: Operation[] = [];
  #busy = false;

  constructor(readonly session: Session) {}

  /** Queues an operation. */
  push(operation: Operation): void {
    this.#queue.push(operation);
    if (!this.#busy) {
      this.#busy = true;
      // Handlers that were woken by the same answer report together.
      soon(() => void this.#run());
    }
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.session.ended) {
      let characters = 0;
      let count = 0;
      for (const { text } of this.#queue) {
        if (count >= this.session.maxOperations || (count > 0 && characters + text.length > BATCH_CHARACTERS)) break;
        characters += text.length;
        count++;
      }
      if (!(await this.#deliver(this.#queue.splice(0, count)))) return;
    }
    this.#busy = false;
  }

  /** Sends a batch until the server has answered it; false when the session has ended first. */
  async #deliver(batch: Operation[]): Promise<boolean> {
    const s = this.session;
    const operations = batch.map((o) => o.text).join(",");
    for (let failures = 0; ; failures++) {
      const received = s.received;
      try {
        const answer = await s.post<ReportAnswer>(
          "/v1/worker/report",
          `{"session_id":${JSON.stringify(s.id)},"received":${received},"operations":[${operations}]}`,
        );
        if (!Array.isArray(answer?.results) || answer.results.length !== batch.length) {
          throw new Error(`the server answered ${answer?.results?.length} of ${batch.length} operations`);
        }
        this.#hand(batch, answer.results);
        s.signal(answer);
        return true;
      } catch (error) {
        if (s.ended || s.refused(error)) return false;
        if (error instanceof APIStatusError && !retriable(error)) return this.#divide(batch, error);
        s.log.warn?.("reporting failed; sending it again", { operations: batch.length, error });
        await pause(s.backoff(failures, error), s.signalOfEnd).catch(() => {});
        if (s.ended) return false;
      }
    }
  }

  /**
   * Sends the halves of a batch that the server refused as a whole, so that one operation that it cannot read does not
   * hold up the others; a single one gets the refusal as its answer.
   */
  async #divide(batch: Operation[], refusal: APIStatusError): Promise<boolean> {
    if (batch.length === 1) {
      this.session.log.error?.("the server refused an operation", {
        execution_id: batch[0]?.attempt.id,
        error: refusal,
      });
      this.#hand(batch, [{ ok: false, code: refusal.code || `http_${refusal.status}`, message: refusal.detail }]);
      return true;
    }
    const middle = batch.length >> 1;
    return (await this.#deliver(batch.slice(0, middle))) && (await this.#deliver(batch.slice(middle)));
  }

  #hand(batch: Operation[], results: OperationResult[]): void {
    const again: Operation[] = [];
    for (let i = 0; i < batch.length; i++) {
      const operation = batch[i] as Operation;
      let result = results[i] as OperationResult;
      if (!result.ok && result.code === "skipped") {
        // An earlier operation of the same execution was refused, and its sender knows; this one stands by itself.
        if (operation.attempt.reporting) {
          again.push(operation);
          continue;
        }
        result = { ok: false, code: "stale_lease" };
      }
      operation.settle(result);
    }
    // Before anything that was queued meanwhile: the order of one execution stays.
    if (again.length > 0) this.#queue.unshift(...again);
  }
}

interface ReportAnswer {
  results: OperationResult[];
  cancel?: string[];
  drop?: string[];
  wake?: string[];
}
