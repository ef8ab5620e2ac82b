import { EventsResetError } from "../errors.js";
import type { components } from "../internal/api.gen.js";
import { part, query } from "../internal/query.js";
import { streamMessages } from "../internal/sse.js";
import type { Transport } from "../internal/transport.js";
import { Page, type PageBody, PagePromise } from "../pagination.js";
import type { RequestOptions } from "./options.js";

type Schemas = components["schemas"];

/** Which changes of executions an endpoint is told about. */
export type WebhookEvents = "created" | "status_changed" | "terminal" | (string & {});

/** An address that is told about executions of the project. */
export type WebhookEndpoint = Schemas["WebhookEndpoint"];

/** A new endpoint, or one with a new secret: `secret` is shown only now. */
export type NewWebhookEndpoint = Schemas["NewWebhookEndpoint"];

/** An endpoint to make. */
export interface EndpointParams {
  url: string;
  description?: string;
  /** Default `["terminal"]`. */
  events?: WebhookEvents[];
  /** Only executions of these workflows; default: all. */
  workflows?: string[] | null;
  /** Default true. */
  enabled?: boolean;
  /** `whsec_` and the base64 of 24 to 64 bytes; default: made by the server. */
  secret?: string;
}

/** One message to one address, and what became of it. */
export type WebhookDelivery = Schemas["WebhookDelivery"];

/** A secret that signs callbacks. */
export type CallbackSecret = Schemas["CallbackSecrets"]["secrets"][number];

/** Which deliveries to list. */
export interface DeliveryListParams {
  endpoint?: string;
  execution?: string;
  state?: string;
  /** Items per page, 1 to 100; default 20. */
  limit?: number;
  cursor?: string | null;
}

/** Which messages to listen to. */
export interface ListenParams {
  /** Default: all. */
  events?: WebhookEvents[];
  /** Only executions of these workflows, by name or id; default: all. */
  workflows?: string[];
  /** The `cursor` of the last message seen; default: from now on. */
  after?: string;
}

/** What {@link Webhooks.listen} yields: the secret first, then the messages as they would have been sent. */
export type ListenMessage =
  | { kind: "ready"; secret: string; cursor?: string }
  | {
      kind: "message";
      /** The message's id, as in its headers. */
      id: string;
      headers: Record<string, string>;
      body: string;
      /** Where to go on. */
      cursor?: string;
    };

