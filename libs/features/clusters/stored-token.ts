/** StoredToken is the registered token in memory: once the cluster has refused it, the store is asked, because it may have been replaced. */
export class StoredToken {
  readonly #read: () => Promise<string>;
  #current: string | undefined;

  constructor(current: string, read: () => Promise<string>) {
    this.#current = current;
    this.#read = read;
  }

  async get(): Promise<string> {
    this.#current ??= await this.#read();
    return this.#current;
  }

  drop(): void {
    this.#current = undefined;
  }
}
