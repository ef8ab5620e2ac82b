import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { isFinal } from "@/components/status";
import {
  addEvents,
  type Execution,
  type ExecutionEvent,
  executionQuery,
  forget,
  historyQuery,
  type Step,
  stepsQuery,
} from "@/services/execution";
import { useExecutionEvents } from "@/services/live";
import { Refresher } from "@/services/refresher";

export interface Loading {
  pending: boolean;
  error: unknown;
  retry: () => void;
}

export interface Live {
  /** Undefined until it is loaded. */
  execution: Execution | undefined;
  head: Loading;
  steps: readonly Step[];
  stepsState: Loading;
  events: readonly ExecutionEvent[];
  eventsState: Loading;
}

const none: readonly never[] = [];
// Whether a worker serves the workflow is found out at each reading; no event tells of it.
const unannounced = new Set(["queued", "no_worker", "awaiting_worker", "awaiting_idle_worker"]);

/**
 * An execution with its steps and events, kept as it is on the server: each event loads what it changed. It follows the
 * stream while the execution is open and the tab is seen.
 */
export function useLiveExecution(id: string): Live {
  const head = useQuery({
    ...executionQuery(id),
    refetchInterval: (query) => (unannounced.has(query.state.data?.status_reason ?? "") ? 2_500 : false),
  });
  const steps = useQuery(stepsQuery(id));
  const history = useQuery(historyQuery(id));
  const execution = head.data;
  const open = execution !== undefined && !isFinal(execution.status);
  const last = history.data?.last ?? 0;

  const refetchHead = useRef(head.refetch);
  const refetchSteps = useRef(steps.refetch);
  useEffect(() => {
    refetchHead.current = head.refetch;
    refetchSteps.current = steps.refetch;
  });
  const [refreshers, setRefreshers] = useState<{ head: Refresher; steps: Refresher }>();
  useEffect(() => {
    const made = {
      // A reading that began before the event may not know of it.
      head: new Refresher(() => refetchHead.current({ cancelRefetch: true }), 0.5, 30),
      steps: new Refresher(() => refetchSteps.current({ cancelRefetch: true })),
    };
    setRefreshers(made);
    return () => {
      made.head.stop();
      made.steps.stop();
    };
  }, []);

  const incoming = useRef<ExecutionEvent[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const flush = () => {
    frame.current = 0;
    const events = incoming.current;
    incoming.current = [];
    addEvents(id, events);
  };
  useExecutionEvents(
    id,
    (event) => {
      incoming.current.push(event);
      // A burst of events is drawn once.
      if (frame.current === 0) frame.current = requestAnimationFrame(flush);
      refreshers?.head.request();
    },
    {
      after: last,
      enabled: open && history.isSuccess && refreshers !== undefined,
      onGap: () => forget(id),
      onEnd: () => {
        refreshers?.head.request();
        refreshers?.steps.request();
      },
    },
  );

  // What was loaded in different moments may be of different revisions: what is behind the newest is loaded again.
  const revision = execution?.revision ?? 0;
  const stepsRevision = steps.data?.revision;
  const known = Math.max(revision, last);
  useEffect(() => {
    if (execution !== undefined && revision < last) refreshers?.head.request();
    if (stepsRevision !== undefined && stepsRevision < known) refreshers?.steps.request();
  }, [refreshers, execution, revision, last, stepsRevision, known]);
  // While it is open the stream brings the events that are missing; afterwards nothing else does.
  const asked = useRef(0);
  const { isFetching, isSuccess, refetch } = history;
  useEffect(() => {
    if (open || asked.current === revision || isFetching || !isSuccess || last >= revision) return;
    asked.current = revision;
    void refetch();
  }, [open, revision, last, isFetching, isSuccess, refetch]);

  const state = (query: { isPending: boolean; error: unknown; refetch: () => unknown }): Loading => ({
    pending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
  });
  return {
    execution,
    head: state(head),
    steps: steps.data?.steps ?? none,
    stepsState: state(steps),
    events: history.data?.events ?? none,
    eventsState: state(history),
  };
}
