import { Button } from "@mantine/core";
import { IconChevronRight, IconDownload } from "@tabler/icons-react";
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorPanel } from "@/components/ErrorPanel";
import { FilterBar, FilterToggle } from "@/components/FilterBar";
import { JsonView } from "@/components/JsonView";
import { TableSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { useShortcut } from "@/hooks/shortcuts";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import type { Execution, ExecutionEvent } from "@/services/execution";
import { saveText } from "@/services/save";
import { formatDuration } from "@/services/time";
import classes from "./EventsTab.module.css";
import {
  aboutEvent,
  actorText,
  countGroups,
  type EventGroup,
  eventGroups,
  eventSummary,
  groupLabel,
  inGroups,
} from "./events";
import rows from "./rows.module.css";
import shared from "./shared.module.css";
import type { Loading } from "./useLiveExecution";
import { VirtualRows } from "./VirtualRows";

interface Props {
  execution: Execution;
  events: readonly ExecutionEvent[];
  state: Loading;
  groups: readonly EventGroup[] | undefined;
  onGroups: (groups: EventGroup[] | undefined) => void;
  /** The name of the step that is chosen: its events are marked. */
  step: string | undefined;
}

/** All that has happened, in the order in which it was stored. */
export function EventsTab({ execution, events, state, groups, onGroups, step }: Props) {
  const counts = useMemo(() => countGroups(events), [events]);
  const shown = useMemo(() => events.filter((event) => inGroups(event, groups)), [events, groups]);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  // The same function at each drawing, so that rows that stay as they are need not be drawn anew.
  const toggle = useCallback((revision: number) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(revision)) next.add(revision);
      return next;
    });
  }, []);
  const table = useRef<HTMLDivElement>(null);
  const begun = Date.parse(execution.created_at);

  const move = (by: number) => {
    const all = [...(table.current?.querySelectorAll<HTMLElement>("[data-event]") ?? [])];
    const at = all.findIndex((row) => row.matches(":focus"));
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useShortcut("j", "Next event", () => move(1), { group: "Lists", enabled: shown.length > 0 });
  useShortcut("k", "Event before", () => move(-1), { group: "Lists", enabled: shown.length > 0 });

  if (state.error)
    return <ErrorPanel error={state.error} title="The events could not be loaded" onRetry={state.retry} />;
  if (state.pending) return <TableSkeleton rows={6} columns={4} />;
  const toggleGroup = (group: EventGroup) => {
    const next = eventGroups.filter((each) => (each === group) !== (groups?.includes(each) ?? false));
    onGroups(next.length === 0 ? undefined : next);
  };
  return (
    <>
      <FilterBar
        onClear={groups ? () => onGroups(undefined) : undefined}
        end={
          <Button
            variant="default"
            leftSection={<IconDownload size={14} />}
            onClick={() => saveText(`${execution.id}.json`, JSON.stringify({ ...execution, events }, null, 2))}
          >
            Download as JSON
          </Button>
        }
      >
        {eventGroups.map((group) => (
          <FilterToggle
            key={group}
            active={groups?.includes(group) ?? false}
            count={counts[group]}
            onClick={() => toggleGroup(group)}
          >
            {groupLabel[group]}
          </FilterToggle>
        ))}
      </FilterBar>
      {shown.length === 0 ? (
        <EmptyState title="No such events">None of the events so far is of the kinds that are chosen.</EmptyState>
      ) : (
        <div ref={table} className={`${shared.frame} ${rows.list}`}>
          <VirtualRows
            label="Events"
            rows={shown}
            rowKey={(event) => event.revision}
            estimate={34}
            draw={(event) => (
              <EventRow
                event={event}
                offset={Date.parse(event.at) - begun}
                marked={step !== undefined && event.step === step}
                open={open.has(event.revision)}
                onToggle={toggle}
              />
            )}
          />
        </div>
      )}
    </>
  );
}

interface RowProps {
  event: ExecutionEvent;
  /** Milliseconds since the execution was created. */
  offset: number;
  marked: boolean;
  open: boolean;
  onToggle: (revision: number) => void;
}

const EventRow = memo(function EventRow({ event, offset, marked, open, onToggle }: RowProps) {
  const about = aboutEvent(event);
  const [format] = useTimeFormat();
  return (
    <div className={rows.item} data-marked={marked || undefined}>
      <button
        type="button"
        className={`${shared.press} ${rows.line} ${classes.event}`}
        data-event
        aria-expanded={open}
        onClick={() => onToggle(event.revision)}
      >
        <IconChevronRight size={13} className={rows.twist} aria-hidden />
        <span className={`${classes.number} ${rows.wide}`}>{event.revision}</span>
        <span className={rows.kind}>
          <span
            className={rows.mark}
            style={about.tone ? { background: `var(--s-${about.tone})` } : undefined}
            aria-hidden
          />
          {about.label}
        </span>
        <span className={rows.text}>{eventSummary(event)}</span>
        <span className={`${rows.aside} ${rows.wide}`}>{actorText(event.actor)}</span>
        <span className={classes.number}>+{formatDuration(offset)}</span>
        <span className={`${rows.aside} ${rows.wide}`}>
          <TimeText value={event.at} format={format === "relative" ? "local" : format} precise />
        </span>
      </button>
      {open && (
        <div className={rows.detail}>
          <JsonView value={event} label={`Event ${event.revision}`} maxHeight={360} />
        </div>
      )}
    </div>
  );
});
