import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { CopyButton } from "@/components/CopyButton";
import { Duration } from "@/components/Duration";
import { JsonView } from "@/components/JsonView";
import { statusColor } from "@/components/status";
import { TimeText } from "@/components/TimeText";
import type { Execution, Step } from "@/services/execution";
import classes from "./Execution.module.css";
import type { Attempt } from "./events";
import { readExecutionSearch } from "./search";

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
      className={classes.failure}
      style={{ borderColor: `color-mix(in srgb, ${color} 40%, var(--s-line))` }}
      aria-label="Error"
    >
      <div className={classes.failureHead}>
        <IconAlertTriangle size={18} stroke={1.7} color={color} aria-hidden />
        <h2 className={classes.failureTitle}>{execution.error_code ?? "Error"}</h2>
        {culprit && (
          <span className={classes.muted}>
            in step{" "}
            <Link
              to="."
              search={(before) => ({ ...readExecutionSearch({ ...before }), step: culprit.name })}
              className={classes.link}
            >
              {culprit.name}
            </Link>
          </span>
        )}
        {message !== "" && (
          <span className={classes.end}>
            <CopyButton value={message} label="Copy the error" />
          </span>
        )}
      </div>
      {message !== "" && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        // biome-ignore lint/a11y/useSemanticElements: it is no set of fields
        <pre className={classes.failureText} tabIndex={0} role="group" aria-label="Error message">
          {message}
        </pre>
      )}
      {execution.error_details && Object.keys(execution.error_details).length > 0 && (
        <div className={classes.failureDetails}>
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
export function AttemptHistory({ attempts }: { attempts: readonly Attempt[] }) {
  const shown = attempts.slice(-shownAttempts).reverse();
  return (
    <div className={classes.attempts}>
      <h3 className={classes.attemptsTitle}>
        Attempts <span className={classes.muted}>{attempts.length.toLocaleString()}</span>
      </h3>
      <ol className={classes.attemptList}>
        {shown.map((attempt, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an attempt may be claimed more than once; its place is what names it
          <li key={attempts.length - i} className={classes.attempt}>
            <span className={classes.attemptNumber}>{attempt.attempt}</span>
            <span className={classes.attemptWhen}>
              <TimeText value={attempt.from} /> · <Duration from={attempt.from} to={attempt.to} />
            </span>
            <span className={classes.attemptText}>
              {words[attempt.outcome]}
              {(attempt.code || attempt.message) && (
                <>: {[attempt.code, attempt.message].filter((text) => text !== undefined && text !== "").join(": ")}</>
              )}
            </span>
          </li>
        ))}
      </ol>
      {attempts.length > shownAttempts && <p className={classes.muted}>The events have the earlier ones.</p>}
    </div>
  );
}
