import { createRoute, redirect } from "@tanstack/react-router";
import { readLocal } from "@/hooks/useLocalStorage";
import { queryClient } from "@/services/query";
import { type Session, sessionKey } from "@/services/session";
import { shellRoute } from "../shell";
import { filterOf, isEverything, searchOf, validateSearch } from "./search";
import { findView, readViews, viewsKey } from "./views";

export const executionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/executions",
  validateSearch,
  // Who comes without filters begins with the view that was chosen for that.
  beforeLoad: ({ search, cause }) => {
    if (cause !== "enter" || search.view === "all" || !isEverything(filterOf(search))) return;
    const session = queryClient.getQueryData<Session | null>(sessionKey);
    if (!session) return;
    const views = readViews(readLocal(viewsKey(session.project.id)) ?? "");
    const first = views.first === undefined ? undefined : findView(views, views.first);
    if (first && !isEverything(first.filter)) {
      throw redirect({ to: "/executions", search: searchOf(first.filter), replace: true });
    }
  },
}).lazy(() => import("./ExecutionsPage").then((module) => module.Route));
