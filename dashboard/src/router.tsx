// Every page that exists. Each is a module of its own that loads when it is first opened; its route.ts says its path and
// which filters its address carries.
import { createRouter } from "@tanstack/react-router";
import { PageSkeleton } from "./components/skeletons";
import { executionRoute } from "./routes/execution/route";
import { executionsRoute } from "./routes/executions/route";
import { homeRoute } from "./routes/home";
import { inboxRoute } from "./routes/inbox/route";
import { keysRoute } from "./routes/keys/route";
import { rootRoute } from "./routes/root";
import { shellRoute } from "./routes/shell";
import { signInRoute } from "./routes/signin/route";
import { startRoute } from "./routes/start/route";
import { systemRoute } from "./routes/system/route";
import { deliveryRoute, endpointRoute, webhooksRoute } from "./routes/webhooks/route";
import { workersRoute } from "./routes/workers/route";
import { workflowRoute } from "./routes/workflow/route";
import { workflowsRoute } from "./routes/workflows/route";
import { parseSearch, stringifySearch } from "./services/search";
import { RouteError } from "./shell/RouteError";

const routeTree = rootRoute.addChildren([
  signInRoute,
  shellRoute.addChildren([
    homeRoute,
    executionsRoute,
    executionRoute,
    workflowsRoute,
    workflowRoute,
    startRoute,
    inboxRoute,
    workersRoute,
    webhooksRoute,
    endpointRoute,
    deliveryRoute,
    keysRoute,
    systemRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  // Queries say what is fresh; routes keep nothing.
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 150,
  defaultPendingMinMs: 200,
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: RouteError,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
