import { Button, Modal, SegmentedControl } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { Chart, type Series } from "@/components/Chart";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Panel } from "@/components/Panel";
import { StatusBadge } from "@/components/StatusBadge";
import { BlockSkeleton } from "@/components/skeletons";
import type { Status } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import { WorkerHowTo } from "@/components/WorkerHowTo";
import { useShortcut } from "@/hooks/shortcuts";
import { useSession } from "@/services/session";
import { formatDuration } from "@/services/time";
import {
  errorRate,
  rangeOf,
  ranges,
  recentQuery,
  type StatsBucket,
  setCurrentVersion,
  type Version,
  versionsQuery,
  type Workflow,
  type WorkflowStats,
  workflowQuery,
  workflowStatsQuery,
} from "@/services/workflows";
import { SchemaTree } from "./SchemaTree";
import { Settings } from "./Settings";
import classes from "./Workflow.module.css";

export const Route = createLazyRoute("/shell/workflows/$name")({ component: WorkflowPage });

function WorkflowPage() {
  const { name } = Route.useParams();
  const { can } = useSession();
  const workflow = useQuery({ ...workflowQuery(name), enabled: can("workflows:read") });
  return (
    <Page title={name}>
      {workflow.data ? (
        <Found key={workflow.data.id} workflow={workflow.data} />
      ) : (
        <>
          <PageHeader
            title={name}
            breadcrumbs={[
              <Link key="all" to="/workflows">
                Workflows
              </Link>,
            ]}
          />
          {!can("workflows:read") ? (
            <Missing scope="workflows:read" what="see workflows" />
          ) : workflow.isError ? (
            <ErrorPanel
              error={workflow.error}
              title={`The workflow ${name} could not be loaded`}
              onRetry={() => void workflow.refetch()}
            />
          ) : (
            <Panel>
              <BlockSkeleton lines={8} />
            </Panel>
          )}
        </>
      )}
    </Page>
  );
}

