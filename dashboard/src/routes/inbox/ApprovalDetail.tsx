import { Button, Group, Kbd, Textarea, TextInput, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconArrowUpRight, IconCheck, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { JsonView } from "@/components/JsonView";
import { Facts } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import { useNow } from "@/hooks/useNow";
import type { Schemas } from "@/services/api";
import {
  type Approval,
  approvalQuery,
  approvalsOf,
  onlyQuestion,
  questionOf,
  urgencyOf,
  useDecision,
  type Verdict,
} from "@/services/approvals";
import { readJSON } from "@/services/jsonField";
import { useSession } from "@/services/session";
import classes from "./InboxPage.module.css";

/** What was typed for an approval and not sent yet. */
export interface Draft {
  comment: string;
  payload: string;
}

interface Props {
  /** exec_…/step. */
  item: string;
  /** As the list has it; undefined when it is not (any more) in what the list has loaded. */
  listed: Approval | undefined;
  drafts: Map<string, Draft>;
  onDecided: (approval: Approval) => void;
  onChoose: (key: string) => void;
}

/** One approval: what is asked, by whom, until when, and the decision. */
export function ApprovalDetail({ item, listed, drafts, onDecided, onChoose }: Props) {
  const slash = item.indexOf("/");
  const id = slash < 0 ? item : item.slice(0, slash);
  const one = useQuery(approvalQuery(id));
  const siblings = one.data ? approvalsOf([one.data]) : [];
  const approval = siblings.find((other) => other.key === item) ?? (one.data ? undefined : listed);

  if (one.isError) {
    return (
      <section className={classes.detail} aria-label="Approval">
        <ErrorPanel error={one.error} title="The approval could not be loaded" onRetry={() => void one.refetch()} />
      </section>
    );
  }
  if (!approval) {
    return (
      <section className={classes.detail} aria-label="Approval">
        {one.isPending ? <BlockSkeleton lines={7} /> : <Gone execution={id} />}
      </section>
    );
  }
  const { execution, wait } = approval;
  const question = questionOf(wait.payload);
  return (
    <section className={classes.detail} aria-label={`Approval ${wait.step}`}>
      <div className={classes.above}>
        {execution.workflow ? (
          <Link to="/workflows/$name" params={{ name: execution.workflow.name }} className={classes.quiet}>
            {execution.workflow.name}
          </Link>
        ) : (
          "Deleted workflow"
        )}
        <span aria-hidden>·</span>
        <span>{wait.step}</span>
      </div>
      <h2 className={classes.question}>{question ?? `Approve ${wait.name}?`}</h2>
      {siblings.length > 1 && (
        <div className={classes.siblings}>
          <span>This execution waits for {siblings.length} approvals:</span>
          {siblings.map((other) => (
            <Button
              key={other.key}
              size="compact-xs"
              variant={other.key === item ? "light" : "default"}
              aria-current={other.key === item ? "true" : undefined}
              onClick={() => onChoose(other.key)}
            >
              {other.wait.step}
            </Button>
          ))}
        </div>
      )}
      <div className={classes.facts}>
        <Facts
          items={[
            ["Asked", <TimeText key="since" value={wait.since} />],
            ["Ends by itself", <Ends key="ends" at={wait.expires_at} />],
            ["Execution started", <TimeText key="created" value={execution.created_at} />],
            [
              "Execution",
              <span key="id" className={classes.execution}>
                <Identifier value={execution.id} short what="execution id" />
                <Link to="/executions/$id" params={{ id: execution.id }} aria-label="Open the execution">
                  <IconArrowUpRight size={14} aria-hidden />
                </Link>
              </span>,
            ],
            ...Object.entries(execution.metadata ?? {})
              .slice(0, 8)
              .map(([name, value]) => [name, value] as const),
          ]}
        />
      </div>
      {one.isPending ? (
        <BlockSkeleton lines={4} />
      ) : wait.payload === undefined || wait.payload === null ? (
        <p className={classes.none}>The handler gave nothing to look at. The execution's input may say more.</p>
      ) : (
        !onlyQuestion(wait.payload) && (
          <Part title="What is asked">
            <JsonView value={wait.payload} label="What is asked" maxHeight={420} />
          </Part>
        )
      )}
      {one.data?.input !== undefined && one.data.input !== null && Object.keys(one.data.input).length > 0 && (
        <details className={classes.fold}>
          <summary>Input of the execution</summary>
          <JsonView value={one.data.input} label="Input" maxHeight={320} />
        </details>
      )}
      <DecisionForm approval={approval} drafts={drafts} onDecided={onDecided} />
    </section>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={classes.part}>
      <h3 className={classes.partTitle}>{title}</h3>
      {children}
    </div>
  );
}

function Ends({ at }: { at: string | undefined }) {
  const now = useNow(15_000);
  if (at === undefined) return <>never</>;
  const urgency = urgencyOf(at, now);
  return (
    <span className={classes.ends} data-urgency={urgency}>
      {urgency === "over" ? "any moment" : <TimeText value={at} />}
    </span>
  );
}

function Gone({ execution }: { execution: string }) {
  return (
    <EmptyState
      icon={<IconCheck size={28} stroke={1.4} />}
      title="This approval is not open any more"
      action={
        <Button
          variant="default"
          renderRoot={(props) => <Link {...props} to="/executions/$id" params={{ id: execution }} />}
        >
          See what became of it
        </Button>
      }
    >
      Somebody decided it, its time ran out, or its execution ended.
    </EmptyState>
  );
}

const verbs: Record<Verdict, { done: string; hint: string }> = {
  approve: { done: "Approved", hint: "approves" },
  reject: { done: "Rejected", hint: "rejects" },
};

function DecisionForm({
  approval,
  drafts,
  onDecided,
}: {
  approval: Approval;
  drafts: Map<string, Draft>;
  onDecided: (approval: Approval) => void;
}) {
  const { can } = useSession();
  const [by, setBy] = useLocalStorage("decider", "");
  const [draft, setDraft] = useState<Draft>(() => drafts.get(approval.key) ?? { comment: "", payload: "" });
  // What Enter in the comment does: only after a or r has said so.
  const [intent, setIntent] = useState<Verdict>();
  const comment = useRef<HTMLTextAreaElement>(null);
  const decision = useDecision();
  const parsed = readJSON(draft.payload);

  const why = can("executions:approve") ? undefined : "Your key lacks the scope executions:approve.";
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part };
    setDraft(next);
    drafts.set(approval.key, next);
  };
  const decide = (verdict: Verdict) => {
    if (why || decision.isPending || parsed.problem !== undefined) return;
    decision.mutate(
      {
        verdict,
        approval,
        comment: draft.comment,
        by,
        payload: parsed.value as Schemas["JSON"] | undefined,
      },
      {
        onSuccess: () => {
          notifications.show({
            title: verbs[verdict].done,
            message: `${approval.wait.step} of ${approval.execution.workflow?.name ?? "a deleted workflow"}`,
            color: verdict === "approve" ? "green" : "gray",
            icon: verdict === "approve" ? <IconCheck size={16} /> : <IconX size={16} />,
          });
          onDecided(approval);
        },
      },
    );
  };
  const aim = (verdict: Verdict) => {
    setIntent(verdict);
    comment.current?.focus();
    comment.current?.scrollIntoView({ block: "nearest" });
  };
  useShortcut("a", "Approve: write a comment, then Enter", () => aim("approve"), { enabled: why === undefined });
  useShortcut("r", "Reject: write a comment, then Enter", () => aim("reject"), { enabled: why === undefined });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      setIntent(undefined);
      comment.current?.blur();
    } else if (event.key === "Enter" && !event.shiftKey && intent) {
      event.preventDefault();
      decide(intent);
    }
  };
  const busy = decision.isPending ? decision.variables.verdict : undefined;
  const button = (verdict: Verdict, label: string, icon: ReactNode, key: string) => {
    const drawn = (
      <Button
        variant={verdict === "approve" ? "filled" : "default"}
        size="sm"
        leftSection={icon}
        rightSection={<Kbd size="xs">{key}</Kbd>}
        loading={busy === verdict}
        data-disabled={why !== undefined || undefined}
        aria-disabled={why !== undefined || undefined}
        data-aimed={intent === verdict || undefined}
        className={classes.verdict ?? ""}
        onClick={() => decide(verdict)}
      >
        {label}
      </Button>
    );
    return why ? <Tooltip label={why}>{drawn}</Tooltip> : drawn;
  };

  return (
    <form className={classes.form} onSubmit={(event) => event.preventDefault()} aria-label="Decision">
      <Textarea
        ref={comment}
        label="Comment"
        description="Reaches the handler, and stays in the history. A refusal shows it as the reason."
        placeholder="Optional"
        autosize
        minRows={2}
        maxRows={10}
        maxLength={10_000}
        value={draft.comment}
        disabled={!can("executions:approve")}
        onChange={(event) => change({ comment: event.currentTarget.value })}
        onKeyDown={onKeyDown}
        onBlur={() => setIntent(undefined)}
      />
      <div className={classes.fields}>
        <TextInput
          label="Decided by"
          placeholder="Your name"
          description="Kept in this browser for the next time."
          maxLength={200}
          value={by}
          disabled={!can("executions:approve")}
          onChange={(event) => setBy(event.currentTarget.value)}
        />
      </div>
      <details className={classes.fold}>
        <summary>Data for the handler</summary>
        <Textarea
          aria-label="Data for the handler, as JSON"
          placeholder='{"limit": 500}'
          description="JSON that the handler gets with the decision."
          autosize
          minRows={3}
          maxRows={14}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          value={draft.payload}
          error={parsed.problem}
          disabled={!can("executions:approve")}
          onChange={(event) => change({ payload: event.currentTarget.value })}
        />
      </details>
      {decision.isError && <ErrorPanel error={decision.error} compact />}
      <Group gap="xs" className={classes.verdicts ?? ""}>
        {button("approve", "Approve", <IconCheck size={16} />, "a")}
        {button("reject", "Reject", <IconX size={16} />, "r")}
        <span className={classes.hint} aria-live="polite">
          {intent ? `Enter ${verbs[intent].hint}, Shift+Enter begins a line, Escape leaves.` : (why ?? "")}
        </span>
      </Group>
    </form>
  );
}
