import { Button, CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useShortcut } from "@/hooks/shortcuts";
import classes from "./FilterBar.module.css";

interface Props {
  children: ReactNode;
  /** Takes all filters away; the button is there only when some are set. */
  onClear?: (() => void) | undefined;
  /** At the right: counts, a refresh button, saved views. */
  end?: ReactNode;
}

/** The row of filters above a list. */
export function FilterBar({ children, onClear, end }: Props) {
  return (
    <search className={classes.bar}>
      {children}
      {onClear && (
        <Button variant="subtle" color="gray" onClick={onClear}>
          Clear filters
        </Button>
      )}
      {end && <div className={classes.end}>{end}</div>}
    </search>
  );
}

interface SearchProps {
  /** What the address says now. */
  value: string;
  /** Called a moment after the typing stops, and at once with Enter. */
  onChange: (value: string) => void;
  label: string;
  placeholder?: string;
  width?: number | string;
  /** Milliseconds of stillness before onChange. */
  delay?: number;
}

/** A text filter; `/` brings the focus here, Escape leaves it. */
export function SearchField({ value, onChange, label, placeholder, width = 260, delay = 250 }: SearchProps) {
  const [draft, setDraft] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  // Somebody else has changed it: back in history, or Clear.
  useEffect(() => setDraft(value), [value]);
  useEffect(() => {
    if (draft === value) return;
    const timer = setTimeout(() => latest.current(draft.trim()), delay);
    return () => clearTimeout(timer);
  }, [draft, value, delay]);
  useShortcut("/", `Search: ${label.toLowerCase()}`, () => field.current?.select(), { group: "Lists" });
  return (
    <TextInput
      ref={field}
      aria-label={label}
      placeholder={placeholder ?? label}
      value={draft}
      w={width}
      className={classes.search}
      leftSection={<IconSearch size={14} stroke={1.7} aria-hidden />}
      rightSection={
        draft === "" ? null : <CloseButton size="xs" aria-label="Empty the search" onClick={() => latest.current("")} />
      }
      onChange={(event) => setDraft(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") latest.current(draft.trim());
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

/** A filter that is on or off, in a row of its like, with a count where one is known. */
export function FilterToggle({
  active,
  onClick,
  children,
  count,
}: {
  active: boolean;
  onClick: () => void;
  children: ReactNode;
  count?: number | undefined;
}) {
  return (
    <button type="button" className={classes.toggle} aria-pressed={active} onClick={onClick}>
      {children}
      {count !== undefined && <span className={classes.count}>{count.toLocaleString()}</span>}
    </button>
  );
}
