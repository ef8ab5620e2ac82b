import { ActionIcon, Button, Group, Menu, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconBookmark, IconCheck, IconHome, IconHomeFilled, IconPencil, IconTrash } from "@tabler/icons-react";
import { memo, useMemo, useState } from "react";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import { useSession } from "@/services/session";
import classes from "./Executions.module.css";
import { format } from "./filter";
import { type ExecutionFilter, isEverything } from "./search";
import {
  beginWith,
  builtIn,
  deleteView,
  nameProblem,
  readViews,
  renameView,
  saveView,
  type Views,
  viewOf,
  viewsKey,
  writeViews,
} from "./views";

/** The views of this project in this browser. */
export function useViews(): [Views, (views: Views) => void] {
  const { info } = useSession();
  const [text, setText] = useLocalStorage(viewsKey(info.project.id), "");
  const views = useMemo(() => readViews(text), [text]);
  return [views, (next) => setText(writeViews(next))];
}

interface Props {
  filter: ExecutionFilter;
  onChoose: (filter: ExecutionFilter) => void;
}

/** The menu of filters that have a name. */
export const SavedViews = memo(function SavedViews({ filter, onChoose }: Props) {
  const [views, setViews] = useViews();
  const [dialog, setDialog] = useState<"save" | "manage">();
  const current = viewOf(views, filter);
  return (
    <>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={14} stroke={1.7} aria-hidden />}>
            {current && !isEverything(filter) ? current.name : "Views"}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {[...builtIn, ...views.list].map((view, i) => (
            <div key={view.name}>
              {i === builtIn.length && <Menu.Label>Yours</Menu.Label>}
              <Menu.Item
                onClick={() => onChoose(view.filter)}
                rightSection={
                  view.name === current?.name ? (
                    <IconCheck size={14} aria-label="shown" />
                  ) : view.name === views.first ? (
                    <IconHome size={14} aria-label="shown at the start" />
                  ) : null
                }
              >
                {view.name}
              </Menu.Item>
            </div>
          ))}
          <Menu.Divider />
          <Menu.Item disabled={isEverything(filter)} onClick={() => setDialog("save")}>
            Save this filter as a view…
          </Menu.Item>
          <Menu.Item onClick={() => setDialog("manage")}>Manage views…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={dialog === "save"}
        onClose={() => setDialog(undefined)}
        title="Save this filter as a view"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <NameForm
          views={views}
          initial=""
          label={`Name of the view for ${format(filter)}`}
          verb="Save the view"
          onSave={(name) => {
            setViews(saveView(views, name, filter));
            setDialog(undefined);
          }}
        />
      </Modal>
      <Modal
        opened={dialog === "manage"}
        onClose={() => setDialog(undefined)}
        title="Views"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Manage views={views} setViews={setViews} />
      </Modal>
    </>
  );
});

function NameForm({
  views,
  initial,
  before,
  label,
  verb,
  onSave,
}: {
  views: Views;
  initial: string;
  /** The name that is changed. */
  before?: string;
  label: string;
  verb: string;
  onSave: (name: string) => void;
}) {
  const [name, setName] = useState(initial);
  const [tried, setTried] = useState(false);
  const problem = nameProblem(views, name, before);
  const replaces = before === undefined && views.list.some((view) => view.name === name.trim());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!problem) onSave(name.trim());
      }}
    >
      <Stack gap="sm">
        <TextInput
          label={label}
          value={name}
          data-autofocus
          error={tried ? problem : undefined}
          description={replaces ? "A view has this name; it will mean this filter." : undefined}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button type="submit">{replaces ? "Replace the view" : verb}</Button>
        </Group>
      </Stack>
    </form>
  );
}

function Manage({ views, setViews }: { views: Views; setViews: (views: Views) => void }) {
  const [renaming, setRenaming] = useState<string>();
  return (
    <Stack gap="xs">
      <Text size="sm" c="var(--s-muted)">
        Views are kept in this browser, for this project. The one with the house is shown when you come to the list.
      </Text>
      <ul className={classes.views}>
        {[...builtIn, ...views.list].map((view) => {
          const own = views.list.includes(view);
          const first = views.first === undefined ? view === builtIn[0] : view.name === views.first;
          if (renaming === view.name) {
            return (
              <li key={view.name} className={classes.viewForm}>
                <NameForm
                  views={views}
                  initial={view.name}
                  before={view.name}
                  label="New name"
                  verb="Rename"
                  onSave={(name) => {
                    setViews(renameView(views, view.name, name));
                    setRenaming(undefined);
                  }}
                />
              </li>
            );
          }
          return (
            <li key={view.name} className={classes.view}>
              <span className={classes.viewText}>
                {view.name}
                <code>{format(view.filter) || "no filter"}</code>
              </span>
              <ActionIcon
                aria-label={first ? `${view.name} is shown at the start` : `Start with ${view.name}`}
                aria-pressed={first}
                onClick={() => setViews(beginWith(views, view === builtIn[0] ? undefined : view.name))}
              >
                {first ? <IconHomeFilled size={15} /> : <IconHome size={15} stroke={1.6} />}
              </ActionIcon>
              {own && (
                <>
                  <ActionIcon aria-label={`Rename ${view.name}`} onClick={() => setRenaming(view.name)}>
                    <IconPencil size={15} stroke={1.6} />
                  </ActionIcon>
                  <ActionIcon aria-label={`Delete ${view.name}`} onClick={() => setViews(deleteView(views, view.name))}>
                    <IconTrash size={15} stroke={1.6} />
                  </ActionIcon>
                </>
              )}
            </li>
          );
        })}
      </ul>
    </Stack>
  );
}
