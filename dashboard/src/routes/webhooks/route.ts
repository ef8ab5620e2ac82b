import { createRoute } from "@tanstack/react-router";
import { manyOf, oneOf, text } from "@/services/search";
import { type DeliveryState, deliveryStates } from "@/services/webhooks";
import { shellRoute } from "../shell";

export const parts = ["endpoints", "deliveries", "callbacks"] as const;
export type Part = (typeof parts)[number];

export interface DeliveriesSearch {
  state?: DeliveryState[] | undefined;
  /** Of an endpoint, also of a deleted one. */
  endpoint?: string | undefined;
  execution?: string | undefined;
}

export interface WebhooksSearch extends DeliveriesSearch {
  part?: Part | undefined;
}

const deliveriesSearch = (search: Record<string, unknown>): DeliveriesSearch => ({
  state: manyOf(search, "state", deliveryStates),
  endpoint: text(search, "endpoint"),
  execution: text(search, "execution"),
});

export const webhooksRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks",
  validateSearch: (search: Record<string, unknown>): WebhooksSearch => ({
    ...deliveriesSearch(search),
    part: oneOf(search, "part", parts),
  }),
}).lazy(() => import("./WebhooksPage").then((module) => module.Route));

export const endpointRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks/endpoints/$id",
  validateSearch: (search: Record<string, unknown>): Pick<DeliveriesSearch, "state"> => ({
    state: manyOf(search, "state", deliveryStates),
  }),
}).lazy(() => import("./EndpointPage").then((module) => module.Route));

export const deliveryRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks/deliveries/$id",
}).lazy(() => import("./DeliveryPage").then((module) => module.Route));
