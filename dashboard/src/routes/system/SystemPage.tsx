import { Button, Group, Modal, Stack, TextInput, Tooltip } from "@mantine/core";
import { IconExternalLink, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { type Column, DataTable } from "@/components/DataTable";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Facts, Panel } from "@/components/Panel";
import { Sparkline } from "@/components/Sparkline";
import { BlockSkeleton, TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { besideFields, fieldError } from "@/services/fields";
import { useSession } from "@/services/session";
import {
  bytesText,
  latencyText,
  mixedVersions,
  oldestOf,
  type ProjectRow,
  perSecondText,
  projectRows,
  projectsQuery,
  type System,
  systemQuery,
  useCreateProject,
  withSample,
} from "@/services/system";
import classes from "./SystemPage.module.css";

export const Route = createLazyRoute("/shell/system")({ component: SystemPage });

const links = [
  { href: "/docs", label: "API reference" },
  { href: "/openapi.json", label: "OpenAPI document" },
  { href: "/metrics", label: "Metrics" },
] as const;

function SystemPage() {
  const { info, can } = useSession();
  return (
    <Page title="System">
      <PageHeader
        title="System"
        badges={<span className={classes.version}>{info.version}</span>}
        description="The servers, where the data lies, and how quickly it gets there."
        actions={links.map((link) => (
          <Button
            key={link.href}
            variant="default"
            component="a"
            href={link.href}
            target="_blank"
            rel="noreferrer"
            rightSection={<IconExternalLink size={13} stroke={1.7} />}
          >
            {link.label}
          </Button>
        ))}
      />
      {can("admin") ? (
        <Servers />
      ) : (
        <p className={classes.note}>
          Servers, databases and the queues of all projects are shown to keys with the scope <code>admin</code>. This is
          what the server tells every key:
        </p>
      )}
      <Here />
    </Page>
  );
}

function Servers() {
  const system = useQuery(systemQuery);
  const { data, dataUpdatedAt } = system;
  const [samples, setSamples] = useState<readonly System["commits"][]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer is a sample, also one like the one before
  useEffect(() => {
    if (data) setSamples((before) => withSample(before, data.commits));
  }, [dataUpdatedAt]);

  if (system.isPending) {
    return (
      <>
        <BlockSkeleton lines={4} />
        <TableSkeleton rows={2} columns={4} />
      </>
    );
  }
  if (!data) {
    return (
      <ErrorPanel
        error={system.error}
        title="The state of the system could not be loaded"
        onRetry={() => void system.refetch()}
      />
    );
  }
  const pending = data.queues.reduce((sum, queue) => sum + queue.pending, 0);
  const oldest = oldestOf(data.queues);
  return (
    <>
      {system.isError && <ErrorPanel error={system.error} compact title="What you see is old" />}
      <div className={classes.tiles}>
        <Tile
          label="Commits"
          value={`${perSecondText(data.commits.per_second)}/s`}
          note={`${perSecondText(data.commits.commands_per_second)} commands a second`}
          chart={
            <Sparkline
              kind="line"
              label="Commits a second while this page was open"
              values={samples.map((sample) => sample.per_second)}
            />
          }
          hint="Transactions of this server over the last minute. Under load each carries many commands."
        />
        <Tile
          label="Commit latency, p99"
          value={latencyText(data.commits.p99_ms)}
          note={
            data.commits.p50_ms === undefined
              ? "no commits in the last minute"
              : `p50 ${latencyText(data.commits.p50_ms)}`
          }
          chart={
            <Sparkline
              kind="line"
              label="Commit latency while this page was open, in milliseconds"
              values={samples.map((sample) => sample.p99_ms ?? 0)}
            />
          }
          hint="Within which 99 of 100 transactions of the last minute were on stable storage."
        />
        <Tile
          label="Pending"
          value={pending.toLocaleString()}
          note={data.queues.length === 1 ? "in 1 project" : `in ${data.queues.length.toLocaleString()} projects`}
          hint="Executions that were never taken by a worker and could be."
        />
        <Tile
          label="Oldest in a queue"
          value={oldest ? <Duration from={oldest} /> : "none waits"}
          note={oldest ? "ready, and not taken yet" : "workers keep up"}
          hint="How long that execution is ready for a worker that has waited longest."
        />
        <Tile
          label="Up for"
          value={<Duration from={data.started_at} />}
          note={data.go_version}
          hint="The server that answered, and what it was compiled with."
        />
      </div>

      <section className={classes.section}>
        <h2 className={classes.sectionTitle}>
          {data.servers.length === 1 ? "Server" : `${data.servers.length.toLocaleString()} servers`}
        </h2>
        {mixedVersions(data.servers) && (
          <p className={classes.note}>Servers of different versions run together, as they do during an upgrade.</p>
        )}
        <DataTable
          label="Servers"
          columns={serverColumns}
          rows={data.servers}
          rowKey={(server) => `${server.name} ${server.started_at ?? ""} ${server.self}`}
        />
      </section>
      <section className={classes.section}>
        <h2 className={classes.sectionTitle}>
          {data.stores.length === 1 ? "Database" : `${data.stores.length.toLocaleString()} databases`}
        </h2>
        <DataTable
          label="Databases"
          columns={storeColumns}
          rows={data.stores}
          rowKey={(store) => `${store.kind} ${store.name ?? ""}`}
        />
      </section>
      <Projects queues={data.queues} />
    </>
  );
}

const serverColumns: readonly Column<System["servers"][number]>[] = [
  {
    key: "name",
    header: "Name",
    width: "minmax(160px, 2fr)",
    main: true,
    cell: (server) => (
      <span className={classes.name}>
        {server.name}
        {server.self && <span className={classes.self}>answers you</span>}
      </span>
    ),
  },
  {
    key: "version",
    header: "Version",
    width: "minmax(100px, 1fr)",
    narrow: "second",
    cell: (server) => server.version ?? "not told",
  },
  {
    key: "started",
    header: "Started",
    width: "minmax(100px, 1fr)",
    cell: (server) => <TimeText value={server.started_at} />,
  },
  {
    key: "seen",
    header: "Last seen",
    width: "120px",
    align: "end",
    narrow: "second",
    cell: (server) => <TimeText value={server.last_seen_at} format="relative" />,
  },
];

const kinds: Record<System["stores"][number]["kind"], string> = { sqlite: "SQLite", postgres: "PostgreSQL" };

const storeColumns: readonly Column<System["stores"][number]>[] = [
  {
    key: "kind",
    header: "Kind",
    width: "minmax(160px, 2fr)",
    main: true,
    cell: (store) =>
      store.name ? `${kinds[store.kind] ?? store.kind} · ${store.name}` : (kinds[store.kind] ?? store.kind),
  },
  { key: "schema", header: "Schema", width: "minmax(100px, 1fr)", cell: (store) => `version ${store.schema_version}` },
  {
    key: "shards",
    header: "Shards",
    width: "minmax(100px, 1fr)",
    narrow: "second",
    cell: (store) => `${store.shards.toLocaleString()} of ${(1024).toLocaleString()}`,
  },
  {
    key: "size",
    header: "Size",
    width: "120px",
    align: "end",
    narrow: "second",
    cell: (store) => (store.bytes === undefined ? "not known" : bytesText(store.bytes)),
  },
];

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
    width: "100px",
    align: "end",
    narrow: "second",
    cell: (project) => (project.pending === undefined ? "–" : `${project.pending.toLocaleString()}`),
  },
  {
    key: "oldest",
    header: "Oldest waits",
    width: "120px",
    align: "end",
    narrow: "second",
    cell: (project) => (project.oldestPendingAt ? <Duration from={project.oldestPendingAt} /> : "none waits"),
  },
];

