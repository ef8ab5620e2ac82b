// Cancelling many at once: what is chosen, the question before, and how far it is.
import { Button, CloseButton, Progress, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { ErrorPanel } from "@/components/ErrorPanel";
import { isFinal } from "@/components/status";
import classes from "./Bulk.module.css";
import { beginBulk, cancelMatching, cancelThese, dismissBulk, handled, stopBulk, useBulk } from "./bulk";
import { type Measure, measure } from "./data";
import { format } from "./filter";
import type { Row } from "./row";
import { type ExecutionFilter, filterKey, isEverything } from "./search";

const number = (n: number) => n.toLocaleString();
const executions = (n: number) => `${number(n)} execution${n === 1 ? "" : "s"}`;

function inWords({ count, precision }: Measure): string {
  if (precision === "about") return `about ${executions(count)}`;
  if (precision === "least") return `more than ${executions(count)}`;
  return executions(count);
}

interface Props {
  filter: ExecutionFilter;
  selected: readonly Row[];
  /** Ids that are selected although their rows are not loaded any more. */
  selectedCount: number;
  /** All matching ones are meant, not only those that are loaded. */
  all: boolean;
  onAll: (all: boolean) => void;
  onClear: () => void;
}

/** Floats over the end of the list while something is selected or a bulk action goes on. */
export function BulkBar({ filter, selected, selectedCount, all, onAll, onClear }: Props) {
  const [asking, setAsking] = useState(false);
  const bulk = useBulk();
  const running = bulk?.phase === "running";
  const open = selected.filter((row) => !isFinal(row.status));
  const begun = () => {
    setAsking(false);
    onClear();
  };
  if (bulk) return <BulkProgress />;
  if (selectedCount === 0 && !all) return null;
  return (
    <>
      <section className={classes.bar} aria-label="Selection">
        <span className={classes.text} aria-live="polite">
          {all ? "All that match" : `${number(selectedCount)} selected`}
        </span>
        {!all && (
          <Button variant="subtle" onClick={() => onAll(true)}>
            Select all that match
          </Button>
        )}
        <ActionButton
          scope="executions:cancel"
          unavailable={
            running
              ? "Another bulk action is under way."
              : !all && open.length === 0 && "Those selected have all ended."
          }
          onClick={() => setAsking(true)}
        >
          {all ? "Cancel all that match…" : `Cancel ${executions(open.length)}…`}
        </ActionButton>
        <CloseButton aria-label="Select nothing" onClick={onClear} />
      </section>
      {all ? (
        <CancelMatching opened={asking} filter={filter} onClose={() => setAsking(false)} onBegun={begun} />
      ) : (
        <CancelSelected
          opened={asking}
          open={open}
          ended={selectedCount - open.length}
          onClose={() => setAsking(false)}
          onBegun={begun}
        />
      )}
    </>
  );
}

function Effect() {
  return (
    <p className={classes.effect}>
      Those that no worker runs are cancelled at once. The others are told to stop and have the time their workflow
      gives them to clean up. This cannot be undone.
    </p>
  );
}

function Reason({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      label="Reason (optional)"
      description="Kept with the event of each execution."
      maxLength={500}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function CancelSelected({
  opened,
  open,
  ended,
  onClose,
  onBegun,
}: {
  opened: boolean;
  open: readonly Row[];
  ended: number;
  onClose: () => void;
  onBegun: () => void;
}) {
  const [reason, setReason] = useState("");
  // What is asked is what is done, whatever the list does meanwhile.
  const [asked, setAsked] = useState(open);
  if (!opened && asked !== open) setAsked(open);
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Cancel ${executions(asked.length)}?`}
      confirm={`Cancel ${executions(asked.length)}`}
      danger
      onConfirm={async () => {
        const ids = asked.map((row) => row.id);
        const given = reason.trim();
        void beginBulk((onChange, signal) => cancelThese(ids, given === "" ? undefined : given, onChange, signal));
        setReason("");
        onBegun();
      }}
    >
      <Stack gap="sm">
        <Effect />
        {ended > 0 && (
          <p className={classes.effect}>{number(ended)} of those selected have ended and stay as they are.</p>
        )}
        <Reason value={reason} onChange={setReason} />
      </Stack>
    </ConfirmDialog>
  );
}

function CancelMatching({
  opened,
  filter,
  onClose,
  onBegun,
}: {
  opened: boolean;
  filter: ExecutionFilter;
  onClose: () => void;
  onBegun: () => void;
}) {
  const [reason, setReason] = useState("");
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["executions", "measure", filterKey(filter)],
    queryFn: ({ signal }) => measure(filter, signal),
    enabled: opened,
    staleTime: 0,
    gcTime: 0,
  });
  const known = isFetching ? undefined : data;
  const what = known ? inWords(known) : "all that match";
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={known ? `Cancel ${what}?` : "Cancel all that match?"}
      confirm={`Cancel ${what}`}
      danger
      disabled={!known || known.count === 0}
      onConfirm={async () => {
        if (!known) return;
        const given = reason.trim();
        const expected = known.precision === "least" ? undefined : known.count;
        void beginBulk((onChange, signal) =>
          cancelMatching(known.filter, given === "" ? undefined : given, expected, onChange, signal),
        );
        setReason("");
        onBegun();
      }}
    >
      <Stack gap="sm">
        <p className={classes.effect}>
          {isEverything(filter) ? (
            <strong>Every open execution of the project.</strong>
          ) : (
            <>
              Every open execution that matches <code className={classes.filter}>{format(filter)}</code>.
            </>
          )}{" "}
          {isFetching && "Counting them…"}
          {known?.count === 0 && "There is none: nothing to cancel."}
          {known && known.count > 0 && "Those that are started from now on are not meant."}
        </p>
        {error && !isFetching && <ErrorPanel error={error} compact onRetry={() => void refetch()} />}
        <Effect />
        <Reason value={reason} onChange={setReason} />
      </Stack>
    </ConfirmDialog>
  );
}

function BulkProgress() {
  const bulk = useBulk();
  if (!bulk) return null;
  const done = handled(bulk);
  const parts = [
    [bulk.cancelled, "cancelled"],
    [bulk.requested, "asked to stop"],
    [bulk.ended, "had ended by themselves"],
    [bulk.failed, "could not be cancelled"],
  ].filter(([count]) => count !== 0);
  const running = bulk.phase === "running";
  const title = {
    running: "Cancelling",
    stopped: "Stopped",
    done: done === 0 ? "Nothing was left to cancel" : "Done",
    failed: "Cancelling went wrong",
  }[bulk.phase];
  return (
    <section className={classes.bar} data-wide aria-label="Bulk cancel">
      <div className={classes.progress}>
        <div className={classes.line} role="status">
          <strong>{title}</strong>
          <span>
            {parts.map(([count, what]) => `${number(Number(count))} ${what}`).join(", ")}
            {running && bulk.expected !== undefined && ` of ${number(bulk.expected)}`}
          </span>
        </div>
        {running && (
          <Progress
            size={4}
            aria-label="How far it is"
            animated={bulk.expected === undefined}
            value={bulk.expected ? Math.min(100, (done / bulk.expected) * 100) : 100}
          />
        )}
        {bulk.problems.length > 0 && (
          <div className={classes.problems}>
            {bulk.problems.slice(0, 1).map(({ id, error }) => (
              <ErrorPanel
                key={id ?? "all"}
                error={error}
                compact
                {...(id ? { title: `${id} was not cancelled` } : {})}
              />
            ))}
            {bulk.failed > 1 && <span>and {number(bulk.failed - 1)} more</span>}
          </div>
        )}
      </div>
      {running ? (
        <Button variant="default" onClick={stopBulk}>
          Stop
        </Button>
      ) : (
        <CloseButton aria-label="Close" onClick={dismissBulk} />
      )}
    </section>
  );
}
