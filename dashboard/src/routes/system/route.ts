import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const systemRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/system",
}).lazy(() => import("./SystemPage").then((module) => module.Route));
