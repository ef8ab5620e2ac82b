import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Panel } from "@/components/Panel";
import { StatusBadge } from "@/components/StatusBadge";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { shortId } from "@/services/ids";
import { recentQuery } from "@/services/workflows";
import classes from "./Workflow.module.css";

/** The newest executions of a workflow. */
export function Recent({ name }: { name: string }) {
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
                {shortId(execution.id)}
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
