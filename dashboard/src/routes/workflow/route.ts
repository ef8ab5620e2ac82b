import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$name",
}).lazy(() => import("./WorkflowPage").then((module) => module.Route));
