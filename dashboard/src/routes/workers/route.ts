import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const workersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workers",
}).lazy(() => import("./WorkersPage").then((module) => module.Route));
