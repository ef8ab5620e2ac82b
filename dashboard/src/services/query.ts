import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api";
import { sessionKey } from "./session";

// One client for the page: routes load with it before they draw.
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // The session has ended: ask again who we are, and the shell goes to the sign-in page.
      if (error instanceof ApiError && error.status === 401)
        void queryClient.invalidateQueries({ queryKey: sessionKey });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => error instanceof ApiError && error.temporary && failures < 3,
      retryDelay: (failures, error) =>
        error instanceof ApiError && error.retryAfter !== undefined
          ? error.retryAfter * 1000
          : Math.min(500 * 2 ** failures, 8000),
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});
