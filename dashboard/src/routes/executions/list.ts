// The rows of one filter: pages behind each other, kept up to date by the project's events. Newest first, which is the
// order of the ids. What it holds is bounded, however long the stream.
import type { LiveEvent } from "@/services/live";
import { afterEvent, fromEvent, type Row } from "./row";

export interface ListPage {
  rows: Row[];
  /** Where the next page begins; null at the end. */
  next: string | null;
  /** How far back an early stop of the search got; what is newer is complete. */
  searchedUntil?: string | undefined;
}

/** Reads a page. Throws what the API throws. */
export type Load = (cursor: string | null, limit: number, signal: AbortSignal) => Promise<ListPage>;

export interface ListState {
  rows: readonly Row[];
  phase: "loading" | "ready" | "failed";
  /** Why the first page, the next one or the newest state could not be read; cleared by the next success. */
  error: unknown;
  /** There is more behind the last row. */
  more: boolean;
  loadingMore: boolean;
  searchedUntil: string | undefined;
  /** The bound is reached: older rows are found by narrowing the filter. */
  full: boolean;
  /** Rows that arrived while the reader was further down and wait to be shown. */
  arrived: number;
  /** There are more of them than one page tells. */
  arrivedMore: boolean;
  /** Rows that came a moment ago. */
  fresh: ReadonlySet<string>;
  /** Rows that do not match any more and go soon. */
  leaving: ReadonlySet<string>;
}

export interface ListOptions {
  load: Load;
  /** Whether a row that changed still belongs. */
  belongs: (row: Row) => boolean;
  /** Whether an event of an unknown execution may bring it in. */
  enters: (event: LiveEvent) => boolean;
  /** The events of creation tell enough to show a row before it is read. */
  foretell?: boolean;
  /** Reads one row again; undefined when it is gone. */
  loadOne: (id: string, signal: AbortSignal) => Promise<Row | undefined>;
  now?: () => number;
}

export const firstPage = 50;
export const pageSize = 100;
/** More rows than this are not kept. */
export const mostRows = 10_000;
// At the top, what grows out of this many rows is let go; scrolling down loads it again.
const keptAtTop = 600;
/** How long a row that left stays to be seen. */
export const grace = 1_500;
const mostSingles = 8;

const nothing: ReadonlySet<string> = new Set();

