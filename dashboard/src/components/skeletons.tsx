import { Skeleton } from "@mantine/core";
import classes from "./skeletons.module.css";

const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
// Not all alike, and the same at each drawing.
const widths = [62, 84, 48, 72, 56, 90, 66, 78];

/** A line of text; the seed decides how long it is. */
function Line({ seed }: { seed: number }) {
  return <Skeleton height={10} width={`${widths[seed % widths.length]}%`} radius="sm" />;
}

function Rows({ rows, columns }: { rows: number; columns: number }) {
  return indices(rows).map((row) => (
    <div key={row} className={classes.row}>
      {indices(columns).map((column) => (
        <Line key={column} seed={row * 3 + column * 5} />
      ))}
    </div>
  ));
}

/** A table that is being loaded. */
export function TableSkeleton({ rows = 8, columns = 5 }: { rows?: number; columns?: number }) {
  return (
    <div className={classes.table} role="status" aria-label="Loading">
      <Rows rows={rows} columns={columns} />
    </div>
  );
}

/** A panel of text or values that is being loaded. */
export function BlockSkeleton({ lines = 5 }: { lines?: number }) {
  return (
    <div className={classes.block} role="status" aria-label="Loading">
      {indices(lines).map((line) => (
        <Line key={line} seed={line * 3} />
      ))}
    </div>
  );
}

/** A whole page that is being loaded: its title and its list. */
export function PageSkeleton() {
  return (
    <div className={classes.page} role="status" aria-label="Loading the page">
      <Skeleton height={20} width={180} radius="sm" />
      <div className={classes.gap} />
      <div className={classes.table}>
        <Rows rows={9} columns={5} />
      </div>
    </div>
  );
}
