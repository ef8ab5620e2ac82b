// A table that the keyboard walks: j and k move the focus from row to row, Enter or o opens, x selects. Long ones draw only
// what is in view; on a phone a row becomes two lines. It is made of roles and not of table elements, because those cannot be
// laid out one row at a time; biome.json lets this file alone about it.
import { Link, type LinkProps } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type MouseEvent,
  memo,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { useShortcut } from "@/hooks/shortcuts";
import { useNarrow } from "@/hooks/useNarrow";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  key: string;
  header: ReactNode;
  /** What stands in the row. In the column that is `main` it becomes the text of the row's link. */
  cell: (row: Row) => ReactNode;
  /** A track of CSS grid: "120px", "minmax(160px, 2fr)"; 1fr when left out. */
  width?: string;
  align?: "start" | "end";
  /** The column that names the row, and is its link. Exactly one. */
  main?: boolean;
  /** Where it stands on a phone; hidden when left out, first for the main one. */
  narrow?: "first" | "second" | "hidden";
  /** What stands before the cell on a phone, where no head says what it is. */
  caption?: string;
}

interface Props<Row> {
  /** What the table holds, for those who do not see it: "Executions". */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Where a row leads. Without it rows are only read. */
  rowLink?: (row: Row) => LinkProps;
  /** Adds a column of boxes; shift selects a range. */
  selection?: { selected: ReadonlySet<string>; onChange: (selected: Set<string>) => void };
  /** How many there are when not all are in rows; -1 when that is not known. */
  total?: number;
  /** Marks rows that are new or changed for a moment. */
  highlighted?: (row: Row) => boolean;
  /** In pixels. */
  rowHeight?: number;
  /** Under the rows: the button for more. */
  footer?: ReactNode;
}

// Below this all rows are drawn, so that the browser's own search finds them.
const virtualFrom = 100;

export function DataTable<Row>(props: Props<Row>) {
  const { label, columns, rows, rowKey, rowLink, selection, total, highlighted, footer } = props;
  const narrow = useNarrow();
  const height = narrow ? 56 : (props.rowHeight ?? 38);
  const body = useRef<HTMLDivElement>(null);
  const virtual = rows.length > virtualFrom;
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (body.current) setTop(body.current.getBoundingClientRect().top + window.scrollY);
  }, []);
  const virtualizer = useWindowVirtualizer({
    count: virtual ? rows.length : 0,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: top,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows have another height when the page becomes narrow
  useEffect(() => virtualizer.measure(), [height, virtualizer]);

  // The row that j and k start from: the last one that had the focus.
  const [cursor, setCursor] = useState<string>();
  const lastSelected = useRef<string>(undefined);
  const focusRow = useCallback(
    (index: number) => {
      const row = rows[index];
      if (row === undefined) return;
      const key = rowKey(row);
      setCursor(key);
      if (virtual) virtualizer.scrollToIndex(index, { align: "auto" });
      const find = () => {
        const all = body.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [];
        const element = [...all].find((candidate) => candidate.dataset.row === key);
        const target = element?.querySelector<HTMLElement>("[data-main]") ?? element;
        target?.focus({ preventScroll: virtual });
        if (!virtual) element?.scrollIntoView({ block: "nearest" });
        return target !== undefined;
      };
      if (!find()) requestAnimationFrame(find);
    },
    [rows, rowKey, virtual, virtualizer],
  );
  const indexOf = (key: string | undefined) => (key === undefined ? -1 : rows.findIndex((row) => rowKey(row) === key));
  const enabled = rows.length > 0;
  const group = "Lists";
  useShortcut("j", "Next row", () => focusRow(Math.min(indexOf(cursor) + 1, rows.length - 1)), { group, enabled });
  useShortcut("k", "Row before", () => focusRow(Math.max(indexOf(cursor) - 1, 0)), { group, enabled });
  const open = () => {
    const key = cursor;
    const all = body.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [];
    [...all]
      .find((candidate) => candidate.dataset.row === key)
      ?.querySelector<HTMLElement>("a[data-main]")
      ?.click();
  };
  const opens = enabled && rowLink !== undefined && cursor !== undefined;
  useShortcut("o", "Open the row (or Enter)", open, { group, enabled: enabled && rowLink !== undefined });
  useShortcut("Enter", "Open the row", open, { group, enabled: opens });

  const select = (key: string, on: boolean, range: boolean) => {
    if (!selection) return;
    const next = new Set(selection.selected);
    const from = indexOf(lastSelected.current);
    const to = indexOf(key);
    const keys = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1).map(rowKey) : [key];
    for (const each of keys) {
      if (on) next.add(each);
      else next.delete(each);
    }
    lastSelected.current = key;
    selection.onChange(next);
  };
  useShortcut(
    "x",
    "Select the row",
    () => {
      if (cursor !== undefined && selection) select(cursor, !selection.selected.has(cursor), false);
    },
    { group, enabled: enabled && selection !== undefined },
  );

  const tracks = [...(selection ? ["20px"] : []), ...columns.map((column) => column.width ?? "minmax(0, 1fr)")].join(
    " ",
  );
  const chosen = selection ? rows.filter((row) => selection.selected.has(rowKey(row))).length : 0;

  // Rows are drawn again only when they change: what they call is always the newest.
  const latest = useRef({ select });
  useEffect(() => {
    latest.current = { select };
  });
  const onSelect = useCallback((key: string, on: boolean, range: boolean) => latest.current.select(key, on, range), []);

  const drawRow = (row: Row, index: number, start?: number) => {
    const key = rowKey(row);
    return (
      <TableRow
        key={key}
        row={row}
        name={key}
        index={index}
        columns={columns}
        {...(rowLink ? { rowLink } : {})}
        tracks={tracks}
        narrow={narrow}
        height={height}
        start={start}
        selected={selection ? selection.selected.has(key) : undefined}
        highlighted={highlighted?.(row) ?? false}
        onSelect={onSelect}
        onFocus={setCursor}
      />
    );
  };

  return (
    <div className={classes.table}>
      <div
        role="table"
        aria-label={label}
        aria-rowcount={total === undefined ? rows.length + 1 : total < 0 ? -1 : total + 1}
      >
        <div role="rowgroup" className={classes.head} data-narrow={narrow || undefined}>
          <div role="row" aria-rowindex={1} className={classes.headRow} style={{ gridTemplateColumns: tracks }}>
            {selection && (
              <div role="columnheader" className={classes.box}>
                <input
                  type="checkbox"
                  aria-label="Select all rows shown"
                  ref={(box) => {
                    if (box) box.indeterminate = chosen > 0 && chosen < rows.length;
                  }}
                  checked={chosen > 0 && chosen === rows.length}
                  onChange={(event) => selection.onChange(new Set(event.currentTarget.checked ? rows.map(rowKey) : []))}
                />
              </div>
            )}
            {columns.map((column) => (
              <div key={column.key} role="columnheader" className={classes.cell} data-align={column.align}>
                {column.header}
              </div>
            ))}
          </div>
        </div>
        <div
          role="rowgroup"
          ref={body}
          className={classes.body}
          style={virtual ? { height: virtualizer.getTotalSize() } : undefined}
        >
          {virtual
            ? virtualizer.getVirtualItems().map((item) => {
                const row = rows[item.index];
                if (row === undefined) return null;
                return drawRow(row, item.index, item.start - virtualizer.options.scrollMargin);
              })
            : rows.map((row, index) => drawRow(row, index))}
        </div>
      </div>
      {footer && <div className={classes.footer}>{footer}</div>}
    </div>
  );
}

