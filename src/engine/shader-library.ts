/** The WESL sources of `shaders/` and their linking into WGSL. */

import { link } from 'wesl/core';

const files = import.meta.glob<string>('../../shaders/**/*.wesl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

const sources: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace(/^.*\/shaders\//, './'), text]),
);

/** Which program a dispatch runs: a module of `shaders/`, its entry point, and what it is linked with. */
export interface KernelSpec {
  /** Path under `shaders/` without ending, such as `rms_norm` or `matmul/forward`. */
  readonly module: string;
  /** Entry point, `main` unless said. */
  readonly entry?: string;
  /** For `@if(name)` in the sources. */
  readonly conditions?: Readonly<Record<string, boolean>>;
  /** For `import constants::name;` in the sources. */
  readonly constants?: Readonly<Record<string, number | string>>;
}

/** A name that two specs share only if they are the same program. */
export function kernelKey({ module, entry, conditions, constants }: KernelSpec): string {
  const list = (values: Readonly<Record<string, unknown>> = {}): string =>
    Object.entries(values)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(',');
  return `${module}:${entry ?? 'main'}[${list(conditions)}][${list(constants)}]`;
}

/** WGSL of a kernel, with the WESL source positions of its lines. */
export interface LinkedShader {
  readonly code: string;
  /** Module and line that a 1-based WGSL line came from. */
  sourceOf(line: number, column: number): string;
}

/** Links one kernel. Conditions that the sources mention and the spec does not count as false. */
export async function linkShader(spec: KernelSpec): Promise<LinkedShader> {
  const root = `./${spec.module}.wesl`;
  if (!(root in sources)) throw new Error(`there is no shader ${spec.module}`);
  const linked = await link({
    weslSrc: { ...sources },
    rootModuleName: root,
    ...(spec.conditions && { conditions: { ...spec.conditions } }),
    ...(spec.constants && { constants: { ...spec.constants } }),
  });
  const code = linked.dest;
  return {
    code,
    sourceOf(line, column) {
      const offset = offsetOf(code, line, column);
      const position = linked.sourceMap.destToSrc(offset);
      const before = position.src.text.slice(0, position.position);
      return `${position.src.path ?? spec.module}:${before.split('\n').length}`;
    },
  };
}

function offsetOf(code: string, line: number, column: number): number {
  let offset = 0;
  for (let current = 1; current < line; current++) offset = code.indexOf('\n', offset) + 1;
  return offset + Math.max(0, column - 1);
}
