// Webhook endpoints, what was delivered to them, and the secret of callbacks.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "./api";
import { parseJSON } from "./exact";

export type Endpoint = Schemas["WebhookEndpoint"];
export type NewEndpoint = Schemas["NewWebhookEndpoint"];
export type EndpointEvent = Schemas["EndpointEvents"][number];
export type Delivery = Schemas["WebhookDelivery"];
export type DeliveryState = Delivery["state"];
export type Attempt = NonNullable<Delivery["attempt_log"]>[number];

export const endpointEvents: readonly { value: EndpointEvent; label: string; text: string }[] = [
  { value: "created", label: "created", text: "an execution was started" },
  { value: "status_changed", label: "status_changed", text: "its status changed to one that is not final" },
  { value: "terminal", label: "terminal", text: "it completed, failed, or was cancelled or rejected" },
];

export const deliveryStates: readonly DeliveryState[] = ["pending", "delivered", "dead", "cancelled"];

export const deliveryMeaning: Record<DeliveryState, string> = {
  pending: "On its way: not accepted yet, and another attempt follows.",
  delivered: "The receiver answered 2xx.",
  dead: "Given up: every attempt failed, or the receiver answered 410.",
  cancelled: "Called off, because its endpoint was disabled or deleted or its execution redacted.",
};

/** The state of the nine that has the colour for it. */
export const deliveryTone = {
  pending: "pending",
  delivered: "completed",
  dead: "failed",
  cancelled: "cancelled",
} as const satisfies Record<DeliveryState, string>;

/** Why an endpoint gets nothing; undefined when it is enabled. */
export function disabledBecause(endpoint: Endpoint): string | undefined {
  if (endpoint.enabled) return undefined;
  return endpoint.disabled_reason === "receiver_gone"
    ? "Its receiver answered 410 Gone, which says that nothing more is wanted."
    : "Somebody disabled it.";
}

/** Why a delivery cannot be sent again, when that is known without asking the server. */
export function redeliverProblem(
  delivery: Delivery,
  endpoint: Pick<Endpoint, "enabled"> | undefined | null,
): string | undefined {
  if (delivery.kind === "test") return undefined;
  if (delivery.url === undefined) return "Its execution was redacted: there is nothing to send any more.";
  if (endpoint === null) return "Its endpoint was deleted.";
  if (endpoint && !endpoint.enabled) return "Its endpoint is disabled. Enable it first.";
  return undefined;
}

/** The JSON that was sent, or the text when it is none. */
export function bodyOf(delivery: Delivery): { json: unknown } | { text: string } | undefined {
  if (delivery.body === undefined) return undefined;
  try {
    return { json: parseJSON(delivery.body) };
  } catch {
    return { text: delivery.body };
  }
}

/** What an answer to an attempt meant, in a word or two: "200", "no answer". */
export function outcomeOf(attempt: Attempt): { text: string; ok: boolean } {
  if (attempt.status === undefined) return { text: "no answer", ok: false };
  return { text: String(attempt.status), ok: attempt.status >= 200 && attempt.status < 300 };
}

export const graceChoices = [
  { value: "0", label: "At once" },
  { value: "3600000", label: "After an hour" },
  { value: "86400000", label: "After a day" },
  { value: "604800000", label: "After a week" },
  { value: "2592000000", label: "After 30 days" },
] as const;

const endpointsKey = ["endpoints"] as const;
const deliveriesKey = ["deliveries"] as const;
const secretKey = ["callback-secret"] as const;

/** All endpoints of the project, newest first. */
export const endpointsQuery = queryOptions({
  queryKey: [...endpointsKey, "list"] as const,
  queryFn: async ({ signal }) => {
    const all: Endpoint[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: Endpoint[]; next_cursor: string | null } = await api.get("/v1/webhooks/endpoints", {
        query: cursor === null ? { limit: 100 } : { limit: 100, cursor },
        signal,
      });
      all.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return all;
  },
});

