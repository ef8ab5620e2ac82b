// The language of the filter box: status:running,waiting workflow:extract-invoice metadata.customer:1138 created:>now()-7d
// and any other words, which are looked for in the input.
import { statuses } from "@/components/status";
import { isDay, readMoment } from "./dates";
import type { ExecutionFilter, Status, Trigger } from "./search";

export const triggers: readonly Trigger[] = ["api", "cli", "manual", "scheduled", "rerun"];

/** One condition: what a chip shows and a word of the box says. */
export type Term =
  | { kind: "status"; values: Status[] }
  | { kind: "workflow"; value: string }
  | { kind: "trigger"; values: Trigger[] }
  | { kind: "metadata"; key: string; value: string }
  | { kind: "awaiting"; value: string }
  | { kind: "created"; from?: string; to?: string }
  | { kind: "text"; value: string };

export interface Word {
  /** As typed, with its quotes. */
  raw: string;
  start: number;
  end: number;
}

/** Cuts a line at its spaces, but for those in quotes; a backslash takes the meaning from the character behind it. */
export function split(line: string): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quoted = false;
  for (let i = 0; i <= line.length; i++) {
    const c = line[i];
    if (c === undefined || (!quoted && /\s/.test(c))) {
      if (start >= 0) words.push({ raw: line.slice(start, i), start, end: i });
      start = -1;
      continue;
    }
    if (start < 0) start = i;
    if (c === "\\") i++;
    else if (c === '"') quoted = !quoted;
  }
  return words;
}

/** Takes quotes and backslashes away. */
export function unquote(raw: string): string {
  let out = "";
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i];
    if (c === "\\" && i + 1 < raw.length) out += raw[++i];
    else if (c !== '"') out += c;
  }
  return out;
}

/** Writes a text so that the box reads the same. */
export function quote(value: string): string {
  return value === "" || /[\s"\\]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}

/** Where the name of a word ends: before the first colon or sign of comparison that is not quoted. */
export function nameOf(raw: string): { name: string; rest: string } | undefined {
  const found = /^(metadata\.(?:"(?:[^"\\]|\\.)*"|(?:[^\s":\\]|\\.)+)|[a-z_]+)(:|(?=[<>]))/is.exec(raw);
  if (!found?.[1]) return undefined;
  const name = found[1];
  return { name: name.startsWith("metadata.") ? name : name.toLowerCase(), rest: raw.slice(found[0].length) };
}

const list = (rest: string): string[] => [
  ...new Set(
    unquote(rest)
      .split(",")
      .map((each) => each.trim().toLowerCase())
      .filter((each) => each !== ""),
  ),
];

export type Read = { term: Term } | { problem: string } | { free: string };

const momentHelp = "write 7d, 2026-11-21 or now()-7d";

function readCreated(rest: string): Read {
  const value = unquote(rest);
  const range = value.split("..");
  if (range.length === 2) {
    const from = readMoment(range[0] ?? "");
    const to = readMoment(range[1] ?? "");
    if (from === undefined || to === undefined) return { problem: `"${value}" is no range: ${momentHelp}` };
    return { term: { kind: "created", from, to } };
  }
  const sign = /^[<>]=?/.exec(value)?.[0] ?? "";
  const moment = readMoment(value.slice(sign.length));
  if (moment === undefined) return { problem: `"${value.slice(sign.length)}" is no time: ${momentHelp}` };
  if (sign.startsWith("<")) return { term: { kind: "created", to: moment } };
  if (sign === "" && isDay(moment)) return { term: { kind: "created", from: moment, to: moment } };
  return { term: { kind: "created", from: moment } };
}

/** What one word means: a condition, a condition that is wrong, or a word to look for. */
export function readWord(raw: string): Read {
  const named = nameOf(raw);
  if (!named) return { free: unquote(raw) };
  const { name, rest } = named;
  const value = unquote(rest);
  if (name.startsWith("metadata.")) {
    const key = unquote(name.slice("metadata.".length));
    return rest === "" ? { problem: `metadata.${key} needs a value` } : { term: { kind: "metadata", key, value } };
  }
  switch (name) {
    case "status":
    case "state": {
      const values = list(rest);
      const wrong = values.find((each) => !statuses.includes(each as Status));
      if (wrong !== undefined) return { problem: `"${wrong}" is no state: ${statuses.join(", ")}` };
      if (values.length === 0) return { problem: "status needs a state" };
      return { term: { kind: "status", values: values as Status[] } };
    }
    case "trigger": {
      const values = list(rest);
      const wrong = values.find((each) => !triggers.includes(each as Trigger));
      if (wrong !== undefined) return { problem: `"${wrong}" is no trigger: ${triggers.join(", ")}` };
      if (values.length === 0) return { problem: "trigger needs a value" };
      return { term: { kind: "trigger", values: values as Trigger[] } };
    }
    case "workflow":
      return value === "" ? { problem: "workflow needs a name" } : { term: { kind: "workflow", value } };
    case "awaiting":
      return /^(?:approval|signal)(?::.+)?$/s.test(value)
        ? { term: { kind: "awaiting", value } }
        : { problem: `"${value}" is not what can be awaited: write approval, signal or approval:manager` };
    case "created":
      return readCreated(rest);
    case "text":
      return value === "" ? { problem: "text needs words" } : { term: { kind: "text", value } };
    default:
      // A colon in a text to look for is no mistake: order:1138.
      return { free: unquote(raw) };
  }
}

