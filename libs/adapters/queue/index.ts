export type { JobHandler, JobHandlers, JobName, JobPayload, JobTurn } from './job-catalogue.js';
export { migrateQueue } from './migrate-queue.js';
export { Producer, type ProducerOptions } from './producer.js';
export { openPublisher, type Publisher } from './publisher.js';
export { checkQueue, type OnQueueError, type QueueCheck, type QueueTarget, queueTarget } from './queue-backend.js';
export { checkHandlers, WorkerHost, type WorkerHostOptions } from './worker-host.js';
