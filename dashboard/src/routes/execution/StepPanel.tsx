import { Button, CloseButton, Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconLink, IconMoon, IconSquareRounded, IconThumbUp, IconWaveSine } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { JsonView } from "@/components/JsonView";
import { Facts } from "@/components/Panel";
import { StatusBadge } from "@/components/StatusBadge";
import { BlockSkeleton } from "@/components/skeletons";
import { isFinal } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { type Execution, logsQuery, type Step } from "@/services/execution";
import { copyPageLink } from "@/services/pageLink";
import { AttemptItem, Attempts, Span } from "./Attempts";
import { Countdown } from "./Countdown";
import type { Ask } from "./dialogs";
import { ErrorText } from "./ErrorText";
import { problemText } from "./events";
import { Files } from "./Files";
import { fileRefs } from "./files";
import { LogLine } from "./LogLine";
import { selectLines } from "./logs";
import classes from "./StepPanel.module.css";
import shared from "./shared.module.css";
import type { Loading } from "./useLiveExecution";
import { WaitActions } from "./WaitActions";

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
      title={<span className={classes.name}>{props.name}</span>}
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
    <div className={classes.head}>
      {close && (
        <div className={classes.title}>
          <h2 className={classes.name}>{name}</h2>
          <CloseButton aria-label="Close the step" onClick={onClose} />
        </div>
      )}
      {step && (
        <div className={classes.badges}>
          <StatusBadge
            status={step.status}
            tooltip={`This ${kinds[step.kind].label.toLowerCase()} is ${step.status}.`}
          />
          <span className={classes.kind}>
            {kinds[step.kind].icon}
            {kinds[step.kind].label}
          </span>
          {step.overridden && <span className={classes.kind}>Overridden: its output came with the start</span>}
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            leftSection={<IconLink size={13} />}
            onClick={copyPageLink}
            className={shared.end}
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
    <section className={classes.section}>
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
      <p className={shared.nothing}>
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
    <div className={classes.body}>
      {(step.error || step.error_code) && (
        <div className={classes.error} role="note">
          {step.error_code && <strong>{step.error_code}</strong>}
          {step.error && <ErrorText>{step.error}</ErrorText>}
          {step.error_details && <JsonView value={step.error_details} label="Error details" maxHeight={200} />}
        </div>
      )}
      {wait && (
        <div className={classes.actions}>
          <WaitActions wait={wait} ask={ask} link />
        </div>
      )}
      <Facts items={times} dense />
      {step.attempts.length > 1 && (
        <Section title="Tries">
          <Attempts>
            {step.attempts.map((one, i) => (
              <AttemptItem
                // biome-ignore lint/suspicious/noArrayIndexKey: its place is what names a try
                key={i}
                number={one.attempt}
                when={
                  one.started_at &&
                  (one.completed_at ? (
                    <Span from={one.started_at} to={one.completed_at} />
                  ) : (
                    <TimeText value={one.started_at} />
                  ))
                }
                pressed={attempt === i + 1}
                onPress={() => onAttempt(attempt === i + 1 ? undefined : i + 1)}
              >
                {problemText(one.error_code, one.error) || (one.completed_at ? "completed" : "runs")}
              </AttemptItem>
            ))}
          </Attempts>
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
        <Button variant="subtle" size="compact-xs" className={shared.end} onClick={onLogs}>
          {lines.length > shownLines
            ? `All ${lines.length.toLocaleString()}${logs.data.more ? "+" : ""} lines`
            : "Open"}
        </Button>
      }
    >
      <div className={classes.logs}>
        {lines.slice(-shownLines).map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name, and are only added
          <LogLine key={i} line={line} step={false} />
        ))}
      </div>
    </Section>
  );
}
