import type { Row } from "./model";

/** What a key does in the grid. */
export type Command =
  | { do: "select"; index: number }
  | { do: "toggle" | "fit" | "fold" | "show" | "clock" }
  | { do: "zoom"; factor: number }
  | { do: "pan"; part: number };

/** The keys of the grid that the whole page hears, so that nobody needs to click first, and what the help says of them. */
export const pageKeys = [
  ["j", "Next step"],
  ["k", "Step before"],
  ["Enter", "Show or hide the step's tries"],
  ["+", "Zoom in"],
  ["-", "Zoom out"],
  ["0", "Show all of the time"],
  ["z", "Zoom to the step"],
  ["f", "Fold idle time, or unfold it"],
] as const;

/** One press of + or - zooms by this. */
export const zoomStep = 1.5;

/**
 * The command of a key, for the row that is active. page is how many rows are in sight. Undefined: the key is not the
 * grid's.
 */
export function commandOf(
  key: string,
  shift: boolean,
  rows: readonly Row[],
  active: number,
  expanded: ReadonlySet<string>,
  page: number,
): Command | undefined {
  const row = rows[active];
  if (row === undefined) return undefined;
  const select = (index: number): Command => ({ do: "select", index: Math.min(Math.max(index, 0), rows.length - 1) });
  const unfolded = row.tries > 0 && expanded.has(row.key);
  switch (key) {
    case "ArrowDown":
    case "j":
      return select(active + 1);
    case "ArrowUp":
    case "k":
      return select(active - 1);
    case "PageDown":
      return select(active + page);
    case "PageUp":
      return select(active - page);
    case "Home":
      return select(0);
    case "End":
      return select(rows.length - 1);
    case "Enter":
    case " ":
      return row.tries > 0 ? { do: "toggle" } : select(active);
    case "ArrowRight":
      if (shift) return { do: "pan", part: 0.2 };
      return unfolded ? select(active + 1) : row.tries > 0 ? { do: "toggle" } : select(active);
    case "ArrowLeft":
      if (shift) return { do: "pan", part: -0.2 };
      if (unfolded) return { do: "toggle" };
      return row.kind === "try" || row.kind === "claim"
        ? select(rows.findIndex((r) => r.key === (row.step ?? "")))
        : select(active);
    case "+":
    case "=":
      return { do: "zoom", factor: zoomStep };
    case "-":
    case "_":
      return { do: "zoom", factor: 1 / zoomStep };
    case "0":
      return { do: "fit" };
    case "z":
      return { do: "show" };
    case "f":
      return { do: "fold" };
    default:
      return undefined;
  }
}
