import { EventsResetError, SojournError } from "../errors.js";
import type { RequestOptions } from "../resources/options.js";
import { pause } from "./pause.js";
import { retriable, retryAfter, retryDelay, type Transport } from "./transport.js";

/** How long a stream may be silent: the server sends a comment every 15 s. */
const SILENCE_MS = 45_000;
/** How many connections in a row may fail before a stream gives up. */
const PATIENCE = 10;

/** One message of a stream of server-sent events. */
export interface Message {
  id: string | undefined;
  event: string;
  data: string;
}

/** Takes text/event-stream apart, whatever pieces it arrives in. */
export class EventParser {
  #buffer = "";
  #id: string | undefined;
  #event = "";
  #data: string[] = [];
  /** The pause before a reconnect that the server asked for. */
  retryMs: number | undefined;
  /** The id of the last message, or of a message without data that only moves it on. */
  lastId: string | undefined;

  /** Reads on; gives the messages that are complete now. */
  push(text: string): Message[] {
    this.#buffer += text;
    const messages: Message[] = [];
    let start = 0;
    for (;;) {
      const end = this.#buffer.slice(start).search(/\r\n|\n|\r/);
      if (end < 0) break;
      const at = start + end;
      // A lone CR at the end may be the first half of CRLF.
      if (this.#buffer[at] === "\r" && at === this.#buffer.length - 1) break;
      const line = this.#buffer.slice(start, at);
      start = at + (this.#buffer.startsWith("\r\n", at) ? 2 : 1);
      const message = this.#line(line);
      if (message) messages.push(message);
    }
    this.#buffer = this.#buffer.slice(start);
    return messages;
  }

  #line(line: string): Message | undefined {
    if (line === "") {
      const data = this.#data;
      const event = this.#event || "message";
      this.#data = [];
      this.#event = "";
      this.lastId = this.#id;
      return data.length > 0 ? { id: this.#id, event, data: data.join("\n") } : undefined;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return undefined; // a comment keeps the connection alive
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }
}

/** What to stream. */
export interface StreamSpec {
  path: string;
  query?: URLSearchParams | undefined;
  /** Where to begin, as `after`. */
  after?: string | undefined;
  options: RequestOptions;
}

/** Yields the messages of one stream; reconnects where it was cut, until a message `end` or the caller stops. */
export async function* streamMessages(
  transport: Transport,
  spec: StreamSpec,
): AsyncGenerator<Message, void, undefined> {
  const { signal, headers } = spec.options;
  let last: string | undefined;
  let retryMs = 1000;
  for (let failures = 0; ; ) {
    const abort = new AbortController();
    const passOn = () => abort.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", passOn, { once: true });
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    try {
      const q = new URLSearchParams(spec.query);
      if (spec.after !== undefined && last === undefined) q.set("after", spec.after);
      const { data: response } = await transport.send<Response>({
        method: "GET",
        path: spec.path,
        query: q,
        headers: { ...headers, Accept: "text/event-stream", "Last-Event-ID": last },
        timeoutMs: spec.options.timeoutMs,
        signal: abort.signal,
        answer: "response",
      });
      const type = response.headers.get("content-type") ?? "";
      if (!type.startsWith("text/event-stream") || !response.body) {
        throw new SojournError(`the answer to ${spec.path} is not a stream of events (content type ${type})`);
      }
      const parser = new EventParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      const alive = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(new SojournError("the stream went silent")), SILENCE_MS);
      };
      for (;;) {
        alive();
        const { value, done } = await reader.read().catch((error: unknown) => {
          if (signal?.aborted) throw signal.reason;
          return { value: undefined, done: true, error };
        });
        clearTimeout(watchdog);
        if (done || value === undefined) break;
        for (const message of parser.push(decoder.decode(value, { stream: true }))) {
          failures = 0;
          if (message.id !== undefined) last = message.id;
          yield message;
          if (message.event === "end") return;
        }
        last = parser.lastId ?? last;
        retryMs = parser.retryMs ?? retryMs;
      }
      failures++;
      if (failures > PATIENCE) throw new SojournError(`the stream ${spec.path} is cut again and again`);
      await pause(failures === 1 ? retryMs * Math.random() : retryDelay(failures), signal);
    } catch (error) {
      if (signal?.aborted || !retriable(error) || failures >= PATIENCE) throw error;
      await pause(Math.max(retryDelay(failures), retryAfter(error) ?? 0), signal);
      failures++;
    } finally {
      clearTimeout(watchdog);
      signal?.removeEventListener("abort", passOn);
      abort.abort();
    }
  }
}

/** Yields the decoded data of a stream's messages, each with the message's id, until the final `end`. */
export async function* streamEvents<T>(transport: Transport, spec: StreamSpec): AsyncGenerator<T, void, undefined> {
  for await (const { id, event, data } of streamMessages(transport, spec)) {
    if (event === "end") return;
    if (event === "reset") throw new EventsResetError();
    yield { id, ...JSON.parse(data) } as T;
  }
}
