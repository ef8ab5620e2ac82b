import { Modal, Switch } from "@mantine/core";
import { Fragment } from "react";
import { keyNames, type Shortcut, useShortcuts } from "@/hooks/shortcuts";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import classes from "./ShortcutHelp.module.css";

const order = ["Everywhere", "Lists", "Waterfall", "This page"];
const rank = (group: string) => (order.includes(group) ? order.indexOf(group) : order.length);

/** Everything that the keyboard can do on this page. */
export function ShortcutHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const shortcuts = useShortcuts();
  const [stored, store] = useLocalStorage("shortcuts", "on");
  const groups = new Map<string, Shortcut[]>();
  for (const shortcut of shortcuts) {
    const group = groups.get(shortcut.group) ?? [];
    // Two lists on one page hear the same keys.
    if (!group.some((other) => other.keys === shortcut.keys)) group.push(shortcut);
    groups.set(shortcut.group, group);
  }
  const sorted = [...groups].sort(([a], [b]) => rank(a) - rank(b));
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keyboard shortcuts"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <div className={classes.groups}>
        {sorted.map(([group, members]) => (
          <section key={group}>
            <h3 className={classes.group}>{group}</h3>
            <dl className={classes.list}>
              {members.map((shortcut) => (
                <div key={shortcut.keys} className={classes.entry}>
                  <dt>
                    {keyNames(shortcut.keys).map((key, i) => (
                      <Fragment key={key}>
                        {i > 0 && " "}
                        <kbd>{key}</kbd>
                      </Fragment>
                    ))}
                  </dt>
                  <dd>{shortcut.description}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Switch
        className={classes.switch}
        label="Listen for single keys"
        description="Switch off when they get in the way of another program. Those with Ctrl or ⌘ stay."
        checked={stored !== "off"}
        onChange={(event) => store(event.currentTarget.checked ? "on" : "off")}
      />
    </Modal>
  );
}
