import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { IconActivity, IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useSession } from "@/services/session";
import { places } from "./navigation";

export const openPalette = (): void => spotlight.open();

const executionId = /^exec_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** What mod+K opens: every place, and whatever a pasted id names. */
export function Palette() {
  const navigate = useNavigate();
  const { can } = useSession();
  const [query, setQuery] = useState("");
  const pasted = query.trim();
  const actions: SpotlightActionData[] = executionId.test(pasted)
    ? [
        {
          id: "execution",
          label: `Open execution ${pasted}`,
          leftSection: <IconActivity size={16} stroke={1.6} />,
          keywords: pasted,
          onClick: () => void navigate({ to: "/executions/$id", params: { id: pasted } }),
        },
      ]
    : places
        .filter((place) => can(place.scope))
        .map((place) => ({
          id: place.to,
          label: place.label,
          leftSection: <place.icon size={16} stroke={1.6} />,
          onClick: () => void navigate({ to: place.to }),
        }));
  return (
    <Spotlight
      actions={actions}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      nothingFound="Nothing found"
      highlightQuery
      scrollable
      maxHeight={420}
      searchProps={{
        leftSection: <IconSearch size={16} stroke={1.6} />,
        placeholder: "Go to a page, or paste the id of an execution",
        "aria-label": "Search and act",
      }}
    />
  );
}
