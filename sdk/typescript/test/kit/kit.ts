import { inject } from "vitest";
import { type ClientOptions, Sojourn } from "../../src/index.js";

/** A client of the shared server. */
export function sharedClient(options: ClientOptions = {}): Sojourn {
  const { url, key } = inject("server");
  return new Sojourn({ baseUrl: url, apiKey: key, ...options });
}

/** Waits until a condition holds, looking again every few milliseconds; fails after 30 seconds. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited 30 s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The error of a promise that must fail. */
export async function failure<E extends Error>(promise: PromiseLike<unknown>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error("it did not fail");
}

let serial = 0;

/** A name that no other test uses. */
export function unique(prefix: string): string {
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${++serial}`;
}

/** A promise and what resolves it. */
export function withResolvers<T>() {
  let resolve!: (value: T | PromiseLike<T>) => void;
  const promise = new Promise<T>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}
