import { IconChevronRight, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { CodeBlock } from "@/components/CodeBlock";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { BlockSkeleton, TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { parseJSON } from "@/services/exact";
import { type Delivery, deliveriesQuery, deliveryQuery, redeliver } from "@/services/execution";
import { useSession } from "@/services/session";
import { formatDuration } from "@/services/time";
import { AttemptItem, Attempts } from "./Attempts";
import { Countdown } from "./Countdown";
import classes from "./DeliveriesTab.module.css";
import rows from "./rows.module.css";
import shared from "./shared.module.css";

const tones: Record<Delivery["state"], string> = {
  pending: "pending",
  delivered: "completed",
  dead: "failed",
  cancelled: "cancelled",
};

const meanings: Record<Delivery["state"], string> = {
  pending: "Pending",
  delivered: "Delivered",
  dead: "Given up",
  cancelled: "Not sent",
};

/** The webhooks that were sent about the execution, with every attempt. */
export function DeliveriesTab({ execution }: { execution: string }) {
  const { can } = useSession();
  const allowed = can("webhooks:manage");
  const found = useQuery({ ...deliveriesQuery(execution), enabled: allowed });
  if (!allowed) {
    return (
      <EmptyState title="Your key may not see webhooks">
        It lacks the scope <code>webhooks:manage</code>. Sign in with a key that has it.
      </EmptyState>
    );
  }
  if (found.error) {
    return (
      <ErrorPanel error={found.error} title="The deliveries could not be loaded" onRetry={() => void found.refetch()} />
    );
  }
  if (found.isPending) return <TableSkeleton rows={3} columns={4} />;
  if (found.data.data.length === 0) {
    return (
      <EmptyState
        title="No webhooks about this execution"
        command="sojourn webhook endpoint create https://example.com/hooks"
      >
        Messages go to endpoints of the project that hear of this workflow, and to the callback_url that a start may
        name.
      </EmptyState>
    );
  }
  return (
    <>
      <div className={`${shared.frame} ${rows.list}`}>
        {found.data.data.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} startOpen={found.data.data.length === 1} />
        ))}
      </div>
      {found.data.has_more && (
        <p className={rows.more}>
          These are the newest 100.{" "}
          <Link to="/webhooks" className={shared.link}>
            All deliveries
          </Link>
        </p>
      )}
    </>
  );
}

function DeliveryRow({ delivery, startOpen }: { delivery: Delivery; startOpen: boolean }) {
  const [open, setOpen] = useState(startOpen);
  return (
    <div className={rows.item}>
      <button
        type="button"
        className={`${shared.press} ${rows.line} ${classes.delivery}`}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <IconChevronRight size={13} className={rows.twist} aria-hidden />
        <span className={rows.kind} style={{ color: `var(--s-${tones[delivery.state]})` }}>
          <span className={rows.mark} style={{ background: `var(--s-${tones[delivery.state]})` }} aria-hidden />
          {meanings[delivery.state]}
        </span>
        <span className={`${rows.text} ${rows.wide}`}>{delivery.type}</span>
        <span className={rows.text}>
          {delivery.url ?? "address removed"}
          {delivery.last_error && <span className={classes.error}> · {delivery.last_error}</span>}
        </span>
        <span className={`${rows.aside} ${rows.wide}`}>
          {delivery.kind === "callback" ? "callback" : "endpoint"} · {delivery.attempts}{" "}
          {delivery.attempts === 1 ? "attempt" : "attempts"}
        </span>
        <span className={rows.aside}>
          <TimeText value={delivery.created_at} />
        </span>
      </button>
      {open && <DeliveryDetail id={delivery.id} />}
    </div>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(parseJSON(body), null, 2);
  } catch {
    return body;
  }
}

const shownBody = 100_000;

function DeliveryDetail({ id }: { id: string }) {
  const found = useQuery(deliveryQuery(id));
  const [asking, setAsking] = useState(false);
  if (found.error) return <ErrorPanel error={found.error} compact onRetry={() => void found.refetch()} />;
  if (found.isPending) {
    return (
      <div className={`${rows.detail} ${classes.detail}`}>
        <BlockSkeleton lines={4} />
      </div>
    );
  }
  const delivery = found.data;
  const log = delivery.attempt_log ?? [];
  return (
    <div className={`${rows.detail} ${classes.detail}`}>
      <div className={classes.head}>
        <Identifier value={delivery.id} what="message id" />
        <Link to="/webhooks/deliveries/$id" params={{ id }} className={shared.link}>
          Open
        </Link>
        {delivery.next_attempt_at && delivery.state === "pending" && (
          <span className={shared.muted}>
            next attempt <Countdown until={delivery.next_attempt_at} />
          </span>
        )}
        <span className={shared.end}>
          <ActionButton
            scope="webhooks:manage"
            leftSection={<IconRefresh size={14} stroke={1.7} />}
            unavailable={delivery.url === undefined && "Its address was removed."}
            onClick={() => setAsking(true)}
          >
            Send it again…
          </ActionButton>
        </span>
      </div>
      <h3 className={classes.title}>Attempts</h3>
      {log.length === 0 ? (
        <p className={shared.muted}>None yet.</p>
      ) : (
        <Attempts>
          {log.map((attempt, i) => (
            <AttemptItem
              // biome-ignore lint/suspicious/noArrayIndexKey: attempts are only ever added
              key={i}
              number={i + 1}
              when={
                <>
                  <TimeText value={attempt.at} /> · {formatDuration(attempt.duration_ms)}
                </>
              }
            >
              {attempt.status !== undefined && (
                <span
                  style={{ color: attempt.status < 300 ? "var(--s-completed)" : "var(--s-failed)", fontWeight: 500 }}
                >
                  HTTP {attempt.status}
                </span>
              )}
              {attempt.error && <span className={classes.error}> {attempt.error}</span>}
              {attempt.response_excerpt && (
                <CodeBlock code={attempt.response_excerpt} what="answer" wrap maxHeight={120} />
              )}
            </AttemptItem>
          ))}
        </Attempts>
      )}
      {delivery.body !== undefined && (
        <>
          <h3 className={classes.title}>Body</h3>
          {delivery.body.length > shownBody ? (
            <CodeBlock
              code={`${delivery.body.slice(0, shownBody)}…`}
              what="beginning of the body"
              wrap
              maxHeight={280}
            />
          ) : (
            <CodeBlock code={pretty(delivery.body)} what="body" maxHeight={280} />
          )}
        </>
      )}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title="Send this message again?"
        confirm="Send it again"
        onConfirm={() => redeliver(id)}
      >
        <p className={shared.dialogText}>
          The same body goes to {delivery.url ?? "its address"} now, under the same id, so that a receiver that has it
          can tell. Its schedule of attempts begins anew.
        </p>
      </ConfirmDialog>
    </div>
  );
}
