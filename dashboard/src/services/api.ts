// The public API, as the session's key may use it: the server serves it again below /ui, with the session's cookie.
import { parseJSON } from "./exact";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type ProblemCode = Problem["code"];
export type FieldError = NonNullable<Problem["errors"]>[number];

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>;
type PathsOf<M extends Method> = {
  [P in keyof paths]: [Operation<P, M>] extends [never] ? never : P extends `/v1/${string}` ? P : never;
}[keyof paths];

type Parameters<O> = O extends { parameters: infer P } ? P : never;
type PathOf<O> = Parameters<O> extends { path: infer P extends object } ? { path: P } : { path?: undefined };
type QueryOf<O> =
  Parameters<O> extends { query: infer Q extends object }
    ? { query: Q }
    : Parameters<O> extends { query?: infer Q }
      ? { query?: Q }
      : { query?: undefined };
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { "application/json": infer B } } }
    ? { body?: B }
    : { body?: undefined };
type ResponsesOf<O> = O extends { responses: infer R } ? R : never;
type SuccessOf<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? JSONOf<R[S]> : S extends 204 ? undefined : never };
type JSONOf<R> = R extends { content: { "application/json": infer B } } ? B : undefined;

/** What an operation answers when it succeeds; undefined for an empty answer. */
export type Answer<P extends keyof paths, M extends Method> =
  SuccessOf<ResponsesOf<Operation<P, M>>> extends infer S ? S[keyof S] : never;

interface Common {
  /** Headers beside those of the client, such as Idempotency-Key. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}
export type Options<P extends keyof paths, M extends Method> = PathOf<Operation<P, M>> &
  QueryOf<Operation<P, M>> &
  BodyOf<Operation<P, M>> &
  Common;
// The options may be left out where nothing in them is required.
type Arguments<P extends keyof paths, M extends Method> =
  Record<never, never> extends Options<P, M> ? [options?: Options<P, M>] : [options: Options<P, M>];

/** A request that the server refused, or that did not reach it: then status is 0 and code "unreachable". */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ProblemCode | "unreachable" | "unexpected";
  /** What is wrong and what would be right. */
  readonly detail: string;
  /** The fields that are wrong; empty when it is not about fields. */
  readonly errors: readonly FieldError[];
  readonly requestId: string | undefined;
  /** Seconds after which to try again, when the server named them. */
  readonly retryAfter: number | undefined;
  /** The state that made the command impossible, when it was the state. */
  readonly executionStatus: Schemas["Status"] | undefined;

  constructor(init: {
    status: number;
    code: ApiError["code"];
    detail: string;
    errors?: readonly FieldError[];
    requestId?: string | undefined;
    retryAfter?: number | undefined;
    executionStatus?: Schemas["Status"] | undefined;
    cause?: unknown;
  }) {
    super(init.detail, { cause: init.cause });
    this.name = "ApiError";
    this.status = init.status;
    this.code = init.code;
    this.detail = init.detail;
    this.errors = init.errors ?? [];
    this.requestId = init.requestId;
    this.retryAfter = init.retryAfter;
    this.executionStatus = init.executionStatus;
  }

  /** Whether the same request may succeed later: the server was away, overloaded or limited us. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

type QueryValue = string | number | boolean | null | undefined | readonly (string | number)[] | Record<string, string>;

/** Writes a query as the API reads it: lists with commas, maps as name[key]=value; what is empty is left out. */
export function queryString(query: Record<string, unknown> | undefined): string {
  const params = new URLSearchParams();
  for (const [name, raw] of Object.entries(query ?? {})) {
    const value = raw as QueryValue;
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) {
      if (value.length > 0) params.set(name, value.join(","));
    } else if (typeof value === "object") {
      for (const [key, member] of Object.entries(value)) params.append(`${name}[${key}]`, String(member));
    } else {
      params.set(name, String(value));
    }
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** The address of an operation below /ui, for links to content and for streams. */
export function address(template: string, path?: Record<string, unknown>, query?: Record<string, unknown>): string {
  const filled = template.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(String(path?.[name] ?? "")));
  return `/ui${filled}${queryString(query)}`;
}

/** Sends a request to an address of this server, and answers with its response when that is a success. Throws ApiError. */
export async function send(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", redirect: "error", ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError({
      status: 0,
      code: "unreachable",
      detail: "The server did not answer. Is it running, and are you online?",
      cause,
    });
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("X-Request-Id") ?? undefined;
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const common = {
    status: response.status,
    requestId,
    retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
  };
  let body: Partial<Problem> | undefined;
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    body = (await response.json().catch(() => undefined)) as Partial<Problem> | undefined;
  }
  if (!body?.code) {
    return new ApiError({
      ...common,
      code: "unexpected",
      detail: `The server answered ${response.status} without saying why. Something between it and this page may have answered instead.`,
    });
  }
  return new ApiError({
    ...common,
    code: body.code,
    detail: body.detail ?? body.title ?? body.code,
    errors: body.errors ?? [],
    requestId: body.request_id ?? requestId,
    executionStatus: body.execution_status,
  });
}

async function call(
  method: Method,
  template: string,
  options: Common & { path?: unknown; query?: unknown; body?: unknown } = {},
): Promise<unknown> {
  const url = address(template, options.path as Record<string, unknown>, options.query as Record<string, unknown>);
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  const init: RequestInit = { method: method.toUpperCase(), headers };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  if (options.signal) init.signal = options.signal;
  const response = await send(url, init);
  if (response.status === 204 || !response.headers.get("Content-Type")?.includes("json")) return undefined;
  return parseJSON(await response.text());
}

type Client = {
  [M in Method]: <P extends PathsOf<M>>(template: P, ...options: Arguments<P, M>) => Promise<Answer<P, M>>;
};

const bound = (method: Method) => (template: string, options?: object) => call(method, template, options);

/** `await api.get("/v1/executions/{id}", { path: { id } })`: typed by the server's OpenAPI document. Throws ApiError. */
export const api = {
  get: bound("get"),
  post: bound("post"),
  put: bound("put"),
  patch: bound("patch"),
  delete: bound("delete"),
} as Client;
