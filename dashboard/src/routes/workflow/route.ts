import { createRoute } from "@tanstack/react-router";
import { oneOf } from "@/services/search";
import { type Range, rangeNames } from "@/services/workflows";
import { shellRoute } from "../shell";

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$name",
  validateSearch: (search: Record<string, unknown>): { range?: Range } => {
    const range = oneOf(search, "range", rangeNames);
    return range === undefined ? {} : { range };
  },
}).lazy(() => import("./WorkflowPage").then((module) => module.Route));
