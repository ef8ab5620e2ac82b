import { createSpotlight, Spotlight, type SpotlightActionGroupData, useSpotlight } from "@mantine/spotlight";
import {
  IconActivity,
  IconClock,
  IconCommand,
  IconLink,
  IconLogout,
  IconMoon,
  IconPlayerPlay,
  IconRoute,
  IconSearch,
  IconSun,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useDeferredValue, useEffect, useState } from "react";
import { keyNames, useShortcuts } from "@/hooks/shortcuts";
import { timeFormats, useTimeFormat } from "@/hooks/useTimeFormat";
import { api } from "@/services/api";
import { copyPageLink } from "@/services/pageLink";
import { useSession } from "@/services/session";
import { places } from "./navigation";
import classes from "./Palette.module.css";

const [store, actions] = createSpotlight();

export const openPalette = (): void => actions.open();

const executionId = /exec_[0-7][0-9a-hjkmnp-tv-z]{25}/;
const icon = { size: 16, stroke: 1.6 } as const;
const formatNames = {
  relative: "Show times as “3 min ago”",
  local: "Show times in the local zone",
  utc: "Show times in UTC",
};

function Keys({ keys }: { keys: string }) {
  return (
    <span className={classes.keys}>
      {keyNames(keys).map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}

/** What mod+K opens: every page, workflows by name, an execution by its id, and what can be done here. */
export function Palette({
  scheme,
  setScheme,
}: {
  scheme: "light" | "dark";
  setScheme: (scheme: "light" | "dark") => void;
}) {
  const navigate = useNavigate();
  const { can, signOut } = useSession();
  const [query, setQuery] = useState("");
  // "start order" looks for a workflow to start, which is called order.
  const wanted = useDeferredValue(query.trim().replace(/^start\s+/i, ""));
  const shortcuts = useShortcuts();
  const [format, setFormat] = useTimeFormat();
  const { opened, listId } = useSpotlight(store);
  // What is chosen goes away with its line when workflows are found a moment later: then the first line is chosen again, so
  // that Enter does what the palette shows.
  useEffect(() => {
    const list = opened && query !== "" ? document.getElementById(listId) : null;
    const first = list?.querySelector("[data-action]");
    if (!first || list?.querySelector("[data-selected]")) return;
    first.setAttribute("data-selected", "true");
    store.updateState((state) => ({ ...state, selected: 0 }));
  });
  const named = useQuery({
    queryKey: ["palette", "workflows", wanted],
    queryFn: ({ signal }) =>
      api.get("/v1/workflows", { query: wanted === "" ? { limit: 8 } : { search: wanted, limit: 8 }, signal }),
    enabled: opened && can("workflows:read") && !executionId.test(wanted),
    placeholderData: keepPreviousData,
  });

  const groups: (SpotlightActionGroupData & { actions: object[] })[] = [];
  const add = (group: string, actions: (SpotlightActionGroupData["actions"][number] | false)[]) => {
    const kept = actions.filter((action) => action !== false);
    if (kept.length > 0) groups.push({ group, actions: kept });
  };
  const go = (id: string, label: string, sign: ReactNode, onClick: () => void, keys?: string, keywords?: string) => ({
    id,
    label,
    leftSection: sign,
    onClick,
    ...(keys ? { rightSection: <Keys keys={keys} /> } : {}),
    ...(keywords ? { keywords } : {}),
  });

  const pasted = executionId.exec(query)?.[0];
  if (pasted) {
    // The query is its own match: an id stands in no label but this one.
    add("Execution", [
      go(
        "execution",
        `Open ${pasted}`,
        <IconActivity {...icon} />,
        () => void navigate({ to: "/executions/$id", params: { id: pasted } }),
        undefined,
        query,
      ),
    ]);
  }
  add(
    "This page",
    shortcuts
      .filter((shortcut) => shortcut.group === "This page" && shortcut.keys !== "Escape")
      .map((shortcut) =>
        go(
          `here ${shortcut.keys}`,
          shortcut.description,
          <IconCommand {...icon} />,
          () => shortcut.run(),
          shortcut.keys,
        ),
      ),
  );
  add(
    "Pages",
    places
      .filter((place) => place.scope === null || can(place.scope))
      .map((place) =>
        go(place.to, place.label, <place.icon {...icon} />, () => void navigate({ to: place.to }), `g ${place.keys}`),
      ),
  );
  add(
    "Workflows",
    (named.data?.data ?? []).map(({ name }) =>
      go(
        `workflow ${name}`,
        name,
        <IconRoute {...icon} />,
        () => void navigate({ to: "/workflows/$name", params: { name } }),
      ),
    ),
  );
  if (can("executions:start") && wanted !== "") {
    add(
      "Start",
      (named.data?.data ?? []).map(({ name }) =>
        go(
          `start ${name}`,
          `Start ${name}…`,
          <IconPlayerPlay {...icon} />,
          () => void navigate({ to: "/workflows/$name/start", params: { name } }),
        ),
      ),
    );
  }
  add("Actions", [
    go(
      "scheme",
      scheme === "dark" ? "Light appearance" : "Dark appearance",
      scheme === "dark" ? <IconSun {...icon} /> : <IconMoon {...icon} />,
      () => setScheme(scheme === "dark" ? "light" : "dark"),
      "t",
      "theme",
    ),
    ...timeFormats
      .filter((each) => each !== format)
      .map((each) =>
        go(
          `time ${each}`,
          formatNames[each],
          <IconClock {...icon} />,
          () => setFormat(each),
          undefined,
          "time format zone",
        ),
      ),
    go("link", "Copy the link to this page", <IconLink {...icon} />, copyPageLink, undefined, "address url"),
    go("signout", "Sign out", <IconLogout {...icon} />, () => void signOut(), undefined, "log out"),
  ]);

  return (
    <Spotlight
      store={store}
      attributes={{ content: { "aria-label": "Search and act" } }}
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      nothingFound={
        named.isFetching
          ? "Searching…"
          : "Nothing found. A page, a workflow's name or an execution's id leads somewhere."
      }
      highlightQuery
      scrollable
      maxHeight={440}
      limit={30}
      radius="md"
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }}
      transitionProps={{ duration: 80 }}
      searchProps={{
        leftSection: <IconSearch {...icon} />,
        placeholder: "Go to a page or a workflow, or paste the id of an execution",
        "aria-label": "Search and act",
      }}
    />
  );
}
