// A chart over time. uPlot draws on a canvas; the words beside it say the same to those who do not see it.
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import { localTime, utcTime } from "@/services/time";
import classes from "./Chart.module.css";

export interface Series {
  label: string;
  /** The name of a colour in tokens.css: "--s-completed". */
  color: string;
  /** One for each time; null: not known. */
  values: readonly (number | null)[];
}

interface Props {
  /** What it shows, for those who do not see it. */
  label: string;
  /** The beginnings of the buckets, in milliseconds. */
  times: readonly number[];
  /** How long a bucket is, in milliseconds. */
  width: number;
  series: readonly Series[];
  /** bars stand on each other; lines do not. */
  kind: "bars" | "lines";
  /** A value in words: for the axis and the legend. */
  format: (value: number) => string;
  height?: number;
}

/** A moment on the axis whose marks are so many seconds apart: the time of day, or the day where one begins. */
export function momentText(time: number, step: number, utc: boolean): string {
  const text = utc ? utcTime(time) : localTime(time);
  const clock = text.slice(11, step < 60 ? 19 : 16);
  return step >= 86_400 || clock === "00:00" ? text.slice(5, 10) : clock;
}

/** The sums of each value with those of the series before it. */
export function stack(series: readonly Series[]): number[][] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, i) => {
      sums[i] = (sums[i] ?? 0) + (value ?? 0);
      return sums[i];
    }),
  );
}

export function Chart({ label, times, width, series, kind, format, height = 170 }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useComputedColorScheme("light");
  const [zone] = useTimeFormat();
  const [at, setAt] = useState<number>();
  const latest = useRef({ format, series });
  latest.current = { format, series };
  const names = series.map((each) => each.label).join("\n");

  // Another scheme or other series make another chart; new values only fill it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: values and formats are read when they are needed
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const drawn = latest.current.series;
    const axis = {
      stroke: color("--s-muted"),
      grid: { stroke: color("--s-line"), width: 1 },
      ticks: { show: false },
      font: `11px ${style.fontFamily}`,
    };
    const bars = uPlot.paths.bars?.({ size: [0.78, 48], align: 1 });
    const options: uPlot.Options = {
      width: element.clientWidth || 400,
      height,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: kind === "lines" }, drag: { setScale: false, x: false, y: false } },
      scales: {
        x: { time: true, range: (_, low, high) => [low, kind === "bars" ? high + width / 1000 : high] },
        y: { range: (_, __, high) => [0, high > 0 ? high * 1.08 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 26,
          gap: 4,
          space: 64,
          values: (_, splits, __, ___, step) => splits.map((split) => momentText(split * 1000, step, zone === "utc")),
        },
        {
          ...axis,
          size: (_, values) => 14 + 6.4 * Math.max(4, ...(values ?? []).map((value) => String(value).length)),
          gap: 4,
          space: 36,
          values: (_, splits) => splits.map((split) => latest.current.format(split)),
        },
      ],
      ...(zone === "utc" ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") } : {}),
      series: [
        {},
        // The tallest bar is drawn first, and the others over it.
        ...[...drawn].reverse().map((each): uPlot.Series => {
          const stroke = color(each.color);
          return kind === "bars"
            ? { label: each.label, fill: stroke, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) }
            : {
                label: each.label,
                stroke,
                width: 1.6,
                spanGaps: true,
                points: { show: true, size: 4, width: 0, fill: stroke },
              };
        }),
      ],
      hooks: {
        setCursor: [(u) => setAt(u.cursor.idx ?? undefined)],
      },
    };
    const chart = new uPlot(options, [[], ...drawn.map(() => [])] as uPlot.AlignedData, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
  }, [scheme, kind, height, names, zone, width]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart that was made anew needs its values too
  useEffect(() => {
    const values = kind === "bars" ? stack(series) : series.map((each) => [...each.values]);
    plot.current?.setData([times.map((time) => time / 1000), ...values.reverse()] as uPlot.AlignedData);
  }, [times, series, kind, scheme, names, zone, width, height]);

  const said = series
    .map(({ label: name, values }) => {
      const known = values.filter((value) => value !== null);
      if (known.length === 0) return `${name}: nothing`;
      return `${name}: at most ${format(Math.max(...known))}, last ${format(known.at(-1) ?? 0)}`;
    })
    .join("; ");
  const pointed = at === undefined ? undefined : times[at];
  return (
    <div>
      <div ref={holder} className={classes.chart} role="img" aria-label={`${label}. ${said}.`} style={{ height }} />
      <div className={classes.legend} aria-hidden>
        {series.map((each) => {
          const value = at === undefined ? undefined : each.values[at];
          return (
            <span key={each.label} className={classes.entry}>
              <span
                className={classes.swatch}
                data-kind={kind === "lines" ? "line" : "bar"}
                style={{ background: `var(${each.color})` }}
              />
              {each.label}
              {at !== undefined && <b>{value === null || value === undefined ? "–" : format(value)}</b>}
            </span>
          );
        })}
        {pointed !== undefined && (
          <span className={classes.when}>{zone === "utc" ? utcTime(pointed) : localTime(pointed)}</span>
        )}
      </div>
    </div>
  );
}
