import { part } from "../internal/query.js";
import type { Transport } from "../internal/transport.js";
import type { APIKey, NewAPIKey, Project, Scope, WorkerInfo } from "../types.js";
import type { RequestOptions } from "./options.js";

/** An API key to make. */
export interface KeyParams {
  name?: string;
  /** What it may do; only what the caller's own key may. */
  scopes: Scope[];
  /** Binds a worker's key to these workflows. */
  workflows?: string[];
  /** Requests per second, or a text such as `10/s`, `600/m` or `3600/h`; default: none. */
  rateLimit?: number | string;
  expiresAt?: Date | string;
  /** Id or name; only for keys with the scope `admin`. */
  project?: string;
}

/** `client.keys` */
export class Keys {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /**
   * Makes a key. Its secret is in the answer and nowhere else. It is not retried when the outcome is unknown, so that
   * no key exists that nobody knows.
   */
  async create(params: KeyParams, options: RequestOptions = {}): Promise<NewAPIKey> {
    const { rateLimit, expiresAt, ...rest } = params;
    const json = {
      ...rest,
      rate_limit: rateLimit,
      expires_at: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt,
    };
    return (await this.#t.call<NewAPIKey>({ method: "POST", path: "/v1/keys", json, once: true, ...options })).data;
  }

  /** Lists the project's keys, newest first, revoked ones too. */
  async list(options: RequestOptions = {}): Promise<APIKey[]> {
    return (await this.#t.call<{ data: APIKey[] }>({ method: "GET", path: "/v1/keys", ...options })).data.data;
  }

  /** Ends a key. */
  async revoke(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#t.call({ method: "DELETE", path: `/v1/keys/${part(id)}`, ...options });
  }
}

/** `client.workers` */
export class Workers {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /** Lists the live worker sessions of the project, oldest first. */
  async list(options: RequestOptions = {}): Promise<WorkerInfo[]> {
    return (await this.#t.call<{ data: WorkerInfo[] }>({ method: "GET", path: "/v1/workers", ...options })).data.data;
  }
}

/** `client.projects`; it needs a key with the scope `admin`. */
export class Projects {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /** Lists all projects. */
  async list(options: RequestOptions = {}): Promise<Project[]> {
    return (await this.#t.call<{ data: Project[] }>({ method: "GET", path: "/v1/projects", ...options })).data.data;
  }

  /** Makes a project. @throws {ConflictError} when the name exists */
  async create(name: string, options: RequestOptions = {}): Promise<Project> {
    return (await this.#t.call<Project>({ method: "POST", path: "/v1/projects", json: { name }, ...options })).data;
  }
}
