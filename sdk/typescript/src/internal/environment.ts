interface ProcessLike {
  env?: Record<string, string | undefined>;
  versions?: Record<string, string | undefined>;
  platform?: string;
  arch?: string;
  pid?: number;
}

interface Host {
  process?: ProcessLike;
  Deno?: { version?: { deno?: string } };
  document?: unknown;
  navigator?: { userAgent?: string };
}

const host = globalThis as Host;

/** An environment variable, undefined where there are none (browsers) or none may be read (Deno without permission). */
export function environment(name: string): string | undefined {
  try {
    return host.process?.env?.[name] || undefined;
  } catch {
    return undefined;
  }
}

/** The name and version of what runs this code, for example `node-20.20.2`. */
export function runtime(): string {
  const versions = host.process?.versions;
  if (host.Deno?.version?.deno) return `deno-${host.Deno.version.deno}`;
  if (versions?.bun) return `bun-${versions.bun}`;
  if (versions?.node) return `node-${versions.node}`;
  return host.document !== undefined ? "browser" : "unknown";
}

/** Operating system and processor, for example `linux-x64`. */
export function operatingSystem(): string {
  return host.process?.platform ? `${host.process.platform}-${host.process.arch ?? "unknown"}` : "unknown";
}

/** Whether this is a browser, which forbids some request headers. */
export function inBrowser(): boolean {
  return runtime() === "browser";
}
