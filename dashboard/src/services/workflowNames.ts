import { queryOptions } from "@tanstack/react-query";
import { api } from "./api";

/** The first workflows whose name holds the text, for fields that name one. */
export function workflowNamesQuery(part: string) {
  return queryOptions({
    queryKey: ["workflow-names", part] as const,
    queryFn: async ({ signal }) => {
      const page = await api.get("/v1/workflows", {
        query: { limit: 100, ...(part === "" ? {} : { search: part }) },
        signal,
      });
      return page.data.map((workflow) => workflow.name);
    },
    staleTime: 60_000,
  });
}
