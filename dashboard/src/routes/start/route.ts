import { createRoute } from "@tanstack/react-router";
import { text } from "@/services/search";
import { shellRoute } from "../shell";

export interface StartSearch {
  /** The execution whose input, labels and priority fill the form in. */
  from?: string | undefined;
}

export const startRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$name/start",
  validateSearch: (search: Record<string, unknown>): StartSearch => ({ from: text(search, "from") }),
}).lazy(() => import("./StartPage").then((module) => module.Route));
