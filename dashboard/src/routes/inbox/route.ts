import { createRoute } from "@tanstack/react-router";
import { text } from "@/services/search";
import { shellRoute } from "../shell";

export interface InboxSearch {
  workflow?: string | undefined;
  /** Of the approval. */
  name?: string | undefined;
  /** The one that is shown: its execution and step, as exec_…/manager. */
  item?: string | undefined;
}

export const inboxRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/inbox",
  validateSearch: (search: Record<string, unknown>): InboxSearch => ({
    workflow: text(search, "workflow"),
    name: text(search, "name"),
    item: text(search, "item"),
  }),
}).lazy(() => import("./InboxPage").then((module) => module.Route));
