import { afterEach } from "vitest";
import { type HandlerFunction, type HandlerOptions, Worker, type WorkerOptions } from "../../src/index.js";
import { sharedClient, unique } from "./kit.js";

/** A logger that says nothing. */
export const quiet = { warn() {}, error() {} };

/** What stops the workers of the test that runs. */
export const running: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

/** Runs a worker for one workflow until the test ends. */
export async function serve(
  run: HandlerFunction<any, any>,
  options: { handler?: HandlerOptions; worker?: WorkerOptions; name?: string; url?: string } = {},
): Promise<{ name: string; worker: Worker; stop: () => Promise<void> }> {
  const name = options.name ?? unique("ts");
  let onReady: () => void = () => {};
  const up = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const worker = new Worker(sharedClient(options.url ? { baseUrl: options.url } : {}), {
    logger: quiet,
    ...options.worker,
    onReady,
  });
  worker.handle(name, options.handler ?? {}, run);
  const abort = new AbortController();
  const ran = worker.run({ signal: abort.signal });
  const stop = async () => {
    abort.abort();
    await ran;
  };
  running.push(stop);
  await Promise.race([up, ran]);
  return { name, worker, stop };
}
