import { useSyncExternalStore } from "react";

const query = window.matchMedia("(max-width: 48em)");

/** Whether the page is as narrow as a phone: tables are drawn as rows of two lines. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => query.matches,
  );
}
