import { ActionIcon, Button, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { IconChevronDown, IconChevronRight, IconChevronUp, IconDownload, IconSearch } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useDeferredValue, useId, useMemo, useRef, useState } from "react";
import { bigText, type JsonLine, lineCount, lines, longText, scalarText, search } from "@/services/json";
import { saveText } from "@/services/save";
import { CopyButton } from "./CopyButton";
import classes from "./JsonView.module.css";

interface Props {
  value: unknown;
  /** What it is: "Input", "Output". The name of the file when it is saved, too. */
  label: string;
  /** Levels that are open at first; when left out, as many as make a short text. */
  depth?: number;
  /** In pixels; scrolls beyond. */
  maxHeight?: number;
}

const lineHeight = 22;

/** Any JSON: a tree to search and walk, or its text. Values are drawn as text and nothing else. */
export function JsonView({ value, label, depth, maxHeight = 480 }: Props) {
  const [view, setView] = useState<"tree" | "text">("tree");
  const [query, setQuery] = useState("");
  const [current, setCurrent] = useState(0);
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const wanted = useDeferredValue(query);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState("");
  const id = useId();

  const startDepth = useMemo(() => depth ?? (lineCount(value, 200) < 200 ? 6 : 1), [value, depth]);
  const found = useMemo(() => (wanted === "" ? undefined : search(value, wanted)), [value, wanted]);
  const drawn = useMemo(
    () => lines(value, { depth: startDepth, toggled, ...(found ? { found } : {}) }),
    [value, startDepth, toggled, found],
  );
  const virtualizer = useVirtualizer({
    count: drawn.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => lineHeight,
    overscan: 20,
    getItemKey: (index) => drawn[index]?.path ?? index,
  });

  const indexOf = (path: string) => drawn.findIndex((line) => line.path === path);
  const show = (index: number) => {
    const line = drawn[index];
    if (!line) return;
    setActive(line.path);
    virtualizer.scrollToIndex(index, { align: "auto" });
  };
  const toggle = (line: JsonLine, open: boolean) => {
    if (line.size > 0) setToggled((before) => new Map(before).set(line.path, open));
  };
  const step = (by: number) => {
    if (!found || found.matches.length === 0) return;
    const next = (current + by + found.matches.length) % found.matches.length;
    setCurrent(next);
    const path = found.matches[next];
    if (path !== undefined) show(indexOf(path));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = Math.max(indexOf(active), 0);
    const line = drawn[at];
    if (!line) return;
    let move: () => void;
    switch (event.key) {
      case "ArrowDown":
        move = () => show(Math.min(at + 1, drawn.length - 1));
        break;
      case "ArrowUp":
        move = () => show(Math.max(at - 1, 0));
        break;
      case "Home":
        move = () => show(0);
        break;
      case "End":
        move = () => show(drawn.length - 1);
        break;
      case "ArrowRight":
        move = () => (line.size > 0 && !line.open ? toggle(line, true) : show(Math.min(at + 1, drawn.length - 1)));
        break;
      case "ArrowLeft":
        move = () =>
          line.open
            ? toggle(line, false)
            : show(
                Math.max(
                  drawn.findLastIndex((other, i) => i < at && other.depth < line.depth),
                  0,
                ),
              );
        break;
      case "Enter":
        move = () => toggle(line, !line.open);
        break;
      default:
        return;
    }
    event.preventDefault();
    move();
  };

  return (
    <div className={classes.view}>
      <div className={classes.bar}>
        <SegmentedControl
          size="xs"
          value={view}
          onChange={(next) => setView(next === "text" ? "text" : "tree")}
          aria-label={`How to show ${label.toLowerCase()}`}
          data={[
            { value: "tree", label: "Tree" },
            { value: "text", label: "Text" },
          ]}
        />
        {view === "tree" && (
          <TextInput
            aria-label={`Search in ${label.toLowerCase()}`}
            placeholder="Search"
            className={classes.search}
            value={query}
            leftSection={<IconSearch size={13} stroke={1.7} aria-hidden />}
            onChange={(event) => {
              setQuery(event.currentTarget.value);
              setCurrent(0);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
              if (event.key === "Escape") setQuery("");
            }}
          />
        )}
        {found && view === "tree" && (
          <span className={classes.matches} aria-live="polite">
            {found.matches.length === 0
              ? "Nothing found"
              : `${(current + 1).toLocaleString()} of ${found.matches.length.toLocaleString()}${found.complete ? "" : "+"}`}
            <ActionIcon
              size={22}
              aria-label="Match before"
              disabled={found.matches.length < 2}
              onClick={() => step(-1)}
            >
              <IconChevronUp size={14} />
            </ActionIcon>
            <ActionIcon size={22} aria-label="Next match" disabled={found.matches.length < 2} onClick={() => step(1)}>
              <IconChevronDown size={14} />
            </ActionIcon>
          </span>
        )}
        <span className={classes.end}>
          <CopyButton
            value={() => JSON.stringify(value, null, 2) ?? "null"}
            label={`Copy ${label.toLowerCase()} as JSON`}
          />
          <Tooltip label="Save as a file">
            <ActionIcon
              size={22}
              aria-label={`Save ${label.toLowerCase()} as a file`}
              onClick={() =>
                saveText(`${label.toLowerCase().replace(/\W+/g, "-")}.json`, JSON.stringify(value, null, 2) ?? "null")
              }
            >
              <IconDownload size={14} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        </span>
      </div>
      {view === "text" ? (
        <RawText value={value} label={label} maxHeight={maxHeight} />
      ) : (
        <div
          ref={scroller}
          className={classes.tree}
          style={{ maxHeight }}
          role="tree"
          tabIndex={0}
          aria-label={label}
          aria-activedescendant={
            active === "" && drawn.length === 0 ? undefined : `${id}-${Math.max(indexOf(active), 0)}`
          }
          onKeyDown={onKeyDown}
        >
          <div className={classes.lines} style={{ height: virtualizer.getTotalSize() }} role="presentation">
            {virtualizer.getVirtualItems().map((item) => {
              const line = drawn[item.index];
              return (
                line && (
                  <Line
                    key={item.key}
                    id={`${id}-${item.index}`}
                    line={line}
                    top={item.start}
                    active={line.path === active}
                    measure={virtualizer.measureElement}
                    index={item.index}
                    onToggle={() => {
                      setActive(line.path);
                      toggle(line, !line.open);
                    }}
                  />
                )
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

interface LineProps {
  id: string;
  line: JsonLine;
  top: number;
  index: number;
  active: boolean;
  measure: (element: Element | null) => void;
  onToggle: () => void;
}

function Line({ id, line, top, index, active, measure, onToggle }: LineProps) {
  const branch = line.kind === "object" || line.kind === "array";
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus and names the active line
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears the keys
    <div
      id={id}
      ref={measure}
      data-index={index}
      role="treeitem"
      aria-level={line.depth + 1}
      aria-expanded={branch && line.size > 0 ? line.open : undefined}
      aria-selected={active}
      className={classes.line}
      style={{ transform: `translateY(${top}px)`, paddingLeft: 8 + line.depth * 16 }}
      onClick={branch && line.size > 0 ? onToggle : undefined}
    >
      <span className={classes.twist} aria-hidden>
        {branch && line.size > 0 && (line.open ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />)}
      </span>
      <span className={line.match ? `${classes.text} ${classes.matched}` : classes.text}>
        {line.name !== undefined && (
          <>
            <span className={typeof line.name === "number" ? classes.place : classes.name}>{line.name}</span>
            <span className={classes.mark}>: </span>
          </>
        )}
        {branch ? <Branch line={line} /> : <Scalar value={line.value} kind={line.kind} />}
      </span>
    </div>
  );
}

function Branch({ line }: { line: JsonLine }) {
  const [open, close, one, many] =
    line.kind === "array" ? ["[", "]", "element", "elements"] : ["{", "}", "member", "members"];
  if (line.size === 0) return <span className={classes.mark}>{`${open}${close}`}</span>;
  return (
    <span className={classes.mark}>
      {line.open ? open : `${open} … ${close}`}
      {!line.open && (
        <span className={classes.size}>{` ${line.size.toLocaleString()} ${line.size === 1 ? one : many}`}</span>
      )}
    </span>
  );
}

function Scalar({ value, kind }: { value: unknown; kind: JsonLine["kind"] }) {
  const [whole, setWhole] = useState(false);
  const text = scalarText(value);
  const cut = !whole && text.length > longText;
  return (
    <span className={classes[kind]}>
      {cut ? text.slice(0, longText) : text}
      {cut && (
        <button type="button" className={classes.more} onClick={() => setWhole(true)}>
          … show all {text.length.toLocaleString()} characters
        </button>
      )}
    </span>
  );
}

function RawText({ value, label, maxHeight }: { value: unknown; label: string; maxHeight: number }) {
  const [asked, setAsked] = useState(false);
  const text = useMemo(() => JSON.stringify(value, null, 2) ?? "null", [value]);
  if (text.length > bigText && !asked) {
    return (
      <div className={classes.big}>
        <span>{`${text.length.toLocaleString()} characters. Copying or saving them is faster than drawing them.`}</span>
        <Button variant="default" onClick={() => setAsked(true)}>
          Show all of it
        </Button>
      </div>
    );
  }
  return (
    <section
      className={classes.raw}
      style={{ maxHeight }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
      tabIndex={0}
      aria-label={`${label} as text`}
    >
      {text}
    </section>
  );
}
