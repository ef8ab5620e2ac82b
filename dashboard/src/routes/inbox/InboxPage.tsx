import { Button } from "@mantine/core";
import { IconArrowLeft, IconInbox } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { useCallback, useRef } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, SearchField } from "@/components/FilterBar";
import { Missing } from "@/components/Missing";
import { Page } from "@/components/Page";
import { PageHeader } from "@/components/PageHeader";
import { BlockSkeleton, TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { WorkflowSelect } from "@/components/WorkflowSelect";
import { useShortcut } from "@/hooks/shortcuts";
import { useNarrow } from "@/hooks/useNarrow";
import { useNow } from "@/hooks/useNow";
import {
  type Approval,
  approvalQuery,
  approvalsOf,
  inboxQuery,
  nextKey,
  questionOf,
  urgencyOf,
} from "@/services/approvals";
import { useSession } from "@/services/session";
import { ApprovalDetail, type Draft } from "./ApprovalDetail";
import classes from "./InboxPage.module.css";

export const Route = createLazyRoute("/shell/inbox")({ component: InboxPage });

// What is asked stands in each row of so many; each costs a request.
const withQuestion = 20;

function InboxPage() {
  const { can } = useSession();
  return (
    <Page title="Inbox">
      {can("executions:read") ? (
        <Inbox />
      ) : (
        <>
          <PageHeader title="Inbox" />
          <Missing scope="executions:read" what="see what waits for a decision" />
        </>
      )}
    </Page>
  );
}

function Inbox() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const narrow = useNarrow();
  const list = useInfiniteQuery(inboxQuery({ workflow: search.workflow, name: search.name }));
  const executions = list.data?.pages.flatMap((page) => page.data) ?? [];
  const approvals = approvalsOf(executions, search.name);
  const filtered = search.workflow !== undefined || search.name !== undefined;
  const chosen = search.item ?? (narrow ? undefined : approvals[0]?.key);
  const drafts = useRef(new Map<string, Draft>());
  const rows = useRef<HTMLUListElement>(null);

  const choose = (item: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, item }), replace: !narrow, resetScroll: false });
  const focusRow = useCallback((key: string) => {
    const all = rows.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [];
    [...all].find((row) => row.dataset.key === key)?.focus();
  }, []);
  const move = (by: number) => {
    const at = approvals.findIndex((approval) => approval.key === chosen);
    const next = approvals[Math.min(Math.max(at + by, 0), approvals.length - 1)];
    if (!next) return;
    choose(next.key);
    focusRow(next.key);
  };
  const walks = approvals.length > 0 && !(narrow && search.item !== undefined);
  useShortcut("j", "Next approval", () => move(1), { enabled: walks });
  useShortcut("k", "Approval before", () => move(-1), { enabled: walks });
  useShortcut(
    "o",
    "Open its execution",
    () => {
      const id = chosen?.split("/")[0];
      if (id) void navigate({ to: "/executions/$id", params: { id } });
    },
    { enabled: chosen !== undefined },
  );
  useShortcut("Escape", "Back to the list", () => choose(undefined), { enabled: narrow && search.item !== undefined });

  // The decided one leaves the list; the eyes and the focus go to the next.
  const decided = (approval: Approval) => {
    const next = nextKey(approvals, approval.key);
    drafts.current.delete(approval.key);
    choose(narrow ? undefined : next);
    if (next) requestAnimationFrame(() => focusRow(next));
  };

  const detail =
    chosen === undefined ? null : (
      <ApprovalDetail
        key={chosen}
        item={chosen}
        listed={approvals.find((approval) => approval.key === chosen)}
        drafts={drafts.current}
        onDecided={decided}
        onChoose={choose}
      />
    );

  if (narrow && search.item !== undefined) {
    return (
      <>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconArrowLeft size={14} />}
          className={classes.back ?? ""}
          onClick={() => choose(undefined)}
        >
          Inbox
        </Button>
        {detail}
      </>
    );
  }

  return (
    <>
      <PageHeader
        title="Inbox"
        description="Executions that wait for a person's decision. They hold no worker meanwhile."
      />
      {(filtered || approvals.length > 0) && (
        <FilterBar
          onClear={
            filtered
              ? () => void navigate({ search: (before) => ({ ...before, workflow: undefined, name: undefined }) })
              : undefined
          }
          end={<Summary shown={approvals.length} more={list.hasNextPage} />}
        >
          <WorkflowSelect
            value={search.workflow}
            onChange={(workflow) => void navigate({ search: (before) => ({ ...before, workflow, item: undefined }) })}
          />
          <SearchField
            label="Name of the approval"
            placeholder="Approval, such as manager"
            width={220}
            value={search.name ?? ""}
            onChange={(name) =>
              void navigate({ search: (before) => ({ ...before, name: name || undefined, item: undefined }) })
            }
          />
        </FilterBar>
      )}
      {list.isPending ? (
        <div className={classes.split}>
          <TableSkeleton rows={5} columns={2} />
          {!narrow && <BlockSkeleton lines={7} />}
        </div>
      ) : list.isError && executions.length === 0 ? (
        <ErrorPanel error={list.error} title="The inbox could not be loaded" onRetry={() => void list.refetch()} />
      ) : approvals.length === 0 && search.item === undefined ? (
        <Nothing filtered={filtered} />
      ) : (
        <div className={classes.split}>
          <div className={classes.list}>
            {approvals.length === 0 ? (
              <p className={classes.none}>Nothing else is open.</p>
            ) : (
              <ul ref={rows} aria-label="Open approvals" className={classes.rows}>
                {approvals.map((approval, i) => (
                  <Row
                    key={approval.key}
                    approval={approval}
                    ask={i < withQuestion}
                    chosen={approval.key === chosen}
                    narrow={narrow}
                  />
                ))}
              </ul>
            )}
            {list.hasNextPage && (
              <Button
                variant="subtle"
                fullWidth
                loading={list.isFetchingNextPage}
                onClick={() => void list.fetchNextPage()}
              >
                Show older ones
              </Button>
            )}
          </div>
          {!narrow && detail}
        </div>
      )}
    </>
  );
}

