import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import classes from "./rows.module.css";
import { VirtualRow } from "./VirtualRow";

interface Props<Row> {
  /** What they are, for those who do not see them. */
  label: string;
  rows: readonly Row[];
  draw: (row: Row) => ReactNode;
  /** In pixels; each is measured when it is drawn. */
  estimate: number;
  /** Keeps the end in sight when rows are added. */
  follow: boolean;
}

/** Rows of any height in a box of their own that can keep to its end; only those in sight exist. */
export function ScrolledRows<Row>({ label, rows, draw, estimate, follow }: Props<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => estimate,
    overscan: 20,
  });
  useEffect(() => {
    if (follow && rows.length > 0) virtualizer.scrollToIndex(rows.length - 1, { align: "end" });
  }, [follow, rows.length, virtualizer]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    // biome-ignore lint/a11y/useSemanticElements: only some of the rows exist
    <div ref={box} className={classes.scroller} role="group" aria-label={label} tabIndex={0}>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div role="list" className={classes.rows} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row !== undefined && (
              <VirtualRow key={item.key} item={item} count={rows.length} measure={virtualizer.measureElement}>
                {draw(row)}
              </VirtualRow>
            )
          );
        })}
      </div>
    </div>
  );
}
