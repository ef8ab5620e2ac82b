// What can be done to an execution, each with its effect said before it happens.
import { Anchor, Autocomplete, Button, Group, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { CodeBlock } from "@/components/CodeBlock";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { ErrorPanel } from "@/components/ErrorPanel";
import { TimeText } from "@/components/TimeText";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import type { Schemas } from "@/services/api";
import {
  cancel,
  createApprovalLink,
  type Decision,
  decide,
  type Execution,
  type ExecutionEvent,
  remove,
  signal,
  terminate,
} from "@/services/execution";
import { readJSON } from "@/services/jsonField";
import { CopyAs } from "./CopyAs";
import shared from "./shared.module.css";

/** A dialog that is asked for. */
export interface Ask {
  kind: "cancel" | "terminate" | "approve" | "reject" | "signal" | "link" | "delete" | "redact" | "copy";
  /** Of the approval that is meant. */
  step?: string;
  /** Of the signal that is meant. */
  name?: string;
}

interface Props {
  execution: Execution;
  events: readonly ExecutionEvent[];
  ask: Ask;
  onClose: () => void;
}

export function Dialog({ ask, ...props }: Props) {
  switch (ask.kind) {
    case "cancel":
      return <Cancel {...props} />;
    case "terminate":
      return <Terminate {...props} />;
    case "approve":
    case "reject":
      return <Decide {...props} verb={ask.kind} step={ask.step} />;
    case "signal":
      return <Signal {...props} name={ask.name} />;
    case "link":
      return <ApprovalLink {...props} step={ask.step} />;
    case "delete":
    case "redact":
      return <Remove {...props} mode={ask.kind} />;
    case "copy":
      return <CopyAs execution={props.execution} onClose={props.onClose} />;
  }
}

type DialogProps = Omit<Props, "ask">;

const say = (message: string) => notifications.show({ message, color: "iris" });

function Named({ execution }: { execution: Execution }) {
  return (
    <>
      {execution.workflow?.name ?? "The execution"} <code className={shared.code}>{execution.id}</code>
    </>
  );
}

function Reason({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      label="Reason"
      description="Kept with the event, for whoever reads it later."
      placeholder="Optional"
      maxLength={500}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Whether a worker has it in its hands now. */
const held = (x: Execution): boolean => x.status_reason === "executing" || x.status_reason === "cancelling";

function Cancel({ execution, onClose }: DialogProps) {
  const [reason, setReason] = useState("");
  let effect: ReactNode;
  if (execution.status_reason === "cancelling") {
    effect = "A cancel is under way already. Asking again changes nothing: its worker has its grace to stop.";
  } else if (held(execution)) {
    effect =
      "Its worker is told to stop and has 30 seconds to clean up; what its running step has done outside stays done. A worker that does not stop in time is cut off. The execution then ends as cancelled.";
  } else {
    effect = "No worker holds it, so it ends as cancelled at once, and its handler does not run again.";
  }
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title="Cancel this execution?"
      confirm="Cancel the execution"
      danger
      onConfirm={async () => {
        const after = await cancel(execution.id, reason.trim());
        say(after.status === "cancelled" ? "The execution is cancelled." : "Its worker was told to stop.");
      }}
    >
      <Stack gap="sm">
        <p className={shared.dialogText}>
          <Named execution={execution} />. {effect} This cannot be undone.
        </p>
        <Reason value={reason} onChange={setReason} />
      </Stack>
    </ConfirmDialog>
  );
}

function Terminate({ execution, onClose }: DialogProps) {
  const [reason, setReason] = useState("");
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title="Terminate this execution?"
      confirm="Terminate the execution"
      danger
      onConfirm={async () => {
        await terminate(execution.id, reason.trim());
        say("The execution was ended.");
      }}
    >
      <Stack gap="sm">
        <p className={shared.dialogText}>
          <Named execution={execution} />. It ends as cancelled at once, without grace: its worker is not asked, cannot
          clean up, and what it reports from now on is refused. Cancelling is the gentle way and lets the handler stop
          by itself; terminate what does not react to that. This cannot be undone.
        </p>
        <Reason value={reason} onChange={setReason} />
      </Stack>
    </ConfirmDialog>
  );
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

/** The signals that it waits for; one signal ends the oldest wait of its name. */
const awaitedSignals = (x: Execution): string[] =>
  unique((x.awaiting ?? []).filter((wait) => wait.kind === "signal").map((wait) => wait.name));

/** The steps of the approvals that it waits for, which tell apart those of one name. */
const awaitedApprovals = (x: Execution): string[] =>
  (x.awaiting ?? []).filter((wait) => wait.kind === "approval").map((wait) => wait.step);

function JsonField(props: { label: string; description: string; value: string; onChange: (value: string) => void }) {
  const read = readJSON(props.value);
  return (
    <Textarea
      label={props.label}
      description={props.description}
      placeholder='{"amount": 12}'
      autosize
      minRows={3}
      maxRows={14}
      value={props.value}
      error={read.problem}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  );
}

function Decide({
  execution,
  onClose,
  verb,
  step,
}: DialogProps & { verb: "approve" | "reject"; step?: string | undefined }) {
  const steps = awaitedApprovals(execution);
  const [chosen, setChosen] = useState(step ?? steps[0] ?? null);
  const [comment, setComment] = useState("");
  const [by, setBy] = useLocalStorage("decider", "");
  const [payload, setPayload] = useState("");
  const [more, setMore] = useState(false);
  const read = readJSON(payload);
  const approves = verb === "approve";
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={approves ? `Approve “${chosen ?? ""}”?` : `Reject “${chosen ?? ""}”?`}
      confirm={approves ? "Approve" : "Reject"}
      danger={!approves}
      disabled={read.problem !== undefined || chosen === null}
      onConfirm={async () => {
        const body: Decision = {};
        if (chosen !== null) body.step = chosen;
        if (comment.trim() !== "") body.comment = comment.trim();
        if (by.trim() !== "") body.by = by.trim();
        if (read.value !== undefined) body.payload = read.value as Schemas["JSON"];
        await decide(execution.id, verb, body);
        say(approves ? "Approved: the execution goes on." : "Rejected: its handler is told.");
      }}
    >
      <Stack gap="sm">
        <p className={shared.dialogText}>
          <Named execution={execution} />.{" "}
          {approves
            ? "It goes on with the next free worker. A decision is final."
            : "Unless its handler makes something else of it, it ends rejected, with your comment as its error. A decision is final."}
        </p>
        {steps.length > 1 && (
          <Select label="Approval" data={steps} value={chosen} onChange={setChosen} allowDeselect={false} />
        )}
        <Textarea
          label="Comment"
          description="For the handler and the history."
          placeholder="Optional"
          autosize
          minRows={2}
          maxRows={8}
          maxLength={10_000}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <TextInput
          label="Decided by"
          description="Your name, as people shall read it."
          placeholder="Optional"
          maxLength={200}
          value={by}
          onChange={(event) => setBy(event.currentTarget.value)}
        />
        {more ? (
          <JsonField
            label="Answer"
            description="JSON that the handler gets with the decision."
            value={payload}
            onChange={setPayload}
          />
        ) : (
          <Anchor component="button" type="button" size="xs" ta="left" onClick={() => setMore(true)}>
            Answer with JSON too
          </Anchor>
        )}
      </Stack>
    </ConfirmDialog>
  );
}

function newKey(): string {
  return `dashboard-${[...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function Signal({ execution, events, onClose, name }: DialogProps & { name?: string | undefined }) {
  const waiting = awaitedSignals(execution);
  const known = unique([
    ...waiting,
    ...events.flatMap((event) =>
      event.name !== undefined && (event.type === "signalled" || event.wait === "signal") ? [event.name] : [],
    ),
  ]);
  const [chosen, setChosen] = useState(name ?? waiting[0] ?? "");
  const [payload, setPayload] = useState("");
  // One for the dialog: a repeat after a broken connection is the same signal.
  const [key] = useState(newKey);
  const read = readJSON(payload);
  const trimmed = chosen.trim();
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title="Send a signal"
      confirm="Send the signal"
      disabled={trimmed === "" || read.problem !== undefined}
      onConfirm={async () => {
        await signal(execution.id, trimmed, read.value, key);
        say(`The signal “${trimmed}” is stored.`);
      }}
    >
      <Stack gap="sm">
        <p className={shared.dialogText}>
          <Named execution={execution} />.{" "}
          {waiting.includes(trimmed)
            ? "It waits for this signal, and goes on with it."
            : "It does not wait for this signal now: the signal is kept until a wait of its name takes it."}
        </p>
        <Autocomplete
          label="Name"
          size="xs"
          description={waiting.length > 0 ? `It waits for ${waiting.join(", ")}.` : "As the handler names it."}
          data={known}
          maxLength={255}
          value={chosen}
          onChange={setChosen}
          comboboxProps={{ withinPortal: true }}
        />
        <JsonField
          label="Payload"
          description="JSON that the handler gets; optional."
          value={payload}
          onChange={setPayload}
        />
      </Stack>
    </ConfirmDialog>
  );
}

const lifetimes = [
  { value: String(3_600_000), label: "1 hour" },
  { value: String(86_400_000), label: "1 day" },
  { value: String(7 * 86_400_000), label: "7 days" },
  { value: String(30 * 86_400_000), label: "30 days" },
  { value: String(90 * 86_400_000), label: "90 days" },
];

function ApprovalLink({ execution, onClose, step }: DialogProps & { step?: string | undefined }) {
  const steps = awaitedApprovals(execution);
  const [chosen, setChosen] = useState(step ?? steps[0] ?? "");
  const named = chosen.trim();
  const which = steps.includes(named) ? { step: named } : { name: named };
  const [lifetime, setLifetime] = useState(String(7 * 86_400_000));
  const make = useMutation({
    mutationFn: () => createApprovalLink(execution.id, { ...which, expires_in_ms: Number(lifetime) }),
  });
  return (
    <Modal opened onClose={onClose} title="Create an approval link" closeButtonProps={{ "aria-label": "Close" }}>
      {make.isSuccess ? (
        <Stack gap="sm">
          <p className={shared.dialogText}>
            Whoever has this link sees what is asked and decides <code className={shared.code}>{make.data.step}</code>,
            once, without a key. It works until <TimeText value={make.data.expires_at} format="local" />, and is shown
            only now.
          </p>
          <CodeBlock code={make.data.url} what="approval link" wrap />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose} data-autofocus>
              Close
            </Button>
          </Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!make.isPending) make.mutate();
          }}
        >
          <Stack gap="sm">
            <p className={shared.dialogText}>
              A link with which somebody without a key decides one approval, once. It ends with the wait, and when its
              time is over.
            </p>
            <Autocomplete
              label="Approval"
              size="xs"
              description={
                steps.length > 0
                  ? `It waits for ${steps.join(", ")}.`
                  : "It may be made before the execution asks for it."
              }
              data={steps}
              maxLength={255}
              value={chosen}
              onChange={setChosen}
            />
            <Select
              label="Works for"
              data={lifetimes}
              value={lifetime}
              onChange={(value) => value !== null && setLifetime(value)}
              allowDeselect={false}
            />
            {make.isError && <ErrorPanel error={make.error} compact />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                Close
              </Button>
              <Button type="submit" loading={make.isPending} disabled={named === ""} data-autofocus>
                Create the link
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Remove({ execution, onClose, mode }: DialogProps & { mode: "delete" | "redact" }) {
  const navigate = useNavigate();
  const deletes = mode === "delete";
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={deletes ? "Delete this execution?" : "Remove its data?"}
      confirm={deletes ? "Delete the execution" : "Remove its data"}
      danger
      onConfirm={async () => {
        await remove(execution.id, mode);
        say(deletes ? "The execution is deleted." : "Its data is removed.");
        if (deletes) await navigate({ to: "/executions" });
      }}
    >
      <p className={shared.dialogText}>
        <Named execution={execution} />.{" "}
        {deletes
          ? "It goes away with its input, output, steps, events, logs and the files that nothing else refers to."
          : "Its input, output, messages, metadata, logs and the payloads of its steps go away. That it ran, when, and how it ended stays."}{" "}
        This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
