import { Button, SegmentedControl } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { CodeBlock } from "@/components/CodeBlock";
import { Duration } from "@/components/Duration";
import { JsonView } from "@/components/JsonView";
import { StatusDot } from "@/components/StatusDot";
import { isFinal, statusColor, statusTint } from "@/components/status";
import { ExactNumber } from "@/services/exact";
import type { Awaited, Execution } from "@/services/execution";
import { Countdown } from "./Countdown";
import type { Ask } from "./dialogs";
import shared from "./shared.module.css";
import { workerSnippet } from "./snippets";
import { WaitActions } from "./WaitActions";
import classes from "./WhyPanel.module.css";
import type { Why } from "./why";

/** The sentence that says why the execution is where it is, and what can be done about it. */
export function WhyPanel({ execution, why, ask }: { execution: Execution; why: Why; ask: (what: Ask) => void }) {
  const { status } = execution;
  const over = isFinal(status);
  return (
    <section
      className={classes.why}
      style={{
        background: statusTint(status),
        borderColor: `color-mix(in srgb, ${statusColor(status)} 26%, var(--s-line))`,
      }}
      aria-label="Why it is in this state"
    >
      <div className={classes.line}>
        <span className={classes.dot}>
          <StatusDot status={status} size={16} />
        </span>
        <p className={classes.text} aria-live="polite">
          <span className={classes.sentence}>{why.sentence}</span>
          {!over && why.since && (
            <>
              , <Duration from={why.since} /> so far
            </>
          )}
          .{why.hint && ` ${why.hint}`}
          {why.next && why.until && (
            <>
              {" "}
              {why.next} <Countdown until={why.until} />.
            </>
          )}
          {why.because && <span className={classes.because}>{why.because}</span>}
        </p>
        {why.remedy === "start-worker" && (
          <Button component={Link} to="/workers" variant="default">
            See the workers
          </Button>
        )}
      </div>
      {why.awaiting?.map((wait) => (
        <Wait key={wait.step} wait={wait} ask={ask} alone={why.awaiting?.length === 1} />
      ))}
      {why.remedy === "start-worker" && <StartWorker workflow={execution.workflow?.name ?? execution.workflow_id} />}
    </section>
  );
}

function Wait({ wait, ask, alone }: { wait: Awaited; ask: (what: Ask) => void; alone: boolean }) {
  return (
    <div className={classes.wait}>
      <div className={classes.waitHead}>
        <span className={classes.waitName}>
          {wait.kind === "approval" ? "Approval" : "Signal"} <code>{wait.name}</code>
          {wait.step !== wait.name && <span className={shared.muted}> in {wait.step}</span>}
          {!alone && wait.expires_at && (
            <span className={shared.muted}>
              {" "}
              times out <Countdown until={wait.expires_at} />
            </span>
          )}
        </span>
        <span className={classes.waitActions}>
          <WaitActions wait={wait} ask={ask} />
        </span>
      </div>
      {wait.payload !== undefined && wait.payload !== null && (
        <div className={classes.waitPayload}>
          <Shown value={wait.payload} />
        </div>
      )}
    </div>
  );
}

const isPlain = (value: unknown): value is string | number | boolean | ExactNumber =>
  ["string", "number", "boolean"].includes(typeof value) || value instanceof ExactNumber;

/** What the approver gets to see: a few plain members as names and values, anything else as JSON. */
function Shown({ value }: { value: unknown }) {
  if (isPlain(value)) return <p className={classes.shownText}>{String(value)}</p>;
  const members = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (
    members.length > 0 &&
    members.length <= 8 &&
    members.every(([, member]) => isPlain(member) && String(member).length < 500)
  ) {
    return (
      <dl className={classes.shown}>
        {members.map(([name, member]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{String(member)}</dd>
          </div>
        ))}
      </dl>
    );
  }
  return <JsonView value={value} label="What is to be approved" maxHeight={220} />;
}

function StartWorker({ workflow }: { workflow: string }) {
  const [language, setLanguage] = useState<"python" | "typescript">("python");
  const [shown, setShown] = useState(false);
  return (
    <div className={classes.wait}>
      <div className={classes.waitHead}>
        <span>A worker is a program of yours with the SDK. This one answers each execution with its input:</span>
        <span className={classes.waitActions}>
          {shown && (
            <SegmentedControl
              value={language}
              onChange={(next) => setLanguage(next === "typescript" ? "typescript" : "python")}
              aria-label="Language of the worker"
              data={[
                { value: "python", label: "Python" },
                { value: "typescript", label: "TypeScript" },
              ]}
            />
          )}
          <Button variant="default" aria-expanded={shown} onClick={() => setShown(!shown)}>
            {shown ? "Hide it" : "Show how to start a worker"}
          </Button>
        </span>
      </div>
      {shown && (
        <div className={classes.waitPayload}>
          <CodeBlock code={workerSnippet(language, workflow, window.location.origin)} what="commands" maxHeight={360} />
        </div>
      )}
    </div>
  );
}
