import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const executionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/executions/$id",
}).lazy(() => import("./ExecutionPage").then((module) => module.Route));
