import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const workflowsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows",
}).lazy(() => import("./WorkflowsPage").then((module) => module.Route));
