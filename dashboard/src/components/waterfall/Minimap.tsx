import { useMantineColorScheme } from "@mantine/core";
import { memo, type PointerEvent, useEffect, useRef } from "react";
import { type Kind, kindOrder } from "./kinds";
import classes from "./Minimap.module.css";
import type { Model, Row } from "./model";
import { paint } from "./paint";
import type { Scale } from "./scale";
import { placed, shown, type Window } from "./window";

interface Props {
  model: Model;
  scale: Scale;
  width: number;
  window: Window;
  now: number;
  onWindow: (window: Window) => void;
}

export const minimapHeight = 36;

/** All of the time at a glance, and which part of it is shown. The keys of the grid do the same. */
export function Minimap({ model, scale, width, window, now, onWindow }: Props) {
  const drag = useRef<{ sort: "move" | "left" | "right" | "new"; at: number; from: number; to: number } | null>(null);
  const perPixel = scale.length / Math.max(width, 1);
  const view = placed(scale, window);
  const pause = model.steps.length > 1000 ? 1000 : 200;
  const left = view.from / perPixel;
  const right = view.to / perPixel;

  const begin = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const sort =
      window === null || x < left - 6 || x > right + 6
        ? "new"
        : x < left + 6
          ? "left"
          : x > right - 6
            ? "right"
            : "move";
    drag.current = { sort, at: x, from: view.from, to: view.to };
  };
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const d = drag.current;
    if (d === null) return;
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const by = (x - d.at) * perPixel;
    if (d.sort === "new") {
      if (Math.abs(x - d.at) < 4) return;
      onWindow(shown(scale, Math.min(x, d.at) * perPixel, Math.max(x, d.at) * perPixel));
    } else if (d.sort === "move") {
      const kept = Math.min(Math.max(by, -d.from), scale.length - d.to);
      onWindow(shown(scale, d.from + kept, d.to + kept));
    } else {
      const a = d.sort === "left" ? d.from + by : d.from;
      const b = d.sort === "right" ? d.to + by : d.to;
      onWindow(shown(scale, Math.max(Math.min(a, b), 0), Math.min(Math.max(a, b), scale.length)));
    }
  };
  const end = () => {
    drag.current = null;
  };

  return (
    <div
      className={classes.minimap}
      aria-hidden
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
      onDoubleClick={() => onWindow(null)}
    >
      <Picture model={model} scale={scale} width={width} now={Math.floor(now / pause) * pause} />
      {window !== null && (
        <>
          <span className={classes.shade} style={{ left: 0, width: Math.max(left, 0) }} />
          <span className={classes.shade} style={{ left: right, right: 0 }} />
          <span className={classes.brush} style={{ left, width: Math.max(right - left, 2) }} />
        </>
      )}
    </div>
  );
}

interface PictureProps {
  model: Model;
  scale: Scale;
  width: number;
  now: number;
}

/** Rows beyond this many are drawn on shared lines: one is as good as the next, and failures come last. */
const mostRows = 4000;

const Picture = memo(
  function Picture({ model, scale, width, now }: PictureProps) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const { colorScheme } = useMantineColorScheme();
    // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the scheme's variables.
    useEffect(() => {
      const element = canvas.current;
      const context = element?.getContext("2d");
      if (!element || !context || width <= 0) return;
      const ratio = Math.min(devicePixelRatio || 1, 2);
      element.width = Math.round(width * ratio);
      element.height = Math.round(minimapHeight * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, minimapHeight);
      const colours = coloursOf(element);
      const inner = minimapHeight - 8;
      const rows: Row[] = model.steps.length > 0 ? model.steps : [model.execution];
      const pitch = Math.min(inner / rows.length, 6);
      const thick = Math.max(pitch > 2 ? pitch - 1 : pitch, 1);
      const x = (time: number) => (scale.place(time) / scale.length) * width;
      const jump = Math.max(1, Math.floor(rows.length / mostRows));
      rows.forEach((row, i) => {
        if (jump > 1 && i % jump !== 0 && row.status !== "failed") return;
        for (const bar of paint(row.segments, x, width, now)) {
          const failed = bar.outcome === "failed" || bar.outcome === "lost";
          context.fillStyle = failed
            ? colours.failed
            : bar.segment.to === null
              ? colours.open(bar.kind)
              : colours.of(bar.kind);
          context.fillRect(bar.x, 4 + i * pitch, Math.max(bar.width, 1), thick);
        }
      });
    }, [model, scale, width, now, colorScheme]);
    return <canvas ref={canvas} className={classes.picture} style={{ width, height: minimapHeight }} />;
  },
  // A scale is made anew with each tick of the clock; the picture follows more slowly.
  (a, b) =>
    a.model === b.model && a.width === b.width && a.now === b.now && a.scale.folds.length === b.scale.folds.length,
);

function coloursOf(element: Element) {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim() || "#888";
  const kinds = new Map<Kind, string>(kindOrder.map((kind) => [kind, read(`--w-${kind}`)]));
  const running = read("--s-running");
  return {
    failed: read("--s-failed"),
    of: (kind: Kind) => kinds.get(kind) ?? running,
    open: (kind: Kind) => (kind === "running" ? running : (kinds.get(kind) ?? running)),
  };
}
