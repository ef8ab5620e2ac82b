import { Button, Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { setCurrentVersion, type Version, versionsQuery, type Workflow } from "@/services/workflows";
import { SchemaTree } from "./SchemaTree";
import classes from "./Workflow.module.css";

/** The versions of a workflow, and which of them starts use. */
export function Versions({ workflow }: { workflow: Workflow }) {
  const client = useQueryClient();
  const versions = useQuery(versionsQuery(workflow.name));
  const [chosen, setChosen] = useState<Version>();
  const [shown, setShown] = useState<Version>();
  const nameOf = (version: Version) =>
    version.label ? `${version.label} (${version.version})` : `version ${version.version}`;
  return (
    <Panel title="Versions" flush>
      {versions.isPending ? (
        <BlockSkeleton lines={3} />
      ) : versions.isError && !versions.data ? (
        <ErrorPanel error={versions.error} compact onRetry={() => void versions.refetch()} />
      ) : versions.data.length === 0 ? (
        <div className={classes.line}>
          <span className={classes.muted}>
            None. A worker that registers the workflow with a version label or an input schema makes one.
          </span>
        </div>
      ) : (
        <ul className={classes.list}>
          {versions.data.map((version) => (
            <li key={version.id} className={classes.line}>
              <span>
                <strong>{version.version}</strong>
                {version.label && ` · ${version.label}`}
              </span>
              {version.is_current && <span className={classes.tag}>current</span>}
              <span className={classes.muted}>
                <TimeText value={version.created_at} />
              </span>
              <span>
                {version.input_schema && (
                  <Button variant="subtle" color="gray" onClick={() => setShown(version)}>
                    Schema
                  </Button>
                )}
                {!version.is_current && (
                  <ActionButton scope="workflows:manage" onClick={() => setChosen(version)}>
                    Make current
                  </ActionButton>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      <ConfirmDialog
        opened={chosen !== undefined}
        onClose={() => setChosen(undefined)}
        title={chosen ? `Make ${nameOf(chosen)} the current one?` : ""}
        confirm="Make it current"
        onConfirm={async () => {
          if (!chosen) return;
          await setCurrentVersion(workflow.name, chosen.version);
          await client.invalidateQueries({ queryKey: ["workflows"] });
          notifications.show({ message: `Starts of ${workflow.name} now use ${nameOf(chosen)}.` });
        }}
      >
        From now on starts that name no version use it, and inputs must match its schema. Executions that were started
        before keep theirs.
      </ConfirmDialog>
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={shown ? `Input of ${nameOf(shown)}` : ""}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {shown?.input_schema && <SchemaTree schema={shown.input_schema} />}
      </Modal>
    </Panel>
  );
}
