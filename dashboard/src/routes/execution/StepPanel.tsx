import { Button, CloseButton, Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconLink, IconMoon, IconSquareRounded, IconThumbUp, IconWaveSine } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { ActionButton } from "@/components/ActionButton";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { JsonView } from "@/components/JsonView";
import { StatusBadge } from "@/components/StatusBadge";
import { BlockSkeleton } from "@/components/skeletons";
import { isFinal } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { type Execution, logsQuery, type Step } from "@/services/execution";
import { copyPageLink } from "./Actions";
import { Countdown } from "./Countdown";
import { Files } from "./DataTab";
import type { Ask } from "./dialogs";
import classes from "./Execution.module.css";
import { fileRefs } from "./files";
import { Line } from "./LogsTab";
import { selectLines } from "./logs";
import type { Loading } from "./useLiveExecution";

interface Props {
  execution: Execution;
  name: string;
  /** Undefined when the execution has no step of that name. */
  step: Step | undefined;
  state: Loading;
  attempt: number | undefined;
  onAttempt: (attempt: number | undefined) => void;
  onClose: () => void;
  onLogs: () => void;
  ask: (what: Ask) => void;
}

/** Everything about the chosen step: beside the page where there is room, above it on a phone. */
export function StepPanel(props: Props) {
  const beside = useMediaQuery("(min-width: 70em)", true, { getInitialValueInEffect: false });
  useShortcut("Escape", "Close the step", props.onClose);
  if (beside) {
    return (
      <aside className={classes.aside} aria-label={`Step ${props.name}`}>
        <Head {...props} close />
        <Body {...props} />
      </aside>
    );
  }
  return (
    <Drawer
      opened
      onClose={props.onClose}
      position="bottom"
      size="85%"
      title={<span className={classes.stepName}>{props.name}</span>}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Head {...props} close={false} />
      <Body {...props} />
    </Drawer>
  );
}

const kinds: Record<Step["kind"], { label: string; icon: ReactNode }> = {
  step: { label: "Step", icon: <IconSquareRounded size={14} stroke={1.7} aria-hidden /> },
  sleep: { label: "Sleep", icon: <IconMoon size={14} stroke={1.7} aria-hidden /> },
  signal: { label: "Signal", icon: <IconWaveSine size={14} stroke={1.7} aria-hidden /> },
  approval: { label: "Approval", icon: <IconThumbUp size={14} stroke={1.7} aria-hidden /> },
};

function Head({ name, step, onClose, close }: Props & { close: boolean }) {
  return (
    <div className={classes.asideHead}>
      {close && (
        <div className={classes.asideTitle}>
          <h2 className={classes.stepName}>{name}</h2>
          <CloseButton aria-label="Close the step" onClick={onClose} />
        </div>
      )}
      {step && (
        <div className={classes.asideBadges}>
          <StatusBadge
            status={step.status}
            tooltip={`This ${kinds[step.kind].label.toLowerCase()} is ${step.status}.`}
          />
          <span className={classes.stepKind}>
            {kinds[step.kind].icon}
            {kinds[step.kind].label}
          </span>
          {step.overridden && <span className={classes.stepKind}>Overridden: its output came with the start</span>}
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            leftSection={<IconLink size={13} />}
            onClick={copyPageLink}
            className={classes.end}
          >
            Copy link
          </Button>
        </div>
      )}
    </div>
  );
}

function Section({ title, end, children }: { title: string; end?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.stepSection}>
      <h3 className={classes.sectionTitle}>
        {title}
        {end}
      </h3>
      {children}
    </section>
  );
}

