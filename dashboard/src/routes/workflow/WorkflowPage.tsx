import { Button, Modal } from "@mantine/core";
import { IconAlertTriangle, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { WorkerHowTo } from "@/components/WorkerHowTo";
import { useShortcut } from "@/hooks/shortcuts";
import { useSession } from "@/services/session";
import { type Workflow, workflowQuery } from "@/services/workflows";
import { Recent } from "./Recent";
import { SchemaTree } from "./SchemaTree";
import { Settings } from "./Settings";
import { Statistics } from "./Statistics";
import { Versions } from "./Versions";
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
  const { range } = Route.useSearch();
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
        <Statistics
          workflow={workflow}
          range={range}
          onRange={(next) => void navigate({ search: next === "24h" ? {} : { range: next }, replace: true })}
        />
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
