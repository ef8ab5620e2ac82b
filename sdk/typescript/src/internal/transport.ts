import {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  type FieldError,
  SojournError,
  statusError,
} from "../errors.js";
import type { Logger } from "../logger.js";
import type { ExecutionStatus } from "../types.js";
import { pause } from "./pause.js";

/** The longest Retry-After that is waited for; a longer one is the caller's decision. */
const PATIENCE_MS = 60_000;

/** What fetch takes as a body. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** One call of the API: it may be sent several times. */
export interface Call {
  method: string;
  /** Begins with a slash. */
  path: string;
  query?: URLSearchParams | undefined;
  headers?: Record<string, string | undefined> | undefined;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with the Content-Type given in `headers`; not together with `json`. */
  body?: RequestBody | undefined;
  /** How long the server may hold the answer. */
  holdMs?: number | undefined;
  /** Bounds one try, without the hold; default: the client's. 0: no bound. */
  timeoutMs?: number | undefined;
  /** An unknown outcome must not be repeated. */
  once?: boolean | undefined;
  maxRetries?: number | undefined;
  signal?: AbortSignal | undefined;
  /** What the answer's body is given as: decoded JSON, or the Response itself, unread. */
  answer?: "json" | "response" | undefined;
}

/** What came back, a success. */
export interface Answer<T> {
  status: number;
  headers: Headers;
  data: T;
}

/** What a request may be sent with. */
export interface TransportConfig {
  baseUrl: string;
  headers: Record<string, string>;
  fetch: typeof fetch;
  /** The fetch is the user's. */
  ownFetch: boolean;
  maxRetries: number;
  timeoutMs: number;
  log: Logger;
}

/** Sends requests: retries, timeouts, and errors are decided here. */
export class Transport {
  constructor(readonly config: TransportConfig) {}

  /** Sends a call, again after a connection error, 408, 429 or 5xx, as often as allowed. */
  async call<T>(call: Call): Promise<Answer<T>> {
    const most = call.maxRetries ?? this.config.maxRetries;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.send<T>(call);
      } catch (error) {
        if (call.signal?.aborted || attempt >= most || !retriable(error, call.once)) throw error;
        let delay = retryDelay(attempt);
        const told = retryAfter(error);
        if (told !== undefined) {
          if (told > PATIENCE_MS) throw error;
          delay = told;
        }
        this.config.log.debug?.("retrying a request", { method: call.method, path: call.path, delay_ms: delay, error });
        await pause(delay, call.signal);
      }
    }
  }

  /** Sends a call once. */
  async send<T>(call: Call): Promise<Answer<T>> {
    const address = this.config.baseUrl + call.path;
    const query = call.query?.toString();
    const headers: Record<string, string> = { ...this.config.headers };
    let body = call.body;
    if (call.json !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(call.json);
    }
    for (const name in call.headers) {
      const value = call.headers[name];
      if (value !== undefined) headers[name] = value;
    }
    const { signal } = call;
    signal?.throwIfAborted();
    const abort = new AbortController();
    const passOn = () => abort.abort(signal?.reason);
    signal?.addEventListener("abort", passOn, { once: true });
    let late = false;
    const within = call.timeoutMs ?? this.config.timeoutMs;
    const timer =
      within > 0
        ? setTimeout(
            () => {
              late = true;
              abort.abort();
            },
            within + (call.holdMs ?? 0),
          )
        : undefined;
    let keep = false;
    let response: Response;
    let text = "";
    try {
      const init: RequestInit & { duplex?: "half" } = {
        method: call.method,
        headers,
        redirect: "manual", // a redirect would carry the key elsewhere; the server never sends one
        signal: abort.signal,
      };
      if (body !== undefined) init.body = body;
      if (typeof ReadableStream !== "undefined" && body instanceof ReadableStream) init.duplex = "half";
      response = await this.config.fetch(query ? `${address}?${query}` : address, init);
      if (response.ok && call.answer === "response") {
        keep = true; // the caller reads the body, and its signal must end that too
        return { status: response.status, headers: response.headers, data: response as T };
      }
      if (response.status !== 204 && response.status !== 304) text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (late) throw new APITimeoutError(call.method, address, new Error(`no answer within ${within} ms`));
      throw new APIConnectionError(call.method, address, error);
    } finally {
      clearTimeout(timer);
      if (!keep) signal?.removeEventListener("abort", passOn);
    }
    let data: unknown = text;
    let broken = false;
    try {
      data = text === "" ? undefined : JSON.parse(text);
    } catch {
      broken = true;
    }
    if (!response.ok && response.status !== 304) throw problem(response.status, response.headers, data);
    if (broken) {
      throw new SojournError(
        `the answer to ${call.method} ${address} is not JSON (content type ${response.headers.get("content-type")}): is the base URL that of a Sojourn server?`,
      );
    }
    return { status: response.status, headers: response.headers, data: data as T };
  }
}

/** Reads an answer that is not a success. Anything that is not a problem document keeps its text. */
export function problem(status: number, headers: Headers, body: unknown): APIStatusError {
  const p = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const title = text(p.title);
  const message = text(p.detail) ?? title ?? (typeof body === "string" && body !== "" ? body.slice(0, 300) : undefined);
  return statusError({
    status,
    headers,
    code: text(p.code),
    title,
    message: message ?? `unexpected status ${status}`,
    errors: Array.isArray(p.errors) ? (p.errors as FieldError[]) : [],
    requestId: headers.get("x-request-id") ?? text(p.request_id),
    retryAfterMs: parseRetryAfter(headers.get("retry-after")),
    executionStatus: text(p.execution_status) as ExecutionStatus | undefined,
    body,
  });
}

/** Milliseconds of a Retry-After header: seconds or an HTTP date. */
export function parseRetryAfter(text: string | null): number | undefined {
  if (text === null || text.trim() === "") return undefined;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(at - Date.now(), 0);
}

/** Whether sending the same again may help. */
export function retriable(error: unknown, once?: boolean): boolean {
  if (error instanceof APIConnectionError) return !once;
  if (!(error instanceof APIStatusError)) return false;
  if (error.status === 429) return true;
  if (error.status === 408 || error.status >= 500) return !once && error.status !== 501 && error.status !== 507;
  return false;
}

/** What the server asked to wait, in milliseconds. */
export function retryAfter(error: unknown): number | undefined {
  return error instanceof APIStatusError ? error.retryAfterMs : undefined;
}

/** The wait before one try more, with full jitter: clients that failed together do not return together. */
export function retryDelay(attempt: number): number {
  const most = Math.min(500 * 2 ** Math.min(attempt, 10), 8_000);
  return Math.max(Math.random() * most, most / 10);
}
