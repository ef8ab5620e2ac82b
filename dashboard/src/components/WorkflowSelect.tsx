import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSession } from "@/services/session";
import { workflowNamesQuery } from "@/services/workflowNames";

interface Props {
  /** The name of the chosen one. */
  value: string | undefined;
  onChange: (name: string | undefined) => void;
  width?: number | string;
}

/** A filter for one workflow, which completes names. Without the scope to list them there is none. */
export function WorkflowSelect({ value, onChange, width = 200 }: Props) {
  const { can } = useSession();
  const [typed, setTyped] = useState("");
  const [part] = useDebouncedValue(typed === value ? "" : typed, 150);
  const enabled = can("workflows:read");
  const { data } = useQuery({ ...workflowNamesQuery(part), enabled, placeholderData: keepPreviousData });
  if (!enabled) return null;
  const names = [...new Set([...(value ? [value] : []), ...(data ?? [])])];
  return (
    <Select
      aria-label="Workflow"
      placeholder="All workflows"
      searchable
      clearable
      w={width}
      data={names}
      value={value ?? null}
      onSearchChange={setTyped}
      onChange={(name) => onChange(name ?? undefined)}
      nothingFoundMessage="No workflow has such a name"
      clearButtonProps={{ "aria-label": "All workflows" }}
    />
  );
}
