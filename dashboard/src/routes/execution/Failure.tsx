import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { CopyButton } from "@/components/CopyButton";
import { JsonView } from "@/components/JsonView";
import { statusColor } from "@/components/status";
import type { Execution, Step } from "@/services/execution";
import { AttemptItem, Attempts, Span } from "./Attempts";
import { ErrorText } from "./ErrorText";
import { type Attempt, problemText } from "./events";
import classes from "./Failure.module.css";
import { readExecutionSearch } from "./search";
import shared from "./shared.module.css";

interface Props {
  execution: Execution;
  steps: readonly Step[];
  attempts: readonly Attempt[];
}

/** The error before everything else: what, where, and what came before. */
export function Failure({ execution, steps, attempts }: Props) {
  const message = execution.error ?? "";
  const failed = steps.filter((step) => step.status === "failed");
  // The one that it failed with, or the last to fail.
  const culprit = failed.findLast((step) => step.error && message.includes(step.error)) ?? failed.at(-1);
  const color = statusColor(execution.status);
  return (
    <section
      className={`${shared.frame} ${classes.failure}`}
      style={{ borderColor: `color-mix(in srgb, ${color} 40%, var(--s-line))` }}
      aria-label="Error"
    >
      <div className={classes.head}>
        <IconAlertTriangle size={18} stroke={1.7} color={color} aria-hidden />
        <h2 className={classes.title}>{execution.error_code ?? "Error"}</h2>
        {culprit && (
          <span className={shared.muted}>
            in step{" "}
            <Link
              to="."
              search={(before) => ({ ...readExecutionSearch({ ...before }), step: culprit.name })}
              className={shared.link}
            >
              {culprit.name}
            </Link>
          </span>
        )}
        {message !== "" && (
          <span className={shared.end}>
            <CopyButton value={message} label="Copy the error" />
          </span>
        )}
      </div>
      {message !== "" && <ErrorText>{message}</ErrorText>}
      {execution.error_details && Object.keys(execution.error_details).length > 0 && (
        <div className={classes.details}>
          <JsonView value={execution.error_details} label="Error details" maxHeight={260} />
        </div>
      )}
      {attempts.length > 1 && <AttemptHistory attempts={attempts} />}
    </section>
  );
}

const words: Record<Attempt["outcome"], string> = {
  running: "runs",
  completed: "completed",
  failed: "failed",
  lost: "its worker was lost",
  returned: "given back by its worker",
  suspended: "suspended",
  cancelled: "cancelled",
  rejected: "rejected",
};

const shownAttempts = 20;

/** Each time that a worker had it, newest first. */
function AttemptHistory({ attempts }: { attempts: readonly Attempt[] }) {
  const shown = attempts.slice(-shownAttempts).reverse();
  return (
    <div className={classes.attempts}>
      <h3 className={classes.attemptsTitle}>
        Attempts <span className={shared.muted}>{attempts.length.toLocaleString()}</span>
      </h3>
      <Attempts>
        {shown.map((attempt, i) => {
          const problem = problemText(attempt.code, attempt.message);
          return (
            <AttemptItem
              // biome-ignore lint/suspicious/noArrayIndexKey: an attempt may be claimed more than once; its place is what names it
              key={attempts.length - i}
              number={attempt.attempt}
              when={<Span from={attempt.from} to={attempt.to} />}
            >
              {words[attempt.outcome]}
              {problem && `: ${problem}`}
            </AttemptItem>
          );
        })}
      </Attempts>
      {attempts.length > shownAttempts && <p className={shared.muted}>The events have the earlier ones.</p>}
    </div>
  );
}
