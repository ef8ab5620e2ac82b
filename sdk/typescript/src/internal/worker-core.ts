import type { Context } from "../context.js";
import type { Logger } from "../logger.js";
import type { StandardSchemaV1 } from "../standard-schema.js";
import type { ExecutionInfo, Interceptor, StepInfo } from "../worker.js";
import type { Attempt } from "./attempt.js";
import type { CompleteRetry } from "./failure.js";

/** A registered workflow. */
export interface Handler {
  name: string;
  run: (ctx: Context, input: any) => unknown;
  input?: StandardSchemaV1<any, any> | undefined;
  output?: StandardSchemaV1<any, any> | undefined;
  retry?: CompleteRetry | undefined;
  /** What the server is told of it. */
  registration: Record<string, unknown>;
}

/** What sessions and attempts need of their worker. */
export class WorkerCore {
  readonly handlers = new Map<string, Handler>();
  /** Handlers that have not returned, of any session. */
  #running = 0;
  #queue: Attempt[] = [];
  #onIdle: (() => void)[] = [];

  constructor(
    readonly log: Logger,
    readonly concurrency: number,
    readonly reportConnections: number,
    readonly shutdownGraceMs: number,
    readonly interceptors: Interceptor[],
  ) {}

  /** Runs the attempt's handler now, or as soon as another one returns. */
  launch(attempt: Attempt): void {
    if (this.#running >= this.concurrency) {
      this.#queue.push(attempt);
      return;
    }
    this.#running++;
    attempt
      .run()
      .catch((error: unknown) => {
        this.log.error?.("an attempt ended in the middle", { execution_id: attempt.id, error });
        attempt.lose();
      })
      .finally(() => {
        this.#running--;
        const next = this.#queue.shift();
        if (next) this.launch(next);
        else if (this.#running === 0) for (const idle of this.#onIdle.splice(0)) idle();
      });
  }

  /** Takes out what waits for a free place. */
  unqueue(): Attempt[] {
    return this.#queue.splice(0);
  }

  /** Waits until no handler runs, at most so long; false when the time is over first. */
  idle(ms: number): Promise<boolean> {
    if (this.#running === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.log.warn?.("handlers still run although they were interrupted", { handlers: this.#running });
        resolve(false);
      }, ms);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  /** Runs a handler inside the interceptors. */
  aroundExecution<T>(info: ExecutionInfo, run: () => Promise<T>): Promise<T> {
    return around(this.interceptors, (i, next) => i.execution?.(info, next), run);
  }

  /** Runs a try of a step inside the interceptors. */
  aroundStep<T>(info: () => StepInfo, run: () => Promise<T>): Promise<T> {
    if (this.interceptors.length === 0) return run();
    const told = info();
    return around(this.interceptors, (i, next) => i.step?.(told, next), run);
  }
}

async function around<T>(
  interceptors: Interceptor[],
  wrap: (interceptor: Interceptor, next: () => Promise<void>) => Promise<void> | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (interceptors.length === 0) return run();
  let result: { value: T } | undefined;
  let next = async (): Promise<void> => {
    result = { value: await run() };
  };
  for (const interceptor of [...interceptors].reverse()) {
    const inner = next;
    next = async () => {
      const wrapped = wrap(interceptor, inner);
      await (wrapped ?? inner());
    };
  }
  await next();
  if (!result) throw new Error("an interceptor did not call next");
  return result.value;
}
