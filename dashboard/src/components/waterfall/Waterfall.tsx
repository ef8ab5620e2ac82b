// biome-ignore-all lint/a11y/useFocusableInteractive: a treegrid of which only what is in sight exists; the grid has the focus and names its active row.
// biome-ignore-all lint/a11y/useSemanticElements: a treegrid of which only what is in sight exists; the grid has the focus and names its active row.
import { VisuallyHidden } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { useShortcut } from "@/hooks/shortcuts";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { formatDuration } from "@/services/time";
import { type AxisMode, axisOf } from "./axis";
import { type Command, commandOf, pageKeys } from "./keys";
import { Minimap } from "./Minimap";
import { type Row, visibleRows } from "./model";
import { segmentAt } from "./paint";
import { foldGain, idleOf, scaleOf } from "./scale";
import { type Pointed, Tip } from "./Tip";
import { Tools } from "./Tools";
import { latestModel } from "./totals";
import { useGestures } from "./useGestures";
import { useWidth } from "./useWidth";
import { WaterfallRow } from "./WaterfallRow";
import classes from "./waterfall.module.css";
import { panned, placed, revealing, shown, type Window, zoomed } from "./window";
import type { Event, Execution, Step } from "./wire";

/** What is selected: a step, one of its attempts by its place in the step's list, or, without a step, a worker's turn. */
export interface Selection {
  step?: string;
  attempt?: number;
}

export interface WaterfallProps {
  execution: Execution;
  steps: readonly Step[];
  events: readonly Event[];
  /** Milliseconds since the epoch. What goes on grows when it changes: once a second is enough. */
  now: number;
  selected: Selection;
  onSelect: (selected: Selection) => void;
}

const rowHeight = 28;
const narrowRowHeight = 46;
/** Below this width labels are above the bars. */
const narrowBelow = 620;
/** Idle stretches are folded from the beginning when what is left is at most this part of the whole. */
const foldFrom = 0.15;

