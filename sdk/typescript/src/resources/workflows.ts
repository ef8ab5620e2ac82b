import { part, query } from "../internal/query.js";
import type { Transport } from "../internal/transport.js";
import { Page, type PageBody, PagePromise } from "../pagination.js";
import type { WorkflowInfo, WorkflowStats, WorkflowVersion } from "../types.js";
import type { RequestOptions } from "./options.js";

/** Filters of a list of workflows. */
export interface WorkflowListParams {
  /** A part of the name. */
  search?: string;
  /** The exact name. */
  name?: string;
  /** Items per page, 1 to 100; default 20. */
  limit?: number;
  cursor?: string | null;
}

/** A workflow to create. Workers create theirs by themselves. */
export interface WorkflowParams {
  /** Lower-case letters, digits, `.`, `_` and `-`, at most 100. */
  name: string;
  description?: string;
  /** JSON Schema 2020-12 that every input must match. */
  inputSchema?: Record<string, unknown>;
  /** Label of the first version; default: none. */
  version?: string | number;
  /** Milliseconds that finished executions are kept; default: the server's. */
  retentionMs?: number;
  /** Default deadline of executions in milliseconds; default: none. */
  timeoutMs?: number;
}

/** A version to add. */
export interface VersionParams {
  /** Its label; default: its number alone. */
  version?: string | number;
  description?: string;
  inputSchema?: Record<string, unknown>;
  /** Whether starts use it from now on; default true. */
  current?: boolean;
}

/** Over which time statistics are. */
export interface StatsParams {
  /** A date, a date-time, or an expression such as `now()-7d`; default: 24 hours before `to`. */
  from?: Date | string;
  /** Default: now. */
  to?: Date | string;
  /** About how many parts the time is divided into, 1 to 200; default 48. */
  buckets?: number;
}

/** `client.workflows` */
export class Workflows {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /** Lists workflows by name. */
  list(params: WorkflowListParams = {}, options: RequestOptions = {}): PagePromise<WorkflowInfo> {
    const { search, name, limit } = params;
    const fetch = async (cursor: string | null | undefined): Promise<Page<WorkflowInfo>> => {
      const { data } = await this.#t.call<PageBody<WorkflowInfo>>({
        method: "GET",
        path: "/v1/workflows",
        query: query({ search, name, limit, cursor }),
        ...options,
      });
      return new Page(data, fetch);
    };
    return new PagePromise(() => fetch(params.cursor));
  }

  /** Reads a workflow by name or id. */
  async get(workflow: string, options: RequestOptions = {}): Promise<WorkflowInfo> {
    return this.#send("GET", `/v1/workflows/${part(workflow)}`, undefined, options);
  }

  /** Creates a workflow. @throws {ConflictError} when the name exists */
  async create(params: WorkflowParams, options: RequestOptions = {}): Promise<WorkflowInfo> {
    return this.#send(
      "POST",
      "/v1/workflows",
      {
        name: params.name,
        description: params.description,
        input_schema: params.inputSchema,
        version: params.version,
        retention_ms: params.retentionMs,
        timeout_ms: params.timeoutMs,
      },
      options,
    );
  }

  /**
   * Changes a workflow's settings: what is left out stays, 0 returns to the server's default. With `apiTrigger: false`
   * starts are refused (403 `api_trigger_disabled`); what was started goes on.
   */
  async update(
    workflow: string,
    params: { retentionMs?: number; timeoutMs?: number; apiTrigger?: boolean },
    options: RequestOptions = {},
  ): Promise<WorkflowInfo> {
    const body = { retention_ms: params.retentionMs, timeout_ms: params.timeoutMs, api_trigger: params.apiTrigger };
    return this.#send("PATCH", `/v1/workflows/${part(workflow)}`, body, options);
  }

  /** Deletes a workflow; its finished executions stay. @throws {ConflictError} while it has open ones, or live workers */
  async delete(workflow: string, options: RequestOptions = {}): Promise<void> {
    await this.#send("DELETE", `/v1/workflows/${part(workflow)}`, undefined, options);
  }

  /**
   * Reads statistics of a workflow. Executions are counted in the bucket in which they were created, by the state that
   * they are in now.
   */
  async stats(workflow: string, params: StatsParams = {}, options: RequestOptions = {}): Promise<WorkflowStats> {
    const { from, to, buckets } = params;
    const { data } = await this.#t.call<WorkflowStats>({
      method: "GET",
      path: `/v1/workflows/${part(workflow)}/stats`,
      query: query({ from, to, buckets }),
      ...options,
    });
    return data;
  }

  /** Lists a workflow's versions, newest first. */
  versions(
    workflow: string,
    params: { limit?: number; cursor?: string | null } = {},
    options: RequestOptions = {},
  ): PagePromise<WorkflowVersion> {
    const fetch = async (cursor: string | null | undefined): Promise<Page<WorkflowVersion>> => {
      const { data } = await this.#t.call<PageBody<WorkflowVersion>>({
        method: "GET",
        path: `/v1/workflows/${part(workflow)}/versions`,
        query: query({ limit: params.limit, cursor }),
        ...options,
      });
      return new Page(data, fetch);
    };
    return new PagePromise(() => fetch(params.cursor));
  }

  /** Adds a version. */
  async addVersion(
    workflow: string,
    params: VersionParams = {},
    options: RequestOptions = {},
  ): Promise<WorkflowVersion> {
    const { version, description, inputSchema, current } = params;
    return this.#send(
      "POST",
      `/v1/workflows/${part(workflow)}/versions`,
      { version, description, input_schema: inputSchema, current },
      options,
    );
  }

  /** Makes a version, named by label or number, the one that starts use. */
  async setCurrentVersion(
    workflow: string,
    version: string | number,
    options: RequestOptions = {},
  ): Promise<WorkflowVersion> {
    return this.#send("PUT", `/v1/workflows/${part(workflow)}/versions/current`, { version }, options);
  }

  async #send<T>(method: string, path: string, json: unknown, options: RequestOptions): Promise<T> {
    return (await this.#t.call<T>({ method, path, json, ...options })).data;
  }
}
