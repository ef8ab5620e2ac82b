// JSON whose numbers stay as they were written. A browser's own numbers have 53 bits: an order number of 19 digits would be
// shown, and sent again, as one of its neighbours. Browsers that cannot read the source of a number round as before.

interface ExactJSON {
  rawJSON?: (text: string) => unknown;
}
const { rawJSON } = JSON as ExactJSON;

/** A number that the browser would round, as its text. JSON.stringify writes it as it came. */
export class ExactNumber {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return rawJSON ? rawJSON(this.text) : Number(this.text);
  }

  toString(): string {
    return this.text;
  }
}

// Without one of these all numbers of a text are kept by the browser; looking at each takes ten times as long.
const suspicious = /(?<![\d.])\d{16}|[\d.]{20}|\d[eE][+-]?\d{3}/;

/** The digits and the power of ten of a number, which say whether two ways of writing it mean the same. */
function decimal(text: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!parts) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  return kept === "" ? "0" : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** As JSON.parse, but numbers that would be rounded become an ExactNumber. */
export function parseJSON(text: string): unknown {
  if (rawJSON === undefined || !suspicious.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, (_name, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined || decimal(source) === decimal(String(value))) return value;
    return new ExactNumber(source);
  }) as unknown;
}

/** The whole number that somebody typed, when it has more digits than the browser keeps and can still be sent. */
export function exactInteger(text: string): ExactNumber | undefined {
  const parts = /^\s*([+-]?)0*(\d+)\s*$/.exec(text);
  if (rawJSON === undefined || !parts) return undefined;
  const written = `${parts[1] === "-" ? "-" : ""}${parts[2]}`;
  return Number.isSafeInteger(Number(written)) ? undefined : new ExactNumber(written);
}