interface RowProps<Row> {
  row: Row;
  name: string;
  index: number;
  columns: readonly Column<Row>[];
  rowLink?: (row: Row) => LinkProps;
  tracks: string;
  narrow: boolean;
  height: number;
  /** Where it begins in a table that draws only what is in view. */
  start: number | undefined;
  /** Undefined when rows cannot be selected. */
  selected: boolean | undefined;
  highlighted: boolean;
  onSelect: (name: string, on: boolean, range: boolean) => void;
  onFocus: (name: string) => void;
}

/** What tells more on hover lies above the link that covers its row, and leads where the row leads. */
function follow(event: MouseEvent<HTMLElement>) {
  if ((event.target as Element).closest("a, button, input, label")) return;
  const { ctrlKey, metaKey, shiftKey } = event;
  event.currentTarget
    .querySelector("a[data-main]")
    ?.dispatchEvent(new window.MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
}

function OneRow<Row>(props: RowProps<Row>) {
  const { row, name, index, columns, rowLink, tracks, narrow, height, start, selected, highlighted } = props;
  const cell = (column: Column<Row>) => (
    <div key={column.key} role="cell" className={classes.cell} data-align={column.align}>
      {narrow && column.caption && (
        <span className={classes.caption} aria-hidden>
          {column.caption}
        </span>
      )}
      {column.main && rowLink ? (
        <Link {...rowLink(row)} className={classes.main} data-main>
          {column.cell(row)}
        </Link>
      ) : column.main ? (
        <div className={classes.main} data-main tabIndex={-1}>
          {column.cell(row)}
        </div>
      ) : (
        column.cell(row)
      )}
    </div>
  );
  const place = (column: Column<Row>) => column.narrow ?? (column.main ? "first" : "hidden");
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={classes.row}
      data-row={name}
      data-link={rowLink ? true : undefined}
      data-selected={selected || undefined}
      data-highlighted={highlighted || undefined}
      data-narrow={narrow || undefined}
      style={{
        height,
        ...(narrow ? {} : { gridTemplateColumns: tracks }),
        ...(start === undefined
          ? {}
          : { position: "absolute", insetInline: 0, top: 0, transform: `translateY(${start}px)` }),
      }}
      onFocus={() => props.onFocus(name)}
      onClick={rowLink && follow}
    >
      {selected !== undefined && (
        <div className={classes.box} role="cell">
          <input
            type="checkbox"
            aria-label={`Select row ${index + 1}`}
            checked={selected}
            onChange={(event) =>
              props.onSelect(
                name,
                event.currentTarget.checked,
                (event.nativeEvent as unknown as MouseEvent).shiftKey === true,
              )
            }
          />
        </div>
      )}
      {narrow ? (
        <div className={classes.lines} role="presentation">
          <div className={classes.line} role="presentation">
            {columns.filter((column) => place(column) === "first").map(cell)}
          </div>
          <div className={classes.line} data-second role="presentation">
            {columns.filter((column) => place(column) === "second").map(cell)}
          </div>
        </div>
      ) : (
        columns.map(cell)
      )}
    </div>
  );
}

const TableRow = memo(OneRow) as typeof OneRow;
