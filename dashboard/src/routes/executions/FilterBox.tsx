// The box that says what is listed: conditions as chips, and a line to type more. The line knows what may be typed.
import { IconSearch, IconX } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, memo, useEffect, useId, useRef, useState } from "react";
import { StatusDot } from "@/components/StatusDot";
import { useShortcut } from "@/hooks/shortcuts";
import { useNarrow } from "@/hooks/useNarrow";
import { useKnown } from "./data";
import { describeRange } from "./dates";
import classes from "./FilterBox.module.css";
import { add, parse, remove, type Term, takeComplete, termsOf, write } from "./filter";
import { type ExecutionFilter, isEverything } from "./search";
import { replaceLast, type Suggestion, suggest } from "./suggest";

interface Props {
  filter: ExecutionFilter;
  onChange: (filter: ExecutionFilter) => void;
}

export const FilterBox = memo(function FilterBox({ filter, onChange }: Props) {
  const [draft, setDraft] = useState("");
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const [problems, setProblems] = useState<readonly string[]>([]);
  const [used, setUsed] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const narrow = useNarrow();
  const navigate = useNavigate();
  const known = useKnown(used);
  const terms = termsOf(filter);
  const offered = open ? suggest(draft, known) : [];
  const chosen = active >= 0 && active < offered.length ? active : -1;

  useShortcut("/", "Filter the list", () => input.current?.focus(), { group: "Lists" });

  const type = (text: string) => {
    setDraft(text);
    setOpen(true);
    setProblems([]);
    // Once a name is there only its values are meant, and Enter takes the first.
    setActive(/^\S*[:.<>]\S*$/.test(text.trimStart().split(/\s+/).at(-1) ?? "") && !text.endsWith(" ") ? 0 : -1);
  };

  const commit = (text: string) => {
    const parsed = parse(text);
    if (parsed.terms.length > 0) onChange(add(filter, parsed.terms));
    setProblems(parsed.problems);
    setDraft(parsed.problems.length > 0 ? text : "");
    setActive(-1);
    setOpen(false);
  };

  const take = (suggestion: Suggestion) => {
    const { does } = suggestion;
    if (does.type === "open") {
      setDraft("");
      setOpen(false);
      void navigate({ to: "/executions/$id", params: { id: does.id } });
    } else if (does.type === "type") {
      type(replaceLast(draft, does.text));
      setActive(does.text.endsWith(".") || does.text.endsWith(">") || does.text.endsWith("<") ? -1 : 0);
    } else {
      onChange(add(filter, [does.term]));
      setDraft(replaceLast(draft, ""));
      setActive(-1);
      setProblems([]);
    }
    input.current?.focus();
  };

  const edit = (term: Term) => {
    onChange(remove(filter, term));
    setDraft(draft === "" ? write(term) : `${draft.trimEnd()} ${write(term)}`);
    setActive(-1);
    setOpen(true);
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        event.preventDefault();
        if (!open) {
          setOpen(true);
          return;
        }
        const count = offered.length;
        if (count === 0) return;
        const step = event.key === "ArrowDown" ? 1 : -1;
        setActive(chosen < 0 ? (step > 0 ? 0 : count - 1) : (chosen + step + count) % count);
        return;
      }
      case "Tab": {
        const suggestion = offered[Math.max(chosen, 0)];
        if (event.shiftKey || !open || draft.trim() === "" || !suggestion) return;
        event.preventDefault();
        take(suggestion);
        return;
      }
      case "Enter": {
        event.preventDefault();
        const suggestion = open ? offered[chosen] : undefined;
        // What is typed in full counts as typed.
        const complete = takeComplete(draft).terms.length > 0 && active === 0;
        if (suggestion && !complete) take(suggestion);
        else if (draft.trim() !== "") commit(draft);
        else setOpen(false);
        return;
      }
      case "Escape":
        event.preventDefault();
        if (open && offered.length > 0) setOpen(false);
        else input.current?.blur();
        return;
      case "Backspace": {
        const last = terms.at(-1);
        if (draft !== "" || !last) return;
        event.preventDefault();
        edit(last);
        return;
      }
      case "ArrowLeft":
        if (draft === "" && terms.length > 0) {
          event.preventDefault();
          chips(box.current).at(-1)?.focus();
        }
    }
  };

  const onChipKey = (event: KeyboardEvent<HTMLButtonElement>, term: Term) => {
    const all = chips(box.current);
    const at = all.indexOf(event.currentTarget);
    if (event.key === "Backspace" || event.key === "Delete") {
      event.preventDefault();
      onChange(remove(filter, term));
      input.current?.focus();
    } else if (event.key === "ArrowLeft") {
      all[at - 1]?.focus();
    } else if (event.key === "ArrowRight") {
      (all[at + 1] ?? input.current)?.focus();
    }
  };

  // What is chosen with the arrows is in view.
  useEffect(() => {
    if (chosen >= 0) document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [chosen, id]);

  const listed = open && offered.length > 0;
  return (
    <div className={classes.root}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: pressing the empty part of the box focuses its field, which the keyboard reaches by itself */}
      <div
        ref={box}
        className={classes.box}
        onMouseDown={(event) => {
          if (event.target === event.currentTarget) {
            event.preventDefault();
            input.current?.focus();
          }
        }}
      >
        <IconSearch size={14} stroke={1.7} className={classes.icon} aria-hidden />
        {terms.map((term) => (
          <span key={term.kind === "metadata" ? `metadata.${term.key}` : term.kind} className={classes.chip}>
            <button
              type="button"
              data-chip
              className={classes.edit}
              title={`${write(term)}. Press to edit.`}
              onClick={() => edit(term)}
              onKeyDown={(event) => onChipKey(event, term)}
            >
              <ChipText term={term} />
            </button>
            <button
              type="button"
              className={classes.remove}
              aria-label={`Remove ${write(term)}`}
              onClick={() => onChange(remove(filter, term))}
            >
              <IconX size={12} aria-hidden />
            </button>
          </span>
        ))}
        <input
          ref={input}
          className={classes.input}
          value={draft}
          role="combobox"
          aria-label="Filter executions"
          aria-autocomplete="list"
          aria-expanded={listed}
          aria-controls={listed ? `${id}-list` : undefined}
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-invalid={problems.length > 0 || undefined}
          aria-describedby={problems.length > 0 ? `${id}-problem` : undefined}
          placeholder={
            terms.length > 0
              ? ""
              : narrow
                ? "Filter"
                : "Filter: status:running workflow:echo created:>7d, or words of the input"
          }
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onFocus={() => {
            setUsed(true);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onChange={(event) => {
            const text = event.currentTarget.value;
            if (!text.endsWith(" ")) {
              type(text);
              return;
            }
            // A space ends a condition; words stay to be added to until Enter.
            const complete = takeComplete(text);
            if (complete.terms.length > 0) onChange(add(filter, complete.terms));
            type(complete.terms.length > 0 ? complete.rest : text);
          }}
          onPaste={(event) => {
            const text = event.clipboardData.getData("text").trim();
            if (draft !== "" || !/\s/.test(text)) return;
            const complete = takeComplete(text);
            if (complete.terms.length === 0) return;
            event.preventDefault();
            onChange(add(filter, complete.terms));
            type(complete.rest.trimEnd());
          }}
          onKeyDown={onKeyDown}
        />
        {(!isEverything(filter) || draft !== "") && (
          <button
            type="button"
            className={classes.clear}
            onClick={() => {
              setDraft("");
              setProblems([]);
              onChange({});
              input.current?.focus();
            }}
          >
            Clear
          </button>
        )}
      </div>
      {listed && (
        <div id={`${id}-list`} role="listbox" aria-label="Suggestions" className={classes.list}>
          {offered.map((suggestion, i) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and names the chosen one
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys
            <div
              key={suggestion.key}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === chosen}
              className={classes.option}
              onMouseDown={(event) => event.preventDefault()}
              onMouseMove={() => setActive(i)}
              onClick={() => take(suggestion)}
            >
              {suggestion.does.type === "add" && suggestion.does.term.kind === "status" && (
                <StatusDot status={suggestion.does.term.values.at(-1) ?? "created"} />
              )}
              <span className={classes.optionText}>{suggestion.label}</span>
              {suggestion.hint && <span className={classes.hint}>{suggestion.hint}</span>}
            </div>
          ))}
          <div className={classes.keys} aria-hidden>
            <span>
              <kbd>↑</kbd>
              <kbd>↓</kbd> choose
            </span>
            <span>
              <kbd>Tab</kbd> complete
            </span>
            <span>
              <kbd>Enter</kbd> {draft.trim() === "" || chosen >= 0 ? "take" : "search the input"}
            </span>
          </div>
        </div>
      )}
      {problems.length > 0 && (
        <p id={`${id}-problem`} className={classes.problem} role="alert">
          {problems.join(". ")}.
        </p>
      )}
    </div>
  );
});

const chips = (box: HTMLElement | null): HTMLElement[] => [
  ...(box?.querySelectorAll<HTMLElement>("[data-chip]") ?? []),
];

function ChipText({ term }: { term: Term }) {
  switch (term.kind) {
    case "status":
      return (
        <>
          <span className={classes.name}>status</span>
          {term.values.map((value) => (
            <span key={value} className={classes.value}>
              <StatusDot status={value} size={12} />
              {value}
            </span>
          ))}
        </>
      );
    case "created":
      return (
        <>
          <span className={classes.name}>created</span>
          <span className={classes.value}>{describeRange(term.from, term.to)}</span>
        </>
      );
    case "text":
      return <span className={classes.value}>“{term.value}”</span>;
    default: {
      const name = term.kind === "metadata" ? term.key : term.kind;
      const value = term.kind === "trigger" ? term.values.join(", ") : term.value;
      return (
        <>
          <span className={classes.name}>{name}</span>
          <span className={classes.value}>{value === "" ? "(empty)" : value}</span>
        </>
      );
    }
  }
}
