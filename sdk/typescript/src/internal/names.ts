import { fnv1a, hex16 } from "./fnv.js";

/** What is printable: the space, letters, marks, numbers, punctuation and symbols. */
const unprintable = /[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/u;

/** The length of a text's UTF-8. */
export function byteLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) length += code >= 0x800 && (code & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return length;
}

/** Whether a text may name a step. */
export function validStepName(name: unknown): name is string {
  return (
    typeof name === "string" &&
    name !== "" &&
    !/[#[\]]/.test(name) &&
    !unprintable.test(name) &&
    byteLength(name) <= 100
  );
}

/** Whether a text may name a workflow. */
export function validWorkflowName(name: unknown): name is string {
  return typeof name === "string" && /^[a-z0-9][a-z0-9._-]{0,99}$/.test(name) && name !== "executions";
}

/** How a key stands in a step's name; the same in every SDK. */
export function keyText(key: unknown): string {
  let text: string;
  if (typeof key === "string") text = key;
  else if (
    typeof key === "boolean" ||
    typeof key === "bigint" ||
    (typeof key === "number" && Number.isSafeInteger(key))
  ) {
    text = String(key);
  } else {
    return hex16(fnv1a(JSON.stringify(key) ?? "null"));
  }
  if (text === "" || /[#[\]]/.test(text) || unprintable.test(text) || byteLength(text) > 120) return hex16(fnv1a(text));
  return text;
}
