/** LogRing keeps the newest bytes of an output. */
export class LogRing {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Cutting only once a quarter too many is held keeps the cost of a push constant on average.
    if (this.#bytes <= this.#bytesMax * 1.25) return;
    this.#chunks = [Buffer.from(this.tail())];
    this.#bytes = this.#bytesMax;
  }

  tail(): Buffer {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - this.#bytesMax));
  }
}
