// What the filter box offers while somebody types.
import { statuses, statusMeaning } from "@/components/status";
import { presets } from "./dates";
import { nameOf, split, type Term, triggers, unquote, write } from "./filter";

/** What is known of the values, from the workflows of the project and the rows that were loaded. */
export interface Known {
  workflows: readonly string[];
  /** Keys, each with the values that were seen. */
  metadata: ReadonlyMap<string, readonly string[]>;
}

export interface Suggestion {
  /** Tells it from the others. */
  key: string;
  label: string;
  hint?: string;
  /** What choosing it does: replace the last word and go on typing, add the condition, or open the execution. */
  does: { type: "type"; text: string } | { type: "add"; term: Term } | { type: "open"; id: string };
}

const names: readonly [text: string, hint: string][] = [
  ["status:", "running,waiting"],
  ["workflow:", "a name"],
  ["created:>", "7d, 2026-11-21, now()-7d"],
  ["created:<", "until when"],
  ["metadata.", "customer:1138"],
  ["awaiting:", "approval, signal"],
  ["trigger:", "api, cli, manual"],
];

const executionId = /^exec_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const most = 12;

function bare(value: string): string {
  return unquote(value).toLowerCase();
}

const adds = (term: Term, hint?: string): Suggestion => ({
  key: write(term),
  label: write(term),
  ...(hint === undefined ? {} : { hint }),
  does: { type: "add", term },
});

// Those that begin with it before those that merely hold it.
function fitting(values: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const begin = values.filter((value) => value.toLowerCase().startsWith(wanted));
  const hold = values.filter(
    (value) => !value.toLowerCase().startsWith(wanted) && value.toLowerCase().includes(wanted),
  );
  return [...begin, ...hold];
}

function metadataKeys(typed: string, known: Known): Suggestion[] {
  return fitting([...known.metadata.keys()], typed).map((key) => ({
    key: `metadata.${key}`,
    label: `metadata.${key}:`,
    hint: `${(known.metadata.get(key) ?? []).slice(0, 3).join(", ")}`,
    does: { type: "type", text: write({ kind: "metadata", key, value: "x" }).slice(0, -1) },
  }));
}

/** What may stand in the place of the last word of the line. */
export function suggest(line: string, known: Known): Suggestion[] {
  const typed = /\s$/.test(line) ? "" : (split(line).at(-1)?.raw ?? "");
  const named = nameOf(typed);
  if (!named) {
    if (typed.toLowerCase().startsWith("metadata.")) {
      return metadataKeys(bare(typed.slice("metadata.".length)), known).slice(0, most);
    }
    const wanted = bare(typed);
    if (executionId.test(wanted)) {
      return [{ key: wanted, label: `Open ${wanted}`, hint: "execution", does: { type: "open", id: wanted } }];
    }
    const offered: Suggestion[] = names
      .filter(([text]) => text.startsWith(wanted))
      .map(([text, hint]) => ({ key: text, label: text, hint, does: { type: "type", text } }));
    if (wanted === "") return offered;
    return [
      ...offered,
      ...fitting(statuses, wanted)
        .filter((value) => value.startsWith(wanted))
        .map((value) => adds({ kind: "status", values: [value as (typeof statuses)[number]] })),
      ...fitting(known.workflows, wanted).map((value) => adds({ kind: "workflow", value })),
      ...metadataKeys(wanted, known).filter(({ key }) => key.toLowerCase().startsWith(`metadata.${wanted}`)),
      ...[...known.metadata].flatMap(([key, values]) =>
        values
          .filter((value) => value.toLowerCase().startsWith(wanted))
          .map((value) => adds({ kind: "metadata", key, value })),
      ),
    ].slice(0, most);
  }

  const { name, rest } = named;
  if (name.startsWith("metadata.")) {
    const key = unquote(name.slice("metadata.".length));
    return fitting(known.metadata.get(key) ?? [], unquote(rest))
      .map((value) => adds({ kind: "metadata", key, value }))
      .slice(0, most);
  }
  switch (name) {
    case "status":
    case "state":
    case "trigger": {
      const parts = bare(rest).split(",");
      const last = parts.at(-1) ?? "";
      const before = parts.slice(0, -1).filter((part) => part !== "");
      const values: readonly string[] = name === "trigger" ? triggers : statuses;
      return fitting(values, last)
        .filter((value) => !before.includes(value))
        .map((value) =>
          name === "trigger"
            ? adds({ kind: "trigger", values: [...before, value] as (typeof triggers)[number][] })
            : adds(
                { kind: "status", values: [...before, value] as (typeof statuses)[number][] },
                statusMeaning[value as (typeof statuses)[number]],
              ),
        );
    }
    case "workflow":
      return fitting(known.workflows, unquote(rest))
        .map((value) => adds({ kind: "workflow", value }))
        .slice(0, most);
    case "awaiting":
      return fitting(["approval", "signal"], unquote(rest)).map((value) => adds({ kind: "awaiting", value }));
    case "created": {
      const sign = /^[<>]=?/.exec(rest)?.[0] ?? "";
      const typedMoment = unquote(rest.slice(sign.length)).toLowerCase();
      return presets
        .filter(
          ({ from, label }) =>
            from.includes(typedMoment) || label.toLowerCase().includes(typedMoment) || typedMoment === "",
        )
        .map(({ from, label }) => {
          const until = sign.startsWith("<");
          return adds(
            until ? { kind: "created", to: from } : { kind: "created", from },
            until ? `older than the ${label.replace(/^Last/, "last").toLowerCase()}` : label,
          );
        });
    }
    default:
      return [];
  }
}

/** The line with its last word replaced. */
export function replaceLast(line: string, text: string): string {
  const last = split(line).at(-1);
  return last && !/\s$/.test(line) ? line.slice(0, last.start) + text : line + text;
}

/** Gathers metadata from rows, the newest values first, no more than so many keys and values each. */
export function gather(
  seen: Map<string, string[]>,
  rows: readonly { metadata?: Record<string, string> | undefined }[],
  limits = { keys: 50, values: 50 },
): boolean {
  let changed = false;
  for (const row of rows) {
    for (const [key, value] of Object.entries(row.metadata ?? {})) {
      let values = seen.get(key);
      if (!values) {
        if (seen.size >= limits.keys) continue;
        values = [];
        seen.set(key, values);
      }
      if (values.includes(value)) continue;
      values.unshift(value);
      values.length = Math.min(values.length, limits.values);
      changed = true;
    }
  }
  return changed;
}
