import { parseJSON } from "./exact";

/** What stands in a field for JSON: nothing, a value, or a text that is not JSON and why. */
export type Parsed = { state: "empty" } | { state: "value"; value: unknown } | { state: "broken"; why: string };

/** Reads a field for JSON. */
export function parseField(text: string): Parsed {
  if (text.trim() === "") return { state: "empty" };
  try {
    return { state: "value", value: parseJSON(text) };
  } catch (error) {
    return { state: "broken", why: error instanceof Error ? error.message : String(error) };
  }
}