function Body({ execution, name, step, state, attempt, onAttempt, onLogs, ask }: Props) {
  const files = useMemo(() => fileRefs(step ? { input: step.input, output: step.output } : {}), [step]);
  if (state.error)
    return <ErrorPanel error={state.error} title="The steps could not be loaded" onRetry={state.retry} compact />;
  if (state.pending) return <BlockSkeleton lines={6} />;
  if (!step) {
    return (
      <p className={classes.nothing}>
        This execution has no step of the name {name}
        {isFinal(execution.status) ? "." : " so far."}
      </p>
    );
  }
  const wait = execution.awaiting?.find((each) => each.step === step.name);
  const times: [string, ReactNode][] = [];
  if (step.started_at) times.push(["Started", <TimeText key="s" value={step.started_at} precise />]);
  if (step.completed_at) times.push(["Ended", <TimeText key="e" value={step.completed_at} precise />]);
  if (step.started_at) times.push(["Duration", <Duration key="d" from={step.started_at} to={step.completed_at} />]);
  if (step.until && !step.completed_at) {
    times.push([step.kind === "sleep" ? "Wakes" : "Times out", <Countdown key="u" until={step.until} />]);
  }
  if (step.next_attempt_at && !step.completed_at) {
    times.push(["Tried again", <Countdown key="n" until={step.next_attempt_at} />]);
  }
  if (step.kind === "step") times.push(["Tries", String(step.attempt)]);
  return (
    <div className={classes.asideBody}>
      {(step.error || step.error_code) && (
        <div className={classes.stepError} role="note">
          {step.error_code && <strong>{step.error_code}</strong>}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
          {/* biome-ignore lint/a11y/useSemanticElements: it is no set of fields */}
          <pre tabIndex={0} role="group" aria-label="Error message">
            {step.error}
          </pre>
          {step.error_details && <JsonView value={step.error_details} label="Error details" maxHeight={200} />}
        </div>
      )}
      {wait && (
        <div className={classes.stepActions}>
          {wait.kind === "approval" ? (
            <>
              <ActionButton
                scope="executions:approve"
                variant="filled"
                onClick={() => ask({ kind: "approve", name: wait.name })}
              >
                Approve…
              </ActionButton>
              <ActionButton scope="executions:approve" onClick={() => ask({ kind: "reject", name: wait.name })}>
                Reject…
              </ActionButton>
              <ActionButton scope="executions:approve" onClick={() => ask({ kind: "link", name: wait.name })}>
                Create a link…
              </ActionButton>
            </>
          ) : (
            <ActionButton
              scope="executions:signal"
              variant="filled"
              onClick={() => ask({ kind: "signal", name: wait.name })}
            >
              Send the signal…
            </ActionButton>
          )}
        </div>
      )}
      <dl className={classes.stepFacts}>
        {times.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {step.attempts.length > 1 && (
        <Section title="Tries">
          <ol className={classes.attemptList}>
            {step.attempts.map((one, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: its place is what names a try
              <li key={i}>
                <button
                  type="button"
                  className={classes.try}
                  aria-pressed={attempt === i + 1}
                  onClick={() => onAttempt(attempt === i + 1 ? undefined : i + 1)}
                >
                  <span className={classes.attemptNumber}>{one.attempt}</span>
                  <span className={classes.attemptWhen}>
                    {one.started_at && <TimeText value={one.started_at} />}
                    {one.started_at && one.completed_at && (
                      <>
                        {" · "}
                        <Duration from={one.started_at} to={one.completed_at} />
                      </>
                    )}
                  </span>
                  <span className={classes.attemptText}>
                    {one.error || one.error_code
                      ? [one.error_code, one.error].filter(Boolean).join(": ")
                      : one.completed_at
                        ? "completed"
                        : "runs"}
                  </span>
                </button>
              </li>
            ))}
          </ol>
        </Section>
      )}
      {step.input !== undefined && (
        <Section title={step.kind === "approval" ? "What the approver sees" : "Input"}>
          <div className={classes.box}>
            <JsonView value={step.input} label="Step input" maxHeight={260} />
          </div>
        </Section>
      )}
      {step.output !== undefined && (
        <Section title={step.kind === "signal" || step.kind === "approval" ? "How it ended" : "Output"}>
          <div className={classes.box}>
            <JsonView value={step.output} label="Step output" maxHeight={320} />
          </div>
        </Section>
      )}
      {files.length > 0 && (
        <Section title="Files">
          <div className={classes.box}>
            <Files execution={execution.id} files={files} />
          </div>
        </Section>
      )}
      {step.kind === "step" && (
        <StepLogs execution={execution} step={step} attempt={executionAttempt(step, attempt)} onLogs={onLogs} />
      )}
    </div>
  );
}

/** In which attempt of the execution a try of the step was; log lines are told apart by that. */
export function executionAttempt(step: Step | undefined, attempt: number | undefined): number | undefined {
  if (attempt === undefined) return undefined;
  const number = step?.attempts[attempt - 1]?.execution_attempt;
  return number === undefined || number === 0 ? undefined : number;
}

const shownLines = 50;

function StepLogs({
  execution,
  step,
  attempt,
  onLogs,
}: {
  execution: Execution;
  step: Step;
  attempt: number | undefined;
  onLogs: () => void;
}) {
  const open = step.status === "running" && !isFinal(execution.status);
  const logs = useQuery({
    ...logsQuery(execution.id, { step: step.name, attempt }, 1),
    refetchInterval: open ? 1_000 : false,
  });
  if (logs.isPending) return null;
  if (logs.error) return <ErrorPanel error={logs.error} compact onRetry={() => void logs.refetch()} />;
  const lines = selectLines(logs.data.lines, {});
  if (lines.length === 0) return null;
  return (
    <Section
      title="Logs"
      end={
        <Button variant="subtle" size="compact-xs" className={classes.end} onClick={onLogs}>
          {lines.length > shownLines
            ? `All ${lines.length.toLocaleString()}${logs.data.more ? "+" : ""} lines`
            : "Open"}
        </Button>
      }
    >
      <div className={classes.stepLogs}>
        {lines.slice(-shownLines).map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name, and are only added
          <Line key={i} line={line} step={false} />
        ))}
      </div>
    </Section>
  );
}