function Summary({ shown, more }: { shown: number; more: boolean }) {
  return (
    <span className={classes.summary} aria-live="polite">
      {shown === 1 && !more ? "1 open approval" : `${shown.toLocaleString()}${more ? "+" : ""} open approvals`}
    </span>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState icon={<IconInbox size={28} stroke={1.4} />} title="No open approval matches">
        Take a filter away to see the others.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconInbox size={28} stroke={1.4} />}
      title="Nothing waits for a decision"
      command={'sojourn run approval -f question="Ship it?"'}
    >
      When a handler calls <code>WaitForApproval</code>, its execution parks here until somebody approves or rejects it,
      days later if need be. Start the demo's workflow to try it; it appears here at once:
    </EmptyState>
  );
}

function Row({
  approval,
  ask,
  chosen,
  narrow,
}: {
  approval: Approval;
  ask: boolean;
  chosen: boolean;
  narrow: boolean;
}) {
  const { execution, wait, place, of } = approval;
  const loaded = useQuery({ ...approvalQuery(execution.id), enabled: ask });
  const payload = loaded.data?.awaiting?.find((other) => other.step === wait.step)?.payload;
  const question = questionOf(payload);
  const workflow = execution.workflow?.name ?? "deleted workflow";
  return (
    <li>
      <Link
        to="/inbox"
        search={(before) => ({ ...before, item: approval.key })}
        replace={!narrow}
        resetScroll={narrow}
        className={classes.row}
        data-key={approval.key}
        data-chosen={chosen || undefined}
        aria-current={chosen ? "true" : undefined}
      >
        <span className={classes.ask}>{question ?? wait.name}</span>
        <span className={classes.meta}>
          <span className={classes.workflow}>{workflow}</span>
          <span className={classes.name}>
            {wait.step}
            {of > 1 && ` · ${place} of ${of}`}
          </span>
          <span className={classes.when}>
            <Expiry at={wait.expires_at} /> <TimeText value={wait.since} format="relative" />
          </span>
        </span>
      </Link>
    </li>
  );
}

/** A word of warning when the wait ends soon. */
function Expiry({ at }: { at: string | undefined }) {
  const now = useNow(15_000);
  const urgency = urgencyOf(at, now);
  if (urgency !== "soon" && urgency !== "now") return null;
  return (
    <span className={classes.expiry} data-urgency={urgency}>
      ends <TimeText value={at} format="relative" />
    </span>
  );
}