/** The life of one execution over time: its own row, its steps, and their attempts. */
export function Waterfall({ execution, steps, events, now: clock, selected, onSelect }: WaterfallProps) {
  const id = useId();
  const model = latestModel(execution, steps, events, clock);
  const open = model.end === null;
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(() => new Set());
  const [window, setWindow] = useState<Window>(null);
  const [chosenFold, setFold] = useState<boolean>();
  const [format] = useTimeFormat();
  const [clockAxis, setClockAxis] = useState<boolean>();
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const axisBox = useRef<HTMLDivElement>(null);
  const outer = useWidth(root);
  const width = useWidth(axisBox);
  const narrow = outer > 0 && outer < narrowBelow;

  const now = Math.max(clock, model.now);
  const end = model.end ?? now;

  const idle = useMemo(() => idleOf(model, end), [model, end]);
  const gain = foldGain(model.start, end, idle);
  // Decided once: who looks at it must not lose the view. A life that is all waiting has nothing else to show.
  const [foldsAtFirst] = useState(() => gain <= foldFrom && model.steps.some((row) => row.kind === "step"));
  const foldable = gain < 0.9;
  const fold = (chosenFold ?? foldsAtFirst) && foldable;
  const scale = useMemo(() => {
    const stretches = fold ? idle : [];
    const room = open ? scaleOf(model.start, end, stretches).length * 0.04 : 0;
    return scaleOf(model.start, end + room, stretches);
  }, [model.start, end, open, fold, idle]);
  const view = placed(scale, window);
  const perPixel = (view.to - view.from) / Math.max(width, 1);
  const x = useMemo(() => (time: number) => (scale.place(time) - view.from) / perPixel, [scale, view.from, perPixel]);
  const mode: AxisMode = (clockAxis ?? format !== "relative") ? (format === "utc" ? "utc" : "local") : "offset";
  const axis = useMemo(() => axisOf(scale, view.from, view.to, width, mode), [scale, view.from, view.to, width, mode]);

  const wanted = keyOf(selected);
  // A link to an attempt opens its step.
  const parent = selected.attempt === undefined ? undefined : (selected.step ?? "");
  useEffect(() => {
    if (parent !== undefined) setExpanded((before) => (before.has(parent) ? before : new Set([...before, parent])));
  }, [parent]);
  const rows = useMemo(() => visibleRows(model, expanded), [model, expanded]);
  const active = useMemo(() => {
    const exact = rows.findIndex((row) => row.key === wanted);
    return exact >= 0
      ? exact
      : Math.max(
          rows.findIndex((row) => row.key === (selected.step ?? "")),
          0,
        );
  }, [rows, wanted, selected.step]);

  const height = narrow ? narrowRowHeight : rowHeight;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (i) => rows[i]?.key ?? i,
    overscan: 12,
    // The first picture has rows already; how many fit is measured then.
    initialRect: { width: 1000, height: 600 },
    scrollPaddingStart: headHeight,
    paddingEnd: 4,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was measured is void when rows change their height.
  useEffect(() => virtual.measure(), [height]);
  const shownRow = useRef("");
  const hasRow = rows[active]?.key === wanted;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the selection, not what else moves.
  useEffect(() => {
    if (!hasRow || shownRow.current === wanted) return;
    shownRow.current = wanted;
    virtual.scrollToIndex(active, { align: "auto" });
    const row = rows[active] as Row;
    if (row.key !== "") setWindow((w) => revealing(scale, w, row.from, row.to ?? now));
  }, [wanted, hasRow]);

  const track = () => {
    const box = axisBox.current?.getBoundingClientRect();
    return { left: box?.left ?? 0, width: box?.width ?? 1 };
  };
  const zoom = (factor: number, around = 0.5) => setWindow((w) => zoomed(scale, w, factor, around));
  const pan = (part: number) => setWindow((w) => panned(scale, w, part));
  const gestures = useGestures(scroller, track, { zoom, pan });

  const toggle = (row: Row) => {
    if (row.tries === 0) return;
    setExpanded((before) => {
      const next = new Set(before);
      if (!next.delete(row.key)) next.add(row.key);
      return next;
    });
  };
  const select = (index: number) => {
    const row = rows[index];
    if (row !== undefined) onSelect(selectionOf(row));
  };
  const zoomTo = (row: Row) => {
    const from = scale.place(row.from);
    const to = scale.place(row.to ?? now);
    const space = Math.max((to - from) * 0.1, 1);
    setWindow(shown(scale, from - space, to + space));
  };

  const run = (command: Command) => {
    if (command.do === "select") select(command.index);
    else if (command.do === "zoom") zoom(command.factor);
    else if (command.do === "pan") pan(command.part);
    else if (command.do === "toggle") toggle(rows[active] as Row);
    else if (command.do === "show") zoomTo(rows[active] as Row);
    else if (command.do === "fit") setWindow(null);
    else if (command.do === "clock") setClockAxis(mode === "offset");
    else if (foldable) setFold(!fold);
  };
  const latestRun = useRef(run);
  useEffect(() => {
    latestRun.current = run;
  });
  const command = useCallback((c: Command) => latestRun.current(c), []);

  const commandFor = (key: string, shift: boolean) => {
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - headHeight) / height) - 1);
    return commandOf(key, shift, rows, active, expanded, page);
  };
  for (const [key, said] of pageKeys) {
    const press = () => {
      // The arrows and the other keys go on from here.
      scroller.current?.focus({ preventScroll: true });
      const found = commandFor(key, false);
      if (found !== undefined) run(found);
    };
    // The keys are always the same ones, so these hooks are too.
    // biome-ignore lint/correctness/useHookAtTopLevel: see above
    useShortcut(key, said, press, { group: "Waterfall" });
  }
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const found = commandFor(event.key, event.shiftKey);
    if (found === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    run(found);
  };

  const rowAt = (event: MouseEvent<HTMLElement> | PointerEvent<HTMLElement>): Row | undefined => {
    const element = (event.target as Element).closest("[data-index]");
    return element === null ? undefined : rows[Number(element.getAttribute("data-index"))];
  };
  const onClick = (event: MouseEvent<HTMLElement>) => {
    const row = rowAt(event);
    if (row === undefined || gestures.wasDrag()) return;
    if ((event.target as Element).closest("[data-toggle]")) toggle(row);
    else onSelect(selectionOf(row));
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    gestures.handlers.onPointerMove(event);
    if (event.pointerType === "touch") return;
    const row = gestures.wasDrag() && event.buttons !== 0 ? undefined : rowAt(event);
    const { left } = track();
    const at = event.clientX - left;
    if (row === undefined || at < -8 || at > width + 12) {
      setPointed(null);
      return;
    }
    const time = scale.time(view.from + at * perPixel);
    const segment = segmentAt(row.segments, time, perPixel * 5, now);
    const near = segment !== undefined || (row.overridden && Math.abs(x(row.from) - at) < 10);
    setPointed(near ? { row, segment, x: event.clientX, y: event.clientY } : null);
  };

  const lines = useMemo(() => marksOf(events), [events]);
  const folded = scale.folds.reduce((sum, f) => sum + f.to - f.from, 0);
  const nowX = x(now);

  return (
    <section ref={root} className={classes.waterfall} aria-label="Waterfall" data-narrow={narrow || undefined}>
      <Tools
        model={model}
        fold={foldable ? fold : undefined}
        folded={formatDuration(folded)}
        clock={mode !== "offset"}
        zoomed={window !== null}
        onCommand={command}
      />
      <div className={classes.map}>
        <Minimap model={model} scale={scale} width={width} window={window} now={now} onWindow={setWindow} />
      </div>
      <div className={classes.frame}>
        <div className={classes.under} style={{ width }} aria-hidden>
          {axis.breaks.map((b) => (
            <span key={b.x} className={classes.fold} style={{ left: b.x, width: b.width }} />
          ))}
          {axis.ticks.map((tick) => (
            <span
              key={`${tick.label} ${tick.x}`}
              className={classes.line}
              data-major={tick.major || undefined}
              style={{ left: tick.x }}
            />
          ))}
        </div>
        <div
          ref={scroller}
          className={classes.scroller}
          role="treegrid"
          tabIndex={0}
          aria-label={`Steps of ${execution.workflow?.name ?? "the execution"} over time`}
          aria-rowcount={rows.length + 1}
          aria-colcount={2}
          aria-activedescendant={`${id}${rows[active]?.key ?? ""}`}
          onKeyDown={onKeyDown}
          onClick={onClick}
          onDoubleClick={(event) => {
            const row = rowAt(event);
            if (row !== undefined) zoomTo(row);
          }}
          onPointerDown={gestures.handlers.onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={gestures.handlers.onPointerUp}
          onPointerCancel={gestures.handlers.onPointerCancel}
          onPointerLeave={() => setPointed(null)}
          data-zoomed={window !== null || undefined}
        >
          <div role="row" aria-rowindex={1} className={classes.head}>
            <div role="columnheader" className={classes.headLabel}>
              {model.steps.length === 1 ? "1 step" : `${model.steps.length.toLocaleString()} steps`}
            </div>
            <div role="columnheader" className={classes.headCell}>
              <VisuallyHidden>Time</VisuallyHidden>
              <div ref={axisBox} className={classes.axis} aria-hidden>
                {axis.origin && <span className={classes.origin}>{axis.origin}</span>}
                {axis.ticks.map((tick) => (
                  <span
                    key={`${tick.label} ${tick.x}`}
                    className={classes.tick}
                    data-major={tick.major || undefined}
                    style={{ left: tick.x }}
                  >
                    {tick.label}
                  </span>
                ))}
                {axis.breaks.map((b) => (
                  <span
                    key={b.x}
                    className={classes.foldMark}
                    style={{ left: b.x, width: b.width }}
                    title={`${b.label} folded`}
                  >
                    {b.width > b.label.length * 6.4 ? b.label : "⋯"}
                  </span>
                ))}
                {open && nowX >= 0 && nowX <= width && <span className={classes.nowMark} style={{ left: nowX }} />}
              </div>
            </div>
          </div>
          <div role="presentation" className={classes.rows} style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              if (row === undefined) return null;
              return (
                <WaterfallRow
                  key={item.key}
                  id={`${id}${row.key}`}
                  row={row}
                  model={model}
                  index={item.index}
                  top={item.start}
                  selected={item.index === active && row.key === wanted}
                  active={item.index === active}
                  expanded={expanded.has(row.key)}
                  x={x}
                  width={width}
                  now={row.to === null ? now : end}
                  narrow={narrow}
                  breaks={axis.breaks}
                />
              );
            })}
          </div>
        </div>
        <div className={classes.over} style={{ width }} aria-hidden>
          {lines.map(({ at, sort }) => {
            const left = x(at);
            return left < 0 || left > width ? null : (
              <span key={`${sort} ${at}`} className={classes.mark} data-sort={sort} style={{ left }} />
            );
          })}
          {open && nowX >= 0 && nowX <= width && <span className={classes.now} style={{ left: nowX }} />}
        </div>
      </div>
      {pointed !== null && <Tip pointed={pointed} start={model.start} now={now} />}
    </section>
  );
}

const headHeight = 30;

function keyOf(selected: Selection): string {
  return selected.attempt === undefined ? (selected.step ?? "") : `${selected.step ?? ""}/${selected.attempt}`;
}

function selectionOf(row: Row): Selection {
  const selection: Selection = {};
  if (row.step !== undefined) selection.step = row.step;
  if (row.attempt !== undefined) selection.attempt = row.attempt;
  return selection;
}

/** Instants that concern all rows: a lost worker, a request to cancel. */
function marksOf(events: readonly Event[]): { at: number; sort: "lost" | "cancel" }[] {
  const marks: { at: number; sort: "lost" | "cancel" }[] = [];
  for (const e of events) {
    if (e.type === "lease_lost") marks.push({ at: Date.parse(e.at), sort: "lost" });
    else if (e.type === "cancel_requested") marks.push({ at: Date.parse(e.at), sort: "cancel" });
  }
  return marks.slice(-100);
}
