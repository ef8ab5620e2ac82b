import { createRoute } from "@tanstack/react-router";
import { text } from "@/services/search";
import { shellRoute } from "../shell";

export interface WorkersSearch {
  /** Only those that serve it. */
  workflow?: string | undefined;
  /** Part of the name, the SDK or the version. */
  q?: string | undefined;
}

export const workersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workers",
  validateSearch: (search: Record<string, unknown>): WorkersSearch => ({
    workflow: text(search, "workflow"),
    q: text(search, "q"),
  }),
}).lazy(() => import("./WorkersPage").then((module) => module.Route));
