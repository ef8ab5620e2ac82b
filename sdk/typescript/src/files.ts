import type { components } from "./internal/api.gen.js";
import { part, query } from "./internal/query.js";
import type { RequestBody, Transport } from "./internal/transport.js";
import { Page, type PageBody, PagePromise } from "./pagination.js";
import type { RequestOptions } from "./resources/options.js";

/** A file as it stands in inputs and outputs: never its bytes. */
export interface FileReference {
  fileId: string;
  filename?: string;
  mimeType?: string;
  /** Bytes. */
  size?: number;
  /** 64 hex digits. */
  sha256?: string;
  [member: string]: unknown;
}

/** A file that the server keeps. */
export type StoredFile = components["schemas"]["File"];

/** What a file may be made from. Node's readable streams are async iterables of bytes. */
export type FileContent =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | string;

/** A file to upload, with its name. */
export class Upload {
  /** @internal */
  constructor(
    /** The bytes. */
    readonly content: FileContent,
    /** The name it is kept under. */
    readonly filename: string,
    /** Its media type. */
    readonly mimeType: string | undefined,
  ) {}
}

/**
 * Makes a file for an input or an output, or for {@link Files.upload}. The content may be bytes, text, a `Blob`, or a
 * stream (of the web or of Node), which is sent as it is read.
 */
export function toFile(content: FileContent, filename: string, options: { mimeType?: string } = {}): Upload {
  return new Upload(content, filename, options.mimeType);
}

/** An input in which files may stand in place of their references. */
export type FileInput<T> = T extends FileReference
  ? T | Blob | Upload
  : T extends readonly (infer E)[]
    ? FileInput<E>[]
    : T extends object
      ? { [K in keyof T]: FileInput<T[K]> }
      : T;

/** Who uses a file: needed by workers, whose keys have no scope for files. @internal */
export interface LeaseHeaders {
  "Sojourn-Lease"?: string;
}

/** The reference to a stored file. */
export function fileReference(file: StoredFile): FileReference {
  return {
    fileId: file.id,
    filename: file.filename,
    mimeType: file.mime_type,
    size: file.size,
    sha256: file.sha256,
  };
}

/** `client.files` */
export class Files {
  readonly #t: Transport;
  readonly #lease: LeaseHeaders;

  /** @internal */
  constructor(transport: Transport, lease: LeaseHeaders = {}) {
    this.#t = transport;
    this.#lease = lease;
  }

  /**
   * Uploads a file. One that no execution uses is removed after 24 hours. A stream can be sent only once, so it is not
   * retried; anything else is.
   *
   * @throws {BadRequestError} with code `payload_too_large` when it is larger than the server takes
   * @throws {InternalServerError} with code `quota_exceeded` when the project's files take too much room
   */
  upload(file: Upload | Blob, options: RequestOptions = {}): Promise<StoredFile> {
    return sendFile(this.#t, file, options, this.#lease);
  }

  /** Reads what the server knows of a file. */
  async get(id: string | FileReference, options: RequestOptions = {}): Promise<StoredFile> {
    const { data } = await this.#t.call<StoredFile>({ method: "GET", path: filePath(id), ...this.#with(options) });
    return data;
  }

  /**
   * Downloads a file. The promise resolves with fetch's own Response when the first bytes are there: read them with its
   * `body`, `arrayBuffer()`, `blob()` or `text()`.
   */
  async content(id: string | FileReference, options: RequestOptions = {}): Promise<Response> {
    const { data } = await this.#t.call<Response>({
      method: "GET",
      path: `${filePath(id)}/content`,
      answer: "response",
      ...this.#with(options),
      headers: { Accept: "*/*", ...this.#lease, ...options.headers },
    });
    return data;
  }

  /** Removes a file. @throws {ConflictError} with code `file_in_use` while an open execution uses it */
  async delete(id: string | FileReference, options: RequestOptions = {}): Promise<void> {
    await this.#t.call({ method: "DELETE", path: filePath(id), ...this.#with(options) });
  }

  /** Lists the files that an execution uses. */
  list(
    params: { execution?: string; limit?: number; cursor?: string | null },
    options: RequestOptions = {},
  ): PagePromise<StoredFile> {
    const fetch = async (cursor: string | null | undefined): Promise<Page<StoredFile>> => {
      const { data } = await this.#t.call<PageBody<StoredFile>>({
        method: "GET",
        path: "/v1/files",
        query: query({ execution_id: params.execution, limit: params.limit, cursor }),
        ...this.#with(options),
      });
      return new Page(data, fetch);
    };
    return new PagePromise(() => fetch(params.cursor));
  }

  #with(options: RequestOptions): RequestOptions {
    return { ...options, headers: { ...this.#lease, ...options.headers } as Record<string, string> };
  }
}

function filePath(id: string | FileReference): string {
  return `/v1/files/${part(typeof id === "string" ? id : id.fileId)}`;
}

async function sendFile(
  transport: Transport,
  file: Upload | Blob,
  options: RequestOptions,
  lease: LeaseHeaders = {},
): Promise<StoredFile> {
  const content = file instanceof Upload ? file.content : file;
  const name = file instanceof Upload ? file.filename : ((file as { name?: string }).name ?? "file");
  const type =
    (file instanceof Upload ? file.mimeType : undefined) ||
    (content instanceof Blob ? content.type : "") ||
    guessType(name);
  let body: RequestBody;
  let streamed = false;
  if (typeof content === "object" && Symbol.asyncIterator in content && !(content instanceof ReadableStream)) {
    body = streamOf(content as AsyncIterable<Uint8Array>);
    streamed = true;
  } else {
    body = content as RequestBody;
    streamed = content instanceof ReadableStream;
  }
  const { data } = await transport.call<StoredFile>({
    method: "POST",
    path: "/v1/files",
    query: query({ filename: name }),
    body,
    timeoutMs: 0, // an upload takes as long as it takes
    ...options,
    ...(streamed ? { maxRetries: 0 } : {}),
    headers: { "Content-Type": type, ...lease, ...options.headers },
  });
  return data;
}

function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? new TextEncoder().encode(value) : value);
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  });
}

/** Uploads every file that stands in a value, and gives the value with references in their places. */
export async function uploadFiles(
  transport: Transport,
  value: unknown,
  options: RequestOptions = {},
  lease: LeaseHeaders = {},
): Promise<unknown> {
  if (!holdsFile(value, 0)) return value;
  if (value instanceof Upload || isBlob(value)) {
    return fileReference(
      await sendFile(transport, value, { ...(options.signal ? { signal: options.signal } : {}) }, lease),
    );
  }
  if (Array.isArray(value)) {
    const out: unknown[] = [];
    for (const item of value) out.push(await uploadFiles(transport, item, options, lease));
    return out;
  }
  const out: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value as object)) {
    out[name] = await uploadFiles(transport, member, options, lease);
  }
  return out;
}

function isBlob(value: unknown): value is Blob {
  return typeof Blob !== "undefined" && value instanceof Blob;
}

function holdsFile(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null || depth > 64) return false;
  if (value instanceof Upload || isBlob(value)) return true;
  if (Array.isArray(value)) return value.some((item) => holdsFile(item, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).some((item) => holdsFile(item, depth + 1));
}

const types: Record<string, string> = {
  csv: "text/csv",
  gif: "image/gif",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  md: "text/markdown",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain",
  webp: "image/webp",
  xml: "application/xml",
  zip: "application/zip",
};

/** The media type of a name's ending. */
export function guessType(filename: string): string {
  return types[/\.([^.]+)$/.exec(filename)?.[1]?.toLowerCase() ?? ""] ?? "application/octet-stream";
}
