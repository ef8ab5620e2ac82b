import { Skeleton } from "@mantine/core";
import classes from "./skeletons.module.css";

const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
// Not all alike, and the same at each drawing.
const widths = [62, 84, 48, 72, 56, 90, 66, 78];

/** A table that is being loaded. */
export function TableSkeleton({ rows = 8, columns = 5 }: { rows?: number; columns?: number }) {
  return (
    <div className={classes.table} role="status" aria-label="Loading">
      {indices(rows).map((row) => (
        <div key={row} className={classes.row}>
          {indices(columns).map((column) => (
            <Skeleton
              key={column}
              height={10}
              width={`${widths[(row * 3 + column * 5) % widths.length]}%`}
              radius="sm"
            />
          ))}
        </div>
      ))}
    </div>
  );
}

/** A panel of text or values that is being loaded. */
export function BlockSkeleton({ lines = 5 }: { lines?: number }) {
  return (
    <div className={classes.block} role="status" aria-label="Loading">
      {indices(lines).map((line) => (
        <Skeleton key={line} height={10} width={`${widths[(line * 3) % widths.length]}%`} radius="sm" />
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
        {indices(9).map((row) => (
          <div key={row} className={classes.row}>
            {indices(5).map((column) => (
              <Skeleton
                key={column}
                height={10}
                width={`${widths[(row * 3 + column * 5) % widths.length]}%`}
                radius="sm"
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
