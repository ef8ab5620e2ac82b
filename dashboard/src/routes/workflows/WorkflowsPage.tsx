import { Button } from "@mantine/core";
import { IconAlertTriangle, IconTopologyStar3 } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { createLazyRoute } from "@tanstack/react-router";
import { Dash } from "@/components/Dash";
import { type Column, DataTable } from "@/components/DataTable";
import { Duration } from "@/components/Duration";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Sparkline } from "@/components/Sparkline";
import { TableSkeleton } from "@/components/skeletons";
import { WorkerHowTo } from "@/components/WorkerHowTo";
import { useNarrow } from "@/hooks/useNarrow";
import { useSession } from "@/services/session";
import { errorRate, type StatsOfWorkflow, statsQuery, type Workflow, workflowsQuery } from "@/services/workflows";
import classes from "./Workflows.module.css";

export const Route = createLazyRoute("/shell/workflows")({ component: WorkflowsPage });

function WorkflowsPage() {
  const { can } = useSession();
  return (
    <Page title="Workflows">
      {can("workflows:read") ? (
        <Workflows />
      ) : (
        <>
          <PageHeader title="Workflows" />
          <Missing scope="workflows:read" what="see workflows" />
        </>
      )}
    </Page>
  );
}

interface Row {
  workflow: Workflow;
  /** undefined: not known yet, or the key may not see it. */
  stats: StatsOfWorkflow | undefined;
}

const columns: readonly Column<Row>[] = [
  {
    key: "name",
    header: "Workflow",
    width: "minmax(150px, 1.2fr)",
    main: true,
    cell: ({ workflow }) => (
      <span className={classes.name}>
        <span>{workflow.name}</span>
        {(workflow.version_label || workflow.version) && (
          <span className={classes.version}>{workflow.version_label || `v${workflow.version}`}</span>
        )}
      </span>
    ),
  },
  {
    key: "workers",
    header: "Workers",
    width: "104px",
    narrow: "first",
    cell: (row) => <Workers row={row} />,
  },
  {
    key: "rate",
    header: "Started in 24 h",
    width: "190px",
    narrow: "second",
    caption: "24 h",
    cell: (row) => <Starts row={row} />,
  },
  {
    key: "errors",
    header: "Errors",
    width: "84px",
    align: "end",
    narrow: "second",
    caption: "errors",
    cell: ({ stats }) => <Errors stats={stats} />,
  },
  {
    key: "p50",
    header: "p50",
    width: "76px",
    align: "end",
    cell: ({ stats }) => (stats?.run_ms ? <Duration ms={stats.run_ms.p50} /> : <Dash />),
  },
  {
    key: "p95",
    header: "p95",
    width: "76px",
    align: "end",
    narrow: "second",
    caption: "p95",
    cell: ({ stats }) => (stats?.run_ms ? <Duration ms={stats.run_ms.p95} /> : <Dash />),
  },
  {
    key: "waiting",
    header: "Oldest waits",
    width: "96px",
    align: "end",
    cell: ({ stats }) => (stats?.oldest_pending_at ? <Duration from={stats.oldest_pending_at} /> : <Dash />),
  },
  {
    key: "description",
    header: "Description",
    width: "minmax(0, 1.6fr)",
    cell: ({ workflow }) => (
      <span className={classes.about} title={workflow.description}>
        {workflow.description}
      </span>
    ),
  },
];

