import classes from "./Sparkline.module.css";

interface Props {
  /** Oldest first. */
  values: readonly number[];
  /** What it shows, in words: "Starts in the last 24 hours". */
  label: string;
  width?: number;
  height?: number;
  /** bars for counts per time, line for a measure. */
  kind?: "bars" | "line";
  /** A CSS colour; the accent when left out. */
  color?: string;
}

/** A chart as small as a word. */
export function Sparkline({
  values,
  label,
  width = 120,
  height = 24,
  kind = "bars",
  color = "var(--s-accent)",
}: Props) {
  const max = Math.max(...values, 0);
  const total = values.reduce((sum, value) => sum + value, 0);
  const step = width / Math.max(values.length, 1);
  const y = (value: number) => (max === 0 ? height - 1 : height - 1 - (value / max) * (height - 3));
  const said = `${label}: ${total.toLocaleString()} in all, at most ${max.toLocaleString()} at once`;
  return (
    <svg
      className={classes.spark}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={said}
    >
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} className={classes.base} />
      {kind === "bars"
        ? values.map((value, i) =>
            value === 0 ? null : (
              <rect
                // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in time
                key={i}
                x={i * step + step * 0.12}
                width={Math.max(step * 0.76, 0.8)}
                y={Math.min(y(value), height - 2.5)}
                height={Math.max(height - 1 - y(value), 1.5)}
                rx={Math.min(1, step * 0.2)}
                fill={color}
              />
            ),
          )
        : values.length > 1 && (
            <polyline
              points={values
                .map((value, i) => `${((i / (values.length - 1)) * width).toFixed(1)},${y(value).toFixed(1)}`)
                .join(" ")}
              fill="none"
              stroke={color}
              strokeWidth="1.5"
              strokeLinejoin="round"
            />
          )}
    </svg>
  );
}
