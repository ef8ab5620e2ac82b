import { ApiError, type FieldError } from "./api";

const within = (error: FieldError, field: string) =>
  error.field === field || error.field.startsWith(`${field}[`) || error.field.startsWith(`${field}.`);

/** With a capital at its beginning and a full stop at its end. */
export const sentence = (text: string) =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** What the server said about the field, to stand beside it; undefined when it said nothing. */
export function fieldError(error: unknown, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const found = error.errors.find((each) => within(each, field));
  return found && sentence(found.message);
}

/** Whether the error says something that none of the fields shows. */
export function besideFields(error: unknown, fields: readonly string[]): boolean {
  if (error === null || error === undefined) return false;
  if (!(error instanceof ApiError) || error.errors.length === 0) return true;
  return error.errors.some((each) => !fields.some((field) => within(each, field)));
}