function Workflows() {
  const { can } = useSession();
  const { q } = Route.useSearch();
  const navigate = Route.useNavigate();
  const workflows = useInfiniteQuery(workflowsQuery(q));
  const stats = useQuery({
    ...statsQuery(q, workflows.data?.pages.length ?? 1),
    enabled: can("executions:read"),
  });
  const rows: Row[] = (workflows.data?.pages ?? []).flatMap((page) =>
    page.data.map((workflow) => ({ workflow, stats: stats.data?.get(workflow.id) })),
  );
  const search = (text: string) => void navigate({ search: () => (text === "" ? {} : { q: text }), replace: true });

  return (
    <>
      <PageHeader
        title="Workflows"
        description="What can be started. A worker that serves a workflow registers it, with its version and the schema of its input."
      />
      {(rows.length > 0 || q !== undefined) && (
        <FilterBar onClear={q === undefined ? undefined : () => search("")}>
          <SearchField label="Workflows by name" placeholder="Name" value={q ?? ""} onChange={search} />
        </FilterBar>
      )}
      {stats.isError && rows.length > 0 && (
        <ErrorPanel
          error={stats.error}
          title="The statistics could not be loaded"
          compact
          onRetry={() => void stats.refetch()}
        />
      )}
      {workflows.isPending ? (
        <TableSkeleton rows={6} columns={6} />
      ) : workflows.isError && rows.length === 0 ? (
        <ErrorPanel
          error={workflows.error}
          title="The workflows could not be loaded"
          onRetry={() => void workflows.refetch()}
        />
      ) : rows.length === 0 && q !== undefined ? (
        <EmptyState
          icon={<IconTopologyStar3 size={28} stroke={1.4} />}
          title={`No workflow's name has “${q}” in it`}
          action={
            <Button variant="default" onClick={() => search("")}>
              Show all workflows
            </Button>
          }
        />
      ) : rows.length === 0 ? (
        <>
          <EmptyState icon={<IconTopologyStar3 size={28} stroke={1.4} />} title="There are no workflows yet">
            A workflow appears when the first worker that serves it connects. <code>sojourn dev</code> brings some to
            try; your own begins like this:
          </EmptyState>
          <WorkerHowTo workflow="my-workflow" />
        </>
      ) : (
        <DataTable
          label="Workflows"
          columns={columns}
          rows={rows}
          rowKey={({ workflow }) => workflow.id}
          rowLink={({ workflow }) => ({ to: "/workflows/$name", params: { name: workflow.name } })}
          {...(workflows.hasNextPage ? { total: -1 } : {})}
          footer={
            workflows.hasNextPage && (
              <div className={classes.more}>
                <Button
                  variant="default"
                  loading={workflows.isFetchingNextPage}
                  onClick={() => void workflows.fetchNextPage()}
                >
                  Load more
                </Button>
              </div>
            )
          }
        />
      )}
    </>
  );
}

function Starts({ row: { workflow, stats } }: { row: Row }) {
  const narrow = useNarrow();
  if (stats === undefined) return <Dash />;
  return (
    <span className={classes.spark}>
      <Sparkline
        values={stats.buckets.map((bucket) => bucket.started)}
        label={`Starts of ${workflow.name} in the last 24 hours`}
        {...(narrow ? { width: 64 } : {})}
      />
      <span>{stats.started.toLocaleString()}</span>
    </span>
  );
}

function Workers({ row: { workflow, stats } }: { row: Row }) {
  const narrow = useNarrow();
  if (workflow.workers > 0) {
    const count = workflow.workers.toLocaleString();
    // Without the head of the table a number says nothing.
    return (
      <span className={narrow ? classes.idle : undefined}>
        {narrow ? `${count} ${workflow.workers === 1 ? "worker" : "workers"}` : count}
      </span>
    );
  }
  if (stats?.oldest_pending_at || (stats?.counts.pending ?? 0) > 0) {
    return (
      <span className={classes.lacking} title="Executions wait, and no worker serves the workflow.">
        <IconAlertTriangle size={13} stroke={1.8} aria-hidden /> No worker
      </span>
    );
  }
  return (
    <span className={classes.idle} title="No worker serves the workflow now.">
      No worker
    </span>
  );
}

function Errors({ stats }: { stats: StatsOfWorkflow | undefined }) {
  const rate = stats && errorRate(stats.counts);
  if (stats === undefined || rate === undefined) return <Dash />;
  const bad = stats.counts.failed + stats.counts.rejected;
  const text =
    rate > 0 && rate < 0.001 ? "<0.1%" : `${(rate * 100).toLocaleString(undefined, { maximumFractionDigits: 1 })}%`;
  return (
    <span
      className={bad > 0 ? classes.bad : classes.none}
      title={`${stats.counts.failed.toLocaleString()} failed and ${stats.counts.rejected.toLocaleString()} rejected of those started in the last 24 hours that have ended`}
    >
      {text}
    </span>
  );
}
