/**
 * Loads something again when told that it changed: at once, never twice at a time, and the more rarely the longer loading
 * takes, so that a thing that changes all the time does not keep the server and the page busy with nothing else.
 */
export class Refresher {
  #running = false;
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** share is the part of the time that loading may take, rest the shortest pause between two in milliseconds. */
  constructor(
    private readonly load: () => Promise<unknown>,
    private readonly share = 0.25,
    private readonly rest = 50,
  ) {}

  request(): void {
    if (this.#stopped) return;
    if (this.#running || this.#timer !== undefined) {
      this.#wanted = true;
      return;
    }
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#wanted = false;
    const begun = performance.now();
    try {
      await this.load();
    } catch {
      // Whoever shows it shows its error.
    }
    this.#running = false;
    if (this.#stopped) return;
    const took = performance.now() - begun;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#wanted) void this.#run();
      },
      Math.max(this.rest, took / this.share - took),
    );
  }
}
