import { Button, Switch, TextInput, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Panel } from "@/components/Panel";
import { durationProblem, durationText, parseDuration } from "@/services/durations";
import { besideFields, fieldError } from "@/services/fields";
import { useSession } from "@/services/session";
import { updateWorkflow, type Workflow } from "@/services/workflows";
import classes from "./Workflow.module.css";

/** The settings of a workflow, for those who may manage it. */
export function Settings({ workflow }: { workflow: Workflow }) {
  const client = useQueryClient();
  const { can } = useSession();
  const may = can("workflows:manage");
  const was = {
    retention: durationText(workflow.retention_ms),
    timeout: durationText(workflow.timeout_ms),
    open: workflow.api_trigger,
  };
  // undefined: not touched, so that it follows what others change.
  const [retention, setRetention] = useState<string>();
  const [timeout, setTimeout] = useState<string>();
  const [open, setOpen] = useState<boolean>();
  const reset = () => {
    setRetention(undefined);
    setTimeout(undefined);
    setOpen(undefined);
  };
  const save = useMutation({
    mutationFn: () =>
      updateWorkflow(workflow.name, {
        ...(retention === undefined ? {} : { retention_ms: parseDuration(retention) ?? 0 }),
        ...(timeout === undefined ? {} : { timeout_ms: parseDuration(timeout) ?? 0 }),
        ...(open === undefined ? {} : { api_trigger: open }),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["workflows"] });
      reset();
      notifications.show({ message: `The settings of ${workflow.name} were saved.` });
    },
  });
  const wrong = durationProblem(retention ?? "") ?? durationProblem(timeout ?? "");
  const changed =
    (retention !== undefined && retention.trim() !== was.retention) ||
    (timeout !== undefined && timeout.trim() !== was.timeout) ||
    (open !== undefined && open !== was.open);
  const fields = (
    <div className={classes.settings}>
      <TextInput
        label="Keep finished executions for"
        description="Then they are removed, with their inputs, outputs and logs. Empty: the server's default."
        placeholder="the server's default"
        disabled={!may}
        value={retention ?? was.retention}
        error={durationProblem(retention ?? "") ?? fieldError(save.error, "retention_ms")}
        onChange={(event) => setRetention(event.currentTarget.value)}
      />
      <TextInput
        label="Deadline of executions"
        description="They are cancelled when they take longer, unless a start names another. Empty: none."
        placeholder="none"
        disabled={!may}
        value={timeout ?? was.timeout}
        error={durationProblem(timeout ?? "") ?? fieldError(save.error, "timeout_ms")}
        onChange={(event) => setTimeout(event.currentTarget.value)}
      />
      <Switch
        label="May be started through the API"
        description="Off, every start is refused; what was started goes on."
        disabled={!may}
        checked={open ?? was.open}
        onChange={(event) => setOpen(event.currentTarget.checked)}
      />
      {besideFields(save.error, ["retention_ms", "timeout_ms"]) && <ErrorPanel error={save.error} compact />}
      <div className={classes.bar}>
        {changed && (
          <Button variant="subtle" color="gray" onClick={reset}>
            Undo
          </Button>
        )}
        <ActionButton
          scope="workflows:manage"
          unavailable={wrong ?? (changed ? undefined : "Nothing was changed.")}
          variant="filled"
          loading={save.isPending}
          type="submit"
        >
          Save
        </ActionButton>
      </div>
    </div>
  );
  return (
    <Panel title="Settings">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (may && changed && !wrong && !save.isPending) save.mutate();
        }}
      >
        {may ? (
          fields
        ) : (
          <Tooltip.Floating label="Your key lacks the scope workflows:manage.">{fields}</Tooltip.Floating>
        )}
      </form>
    </Panel>
  );
}
