import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { Dash } from "@/components/Dash";
import { type Column, DataTable } from "@/components/DataTable";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { TimeText } from "@/components/TimeText";
import { besideFields, fieldError } from "@/services/fields";
import { type ProjectRow, projectRows, projectsQuery, type System, useCreateProject } from "@/services/system";
import classes from "./SystemPage.module.css";

const projectColumns: readonly Column<ProjectRow>[] = [
  { key: "name", header: "Name", width: "minmax(140px, 1.4fr)", main: true, cell: (project) => project.name },
  {
    key: "id",
    header: "Id",
    width: "minmax(160px, 1.4fr)",
    cell: (project) => <Identifier value={project.id} short what="project id" />,
  },
  {
    key: "created",
    header: "Created",
    width: "minmax(90px, 1fr)",
    cell: (project) => <TimeText value={project.createdAt} />,
  },
  {
    key: "pending",
    header: "Pending",
    caption: "pending",
    width: "100px",
    align: "end",
    narrow: "second",
    cell: (project) => (project.pending === undefined ? <Dash /> : project.pending.toLocaleString()),
  },
  {
    key: "oldest",
    header: "Oldest waits",
    caption: "oldest waits",
    width: "120px",
    align: "end",
    narrow: "second",
    cell: (project) => (project.oldestPendingAt ? <Duration from={project.oldestPendingAt} /> : <Dash />),
  },
];

/** All projects, with what waits in their queues. */
export function Projects({ queues }: { queues: System["queues"] }) {
  const projects = useQuery(projectsQuery);
  const [creating, setCreating] = useState(false);
  const rows = projectRows(projects.data ?? [], queues);
  return (
    <section className={classes.section}>
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle}>Projects</h2>
        <ActionButton scope="admin" leftSection={<IconPlus size={14} />} onClick={() => setCreating(true)}>
          Create a project
        </ActionButton>
      </div>
      {projects.isError && (
        <ErrorPanel
          error={projects.error}
          title="The projects could not be loaded: these are those with something in the queue"
          compact
          onRetry={() => void projects.refetch()}
        />
      )}
      <DataTable label="Projects" columns={projectColumns} rows={rows} rowKey={(project) => project.id} />
      {creating && <ProjectForm onClose={() => setCreating(false)} />}
    </section>
  );
}

function ProjectForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const create = useCreateProject();
  return (
    <Modal opened onClose={onClose} title="Create a project" closeButtonProps={{ "aria-label": "Close" }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "" && !create.isPending) create.mutate(name.trim(), { onSuccess: onClose });
        }}
      >
        <Stack gap="md">
          <TextInput
            label="Name"
            description="Lower-case letters, digits, dots, dashes and underscores. A project has its own workflows, executions and keys, and sees nothing of others."
            placeholder="billing"
            maxLength={100}
            data-autofocus
            value={name}
            error={fieldError(create.error, "name")}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {besideFields(create.error, ["name"]) && <ErrorPanel error={create.error} compact />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending} disabled={name.trim() === ""}>
              Create the project
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