/** `client.webhooks`; it needs the scope `webhooks:manage`. */
export class Webhooks {
  readonly #t: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#t = transport;
  }

  /** Makes an endpoint. The answer alone shows its secret. */
  createEndpoint(params: EndpointParams, options: RequestOptions = {}): Promise<NewWebhookEndpoint> {
    return this.#send("POST", "/v1/webhooks/endpoints", params, { ...options, once: true });
  }

  /** Lists the endpoints, newest first. */
  listEndpoints(
    params: { limit?: number; cursor?: string | null } = {},
    options: RequestOptions = {},
  ): PagePromise<WebhookEndpoint> {
    return this.#list("/v1/webhooks/endpoints", { limit: params.limit }, params.cursor, options);
  }

  /** Reads an endpoint. */
  getEndpoint(id: string, options: RequestOptions = {}): Promise<WebhookEndpoint> {
    return this.#send("GET", `/v1/webhooks/endpoints/${part(id)}`, undefined, options);
  }

  /** Changes an endpoint; what is left out stays. */
  updateEndpoint(
    id: string,
    params: Partial<Omit<EndpointParams, "secret">>,
    options: RequestOptions = {},
  ): Promise<WebhookEndpoint> {
    return this.#send("PATCH", `/v1/webhooks/endpoints/${part(id)}`, params, options);
  }

  /** Removes an endpoint; what was not yet delivered to it is cancelled. */
  async deleteEndpoint(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#send("DELETE", `/v1/webhooks/endpoints/${part(id)}`, undefined, options);
  }

  /**
   * Makes a new secret for an endpoint. Both secrets sign until the grace is over, 24 hours by default. The answer alone
   * shows the new one.
   */
  rotateEndpoint(
    id: string,
    params: { graceMs?: number } = {},
    options: RequestOptions = {},
  ): Promise<NewWebhookEndpoint> {
    const path = `/v1/webhooks/endpoints/${part(id)}/rotate`;
    return this.#send("POST", path, { grace_ms: params.graceMs }, { ...options, once: true });
  }

  /** Sends a test message to an endpoint. */
  testEndpoint(id: string, options: RequestOptions = {}): Promise<WebhookDelivery> {
    return this.#send("POST", `/v1/webhooks/endpoints/${part(id)}/test`, {}, { ...options, once: true });
  }

  /** The secrets that sign callbacks, newest first. Give all of them to `verifyWebhook`. */
  async callbackSecrets(options: RequestOptions = {}): Promise<CallbackSecret[]> {
    const path = "/v1/webhooks/callback-secret";
    return (await this.#send<{ secrets: CallbackSecret[] }>("GET", path, undefined, options)).secrets;
  }

  /** Makes a new secret for callbacks; the old one signs too for a while. */
  async rotateCallbackSecret(
    params: { graceMs?: number } = {},
    options: RequestOptions = {},
  ): Promise<CallbackSecret[]> {
    const path = "/v1/webhooks/callback-secret/rotate";
    const body = { grace_ms: params.graceMs };
    return (await this.#send<{ secrets: CallbackSecret[] }>("POST", path, body, { ...options, once: true })).secrets;
  }

  /** Lists deliveries, newest first. */
  listDeliveries(params: DeliveryListParams = {}, options: RequestOptions = {}): PagePromise<WebhookDelivery> {
    const { endpoint, execution, state, limit } = params;
    const members = { endpoint_id: endpoint, execution_id: execution, state, limit };
    return this.#list("/v1/webhooks/deliveries", members, params.cursor, options);
  }

  /** Reads a delivery with its attempts and its body. */
  delivery(id: string, options: RequestOptions = {}): Promise<WebhookDelivery> {
    return this.#send("GET", `/v1/webhooks/deliveries/${part(id)}`, undefined, options);
  }

  /** Sends a message once more. */
  redeliver(id: string, options: RequestOptions = {}): Promise<WebhookDelivery> {
    return this.#send("POST", `/v1/webhooks/deliveries/${part(id)}/redeliver`, {}, { ...options, once: true });
  }

  /**
   * Yields the messages of the project as an endpoint would get them, without a public address; the first one tells the
   * secret that signs them. It reconnects by itself.
   */
  async *listen(
    params: ListenParams = {},
    options: RequestOptions = {},
  ): AsyncGenerator<ListenMessage, void, undefined> {
    const q = query({ events: params.events });
    for (const workflow of params.workflows ?? []) q.append("workflow_id", workflow);
    const spec = { path: "/v1/webhooks/listen", query: q, after: params.after, options };
    for await (const { id, event, data } of streamMessages(this.#t, spec)) {
      if (event === "reset") throw new EventsResetError();
      if (event === "ready" || event === "message") yield { kind: event, cursor: id, ...JSON.parse(data) };
    }
  }

  #list<T>(
    path: string,
    members: Record<string, unknown>,
    first: string | null | undefined,
    options: RequestOptions,
  ): PagePromise<T> {
    const fetch = async (cursor: string | null | undefined): Promise<Page<T>> => {
      const q = query({ ...members, cursor });
      return new Page((await this.#t.call<PageBody<T>>({ method: "GET", path, query: q, ...options })).data, fetch);
    };
    return new PagePromise(() => fetch(first));
  }

  async #send<T>(
    method: string,
    path: string,
    json: unknown,
    options: RequestOptions & { once?: boolean },
  ): Promise<T> {
    return (await this.#t.call<T>({ method, path, json, ...options })).data;
  }
}
