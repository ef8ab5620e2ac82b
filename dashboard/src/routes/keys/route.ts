import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const keysRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/keys",
}).lazy(() => import("./KeysPage").then((module) => module.Route));
