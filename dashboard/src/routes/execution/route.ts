import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";
import { readExecutionSearch } from "./search";

export const executionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/executions/$id",
  validateSearch: readExecutionSearch,
}).lazy(() => import("./ExecutionPage").then((module) => module.Route));
