import { createRoute, redirect } from "@tanstack/react-router";
import { queryClient } from "@/services/query";
import { sessionQuery } from "@/services/session";
import { NotFound } from "@/shell/NotFound";
import { Shell } from "@/shell/Shell";
import { rootRoute } from "./root";

/** What surrounds every page but the sign-in page, and sends those there who are not signed in. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: "/signin", search: { to: location.href }, replace: true });
  },
  component: Shell,
  notFoundComponent: NotFound,
});
