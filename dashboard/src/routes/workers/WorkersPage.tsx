import { Button, Modal, Pill, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconServerBolt } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Column, DataTable } from "@/components/DataTable";
import { Duration } from "@/components/Duration";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { WorkerHowTo } from "@/components/WorkerHowTo";
import { WorkflowSelect } from "@/components/WorkflowSelect";
import { useNow } from "@/hooks/useNow";
import { useSession } from "@/services/session";
import {
  filterWorkers,
  slotsOf,
  stateMeaning,
  stateOf,
  type Unserved,
  unservedQuery,
  type Worker,
  workersQuery,
} from "@/services/workers";
import classes from "./WorkersPage.module.css";

export const Route = createLazyRoute("/shell/workers")({ component: WorkersPage });

function WorkersPage() {
  const { can } = useSession();
  return (
    <Page title="Workers">
      {can("workflows:read") ? (
        <Workers />
      ) : (
        <>
          <PageHeader title="Workers" />
          <Missing scope="workflows:read" what="see who works" />
        </>
      )}
    </Page>
  );
}

const columns: readonly Column<Worker>[] = [
  {
    key: "name",
    header: "Worker",
    width: "minmax(140px, 1.4fr)",
    main: true,
    cell: (worker) => <Name worker={worker} />,
  },
  {
    key: "state",
    header: "State",
    width: "96px",
    narrow: "first",
    cell: (worker) => <State worker={worker} />,
  },
  { key: "slots", header: "Slots", width: "150px", narrow: "second", cell: (worker) => <Slots worker={worker} /> },
  {
    key: "workflows",
    header: "Workflows",
    width: "minmax(140px, 2fr)",
    cell: (worker) => <Workflows names={worker.workflows} />,
  },
  {
    key: "sdk",
    header: "SDK and version",
    width: "minmax(120px, 1fr)",
    cell: (worker) => (
      <span title="The library, and the version that the worker gives itself">
        {[worker.sdk, worker.version].filter(Boolean).join(" · ") || "–"}
      </span>
    ),
  },
  {
    key: "seen",
    header: "Last heartbeat",
    width: "110px",
    align: "end",
    narrow: "second",
    cell: (worker) => <TimeText value={worker.last_seen_at} format="relative" />,
  },
];

