/** One page of a list, newest first. Iterate over it to walk on through all following pages. */
export class Page<T> implements AsyncIterable<T> {
  /** The items of this page. */
  readonly data: T[];
  /** Whether there are more pages. */
  readonly has_more: boolean;
  /** The cursor of the next page, null on the last one. */
  readonly next_cursor: string | null;
  readonly #fetch: (cursor: string) => Promise<Page<T>>;

  /** @internal */
  constructor(body: PageBody<T>, fetch: (cursor: string) => Promise<Page<T>>) {
    // Members that this SDK does not know stay visible.
    Object.assign(this, body);
    this.data = body.data;
    this.has_more = body.has_more;
    this.next_cursor = body.next_cursor ?? null;
    this.#fetch = fetch;
  }

  /** The next page, or null when this is the last one. */
  async nextPage(): Promise<Page<T> | null> {
    if (!this.has_more || !this.next_cursor) return null;
    return this.#fetch(this.next_cursor);
  }

  /** Every item of this and all following pages; each page is fetched when it is needed. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let page: Page<T> | null = this;
    while (page) {
      yield* page.data;
      const cursor: string | null = page.next_cursor;
      page = await page.nextPage();
      if (page && page.next_cursor === cursor) page = null; // a server that repeats itself must not loop for ever
    }
  }
}

/** A page as the server sends it. */
export interface PageBody<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/**
 * A list that is on its way: `await` it for its first page, or iterate over it with `for await` for every item of every
 * page. It is fetched once it is awaited or iterated over.
 */
export class PagePromise<T, P extends Page<T> = Page<T>> implements PromiseLike<P>, AsyncIterable<T> {
  readonly #fetch: () => Promise<P>;
  #first: Promise<P> | undefined;

  /** @internal */
  constructor(fetch: () => Promise<P>) {
    this.#fetch = fetch;
  }

  #page(): Promise<P> {
    this.#first ??= this.#fetch();
    return this.#first;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting it is its purpose
  then<A = P, B = never>(
    onfulfilled?: ((page: P) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#page().then(onfulfilled, onrejected);
  }

  /** As of a Promise. */
  catch<B = never>(onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<P | B> {
    return this.#page().catch(onrejected);
  }

  /** As of a Promise. */
  finally(onfinally?: (() => void) | null): Promise<P> {
    return this.#page().finally(onfinally);
  }

  /** Every item of every page. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    yield* await this.#page();
  }
}
