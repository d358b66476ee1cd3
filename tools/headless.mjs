/** `npm run headless -- COMMAND ...`: the engine from a terminal. Builds src/headless where its sources changed, and runs it. */
import { runNodeEntry } from './node-build.mjs';

await runNodeEntry('headless', 'src/headless/main.ts', ['src', 'shaders']);