export class ExecutionList {
  #state: ListState = {
    rows: [],
    phase: "loading",
    error: undefined,
    more: false,
    loadingMore: false,
    searchedUntil: undefined,
    full: false,
    arrived: 0,
    arrivedMore: false,
    fresh: nothing,
    leaving: nothing,
  };
  readonly #listeners = new Set<() => void>();
  readonly #options: ListOptions;
  readonly #now: () => number;
  #next: string | null = null;
  /** The newest page, when it holds what is not shown yet. */
  #head: ListPage | undefined;
  #atTop = true;
  #abort = new AbortController();
  /** Where the newest page ended when it was last read. */
  #headNext: string | null = null;
  #headLast: string | undefined;
  readonly #leftAt = new Map<string, number>();
  readonly #stale = new Set<string>();
  /** Rows that are only what their first event told. */
  readonly #foretold = new Set<string>();

  constructor(options: ListOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly snapshot = (): ListState => this.#state;

  #set(change: Partial<ListState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Ends requests under way; the list may be used again. */
  abort(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    if (this.#state.loadingMore) this.#set({ loadingMore: false });
  }

  /** Reads the first page, forgetting what there was. */
  async begin(): Promise<void> {
    const { signal } = this.#abort;
    this.#set({ phase: "loading", error: undefined });
    try {
      const page = await this.#options.load(null, firstPage, signal);
      if (signal.aborted) return;
      this.#replace(page);
    } catch (error) {
      if (!signal.aborted) this.#set({ phase: "failed", error });
    }
  }

  #replace(page: ListPage, fresh: ReadonlySet<string> = nothing): void {
    this.#next = page.next;
    this.#head = undefined;
    this.#leftAt.clear();
    this.#stale.clear();
    this.#foretold.clear();
    this.#set({
      rows: page.rows,
      phase: "ready",
      error: undefined,
      more: page.next !== null,
      searchedUntil: page.searchedUntil,
      full: false,
      arrived: 0,
      arrivedMore: false,
      fresh,
      leaving: nothing,
    });
  }

  /** Reads the page behind the last row. */
  async loadMore(): Promise<void> {
    const { more, loadingMore, full, phase } = this.#state;
    if (!more || loadingMore || full || phase !== "ready" || this.#next === null) return;
    const { signal } = this.#abort;
    const cursor = this.#next;
    this.#set({ loadingMore: true });
    try {
      const page = await this.#options.load(cursor, pageSize, signal);
      if (signal.aborted || this.#next !== cursor) return;
      const last = this.#state.rows.at(-1)?.id;
      const rows = [...this.#state.rows, ...page.rows.filter((row) => last === undefined || row.id < last)];
      this.#next = page.next;
      this.#set({
        rows,
        loadingMore: false,
        error: undefined,
        more: page.next !== null,
        searchedUntil: page.searchedUntil,
        full: rows.length >= mostRows,
      });
    } catch (error) {
      if (!signal.aborted) this.#set({ loadingMore: false, error });
    } finally {
      if (this.#state.loadingMore && !signal.aborted) this.#set({ loadingMore: false });
    }
  }

  /** At the top of the page new rows are shown as they come; further down they wait. */
  setAtTop(atTop: boolean): void {
    if (this.#atTop === atTop) return;
    this.#atTop = atTop;
    if (atTop && this.#head) this.#show(this.#head);
  }

  /** Shows what waits. */
  showArrived(): void {
    if (this.#head) this.#show(this.#head);
  }

  /** Takes events; answers whether the newest page should be read again. */
  apply(events: readonly LiveEvent[]): boolean {
    let wanted = false;
    let rows: Row[] | undefined;
    const { rows: before, leaving } = this.#state;
    const places = new Map(before.map((row, i) => [row.id, i]));
    let gone: Set<string> | undefined;
    const newest: Row[] = [];
    for (const event of events) {
      if (event.execution_id === undefined) continue;
      const i = places.get(event.execution_id);
      const early = i === undefined ? newest.findIndex((row) => row.id === event.execution_id) : -1;
      if (i === undefined && early < 0) {
        if (!this.#options.enters(event)) continue;
        wanted = true;
        const told = this.#foretell(event, newest[0]?.id ?? before[0]?.id);
        if (told) newest.unshift(told);
        continue;
      }
      if (i === undefined) {
        const told = newest[early];
        const next = told && afterEvent(told, event);
        if (next) newest[early] = next;
        continue;
      }
      rows ??= [...before];
      const row = rows[i];
      const next = row && afterEvent(row, event);
      if (!row || !next) continue;
      rows[i] = next;
      if (event.type === "progressed") continue;
      // The reason, the error and the times are the server's to say.
      this.#stale.add(next.id);
      wanted = true;
      const belongs = this.#options.belongs(next);
      if (!belongs && !this.#leftAt.has(next.id)) {
        this.#leftAt.set(next.id, this.#now());
        gone ??= new Set(leaving);
        gone.add(next.id);
      } else if (belongs && this.#leftAt.delete(next.id)) {
        gone ??= new Set(leaving);
        gone.delete(next.id);
      }
    }
    if (newest.length > 0) {
      const fresh = new Set([...this.#state.fresh, ...newest.map((row) => row.id)]);
      this.#set({ rows: [...newest, ...(rows ?? before)], fresh, ...(gone ? { leaving: gone } : {}) });
    } else if (rows) {
      this.#set({ rows, ...(gone ? { leaving: gone } : {}) });
    }
    return wanted;
  }

  // At the top a new row is shown before it is read.
  #foretell(event: LiveEvent, newest: string | undefined): Row | undefined {
    if (!this.#options.foretell || !this.#atTop || this.#state.phase !== "ready") return undefined;
    if (this.#foretold.size >= pageSize) return undefined;
    const row = fromEvent(event);
    if (!row || (newest !== undefined && row.id < newest) || !this.#options.belongs(row)) return undefined;
    this.#foretold.add(row.id);
    return row;
  }

  /** Reads the newest page again and brings the rows up to it. Throws nothing; a failure is in the state. */
  async refresh(): Promise<void> {
    if (this.#state.phase !== "ready") {
      await this.begin();
      return;
    }
    const { signal } = this.#abort;
    try {
      const limit = Math.min(pageSize, Math.max(firstPage, this.#state.rows.length));
      const page = await this.#options.load(null, limit, signal);
      if (signal.aborted || this.#state.phase !== "ready") return;
      this.#take(page);
      await this.#readStale(signal);
      if (this.#state.error !== undefined && !signal.aborted) this.#set({ error: undefined });
    } catch (error) {
      if (!signal.aborted) this.#set({ error });
    }
  }

  /** Reads everything that is loaded again: after a pause the rows further down may have changed too. */
  async refreshAll(): Promise<void> {
    await this.refresh();
    const { signal } = this.#abort;
    const deep = this.#state.rows.slice(pageSize);
    if (deep.length === 0) return;
    try {
      // From the head's end downwards, as far as the rows go.
      let cursor = this.#headNext;
      let above = this.#headLast;
      for (let i = 0; i < mostRows / pageSize && cursor !== null && above !== undefined; i++) {
        const last = this.#state.rows.at(-1)?.id;
        if (last === undefined || above <= last) return;
        const page = await this.#options.load(cursor, pageSize, signal);
        if (signal.aborted) return;
        const low = page.next === null ? "" : (page.rows.at(-1)?.id ?? above);
        this.#patch(page.rows, (id) => id < (above ?? "") && id >= low);
        cursor = page.next;
        above = page.rows.at(-1)?.id;
      }
    } catch (error) {
      if (!signal.aborted) this.#set({ error });
    }
  }

  // Puts the newest page into the rows, or beside them while the reader is further down.
  #take(page: ListPage): void {
    this.#headNext = page.next;
    this.#headLast = page.rows.at(-1)?.id;
    const known = new Set(this.#state.rows.map((row) => row.id));
    const oldest = this.#state.rows.at(-1)?.id ?? "";
    const arrived = page.rows.filter((row) => row.id > oldest && !known.has(row.id)).length;
    if (this.#atTop || this.#state.rows.length === 0) {
      this.#show(page);
      return;
    }
    this.#head = arrived > 0 ? page : undefined;
    const low = this.#low(page);
    this.#patch(page.rows, (id) => id >= low);
    this.#set({ arrived, arrivedMore: arrived === page.rows.length && page.next !== null });
  }

  // The oldest id that the page speaks about.
  #low(page: ListPage): string {
    if (page.next === null) return "";
    return page.rows.at(-1)?.id ?? "\uffff";
  }

  // Renews rows and marks those that the server does not name any more.
  #patch(fresh: readonly Row[], covered: (id: string) => boolean): void {
    const renewed = new Map(fresh.map((row) => [row.id, row]));
    const leaving = new Set(this.#state.leaving);
    const now = this.#now();
    const rows = this.#state.rows.map((row) => {
      const next = renewed.get(row.id);
      if (next) {
        const told = this.#foretold.delete(row.id);
        // Events may have run ahead of the page.
        if (next.revision < row.revision) return told ? { ...next, ...stateOf(row) } : row;
        if (told) return next;
        this.#stale.delete(row.id);
        if (this.#leftAt.delete(row.id)) leaving.delete(row.id);
        return next.revision === row.revision && same(row, next) ? row : next;
      }
      if (covered(row.id) && !this.#leftAt.has(row.id)) {
        this.#leftAt.set(row.id, now);
        leaving.add(row.id);
      }
      return row;
    });
    this.#set({ rows, leaving });
  }

  #show(page: ListPage): void {
    const before = this.#state.rows;
    const newest = before[0]?.id;
    const oldest = before.at(-1)?.id;
    const low = this.#low(page);
    // Between the page and what is shown there are rows that neither holds: begin anew with the page.
    if (newest !== undefined && page.next !== null && page.rows.length > 0 && low > newest) {
      this.#replace(page, new Set(page.rows.map((row) => row.id)));
      return;
    }
    this.#patch(page.rows, (id) => id >= low);
    this.#head = undefined;
    const now = this.#now();
    const known = new Map(this.#state.rows.map((row) => [row.id, row]));
    const fresh = new Set<string>();
    const merged: Row[] = page.rows.map((row) => {
      const shown = known.get(row.id);
      if (!shown && oldest !== undefined && row.id > oldest) fresh.add(row.id);
      return shown ?? row;
    });
    const listed = new Set(merged.map((row) => row.id));
    for (const row of this.#state.rows) {
      if (listed.has(row.id)) continue;
      const left = this.#leftAt.get(row.id);
      if (left === undefined || now - left < grace) merged.push(row);
      else this.#forget(row.id);
    }
    merged.sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));

    let rows = merged;
    const last = merged.at(-1)?.id;
    const reaches = page.next === null || last === undefined || last >= low;
    const cut = !reaches && this.#atTop && merged.length > keptAtTop && page.rows.length > 0;
    if (cut) {
      rows = merged.filter((row) => row.id >= low);
      for (const row of merged) if (row.id < low) this.#forget(row.id);
    }
    let { more, searchedUntil } = this.#state;
    if (reaches || cut) {
      this.#next = page.next;
      more = page.next !== null;
      searchedUntil = page.searchedUntil;
    }
    this.#set({
      rows,
      more,
      searchedUntil,
      full: rows.length >= mostRows,
      arrived: 0,
      arrivedMore: false,
      fresh,
      leaving: new Set([...this.#state.leaving].filter((id) => this.#leftAt.has(id))),
    });
  }

  /** Nothing counts as new any more. */
  calm(): void {
    if (this.#state.fresh.size > 0) this.#set({ fresh: nothing });
  }

  #forget(id: string): void {
    this.#leftAt.delete(id);
    this.#stale.delete(id);
    this.#foretold.delete(id);
  }

  /** When the next row that left is to go, in milliseconds from now; undefined when none is waiting to. */
  nextDeparture(): number | undefined {
    if (!this.#atTop || this.#leftAt.size === 0) return undefined;
    return Math.max(0, Math.min(...this.#leftAt.values()) + grace - this.#now());
  }

  /** Takes away what left long enough ago, unless the reader is further down: then nothing moves under the eyes. */
  sweep(): void {
    if (!this.#atTop) return;
    const now = this.#now();
    const due = new Set([...this.#leftAt].filter(([, at]) => now - at >= grace).map(([id]) => id));
    if (due.size === 0) return;
    for (const id of due) this.#forget(id);
    this.#set({
      rows: this.#state.rows.filter((row) => !due.has(row.id)),
      leaving: new Set([...this.#state.leaving].filter((id) => !due.has(id))),
    });
  }

  // Rows that changed and lie below the newest page are read one by one, a few at a time.
  async #readStale(signal: AbortSignal): Promise<void> {
    const ids = [...this.#stale].slice(-mostSingles);
    this.#stale.clear();
    if (ids.length === 0) return;
    const rows = await Promise.all(ids.map((id) => this.#options.loadOne(id, signal)));
    if (signal.aborted) return;
    const renewed = new Map(rows.flatMap((row) => (row ? [[row.id, row] as const] : [])));
    this.#set({
      rows: this.#state.rows.map((row) => {
        const next = renewed.get(row.id);
        return next && next.revision >= row.revision ? next : row;
      }),
    });
  }
}

// What events tell of a row's life.
function stateOf({
  revision,
  status,
  attempt,
  started_at,
  completed_at,
  progress,
  error,
  error_code,
}: Row): Partial<Row> {
  return { revision, status, attempt, started_at, completed_at, progress, error, error_code };
}

// Whether two readings of one revision say the same. The reason may change without a revision: a worker came or went.
function same(a: Row, b: Row): boolean {
  return a.status_reason === b.status_reason && a.status_message === b.status_message && a.progress === b.progress;
}
