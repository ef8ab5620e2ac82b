import { Tabs } from "@mantine/core";
import { createLazyRoute, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { StatusBadge } from "@/components/StatusBadge";
import { PageSkeleton } from "@/components/skeletons";
import { useShortcut } from "@/hooks/shortcuts";
import { ApiError } from "@/services/api";
import type { Execution } from "@/services/execution";
import { Actions } from "./Actions";
import { DataTab } from "./DataTab";
import { DeliveriesTab } from "./DeliveriesTab";
import { type Ask, Dialog } from "./dialogs";
import { EventsTab } from "./EventsTab";
import classes from "./ExecutionPage.module.css";
import { attemptsOf } from "./events";
import { Failure } from "./Failure";
import { LogsTab } from "./LogsTab";
import { executionAttempt, StepPanel } from "./StepPanel";
import { Summary, WorkflowLink } from "./Summary";
import { type ExecutionSearch, readExecutionSearch, type Tab, tabs } from "./search";
import shared from "./shared.module.css";
import { type Live, useLiveExecution } from "./useLiveExecution";
import { WaterfallTab } from "./WaterfallTab";
import { WhyPanel } from "./WhyPanel";
import { why } from "./why";

export const Route = createLazyRoute("/shell/executions/$id")({ component: ExecutionPage });

function ExecutionPage() {
  const { id } = Route.useParams();
  // Another execution is another page: nothing of the one before stays.
  return <One key={id} id={id} />;
}

function One({ id }: { id: string }) {
  const live = useLiveExecution(id);
  const { execution, head } = live;
  if (execution && !gone(head.error)) return <Shown execution={execution} live={live} />;
  if (head.pending) return <PageSkeleton />;
  return (
    <Page title="Execution">
      <PageHeader
        title="Execution"
        breadcrumbs={[
          <Link key="e" to="/executions">
            Executions
          </Link>,
        ]}
        description={<Identifier value={id} what="execution id" />}
      />
      {gone(head.error) ? <Gone error={head.error} /> : <ErrorPanel error={head.error} onRetry={head.retry} />}
    </Page>
  );
}

/** What was shown may not be shown any longer. */
const gone = (error: unknown): error is ApiError =>
  error instanceof ApiError && (error.status === 404 || error.status === 410);

function Gone({ error }: { error: ApiError }) {
  const deleted = error.code === "deleted";
  return (
    <EmptyState
      title={deleted ? "This execution was deleted" : "There is no such execution"}
      action={
        <Link to="/executions" className={shared.link}>
          All executions
        </Link>
      }
    >
      {deleted
        ? "It was removed by hand, or because it was older than its workflow keeps executions. Nothing of it is left."
        : "The project of your key has no execution of this id. Check the address, and which project you are signed in to."}
    </EmptyState>
  );
}

const tabLabel: Record<Tab, string> = {
  waterfall: "Waterfall",
  events: "Events",
  logs: "Logs",
  data: "Data",
  deliveries: "Webhooks",
};

function Shown({ execution, live }: { execution: Execution; live: Live }) {
  const search = Route.useSearch();
  const navigate = useNavigate({ from: "/executions/$id" });
  const { steps, events } = live;
  const [ask, setAsk] = useState<Ask>();
  const set = useCallback(
    (change: { [K in keyof ExecutionSearch]?: ExecutionSearch[K] | undefined }, replace = false) => {
      void navigate({
        to: "/executions/$id",
        params: { id: execution.id },
        search: (before) => clean({ ...readExecutionSearch({ ...before }), ...change }),
        replace,
        resetScroll: false,
      });
    },
    [navigate, execution.id],
  );
  const tab = search.tab ?? "waterfall";
  const name = execution.workflow?.name ?? "Execution";
  const reason = useMemo(() => why(execution, steps, events), [execution, steps, events]);
  const attempts = useMemo(() => attemptsOf(events), [events]);
  const step = useMemo(() => steps.find((each) => each.name === search.step), [steps, search.step]);
  const failed =
    execution.status === "failed" || (execution.status === "rejected" && execution.error_details !== undefined);

  for (const [i, each] of tabs.entries()) {
    // The tabs are always the same ones, so these hooks are too.
    // biome-ignore lint/correctness/useHookAtTopLevel: see above
    useShortcut(String(i + 1), tabLabel[each], () => set({ tab: each === "waterfall" ? undefined : each }));
  }

  return (
    <Page title={`${name} ${execution.status}`}>
      <PageHeader
        breadcrumbs={[
          <Link key="e" to="/executions">
            Executions
          </Link>,
          <WorkflowLink key="w" execution={execution} />,
        ]}
        title={name}
        badges={<StatusBadge status={execution.status} />}
        description={<Identifier value={execution.id} what="execution id" />}
        actions={<Actions execution={execution} ask={setAsk} />}
      />
      {failed ? (
        <Failure execution={execution} steps={steps} attempts={attempts} />
      ) : (
        <WhyPanel execution={execution} why={reason} ask={setAsk} />
      )}
      <Summary execution={execution} steps={steps} events={events} states={[live.stepsState, live.eventsState]} />
      <Tabs
        value={tab}
        onChange={(value) => {
          const next = tabs.find((each) => each === value);
          set({ tab: next === "waterfall" ? undefined : next });
        }}
        keepMounted={false}
        className={classes.tabs}
      >
        <Tabs.List className={classes.tabList}>
          {tabs.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {tabLabel[each]}
              {each === "events" && events.length > 0 && (
                <span className={classes.count}>{events.length.toLocaleString()}</span>
              )}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.body} data-aside={search.step !== undefined || undefined}>
          <div className={classes.view}>
            <Tabs.Panel value="waterfall">
              <WaterfallTab
                execution={execution}
                steps={steps}
                events={events}
                states={[live.stepsState, live.eventsState]}
                step={step}
                attempt={search.attempt}
                onSelect={(name, attempt) => set({ step: name, attempt }, true)}
              />
            </Tabs.Panel>
            <Tabs.Panel value="events">
              <EventsTab
                execution={execution}
                events={events}
                state={live.eventsState}
                groups={search.kind}
                onGroups={(kind) => set({ kind }, true)}
                step={search.step}
              />
            </Tabs.Panel>
            <Tabs.Panel value="logs">
              <LogsTab
                execution={execution}
                filter={{ step: search.step, attempt: executionAttempt(step, search.attempt) }}
                onClearStep={() => set({ step: undefined, attempt: undefined })}
                search={{ level: search.level, q: search.q }}
                onSearch={(next) => set({ level: next.level, q: next.q }, true)}
              />
            </Tabs.Panel>
            <Tabs.Panel value="data">
              <DataTab execution={execution} />
            </Tabs.Panel>
            <Tabs.Panel value="deliveries">
              <DeliveriesTab execution={execution.id} />
            </Tabs.Panel>
          </div>
          {search.step !== undefined && (
            <StepPanel
              execution={execution}
              name={search.step}
              step={step}
              state={live.stepsState}
              attempt={search.attempt}
              onAttempt={(attempt) => set({ attempt }, true)}
              onClose={() => set({ step: undefined, attempt: undefined })}
              onLogs={() => set({ tab: "logs" })}
              ask={setAsk}
            />
          )}
        </div>
      </Tabs>
      {ask && <Dialog execution={execution} events={events} ask={ask} onClose={() => setAsk(undefined)} />}
    </Page>
  );
}

function clean(search: { [K in keyof ExecutionSearch]?: ExecutionSearch[K] | undefined }): ExecutionSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as ExecutionSearch;
}