function Projects({ queues }: { queues: System["queues"] }) {
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

function Tile({
  label,
  value,
  note,
  chart,
  hint,
}: {
  label: string;
  value: ReactNode;
  note: ReactNode;
  chart?: ReactNode;
  hint: string;
}) {
  return (
    <div className={classes.tile}>
      <Tooltip label={hint}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard shall reach the explanation too */}
        <div className={classes.tileLabel} tabIndex={0}>
          {label}
        </div>
      </Tooltip>
      <div className={classes.tileValue}>{value}</div>
      <div className={classes.tileNote}>{note}</div>
      {chart}
    </div>
  );
}

/** What /v1/info tells every key. */
function Here() {
  const { info } = useSession();
  const { limits } = info;
  return (
    <>
      <div className={classes.section}>
        <Panel title="You">
          <Facts
            items={[
              ["Key", info.key.name || info.key.id],
              ["Project", info.project.name],
              ["Scopes", info.key.scopes.join(", ")],
              ["Session ends unless used", <TimeText key="ends" value={info.expires_at} />],
            ]}
          />
        </Panel>
      </div>
      <Panel title="Limits">
        <Facts
          items={[
            ["Input, output or payload", bytesText(limits.max_payload_bytes)],
            ["Body of a request", bytesText(limits.max_body_bytes)],
            ["Body of a batch", bytesText(limits.max_batch_bytes)],
            ["Starts in a batch", limits.max_batch.toLocaleString()],
            ["Depth of JSON", limits.max_depth.toLocaleString()],
            ["Longest hold of an answer", `${limits.max_wait_seconds} s`],
            ["Items on a page", limits.max_page.toLocaleString()],
            ["Worker protocol", `version ${info.protocol}`],
          ]}
        />
      </Panel>
    </>
  );
}
