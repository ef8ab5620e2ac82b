import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const webhooksRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks",
}).lazy(() => import("./WebhooksPage").then((module) => module.Route));

export const endpointRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks/endpoints/$id",
}).lazy(() => import("./EndpointPage").then((module) => module.Route));

export const deliveryRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks/deliveries/$id",
}).lazy(() => import("./DeliveryPage").then((module) => module.Route));
