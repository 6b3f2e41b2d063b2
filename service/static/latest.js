/** Requests that overtake each other: one under way at a time, and of those that come meanwhile only the newest. */

// A request older than this is given up as soon as there is a newer one.
const LATE_MS = 2000;

export class Latest {
  #running = null;
  #waiting = null;
  #timer = 0;

  /** Whether a newer job waits for the one under way. */
  get waiting() {
    return this.#waiting !== null;
  }

  /** @param {(signal: AbortSignal) => Promise<void>} job */
  ask(job) {
    this.#waiting = job;
    if (!this.#running) this.#next();
    else if (!this.#timer) this.#timer = setTimeout(() => this.#running?.abort(), LATE_MS);
  }

  /** Gives up what is under way and what waits. */
  drop() {
    this.#waiting = null;
    this.#running?.abort();
  }

  async #next() {
    const job = this.#waiting;
    if (!job) return;
    this.#waiting = null;
    this.#running = new AbortController();
    try {
      await job(this.#running.signal);
    } finally {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#running = null;
      this.#next();
    }
  }
}

/** Waits; rejects with an AbortError once the signal is aborted. */
export const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    }, ms);
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