export function endpointQuery(id: string) {
  return queryOptions({
    queryKey: [...endpointsKey, "one", id] as const,
    queryFn: ({ signal }) => api.get("/v1/webhooks/endpoints/{id}", { path: { id }, signal }),
  });
}

export interface DeliveryFilter {
  states?: readonly DeliveryState[] | undefined;
  endpoint?: string | undefined;
  execution?: string | undefined;
}

/** Deliveries, newest first. */
export function deliveriesQuery(filter: DeliveryFilter) {
  return infiniteQueryOptions({
    queryKey: [...deliveriesKey, "list", filter] as const,
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/webhooks/deliveries", {
        query: {
          limit: 50,
          ...(filter.states ? { state: filter.states.join(",") } : {}),
          ...(filter.endpoint ? { endpoint_id: filter.endpoint } : {}),
          ...(filter.execution ? { execution_id: filter.execution } : {}),
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => (page.has_more ? page.next_cursor : undefined),
    // No event tells of attempts. Pages that were asked for by hand are loaded again with the first, so not often.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? 30_000 : 5_000),
  });
}

/** One delivery with its attempts and its body; asked for often while it is on its way. */
export function deliveryQuery(id: string) {
  return queryOptions({
    queryKey: [...deliveriesKey, "one", id] as const,
    queryFn: ({ signal }) => api.get("/v1/webhooks/deliveries/{id}", { path: { id }, signal }),
    refetchInterval: (query) => (query.state.data?.state === "pending" ? 1_500 : false),
  });
}

/** The secrets that sign callbacks. */
export const callbackSecretQuery = queryOptions({
  queryKey: secretKey,
  queryFn: async ({ signal }) => (await api.get("/v1/webhooks/callback-secret", { signal })).secrets,
  // Not longer in memory than it is shown.
  gcTime: 0,
  staleTime: Number.POSITIVE_INFINITY,
});

export function useCreateEndpoint() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (spec: Schemas["NewEndpointSpec"]) => api.post("/v1/webhooks/endpoints", { body: spec }),
    onSuccess: () => client.invalidateQueries({ queryKey: endpointsKey }),
    gcTime: 0,
  });
}

/** Changes an endpoint; what is left out stays. */
export function useUpdateEndpoint(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Schemas["EndpointUpdate"]) =>
      api.patch("/v1/webhooks/endpoints/{id}", { path: { id }, body: change }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: endpointsKey }),
        client.invalidateQueries({ queryKey: deliveriesKey }),
      ]),
  });
}

/** What can be done to an endpoint as a whole. Each answers when the lists know of it. */
export function useEndpointActions(id: string) {
  const client = useQueryClient();
  const reload = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: endpointsKey }),
      client.invalidateQueries({ queryKey: deliveriesKey }),
    ]);
  return {
    remove: async () => {
      await api.delete("/v1/webhooks/endpoints/{id}", { path: { id } });
      client.removeQueries({ queryKey: endpointQuery(id).queryKey });
      void reload();
    },
    rotate: async (graceMs: number): Promise<NewEndpoint> => {
      const rotated = await api.post("/v1/webhooks/endpoints/{id}/rotate", {
        path: { id },
        body: { grace_ms: graceMs },
      });
      void reload();
      return rotated;
    },
    test: async (): Promise<Delivery> => {
      const delivery = await api.post("/v1/webhooks/endpoints/{id}/test", { path: { id } });
      void client.invalidateQueries({ queryKey: deliveriesKey });
      return delivery;
    },
  };
}

export function useRotateCallbackSecret() {
  const client = useQueryClient();
  return async (graceMs: number) => {
    const rotated = await api.post("/v1/webhooks/callback-secret/rotate", { body: { grace_ms: graceMs } });
    client.setQueryData(secretKey, rotated.secrets);
  };
}

/** Sends a message again, under its own id. */
export function useRedeliver() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.post("/v1/webhooks/deliveries/{id}/redeliver", { path: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: deliveriesKey }),
  });
}
