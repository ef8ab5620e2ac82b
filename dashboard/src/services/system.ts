// The server and its data.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./api";

const projectsKey = ["projects"] as const;

/** All projects of the server. Only for admins. */
export const projectsQuery = queryOptions({
  queryKey: projectsKey,
  queryFn: async ({ signal }) => (await api.get("/v1/projects", { signal })).data,
});

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => api.post("/v1/projects", { body: { name } }),
    onSuccess: () => client.invalidateQueries({ queryKey: projectsKey }),
  });
}
