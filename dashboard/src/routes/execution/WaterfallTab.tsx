import { useMemo } from "react";
import { ErrorPanel } from "@/components/ErrorPanel";
import { TableSkeleton } from "@/components/skeletons";
import { isFinal } from "@/components/status";
import { Waterfall } from "@/components/waterfall";
import { useNow } from "@/hooks/useNow";
import type { Execution, ExecutionEvent, Step } from "@/services/execution";
import type { Loading } from "./useLiveExecution";

interface Props {
  execution: Execution;
  steps: readonly Step[];
  events: readonly ExecutionEvent[];
  /** Of the steps and of the events. */
  states: readonly Loading[];
  step: Step | undefined;
  attempt: number | undefined;
  onSelect: (step: string | undefined, attempt: number | undefined) => void;
}

/** How it spent its time. The address names steps by name; the waterfall knows them by id. */
export function WaterfallTab({ execution, steps, events, states, step, attempt, onSelect }: Props) {
  const now = useNow(isFinal(execution.status) ? 60_000 : 1000);
  const names = useMemo(() => new Map(steps.map((each) => [each.id, each.name])), [steps]);
  const failed = states.find((state) => state.error);
  if (failed) return <ErrorPanel error={failed.error} title="The steps could not be loaded" onRetry={failed.retry} />;
  if (states.some((state) => state.pending)) return <TableSkeleton rows={6} columns={3} />;
  return (
    <Waterfall
      execution={execution}
      steps={steps}
      events={events}
      now={now}
      selected={{ ...(step ? { step: step.id } : {}), ...(attempt === undefined ? {} : { attempt }) }}
      onSelect={(chosen) => onSelect(chosen.step === undefined ? undefined : names.get(chosen.step), chosen.attempt)}
    />
  );
}
