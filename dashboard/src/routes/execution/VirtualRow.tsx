import type { VirtualItem } from "@tanstack/react-virtual";
import type { ReactNode } from "react";
import classes from "./rows.module.css";

interface Props {
  item: VirtualItem;
  /** How many rows there are in all. */
  count: number;
  /** Where the list begins in what scrolls, in pixels; default 0. */
  margin?: number;
  measure: (element: Element | null) => void;
  children: ReactNode;
}

/** A row of a list of which only the rows in sight exist: it stands at its place and is measured there. */
export function VirtualRow({ item, count, margin = 0, measure, children }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: only some of the rows exist
    <div
      ref={measure}
      data-index={item.index}
      role="listitem"
      aria-setsize={count}
      aria-posinset={item.index + 1}
      className={classes.virtualRow}
      style={{ transform: `translateY(${item.start - margin}px)` }}
    >
      {children}
    </div>
  );
}
