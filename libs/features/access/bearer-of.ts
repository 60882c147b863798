import { Fault } from '@nm/kernel/fault';

/** bearerOf takes the credential out of an `Authorization` value (RFC 6750 §2.1). @throws Fault unauthenticated */
export function bearerOf(header: string | undefined): string {
  const match = /^Bearer +([\x21-\x7e]+)$/i.exec(header ?? '');
  if (!match?.[1]) throw new Fault('unauthenticated', { internal: 'no bearer credential' });
  return match[1];
}
