import { createRoute } from "@tanstack/react-router";
import { text } from "@/services/search";
import { shellRoute } from "../shell";

export const workflowsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows",
  validateSearch: (search: Record<string, unknown>): { q?: string } => {
    const q = text(search, "q");
    return q === undefined ? {} : { q };
  },
}).lazy(() => import("./WorkflowsPage").then((module) => module.Route));
