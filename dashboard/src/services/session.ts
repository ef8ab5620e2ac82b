// Who is signed in: the key behind the session's cookie, its project and what it may do.
import { queryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { ApiError, type Schemas, send } from "./api";

export type Scope = Schemas["Scope"];
export type Session = Schemas["Info"] & {
  /** When the session ends unless it is used. */
  expires_at: string;
};

export const sessionKey = ["session"] as const;

/** The session, or null when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      const response = await send("/ui/session", { signal, headers: { Accept: "application/json" } });
      return (await response.json()) as Session;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 5 * 60_000,
});

/** Opens a session with a key. Throws ApiError; 401 means that the key is not valid. */
export async function signIn(apiKey: string): Promise<Session> {
  const response = await send("/ui/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ api_key: apiKey }),
  });
  return (await response.json()) as Session;
}

export interface SessionState {
  info: Session;
  /** Whether the key may do what needs this scope. */
  can: (scope: Scope) => boolean;
  /** Ends the session and forgets what was loaded; the shell then shows the sign-in page. */
  signOut: () => Promise<void>;
}

export function allows(scopes: readonly Scope[], scope: Scope): boolean {
  return scopes.includes("admin") || scopes.includes(scope);
}

/** The session of the page. Only for what is drawn inside the shell, which draws nothing without one. */
export function useSession(): SessionState {
  const client = useQueryClient();
  const { data } = useSuspenseQuery(sessionQuery);
  if (data === null) throw new Error("useSession outside of the shell: nobody is signed in");
  const scopes = data.key.scopes;
  const can = useCallback((scope: Scope) => allows(scopes, scope), [scopes]);
  const signOut = useCallback(async () => {
    await send("/ui/session", { method: "DELETE" });
    window.location.assign("/signin");
    client.clear();
  }, [client]);
  return { info: data, can, signOut };
}
