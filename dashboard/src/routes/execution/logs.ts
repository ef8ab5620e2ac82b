// Log lines: which are shown, and how they are written into a file.
import type { LogLine } from "@/services/execution";
import { type Level, levels } from "./search";

export interface LogSearch {
  level?: Level | undefined;
  q?: string | undefined;
}

/** The lines of a level or above that hold a text, whatever its case, oldest first. */
export function selectLines(lines: readonly LogLine[], { level, q }: LogSearch): LogLine[] {
  const lowest = level === undefined ? 0 : levels.indexOf(level);
  const wanted = q?.toLowerCase();
  return lines
    .filter(
      (line) =>
        levels.indexOf(line.level) >= lowest &&
        (wanted === undefined ||
          line.message.toLowerCase().includes(wanted) ||
          (line.step?.toLowerCase().includes(wanted) ?? false) ||
          (line.fields !== undefined && JSON.stringify(line.fields).toLowerCase().includes(wanted))),
    )
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** Fields as key=value, for a line. */
export function fieldsText(fields: Record<string, unknown> | undefined): string {
  return Object.entries(fields ?? {})
    .map(
      ([name, value]) =>
        `${name}=${typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join(" ");
}

/** Lines as a file of text: each begins with its time in UTC, level and step. */
export function logFile(lines: readonly LogLine[]): string {
  return lines
    .map((line) => {
      const fields = fieldsText(line.fields);
      return `${line.at} ${line.level.toUpperCase().padEnd(5)} [${line.step ?? "-"}#${line.attempt}] ${line.message}${fields === "" ? "" : ` ${fields}`}\n`;
    })
    .join("");
}
