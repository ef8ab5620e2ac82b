import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { ActionButton } from "@/components/ActionButton";
import { CodeBlock } from "@/components/CodeBlock";
import { Duration } from "@/components/Duration";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { JsonView } from "@/components/JsonView";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { Facts, Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { ApiError } from "@/services/api";
import { useSession } from "@/services/session";
import {
  type Attempt,
  bodyOf,
  type Delivery,
  deliveryMeaning,
  deliveryQuery,
  endpointQuery,
  outcomeOf,
  redeliverProblem,
  useRedeliver,
} from "@/services/webhooks";
import { DeliveryStateText } from "./DeliveryStateText";
import { NextAttempt } from "./DeliveryTable";
import classes from "./webhooks.module.css";

export const Route = createLazyRoute("/shell/webhooks/deliveries/$id")({ component: DeliveryPage });

const crumbs = [
  <Link key="webhooks" to="/webhooks">
    Webhooks
  </Link>,
  <Link key="deliveries" to="/webhooks" search={{ part: "deliveries" }}>
    Deliveries
  </Link>,
];

function DeliveryPage() {
  const { can } = useSession();
  const { id } = Route.useParams();
  const allowed = can("webhooks:manage");
  const delivery = useQuery({ ...deliveryQuery(id), enabled: allowed });
  return (
    <Page title={delivery.data?.type ?? "Delivery"} wide={false}>
      {!allowed ? (
        <>
          <PageHeader title="Delivery" breadcrumbs={crumbs} />
          <Missing scope="webhooks:manage" what="see webhooks" />
        </>
      ) : delivery.isPending ? (
        <>
          <PageHeader title="Delivery" breadcrumbs={crumbs} />
          <BlockSkeleton lines={7} />
        </>
      ) : delivery.isError && !delivery.data ? (
        <>
          <PageHeader title="Delivery" breadcrumbs={crumbs} />
          <ErrorPanel
            error={delivery.error}
            title="The delivery could not be loaded"
            onRetry={() => void delivery.refetch()}
          />
        </>
      ) : (
        delivery.data && <Loaded delivery={delivery.data} />
      )}
    </Page>
  );
}

function Loaded({ delivery }: { delivery: Delivery }) {
  const redeliver = useRedeliver();
  const endpoint = useQuery({
    ...endpointQuery(delivery.endpoint_id ?? ""),
    enabled: delivery.endpoint_id !== undefined,
  });
  const gone = endpoint.error instanceof ApiError && endpoint.error.status === 404;
  const problem = redeliverProblem(delivery, gone ? null : endpoint.data);
  const attempts = [...(delivery.attempt_log ?? [])].reverse();
  const count = delivery.attempts;
  const body = bodyOf(delivery);
  return (
    <>
      <PageHeader
        breadcrumbs={crumbs}
        title={delivery.type}
        badges={<DeliveryStateText state={delivery.state} />}
        description={deliveryMeaning[delivery.state]}
        actions={
          <ActionButton
            scope="webhooks:manage"
            unavailable={problem}
            leftSection={<IconRefresh size={14} />}
            loading={redeliver.isPending}
            onClick={() => redeliver.mutate(delivery.id)}
          >
            {delivery.state === "pending" ? "Send it now" : "Send it again"}
          </ActionButton>
        }
      />
      {redeliver.isError && <ErrorPanel error={redeliver.error} compact />}
      <Panel>
        <Facts
          items={[
            ["To", delivery.url ?? "redacted"],
            [
              "Because of",
              delivery.kind === "callback" ? (
                "the start's callback_url"
              ) : delivery.endpoint_id ? (
                gone ? (
                  "an endpoint that was deleted"
                ) : (
                  <Link key="endpoint" to="/webhooks/endpoints/$id" params={{ id: delivery.endpoint_id }}>
                    {delivery.kind === "test" ? "a test of the endpoint" : "the endpoint"}
                  </Link>
                )
              ) : (
                delivery.kind
              ),
            ],
            [
              "Execution",
              delivery.execution_id ? (
                <Link key="execution" to="/executions/$id" params={{ id: delivery.execution_id }}>
                  <Identifier value={delivery.execution_id} short bare />
                </Link>
              ) : (
                "none"
              ),
            ],
            ["Revision", delivery.revision?.toLocaleString() ?? "–"],
            ["Made", <TimeText key="made" value={delivery.created_at} />],
            delivery.state === "pending"
              ? (["Next attempt", <NextAttempt key="next" of={delivery} />] as const)
              : (["Delivered", <TimeText key="delivered" value={delivery.delivered_at} />] as const),
            ["webhook-id", <Identifier key="id" value={delivery.id} short what="message id" />],
          ]}
        />
      </Panel>
      <Panel title={count === 1 ? "1 attempt" : `${count.toLocaleString()} attempts`} flush>
        {attempts.length === 0 ? (
          <div className={classes.pad}>
            {delivery.state === "pending" ? "The first attempt is about to be made." : "No attempt was made."}
          </div>
        ) : (
          <ol className={classes.attempts} aria-label="Attempts, the newest first">
            {attempts.map((attempt, i) => (
              <AttemptLine key={attempt.at} attempt={attempt} number={attempts.length - i} />
            ))}
          </ol>
        )}
      </Panel>
      <Panel title="Body">
        {body === undefined ? (
          "The body is not kept any more."
        ) : "json" in body ? (
          <JsonView value={body.json} label="Body" />
        ) : (
          <CodeBlock code={body.text} what="body" wrap maxHeight={480} />
        )}
      </Panel>
    </>
  );
}

function AttemptLine({ attempt, number }: { attempt: Attempt; number: number }) {
  const outcome = outcomeOf(attempt);
  return (
    <li className={classes.attempt}>
      <div className={classes.line}>
        <span className={classes.number}>{number}</span>
        <span className={classes.outcome} data-ok={outcome.ok}>
          {outcome.text}
        </span>
        <TimeText value={attempt.at} />
        <span className={classes.muted}>
          <Duration ms={attempt.duration_ms} />
        </span>
        {attempt.error && <span className={classes.error}>{attempt.error}</span>}
      </div>
      {attempt.response_excerpt && (
        <div className={classes.excerpt}>
          <CodeBlock code={attempt.response_excerpt} what="beginning of the answer" wrap maxHeight={160} />
        </div>
      )}
    </li>
  );
}
