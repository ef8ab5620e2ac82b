import { Button } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Dash } from "@/components/Dash";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useNow } from "@/hooks/useNow";
import { type Delivery, type DeliveryFilter, deliveriesQuery } from "@/services/webhooks";
import { DeliveryStateText } from "./DeliveryStateText";
import classes from "./webhooks.module.css";

interface Props {
  filter: DeliveryFilter;
  /** Whether the filter hides something that the person chose to hide. */
  filtered: boolean;
  /** What an empty list teaches when nothing is filtered. */
  children: ReactNode;
  /** All go to one place, which the page names. */
  oneUrl?: boolean;
}

/** Deliveries, newest first, live. */
export function DeliveryTable({ filter, filtered, children, oneUrl = false }: Props) {
  const list = useInfiniteQuery(deliveriesQuery(filter));
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  const columns: readonly Column<Delivery>[] = [
    { key: "type", header: "Message", width: "minmax(190px, 1.2fr)", main: true, cell: (delivery) => delivery.type },
    {
      key: "state",
      header: "State",
      width: "104px",
      narrow: "first",
      cell: (delivery) => <DeliveryStateText state={delivery.state} />,
    },
    {
      key: "to",
      header: oneUrl ? "Last error" : "To",
      width: "minmax(160px, 2fr)",
      narrow: "second",
      cell: (delivery) => (oneUrl ? (delivery.last_error ?? "–") : <Target of={delivery} />),
    },
    {
      key: "execution",
      header: "Execution",
      width: "150px",
      cell: (delivery) => (delivery.execution_id ? <Identifier value={delivery.execution_id} short bare /> : "–"),
    },
    {
      key: "attempts",
      header: "Attempts",
      width: "70px",
      align: "end",
      cell: (delivery) => delivery.attempts.toLocaleString(),
    },
    {
      key: "next",
      header: "Next attempt",
      width: "100px",
      cell: (delivery) => <NextAttempt of={delivery} />,
    },
    {
      key: "made",
      header: "Made",
      width: "100px",
      align: "end",
      narrow: "second",
      cell: (delivery) => <TimeText value={delivery.created_at} />,
    },
  ];
  if (list.isPending) return <TableSkeleton rows={6} columns={6} />;
  if (list.isError && rows.length === 0) {
    return (
      <ErrorPanel error={list.error} title="The deliveries could not be loaded" onRetry={() => void list.refetch()} />
    );
  }
  if (rows.length === 0) {
    return filtered ? (
      <EmptyState icon={<IconSend size={28} stroke={1.4} />} title="No delivery matches">
        Messages to endpoints are kept for 30 days after they ended. Take a filter away to see others.
      </EmptyState>
    ) : (
      children
    );
  }
  return (
    <DataTable
      label="Deliveries"
      columns={columns}
      rows={rows}
      rowKey={(delivery) => delivery.id}
      rowLink={(delivery) => ({ to: "/webhooks/deliveries/$id", params: { id: delivery.id } })}
      total={list.hasNextPage ? -1 : rows.length}
      footer={
        list.hasNextPage && (
          <Button variant="subtle" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show older ones
          </Button>
        )
      }
    />
  );
}

const waits = "It goes out when its receiver's turn comes: one that keeps failing is tried less often.";

/** When the next attempt is made. */
export function NextAttempt({ of: delivery }: { of: Delivery }) {
  const now = useNow(5000);
  if (delivery.state !== "pending" || !delivery.next_attempt_at) return <Dash />;
  return Date.parse(delivery.next_attempt_at) <= now ? (
    <span title={waits}>due</span>
  ) : (
    <TimeText value={delivery.next_attempt_at} />
  );
}

const kinds: Record<Delivery["kind"], string> = { callback: "callback", endpoint: "endpoint", test: "test" };

function Target({ of: delivery }: { of: Delivery }) {
  return (
    <span className={classes.target}>
      <span className={classes.kind}>{kinds[delivery.kind] ?? delivery.kind}</span> {delivery.url ?? "redacted"}
    </span>
  );
}
