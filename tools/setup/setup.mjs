// `npm run setup`: everything that start and test need, without starting anything.
import { main, prepare } from './steps.mjs';

await main(prepare);
