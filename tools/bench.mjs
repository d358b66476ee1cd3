/** `npm run bench`: our kernels and training step beside other libraries. Builds bench/ where its sources changed, and runs it. */
import { runNodeEntry } from './node-build.mjs';

await runNodeEntry('bench', 'bench/main.ts', ['bench', 'src', 'shaders']);