function Found({ workflow }: { workflow: Workflow }) {
  const { can } = useSession();
  const navigate = Route.useNavigate();
  const [helped, setHelped] = useState(false);
  const begin = () => void navigate({ to: "/workflows/$name/start", params: { name: workflow.name } });
  useShortcut("s", "Start an execution", begin, { enabled: can("executions:start") });
  const closed = workflow.api_trigger ? undefined : "The workflow is closed: its settings refuse starts.";
  return (
    <>
      <PageHeader
        title={workflow.name}
        badges={
          <>
            {workflow.version !== undefined && (
              <span className={classes.tag}>{workflow.version_label || `version ${workflow.version}`}</span>
            )}
            {!workflow.api_trigger && <span className={classes.tag}>closed to starts</span>}
          </>
        }
        description={workflow.description}
        breadcrumbs={[
          <Link key="all" to="/workflows">
            Workflows
          </Link>,
        ]}
        actions={
          <ActionButton
            scope="executions:start"
            unavailable={closed}
            variant="filled"
            leftSection={<IconPlayerPlay size={14} />}
            onClick={begin}
          >
            Start
          </ActionButton>
        }
      />
      {workflow.workers === 0 && (
        <section className={classes.banner} aria-label="No worker">
          <IconAlertTriangle size={18} stroke={1.7} aria-hidden />
          <span>
            No worker serves <strong>{workflow.name}</strong>: what is started waits until one does.
          </span>
          <Button variant="default" onClick={() => setHelped(true)}>
            Start a worker
          </Button>
        </section>
      )}
      {can("executions:read") ? (
        <History workflow={workflow} />
      ) : (
        <Missing scope="executions:read" what="see statistics" />
      )}
      <div className={classes.columns}>
        <div className={classes.stack}>
          {can("executions:read") && <Recent name={workflow.name} />}
          <Versions workflow={workflow} />
        </div>
        <div className={classes.stack}>
          <Panel title="Input">
            {workflow.input_schema ? (
              <SchemaTree schema={workflow.input_schema} />
            ) : (
              <span className={classes.muted}>
                The current version has no input schema: any object is accepted. A worker can register one with the
                workflow.
              </span>
            )}
          </Panel>
          <Settings workflow={workflow} />
          <Panel title="About">
            <div className={classes.settings}>
              <span>
                <Identifier value={workflow.id} what="workflow id" />
              </span>
              <span className={classes.muted}>
                Registered <TimeText value={workflow.created_at} />, changed <TimeText value={workflow.updated_at} />.
              </span>
            </div>
          </Panel>
        </div>
      </div>
      <Modal
        opened={helped}
        onClose={() => setHelped(false)}
        title={`A worker for ${workflow.name}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <WorkerHowTo workflow={workflow.name} />
      </Modal>
    </>
  );
}

const sum = (bucket: StatsBucket, ...states: Status[]) =>
  states.reduce((total, state) => total + (bucket.counts[state] ?? 0), 0);

/** Executions by what became of them, the best at the bottom. */
function outcomes(buckets: readonly StatsBucket[]): Series[] {
  const series: [string, string, Status[]][] = [
    ["Completed", "--s-completed", ["completed"]],
    ["Failed", "--s-failed", ["failed"]],
    ["Rejected", "--s-rejected", ["rejected"]],
    ["Cancelled", "--s-cancelled", ["cancelled"]],
    ["Open", "--s-running", ["created", "pending", "running", "waiting", "finalizing"]],
  ];
  return series
    .map(([label, color, states]) => ({ label, color, values: buckets.map((bucket) => sum(bucket, ...states)) }))
    .filter(({ label, values }) => label === "Completed" || values.some((value) => value > 0));
}

function percentiles(buckets: readonly StatsBucket[], of: "run_ms" | "queue_ms"): Series[] {
  return [
    { label: "p95", color: "--s-waiting", values: buckets.map((bucket) => bucket[of]?.p95 ?? null) },
    { label: "p50", color: "--s-accent", values: buckets.map((bucket) => bucket[of]?.p50 ?? null) },
  ];
}

const countText = (value: number) => (Number.isInteger(value) ? value.toLocaleString() : "");
const timeText = (value: number) =>
  value === 0 ? "0" : value < 10 && !Number.isInteger(value) ? `${value.toFixed(1)} ms` : formatDuration(value);

function History({ workflow }: { workflow: Workflow }) {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const range = rangeOf(search.range);
  const stats = useQuery(workflowStatsQuery(workflow.name, range));
  const data = stats.data;
  const picker = (
    <SegmentedControl
      aria-label="Over which time"
      value={range.value}
      onChange={(value) => {
        const next = ranges.find((each) => each.value === value);
        if (next) void navigate({ search: next.value === "24h" ? {} : { range: next.value }, replace: true });
      }}
      data={ranges.map(({ value, label }) => ({ value, label }))}
    />
  );
  if (!data) {
    return (
      <Panel title="Activity" actions={picker}>
        {stats.isError ? (
          <ErrorPanel
            error={stats.error}
            title="The statistics could not be loaded"
            compact
            onRetry={() => void stats.refetch()}
          />
        ) : (
          <BlockSkeleton lines={6} />
        )}
      </Panel>
    );
  }
  const times = data.buckets.map((bucket) => Date.parse(bucket.at));
  const chart = { times, width: data.bucket_ms };
  return (
    <>
      <Numbers stats={data} words={range.words} picker={picker} />
      <div className={classes.charts}>
        <Panel title={`Started, by outcome, per ${formatDuration(data.bucket_ms)}`}>
          <Chart
            {...chart}
            kind="bars"
            label={`Executions started in ${range.words}, by what became of them`}
            series={outcomes(data.buckets)}
            format={countText}
          />
          {!data.exact && (
            <p className={classes.note}>
              There are too many to count one by one: within an hour the bars are estimated.
            </p>
          )}
        </Panel>
        <Panel title="Run time">
          <Chart
            {...chart}
            kind="lines"
            label={`Time from the first claim to the end in ${range.words}`}
            series={percentiles(data.buckets, "run_ms")}
            format={timeText}
          />
        </Panel>
        <Panel title="Wait in the queue">
          <Chart
            {...chart}
            kind="lines"
            label={`Time from creation to the first claim in ${range.words}`}
            series={percentiles(data.buckets, "queue_ms")}
            format={timeText}
          />
        </Panel>
      </div>
    </>
  );
}

function Numbers({ stats, words, picker }: { stats: WorkflowStats; words: string; picker: ReactNode }) {
  const rate = errorRate(stats.counts);
  const of = stats.sampled ? ` of the newest ${stats.sample.toLocaleString()}` : "";
  const { counts, run_ms: run, oldest_pending_at: oldest } = stats;
  const open = counts.created + counts.pending + counts.running + counts.waiting + counts.finalizing;
  const percent = rate?.toLocaleString(undefined, { style: "percent", maximumFractionDigits: 1 });
  return (
    <Panel title={`In ${words}`} actions={picker} flush>
      <dl className={classes.numbers}>
        <Figure name="Started">{stats.started.toLocaleString()}</Figure>
        <Figure name="Errors">
          {percent ?? "–"} {percent && <small>{(counts.failed + counts.rejected).toLocaleString()}</small>}
        </Figure>
        <Figure name="Open now">{open.toLocaleString()}</Figure>
        <Figure name={`Run time, p50${of}`}>{run ? <Duration ms={run.p50} /> : "–"}</Figure>
        <Figure name={`Run time, p95${of}`}>{run ? <Duration ms={run.p95} /> : "–"}</Figure>
        <Figure name="Oldest in the queue">{oldest ? <Duration from={oldest} /> : "–"}</Figure>
      </dl>
    </Panel>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.number}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Recent({ name }: { name: string }) {
  const recent = useQuery(recentQuery(name));
  return (
    <Panel
      title="Recent executions"
      flush
      actions={
        <Link to="/executions" search={{ workflow: name } as never}>
          All
        </Link>
      }
    >
      {recent.isPending ? (
        <BlockSkeleton lines={5} />
      ) : recent.isError && !recent.data ? (
        <ErrorPanel error={recent.error} compact onRetry={() => void recent.refetch()} />
      ) : recent.data.length === 0 ? (
        <div className={classes.line}>
          <span className={classes.muted}>None yet.</span>
          <Link to="/workflows/$name/start" params={{ name }}>
            Start one
          </Link>
        </div>
      ) : (
        <ul className={classes.list}>
          {recent.data.map((execution) => (
            <li key={execution.id} className={classes.line}>
              <StatusBadge status={execution.status} variant="plain" />
              <Link to="/executions/$id" params={{ id: execution.id }} className={classes.mono}>
                {`${execution.id.slice(0, 9)}…${execution.id.slice(-6)}`}
              </Link>
              <span className={classes.muted}>
                <Duration from={execution.started_at} to={execution.completed_at} />
              </span>
              <TimeText value={execution.created_at} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Versions({ workflow }: { workflow: Workflow }) {
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
