import { parseJSON } from "@/services/exact";

/** JSON that somebody typed: its value, or what is wrong with it. Empty text is no value. */
export function readJson(text: string): { value: unknown; error?: undefined } | { value?: undefined; error: string } {
  if (text.trim() === "") return { value: undefined };
  try {
    return { value: parseJSON(text) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const hint = /^[\s]*[A-Za-z]/.test(text) && !/^\s*(true|false|null)\s*$/.test(text) ? " A text needs quotes." : "";
    return { error: `This is not JSON: ${said}.${hint}` };
  }
}
