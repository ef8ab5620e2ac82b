/** What every method takes beside its own parameters. */
export interface RequestOptions {
  /** Ends the request, its retries and its waits; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds that one try may take, in place of the client's. 0: any. The time a request is held comes on top. */
  timeoutMs?: number;
  /** How often the request is sent again after a failure that may pass, in place of the client's. */
  maxRetries?: number;
  /** More request headers. */
  headers?: Record<string, string>;
}
