import { serve } from '../serve.js';
import { answer } from './routes.js';

/** startKama serves the management API of the guestbook. */
export const startKama = (): void => serve('guestbook KAMA', 5000, answer);
