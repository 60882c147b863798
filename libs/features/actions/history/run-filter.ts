import type { RunFilter } from '@nm/kernel/contracts';

/** filterOf is the condition of a query on runs for what somebody looks for. */
export const filterOf = ({ installId, status, action, who, from, to, text, scheduleId }: RunFilter) => ({
  ...(installId === undefined ? {} : { installId }),
  ...(status === undefined ? {} : { status: { in: status } }),
  ...(action === undefined ? {} : { action }),
  ...(who === undefined ? {} : { startedBy: who }),
  ...(scheduleId === undefined ? {} : { scheduleId }),
  ...(from === undefined && to === undefined
    ? {}
    : { createdAt: { ...(from ? { gte: new Date(from) } : {}), ...(to ? { lt: new Date(to) } : {}) } }),
  ...(text === undefined
    ? {}
    : {
        OR: ['title', 'action', 'info'].map((field) => ({
          [field]: { contains: literally(text), mode: 'insensitive' as const },
        })),
      }),
});

/** Prisma hands the text to LIKE as it is. */
const literally = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
