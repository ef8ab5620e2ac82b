import { parseJSON } from "./exact";

/** What stands in a field for JSON. */
export interface Typed {
  /** Undefined where nothing was typed, and where it is not JSON. */
  value: unknown;
  /** Why it is not JSON. */
  problem: string | undefined;
}

/** Reads a field for JSON. */
export function readJSON(text: string): Typed {
  if (text.trim() === "") return { value: undefined, problem: undefined };
  try {
    return { value: parseJSON(text), problem: undefined };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const hint = /^\s*[A-Za-z]/.test(text) ? " A text needs quotes." : "";
    return { value: undefined, problem: `This is not JSON: ${said}.${hint}` };
  }
}
