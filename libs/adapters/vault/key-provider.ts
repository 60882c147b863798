/** A data key as it is stored: sealed by one of the provider's keys, which `keyId` names. */
export interface WrappedKey {
  /** At most 255 bytes. */
  readonly keyId: Buffer;
  /** At most 65,535 bytes. */
  readonly bytes: Buffer;
}

/**
 * KeyProvider keeps master keys and wraps data keys with them; a master key never leaves it. Asynchronous, because a key management service is one, and
 * with an encryption context, because such services bind it too.
 */
export interface KeyProvider {
  /** newestKeyId names the key that wraps from now on. */
  newestKeyId(): Promise<Buffer>;
  wrap(dataKey: Buffer, context: Buffer): Promise<WrappedKey>;
  /** @throws Fault seal_broken when the key is not known here, or the value or its context was changed */
  unwrap(wrapped: WrappedKey, context: Buffer): Promise<Buffer>;
  /**
   * seed is what subkeys were derived from before they had a root of their own; only providers that hold their key in memory have one.
   * @throws Fault config_invalid when there are several keys, because nobody can tell which one it was
   */
  seed?(): Buffer;
}
