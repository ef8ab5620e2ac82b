import { createRoute, redirect } from "@tanstack/react-router";
import { shellRoute } from "./shell";

/** What is running is what people come for. */
export const homeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/executions", replace: true });
  },
});
