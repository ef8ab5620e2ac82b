import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const inboxRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/inbox",
}).lazy(() => import("./InboxPage").then((module) => module.Route));
