import { Fault } from '@nm/kernel/fault';

/** timingOf reads when hooks run. @throws Fault not_found */
export function timingOf(text: string): 'before' | 'after' {
  if (text === 'before' || text === 'after') return text;
  throw new Fault('not_found', { public: 'Hooks run "before" or "after".' });
}
