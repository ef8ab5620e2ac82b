import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { Fragment, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import classes from "./rows.module.css";
import { VirtualRow } from "./VirtualRow";

interface Props<Row> {
  /** What they are, for those who do not see them. */
  label: string;
  rows: readonly Row[];
  rowKey: (row: Row, index: number) => string | number;
  draw: (row: Row, index: number) => ReactNode;
  /** In pixels; each is measured when it is drawn. */
  estimate: number;
}

// Below this all are drawn, so that the browser's own search finds them.
const virtualFrom = 200;

/** Rows of any height that scroll with the page; of many only those in view exist. */
export function VirtualRows<Row>({ label, rows, rowKey, draw, estimate }: Props<Row>) {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  // What stands above may have grown since.
  useLayoutEffect(() => {
    if (!list.current) return;
    const now = Math.round(list.current.getBoundingClientRect().top + window.scrollY);
    if (Math.abs(now - top) > 1) setTop(now);
  });
  const virtual = rows.length > virtualFrom;
  const virtualizer = useWindowVirtualizer({
    count: virtual ? rows.length : 0,
    estimateSize: () => estimate,
    overscan: 20,
    scrollMargin: top,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row, index);
    },
  });
  return (
    // biome-ignore lint/a11y/useSemanticElements: only some of the rows exist
    <div
      ref={list}
      role="list"
      aria-label={label}
      className={classes.rows}
      style={virtual ? { height: virtualizer.getTotalSize() } : undefined}
    >
      {virtual
        ? virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return (
              row !== undefined && (
                <VirtualRow
                  key={item.key}
                  item={item}
                  count={rows.length}
                  margin={virtualizer.options.scrollMargin}
                  measure={virtualizer.measureElement}
                >
                  {draw(row, item.index)}
                </VirtualRow>
              )
            );
          })
        : rows.map((row, index) => (
            <Fragment key={rowKey(row, index)}>
              {/* biome-ignore lint/a11y/useSemanticElements: see above */}
              <div role="listitem">{draw(row, index)}</div>
            </Fragment>
          ))}
    </div>
  );
}