function Workers() {
  const { can } = useSession();
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const workers = useQuery(workersQuery);
  const unserved = useQuery({ ...unservedQuery, enabled: can("executions:read") });
  const all = workers.data ?? [];
  const shown = filterWorkers(all, { workflow: search.workflow, text: search.q });
  const filtered = search.workflow !== undefined || search.q !== undefined;
  const slots = slotsOf(shown);
  const [helped, setHelped] = useState<string>();
  const clear = () => void navigate({ search: {} });

  return (
    <>
      <PageHeader
        title="Workers"
        description="The processes of yours that take executions and run them. Each asks for work as it has free slots."
        actions={
          all.length > 0 && (
            <Button variant="default" onClick={() => setHelped("my-workflow")}>
              Start a worker
            </Button>
          )
        }
      />
      {(unserved.data ?? []).length > 0 && <Banner unserved={unserved.data ?? []} onHelp={setHelped} />}
      {(all.length > 0 || filtered) && (
        <FilterBar
          onClear={filtered ? clear : undefined}
          end={
            <span className={classes.summary}>
              {shown.length === 1 ? "1 worker" : `${shown.length.toLocaleString()} workers`} ·{" "}
              {slots.used.toLocaleString()} of {slots.total.toLocaleString()} slots used · {slots.free.toLocaleString()}{" "}
              free
            </span>
          }
        >
          <SearchField
            label="Workers by name, SDK or version"
            placeholder="Name, SDK or version"
            width={220}
            value={search.q ?? ""}
            onChange={(q) => void navigate({ search: (before) => ({ ...before, q: q || undefined }), replace: true })}
          />
          <WorkflowSelect
            value={search.workflow}
            onChange={(workflow) => void navigate({ search: (before) => ({ ...before, workflow }) })}
          />
        </FilterBar>
      )}
      {workers.isPending ? (
        <TableSkeleton rows={4} columns={6} />
      ) : workers.isError && all.length === 0 ? (
        <ErrorPanel
          error={workers.error}
          title="The workers could not be loaded"
          onRetry={() => void workers.refetch()}
        />
      ) : all.length === 0 ? (
        <>
          <EmptyState icon={<IconServerBolt size={28} stroke={1.4} />} title="No worker is connected">
            A worker is a process of yours that asks this server for executions and runs them. It appears here as soon
            as it is up. <code>sojourn dev</code> brings one with the demo's workflows; your own begins like this:
          </EmptyState>
          <div className={classes.howTo}>
            <WorkerHowTo workflow={unserved.data?.[0]?.workflow ?? "my-workflow"} />
          </div>
        </>
      ) : shown.length === 0 ? (
        <EmptyState
          icon={<IconServerBolt size={28} stroke={1.4} />}
          title="No worker matches"
          action={
            <Button variant="default" onClick={clear}>
              Show all workers
            </Button>
          }
        >
          {search.workflow
            ? `None of the ${all.length} workers that match otherwise serves ${search.workflow}.`
            : undefined}
        </EmptyState>
      ) : (
        <DataTable label="Workers" columns={columns} rows={shown} rowKey={(worker) => worker.id} />
      )}
      <Modal
        opened={helped !== undefined}
        onClose={() => setHelped(undefined)}
        title={helped === "my-workflow" ? "Start a worker" : `A worker for ${helped ?? ""}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {helped && <WorkerHowTo workflow={helped} />}
      </Modal>
    </>
  );
}

// More of them stand in the list of workflows.
const mostNamed = 5;

function Banner({ unserved, onHelp }: { unserved: readonly Unserved[]; onHelp: (workflow: string) => void }) {
  return (
    <section className={classes.banner} aria-label="Workflows without a worker">
      <IconAlertTriangle size={18} stroke={1.7} aria-hidden className={classes.sign ?? ""} />
      <ul className={classes.lacks}>
        {unserved.slice(0, mostNamed).map(({ workflow, waiting, since }) => (
          <li key={workflow}>
            <span>
              No worker for <strong>{workflow}</strong>:{" "}
              <Link to="/executions" search={{ workflow, status: ["pending"] }}>
                {waiting === 0
                  ? "executions wait to go on"
                  : waiting === 1
                    ? "1 execution waits"
                    : `${waiting.toLocaleString()} executions wait`}
              </Link>
              , the oldest for <Duration from={since} />.
            </span>
            <Button size="compact-xs" variant="default" onClick={() => onHelp(workflow)}>
              Start one
            </Button>
          </li>
        ))}
        {unserved.length > mostNamed && <li>And {unserved.length - mostNamed} more workflows.</li>}
      </ul>
    </section>
  );
}

function Name({ worker }: { worker: Worker }) {
  return <span title={worker.id}>{worker.name || worker.id}</span>;
}

function State({ worker }: { worker: Worker }) {
  const now = useNow(5000);
  const state = stateOf(worker, now);
  return (
    <Tooltip label={stateMeaning[state]}>
      <span className={classes.state} data-state={state}>
        {state}
      </span>
    </Tooltip>
  );
}

function Slots({ worker }: { worker: Worker }) {
  const part = worker.capacity > 0 ? Math.min(worker.held / worker.capacity, 1) : 0;
  return (
    <span className={classes.slots} title={`${worker.held} used, ${Math.max(0, worker.capacity - worker.held)} free`}>
      <span className={classes.bar} aria-hidden>
        <span style={{ width: `${part * 100}%` }} />
      </span>
      <span>
        {worker.held.toLocaleString()} of {worker.capacity.toLocaleString()}
      </span>
    </span>
  );
}

const mostPills = 4;

function Workflows({ names }: { names: readonly string[] }) {
  const more = names.slice(mostPills);
  return (
    <span className={classes.pills}>
      {names.slice(0, mostPills).map((name) => (
        <Link key={name} to="/workflows/$name" params={{ name }} className={classes.pill}>
          {name}
        </Link>
      ))}
      {more.length > 0 && (
        <Tooltip label={more.join(", ")}>
          <Pill size="xs">+{more.length}</Pill>
        </Tooltip>
      )}
    </span>
  );
}
