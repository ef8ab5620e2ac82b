// Files in payloads. A reference is an object with a fileId; the server has filled in the rest.

export interface FileRef {
  id: string;
  name: string;
  size: number | undefined;
  sha256: string | undefined;
  type: string | undefined;
  /** Where it stands: "input.document", or several of them. */
  places: string[];
}

const fileId = /^file_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** All files that payloads refer to, each once, in the order in which they stand. payloads are named: input, output. */
export function fileRefs(payloads: Readonly<Record<string, unknown>>): FileRef[] {
  const found = new Map<string, FileRef>();
  const visit = (value: unknown, place: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const [i, member] of value.entries()) visit(member, `${place}[${i}]`);
      return;
    }
    const members = value as Record<string, unknown>;
    const id = members.fileId;
    if (typeof id === "string" && fileId.test(id)) {
      const known = found.get(id);
      if (known) {
        known.places.push(place);
        return;
      }
      found.set(id, {
        id,
        name: textOf(members.filename) ?? id,
        size: typeof members.size === "number" ? members.size : undefined,
        sha256: textOf(members.sha256),
        type: textOf(members.mimeType),
        places: [place],
      });
      return;
    }
    for (const [name, member] of Object.entries(members)) visit(member, `${place}.${name}`);
  };
  for (const [name, payload] of Object.entries(payloads)) visit(payload, name);
  return [...found.values()];
}

const units = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** "1 byte", "512 bytes", "1.2 MB": of a thousand, as file managers count. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
