import { createRoute } from "@tanstack/react-router";
import { text, texts } from "@/services/search";
import { shellRoute } from "../shell";

export interface KeysSearch {
  /** Revoked and expired ones too. */
  all?: "true" | undefined;
  /** The form for a new key is open, with this preset. */
  create?: string | undefined;
  /** What the form begins with. */
  workflows?: string[] | undefined;
}

export const keysRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/keys",
  validateSearch: (search: Record<string, unknown>): KeysSearch => ({
    all: text(search, "all") === "true" ? "true" : undefined,
    create: text(search, "create"),
    workflows: texts(search, "workflows"),
  }),
}).lazy(() => import("./KeysPage").then((module) => module.Route));
