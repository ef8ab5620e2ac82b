import { Alert, Button, Checkbox, Group, Modal, Select, Stack, TagsInput, TextInput, Tooltip } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorPanel } from "@/components/ErrorPanel";
import { besideFields, fieldError } from "@/services/fields";
import {
  type ExpiryChoice,
  expiryChoices,
  expiryTime,
  grantable,
  type NewKey,
  type Preset,
  presetOf,
  presets,
  rateProblem,
  scopeMeaning,
  scopes,
  strongScopes,
  useCreateKey,
} from "@/services/keys";
import { type Scope, useSession } from "@/services/session";
import { projectsQuery } from "@/services/system";
import { workflowNamesQuery } from "@/services/workflowNames";
import classes from "./KeysPage.module.css";

interface Props {
  preset: Preset | undefined;
  workflows: readonly string[];
  onClose: () => void;
  onCreated: (key: NewKey) => void;
}

/** The form for a new key. It offers nothing that the key in use could not grant. */
export function KeyForm({ preset, workflows: given, onClose, onCreated }: Props) {
  const { info, can } = useSession();
  const own = info.key.scopes;
  const start = preset?.scopes.every((scope) => grantable(own, scope)) ? [...preset.scopes] : [];
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<Scope[]>(start);
  const [workflows, setWorkflows] = useState<string[]>([...given]);
  const [rate, setRate] = useState("");
  const [expiry, setExpiry] = useState<ExpiryChoice>("never");
  const [date, setDate] = useState("");
  const [project, setProject] = useState<string | null>(null);
  const create = useCreateKey();
  const names = useQuery({ ...workflowNamesQuery(""), enabled: can("workflows:read") });
  const projects = useQuery({ ...projectsQuery, enabled: can("admin") });

  const serves = chosen.includes("workers:run") || chosen.includes("admin");
  const today = new Date().toLocaleDateString("sv");
  const rateWrong = rateProblem(rate);
  const dateWrong = expiry === "date" && date === "" ? "Choose a day." : undefined;
  const submit = () => {
    if (create.isPending || chosen.length === 0 || rateWrong || dateWrong) return;
    const expires = expiryTime(expiry, date, Date.now());
    create.mutate(
      {
        scopes: chosen,
        ...(name.trim() ? { name: name.trim() } : {}),
        ...(serves && workflows.length > 0 ? { workflows } : {}),
        ...(rate.trim() ? { rate_limit: rate.replace(/\s/g, "") } : {}),
        ...(expires ? { expires_at: expires } : {}),
        ...(project ? { project } : {}),
      },
      {
        onSuccess: (key) => {
          create.reset();
          onCreated(key);
        },
      },
    );
  };
  const current = presetOf(chosen);

  return (
    <Modal opened onClose={onClose} title="Create a key" size="xl" closeButtonProps={{ "aria-label": "Close" }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="md">
          <TextInput
            label="Name"
            description="What uses it, so that you know what you revoke."
            placeholder="web, ci, worker-eu"
            maxLength={100}
            value={name}
            data-autofocus
            error={fieldError(create.error, "name")}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <fieldset className={classes.group}>
            <legend className={classes.legend}>For what</legend>
            <div className={classes.presets}>
              {presets.map((each) => {
                const missing = each.scopes.filter((scope) => !grantable(own, scope));
                const button = (
                  <button
                    key={each.id}
                    type="button"
                    className={classes.preset}
                    aria-pressed={current === each}
                    aria-disabled={missing.length > 0 || undefined}
                    onClick={() => missing.length === 0 && setChosen([...each.scopes])}
                  >
                    <span className={classes.presetName}>{each.label}</span>
                    <span className={classes.presetText}>{each.text}</span>
                  </button>
                );
                return missing.length > 0 ? (
                  <Tooltip
                    key={each.id}
                    label={`A key cannot grant more than it has. Yours lacks ${missing.join(", ")}.`}
                  >
                    {button}
                  </Tooltip>
                ) : (
                  button
                );
              })}
            </div>
          </fieldset>
          <fieldset className={classes.group}>
            <legend className={classes.legend}>With this key one may</legend>
            <div className={classes.scopes}>
              {scopes.map((scope) => {
                const allowed = grantable(own, scope);
                const box = (
                  <Checkbox
                    key={scope}
                    label={<span className={classes.code}>{scope}</span>}
                    description={
                      <span className={strongScopes.has(scope) && chosen.includes(scope) ? classes.strong : undefined}>
                        {scopeMeaning[scope]}
                        {allowed ? "" : " (your key lacks it)"}
                      </span>
                    }
                    checked={chosen.includes(scope)}
                    disabled={!allowed}
                    onChange={(event) => {
                      const on = event.currentTarget.checked;
                      setChosen((before) => (on ? [...before, scope] : before.filter((other) => other !== scope)));
                    }}
                  />
                );
                return box;
              })}
            </div>
            {chosen.includes("admin") && (
              <Alert mt="sm" color="yellow" variant="light" icon={<IconAlertTriangle size={16} />}>
                Whoever has an admin key can do everything in every project of this server, and needs no other scope.
              </Alert>
            )}
          </fieldset>
          <div className={classes.two}>
            <Select
              label="Ends"
              data={expiryChoices.map((choice) => ({ ...choice }))}
              value={expiry}
              allowDeselect={false}
              onChange={(value) => setExpiry(expiryChoices.find((choice) => choice.value === value)?.value ?? "never")}
              error={expiry === "date" ? undefined : fieldError(create.error, "expires_at")}
            />
            {expiry === "date" && (
              <TextInput
                label="Last day"
                type="date"
                min={today}
                value={date}
                error={fieldError(create.error, "expires_at")}
                onChange={(event) => setDate(event.currentTarget.value)}
              />
            )}
            <TextInput
              label="Rate limit"
              placeholder="none, or 10/s, 600/m, 3600/h"
              value={rate}
              error={rateWrong ?? fieldError(create.error, "rate_limit")}
              onChange={(event) => setRate(event.currentTarget.value)}
            />
            {serves && (
              <TagsInput
                label="Workflows that it may serve"
                placeholder={workflows.length === 0 ? "all" : ""}
                data={names.data ?? []}
                value={workflows}
                error={fieldError(create.error, "workflows")}
                onChange={setWorkflows}
                clearable
                clearButtonProps={{ "aria-label": "All workflows" }}
              />
            )}
            {can("admin") && (projects.data?.length ?? 0) > 1 && (
              <Select
                label="Project"
                placeholder={info.project.name}
                data={(projects.data ?? []).map((each) => each.name)}
                value={project}
                clearable
                error={fieldError(create.error, "project")}
                onChange={setProject}
                clearButtonProps={{ "aria-label": `Project ${info.project.name}` }}
              />
            )}
          </div>
          {besideFields(create.error, ["name", "expires_at", "rate_limit", "workflows", "project"]) && (
            <ErrorPanel error={create.error} compact />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              loading={create.isPending}
              disabled={chosen.length === 0 || Boolean(rateWrong ?? dateWrong)}
            >
              Create the key
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
