// The rows that are shown, as a file for others to work with.
import type { Row } from "./row";

const columns = [
  "id",
  "workflow",
  "version",
  "status",
  "status_reason",
  "status_message",
  "progress",
  "attempt",
  "priority",
  "trigger_type",
  "created_at",
  "scheduled_at",
  "started_at",
  "completed_at",
  "deadline_at",
  "error_code",
  "error",
] as const satisfies readonly (keyof Row)[];

// What begins so would be a formula to a spreadsheet that opens the file.
const formula = /^[=+\-@\t\r]/;

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  const text = String(value);
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** RFC 4180, with a column for each key of metadata. */
export function toCSV(rows: readonly Row[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.metadata ?? {})))].sort();
  const head = [...columns, ...keys.map((key) => `metadata.${key}`)].map(cell).join(",");
  const lines = rows.map((row) =>
    [...columns.map((name) => cell(row[name])), ...keys.map((key) => cell(row.metadata?.[key]))].join(","),
  );
  return `${[head, ...lines].join("\r\n")}\r\n`;
}

/** The rows with the API's names. */
export function toJSON(rows: readonly Row[]): string {
  return `${JSON.stringify(rows, null, 2)}\n`;
}
