import { createRoute } from "@tanstack/react-router";
import { text } from "@/services/search";
import { rootRoute } from "../root";

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/signin",
  // Only a path of this page: an address elsewhere would make the sign-in a way to send people anywhere.
  validateSearch: (search): { to?: string } => {
    const to = text(search, "to");
    return to && /^\/(?![/\\])/.test(to) && !to.startsWith("/signin") ? { to } : {};
  },
}).lazy(() => import("./SignInPage").then((module) => module.Route));
