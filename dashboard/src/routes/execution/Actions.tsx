import { Button, Menu } from "@mantine/core";
import {
  IconCode,
  IconDots,
  IconEraser,
  IconLink,
  IconMailShare,
  IconPlayerPlay,
  IconPlayerStop,
  IconSend,
  IconSquareRoundedX,
  IconTrash,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ActionButton } from "@/components/ActionButton";
import { isFinal } from "@/components/status";
import { useShortcut } from "@/hooks/shortcuts";
import { useNarrow } from "@/hooks/useNarrow";
import type { Execution } from "@/services/execution";
import { copyPageLink } from "@/services/pageLink";
import { type Scope, useSession } from "@/services/session";
import classes from "./Actions.module.css";
import type { Ask } from "./dialogs";

/** What can be done with it: the likely things as buttons, the others in a menu. */
export function Actions({ execution, ask }: { execution: Execution; ask: (what: Ask) => void }) {
  const { can } = useSession();
  const over = isFinal(execution.status);
  const cancelling = execution.cancel_requested_at !== undefined;
  const awaits = execution.awaiting?.some((wait) => wait.kind === "approval") ?? false;
  const startable = execution.workflow !== null && execution.input !== null;
  const may = (scope: Scope, possible = true) => possible && can(scope);

  useShortcut("c", "Cancel the execution", () => ask({ kind: "cancel" }), { enabled: may("executions:cancel", !over) });
  useShortcut("a", "Approve", () => ask({ kind: "approve" }), { enabled: may("executions:approve", awaits) });
  useShortcut("r", "Reject", () => ask({ kind: "reject" }), { enabled: may("executions:approve", awaits) });
  useShortcut("s", "Send a signal", () => ask({ kind: "signal" }), { enabled: may("executions:signal", !over) });
  useShortcut("y", "Copy as curl, CLI or code", () => ask({ kind: "copy" }));
  useShortcut("l", "Copy the link to what you see", copyPageLink);

  // The form of the workflow, filled in with what this execution was started with.
  const startLink = (props: object) => (
    <Link
      {...props}
      to="/workflows/$name/start"
      params={{ name: execution.workflow?.name ?? "" }}
      search={{ from: execution.id }}
    />
  );
  const item = (what: Ask["kind"], scope: Scope, icon: ReactNode, text: string, why?: string, danger = false) => {
    const lacking = can(scope) ? why : `Your key lacks the scope ${scope}.`;
    return (
      <Menu.Item
        leftSection={icon}
        disabled={lacking !== undefined}
        onClick={() => ask({ kind: what })}
        {...(danger && lacking === undefined ? { color: "red" } : {})}
      >
        {text}
        {lacking !== undefined && <span className={classes.itemWhy}>{lacking}</span>}
      </Menu.Item>
    );
  };
  const narrow = useNarrow();
  const again = narrow ? "Start again" : "Start again with this input";
  const size = 15;
  const ended = "It has ended.";
  const open = "It has not ended yet.";
  return (
    <>
      {!over && (
        <ActionButton
          scope="executions:cancel"
          leftSection={<IconPlayerStop size={14} stroke={1.7} />}
          onClick={() => ask({ kind: "cancel" })}
        >
          {cancelling ? "Cancelling…" : "Cancel…"}
        </ActionButton>
      )}
      <Button variant="default" leftSection={<IconCode size={14} stroke={1.7} />} onClick={() => ask({ kind: "copy" })}>
        Copy as…
      </Button>
      {over && startable && execution.workflow && can("executions:start") ? (
        <Button renderRoot={startLink} leftSection={<IconPlayerPlay size={14} stroke={1.7} />}>
          {again}
        </Button>
      ) : over ? (
        <ActionButton
          scope="executions:start"
          unavailable={!execution.workflow ? "Its workflow was deleted." : "Its input was removed."}
          leftSection={<IconPlayerPlay size={14} stroke={1.7} />}
        >
          {again}
        </ActionButton>
      ) : null}
      <Menu position="bottom-end" width={270}>
        <Menu.Target>
          <Button variant="default" aria-label="More actions" px={8}>
            <IconDots size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {!over && startable && execution.workflow && can("executions:start") && (
            <Menu.Item renderRoot={startLink} leftSection={<IconPlayerPlay size={size} stroke={1.6} />}>
              Start another with this input
            </Menu.Item>
          )}
          {item(
            "signal",
            "executions:signal",
            <IconSend size={size} stroke={1.6} />,
            "Send a signal…",
            over ? ended : undefined,
          )}
          {item(
            "link",
            "executions:approve",
            <IconMailShare size={size} stroke={1.6} />,
            "Create an approval link…",
            over ? ended : undefined,
          )}
          <Menu.Item leftSection={<IconLink size={size} stroke={1.6} />} onClick={copyPageLink}>
            Copy the link to what you see
          </Menu.Item>
          <Menu.Divider />
          {!over &&
            item(
              "terminate",
              "executions:manage",
              <IconSquareRoundedX size={size} stroke={1.6} />,
              "Terminate…",
              undefined,
              true,
            )}
          {item(
            "redact",
            "executions:manage",
            <IconEraser size={size} stroke={1.6} />,
            "Remove its data…",
            !over ? open : execution.redacted ? "It was removed already." : undefined,
            true,
          )}
          {item(
            "delete",
            "executions:manage",
            <IconTrash size={size} stroke={1.6} />,
            "Delete…",
            over ? undefined : open,
            true,
          )}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
