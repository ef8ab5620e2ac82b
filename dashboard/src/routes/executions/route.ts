import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const executionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/executions",
}).lazy(() => import("./ExecutionsPage").then((module) => module.Route));