export interface Parsed {
  terms: Term[];
  /** What is wrong, a sentence for each word that is. */
  problems: string[];
}

/** Reads a whole line. The words without a name are one text. */
export function parse(line: string): Parsed {
  const terms: Term[] = [];
  const problems: string[] = [];
  const free: string[] = [];
  for (const word of split(line)) {
    const read = readWord(word.raw);
    if ("term" in read) terms.push(read.term);
    else if ("problem" in read) problems.push(read.problem);
    else if (read.free !== "") free.push(read.free);
  }
  if (free.length > 0) terms.push({ kind: "text", value: free.join(" ") });
  return { terms, problems };
}

/** Takes out of a line what is a complete condition; the rest is still being typed. */
export function takeComplete(line: string): { terms: Term[]; rest: string } {
  const terms: Term[] = [];
  const rest: string[] = [];
  for (const word of split(line)) {
    const read = readWord(word.raw);
    if ("term" in read) terms.push(read.term);
    else rest.push(word.raw);
  }
  return { terms, rest: rest.length > 0 ? `${rest.join(" ")} ` : "" };
}

/** The condition as the box writes it. */
export function write(term: Term): string {
  switch (term.kind) {
    case "status":
    case "trigger":
      return `${term.kind}:${term.values.join(",")}`;
    case "workflow":
    case "awaiting":
      return `${term.kind}:${quote(term.value)}`;
    case "metadata":
      return `metadata.${/[:\s"\\]/.test(term.key) ? `"${term.key.replace(/["\\]/g, "\\$&")}"` : term.key}:${quote(term.value)}`;
    case "created":
      if (term.from !== undefined && term.to !== undefined) {
        return term.from === term.to && isDay(term.from)
          ? `created:${term.from}`
          : `created:${quote(`${term.from}..${term.to}`)}`;
      }
      return term.from !== undefined ? `created:>${quote(term.from)}` : `created:<${quote(term.to ?? "")}`;
    case "text": {
      const plain = quote(term.value);
      // What reads as a name is text only when it is called so.
      return nameOf(plain) ? `text:${plain}` : plain;
    }
  }
}

/** The conditions of a filter, in the order of the box. */
export function termsOf(filter: ExecutionFilter): Term[] {
  const terms: Term[] = [];
  if (filter.status?.length) terms.push({ kind: "status", values: filter.status });
  if (filter.workflow !== undefined) terms.push({ kind: "workflow", value: filter.workflow });
  if (filter.trigger?.length) terms.push({ kind: "trigger", values: filter.trigger });
  for (const [key, value] of Object.entries(filter.metadata ?? {})) terms.push({ kind: "metadata", key, value });
  if (filter.awaiting !== undefined) terms.push({ kind: "awaiting", value: filter.awaiting });
  if (filter.from !== undefined || filter.to !== undefined) {
    terms.push({
      kind: "created",
      ...(filter.from === undefined ? {} : { from: filter.from }),
      ...(filter.to === undefined ? {} : { to: filter.to }),
    });
  }
  if (filter.text !== undefined) terms.push({ kind: "text", value: filter.text });
  return terms;
}

/** The filter as one line of the box. */
export const format = (filter: ExecutionFilter): string => termsOf(filter).map(write).join(" ");

/** Adds conditions: states and triggers join those there are, the others take the place of what they contradict. */
export function add(filter: ExecutionFilter, terms: readonly Term[]): ExecutionFilter {
  const next: ExecutionFilter = { ...filter };
  for (const term of terms) {
    switch (term.kind) {
      case "status": {
        const chosen = new Set([...(next.status ?? []), ...term.values]);
        next.status = statuses.filter((each) => chosen.has(each));
        break;
      }
      case "trigger":
        next.trigger = [...new Set([...(next.trigger ?? []), ...term.values])];
        break;
      case "workflow":
        next.workflow = term.value;
        break;
      case "metadata":
        next.metadata = { ...next.metadata, [term.key]: term.value };
        break;
      case "created":
        if (term.from !== undefined) next.from = term.from;
        if (term.to !== undefined) next.to = term.to;
        break;
      case "awaiting":
        next.awaiting = term.value;
        break;
      case "text":
        next.text = term.value;
        break;
    }
  }
  return next;
}

/** Takes a condition away. */
export function remove(filter: ExecutionFilter, term: Term): ExecutionFilter {
  const next: ExecutionFilter = { ...filter };
  switch (term.kind) {
    case "status":
      delete next.status;
      break;
    case "trigger":
      delete next.trigger;
      break;
    case "workflow":
      delete next.workflow;
      break;
    case "metadata": {
      const { [term.key]: _, ...metadata } = next.metadata ?? {};
      if (Object.keys(metadata).length > 0) next.metadata = metadata;
      else delete next.metadata;
      break;
    }
    case "awaiting":
      delete next.awaiting;
      break;
    case "created":
      delete next.from;
      delete next.to;
      break;
    case "text":
      delete next.text;
      break;
  }
  return next;
}
