import { createRoute } from "@tanstack/react-router";
import { shellRoute } from "../shell";

export const startRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$name/start",
}).lazy(() => import("./StartPage").then((module) => module.Route));
