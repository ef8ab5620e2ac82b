import { Progress, Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Duration } from "@/components/Duration";
import { isFinal } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import { TimeSpent } from "@/components/waterfall";
import type { Execution, ExecutionEvent, Step } from "@/services/execution";
import { Countdown } from "./Countdown";
import { queueWait } from "./events";
import classes from "./Summary.module.css";
import shared from "./shared.module.css";
import type { Loading } from "./useLiveExecution";

const triggers: Record<Execution["trigger_type"], string> = {
  api: "API",
  cli: "Command line",
  manual: "By hand",
  scheduled: "Schedule",
  rerun: "Rerun",
};

interface Props {
  execution: Execution;
  steps: readonly Step[];
  events: readonly ExecutionEvent[];
  /** Of the steps and of the events: without them how its time was spent is not known. */
  states: readonly Loading[];
}

/** The facts about an execution, in one strip, and how it spent its time. */
export function Summary({ execution, steps, events, states }: Props) {
  const x = execution;
  const over = isFinal(x.status);
  const queue = queueWait(events, x.created_at);
  const facts: [string, ReactNode][] = [
    ["Duration", x.started_at ? <Duration key="d" from={x.started_at} to={x.completed_at} /> : "not started"],
    [
      "Waited for a worker",
      queue.first !== undefined ? (
        <Duration key="q" ms={queue.first} />
      ) : queue.since && !over ? (
        <Duration key="q" from={queue.since} />
      ) : (
        "–"
      ),
    ],
    ["Attempt", x.attempt === 0 ? "none yet" : String(x.attempt)],
  ];
  if (x.progress !== undefined) facts.push(["Progress", <ProgressBar key="p" value={x.progress} over={over} />]);
  facts.push(["Version", x.version === undefined ? "–" : String(x.version)]);
  facts.push(["Started by", triggers[x.trigger_type] ?? x.trigger_type]);
  if (x.priority !== 0) facts.push(["Priority", String(x.priority)]);
  facts.push(["Created", <TimeText key="c" value={x.created_at} precise />]);
  if (x.scheduled_at) facts.push(["Start time", <TimeText key="s" value={x.scheduled_at} precise />]);
  if (x.completed_at) facts.push(["Ended", <TimeText key="e" value={x.completed_at} precise />]);
  if (x.deadline_at && (!over || x.cancel_reason === "timeout")) {
    facts.push([
      "Deadline",
      over ? (
        <TimeText key="dl" value={x.deadline_at} />
      ) : (
        <span key="dl">
          <Countdown until={x.deadline_at} />
        </span>
      ),
    ]);
  }
  if (x.callback_url)
    facts.push([
      "Callback",
      <span key="cb" className={classes.url} title={x.callback_url}>
        {x.callback_url}
      </span>,
    ]);
  const metadata = Object.entries(x.metadata ?? {});
  return (
    <div className={classes.summary}>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={classes.spent}>
        {states.some((state) => state.pending) ? (
          <Skeleton height={10} radius="sm" />
        ) : (
          states.every((state) => !state.error) && <TimeSpent execution={execution} steps={steps} events={events} />
        )}
      </div>
      {metadata.length > 0 && (
        <dl className={classes.metadata} aria-label="Metadata">
          {metadata.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>
                <Link
                  to="/executions"
                  search={{ [`metadata.${key}`]: value }}
                  className={classes.link}
                  title="Executions with this"
                >
                  {value}
                </Link>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {x.redacted && <p className={shared.muted}>Its payloads, messages, metadata and logs were removed.</p>}
    </div>
  );
}

function ProgressBar({ value, over }: { value: number; over: boolean }) {
  const percent = Math.floor(value * 100);
  return (
    <span className={classes.progress}>
      <Progress
        value={percent}
        size={6}
        w={72}
        aria-label="Progress"
        color={over ? "gray" : undefined}
        transitionDuration={200}
      />
      {percent} %
    </span>
  );
}

export function WorkflowLink({ execution }: { execution: Execution }) {
  if (!execution.workflow) return <span title={execution.workflow_id}>deleted workflow</span>;
  return (
    <Link to="/workflows/$name" params={{ name: execution.workflow.name }} className={classes.link}>
      {execution.workflow.name}
    </Link>
  );
}
