import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { type Column, DataTable } from "@/components/DataTable";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Sparkline } from "@/components/Sparkline";
import { BlockSkeleton, TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import {
  bytesText,
  latencyText,
  mixedVersions,
  oldestOf,
  perSecondText,
  type System,
  systemQuery,
  withSample,
} from "@/services/system";
import { Projects } from "./Projects";
import classes from "./SystemPage.module.css";

/** How the servers and databases do, and what waits in the queues of the projects. */
export function Servers() {
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
    caption: "seen",
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
    caption: "shards",
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

interface TileProps {
  label: string;
  value: ReactNode;
  note: ReactNode;
  chart?: ReactNode;
  hint: string;
}

function Tile({ label, value, note, chart, hint }: TileProps) {
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
