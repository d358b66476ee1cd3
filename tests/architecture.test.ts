import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ESLint } from 'eslint';
import typescript from 'typescript';
import { describe, expect, it } from 'vitest';
import {
  CORE_FOLDERS,
  HOST_GLOBALS,
  HOST_PACKAGES,
  IMPORT_DIRECTIONS,
  SHARED_MODULES,
} from '../tools/import-directions.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'src');

interface ModuleImport {
  readonly name: string;
  readonly typeOnly: boolean;
}

const modules = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|svelte)$/.test(path) && !path.endsWith('.d.ts'))
  .map((path) => ({ path, syntax: parse(path) }));

/** The script of a module: all of a .ts file, the script elements of a component. */
function parse(path: string): typescript.SourceFile {
  const text = readFileSync(join(SOURCE, path), 'utf8');
  const script = path.endsWith('.svelte')
    ? [...text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1]).join('\n')
    : text;
  return typescript.createSourceFile(path, script, typescript.ScriptTarget.ESNext, true);
}

function visit(node: typescript.Node, see: (node: typescript.Node) => void): void {
  see(node);
  typescript.forEachChild(node, (child) => visit(child, see));
}

/** Every module that a file names: import and export declarations, `import()` of values and of types, and files by URL. */
function importsOf(syntax: typescript.SourceFile): ModuleImport[] {
  const found: ModuleImport[] = [];
  const add = (name: typescript.Node | undefined, typeOnly: boolean) => {
    if (name !== undefined && typescript.isStringLiteralLike(name)) {
      found.push({ name: name.text, typeOnly });
    }
  };
  visit(syntax, (node) => {
    if (typescript.isImportDeclaration(node)) {
      add(node.moduleSpecifier, isTypeOnlyImport(node.importClause));
    } else if (typescript.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (typescript.isImportTypeNode(node)) {
      if (typescript.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    } else if (typescript.isCallExpression(node)) {
      if (node.expression.kind === typescript.SyntaxKind.ImportKeyword)
        add(node.arguments[0], false);
    } else if (typescript.isNewExpression(node) && node.expression.getText() === 'URL') {
      if (node.arguments?.[1]?.getText() === 'import.meta.url') add(node.arguments[0], false);
    }
  });
  return found;
}

function isTypeOnlyImport(clause: typescript.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === typescript.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined) return false;
  if (typescript.isNamespaceImport(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

/** Where a relative import leads, as a path below src without its ending; undefined outside of src. */
function targetOf(from: string, name: string): string | undefined {
  if (!name.startsWith('.')) return undefined;
  const target = relative(SOURCE, resolve(SOURCE, dirname(from), name));
  return target.startsWith('..') ? undefined : target.replace(/(\.svelte)?\.ts$|\.svelte$/, '');
}

const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

function isAllowed(from: string, target: string, typeOnly: boolean): boolean {
  const folder = folderOf(from);
  if (SHARED_MODULES.includes(target) || folderOf(target) === folder) return true;
  const direction = IMPORT_DIRECTIONS[folder];
  if (direction === undefined) return false;
  const allowed = typeOnly ? [...direction.values, ...direction.types] : direction.values;
  return allowed.some((path) => target === path || target.startsWith(`${path}/`));
}

/** Names that a file uses and does not itself declare, of those given. */
function freeNames(syntax: typescript.SourceFile, names: readonly string[]): string[] {
  const used = new Set<string>();
  const declared = new Set<string>();
  visit(syntax, (node) => {
    if (!typescript.isIdentifier(node) || !names.includes(node.text)) return;
    const parent = node.parent;
    if (typescript.isPropertyAccessExpression(parent) && parent.name === node) return;
    if (typescript.isQualifiedName(parent) && parent.right === node) return;
    const names_ = parent as { name?: typescript.Node; propertyName?: typescript.Node };
    if (names_.propertyName === node) return;
    if (names_.name !== node) used.add(node.text);
    else if (typescript.isShorthandPropertyAssignment(parent)) used.add(node.text);
    else if (isBinding(parent)) declared.add(node.text);
  });
  return [...used].filter((name) => !declared.has(name));
}

function isBinding(node: typescript.Node): boolean {
  return (
    typescript.isVariableDeclaration(node) ||
    typescript.isParameter(node) ||
    typescript.isBindingElement(node) ||
    typescript.isFunctionDeclaration(node) ||
    typescript.isImportSpecifier(node)
  );
}

const coreModules = modules.filter(
  ({ path }) => CORE_FOLDERS.includes(folderOf(path)) || SHARED_MODULES.includes(path.slice(0, -3)),
);

describe('who may import whom', () => {
  it('has a direction for every folder of src', () => {
    const folders = new Set(modules.map(({ path }) => folderOf(path)).filter(Boolean));
    expect([...folders].filter((folder) => IMPORT_DIRECTIONS[folder] === undefined)).toEqual([]);
  });

  it('is kept by every module', () => {
    const forbidden = modules.flatMap(({ path, syntax }) =>
      importsOf(syntax).flatMap(({ name, typeOnly }) => {
        const target = targetOf(path, name);
        if (target === undefined || folderOf(path) === '') return [];
        return isAllowed(path, target, typeOnly) ? [] : [`src/${path} imports ${name}`];
      }),
    );
    expect(forbidden).toEqual([]);
  });

  it('leaves the shared modules without imports but of each other and their own parts', () => {
    const shared = modules.filter(({ path }) => SHARED_MODULES.includes(path.slice(0, -3)));
    expect(shared.map(({ path }) => path).sort()).toEqual(['config.ts', 'errors.ts']);
    const imports = shared.flatMap(({ syntax }) => importsOf(syntax).map(({ name }) => name));
    expect(imports.filter((name) => !/^\.\/(config|errors)(\/|$)/.test(name))).toEqual([]);
  });

  it('keeps shaders to the engine', () => {
    const loaders = modules.filter(({ syntax }) => syntax.text.includes('shaders/'));
    expect(loaders.filter(({ path }) => folderOf(path) !== 'engine')).toEqual([]);
  });
});

describe('the core', () => {
  it('is there to be looked at', () => {
    expect(coreModules.length).toBeGreaterThan(20);
  });

  it('names nothing of its host', () => {
    const named = coreModules.flatMap(({ path, syntax }) =>
      freeNames(syntax, HOST_GLOBALS).map((name) => `src/${path} names ${name}`),
    );
    expect(named).toEqual([]);
  });

  it('imports nothing of its host', () => {
    const host = new RegExp(HOST_PACKAGES);
    const imported = coreModules.flatMap(({ path, syntax }) =>
      importsOf(syntax)
        .filter(({ name }) => host.test(name))
        .map(({ name }) => `src/${path} imports ${name}`),
    );
    expect(imported).toEqual([]);
  });
});

describe('the lint rules', () => {
  const eslint = new ESLint({ cwd: ROOT, ruleFilter: ({ ruleId }) => RULES.includes(ruleId) });
  const RULES = ['@typescript-eslint/no-restricted-imports', 'no-restricted-globals'];

  /** Lines of a text of which the project's lint complains, as if it stood in a file that exists. */
  async function complaints(path: string, text: string): Promise<number[]> {
    const [result] = await eslint.lintText(text, { filePath: join(ROOT, path) });
    const messages = result?.messages ?? [];
    expect(messages.filter(({ fatal }) => fatal)).toEqual([]);
    return [...new Set(messages.map(({ line }) => line))];
  }

  it('refuse an import against the direction, as a value and where it must be as a type', async () => {
    const text = [
      `import { a } from '../train/trainer';`,
      `import type { B } from '../data/batches';`,
      `import { c } from '../engine/plan';`,
      `import { d } from '../data/batches';`,
      `import { e } from 'node:fs';`,
      `import { f } from './llama';`,
      `export const g: B = [a, c, d, e, f];`,
    ];
    const model = modules.find(({ path }) => folderOf(path) === 'model');
    expect(model).toBeDefined();
    expect(await complaints(`src/${model?.path ?? ''}`, text.join('\n'))).toEqual([1, 4, 5]);
  });

  it('let the page import the doors of the worker and types, nothing else of the core', async () => {
    const text = [
      `import { a } from '../../worker/client';`,
      `import type { B } from '../../train/trainer';`,
      `import { c } from '../../worker/trainer';`,
      `import { d } from '../../engine/plan';`,
      `export const e: B = [a, c, d];`,
    ];
    const page = modules.find(({ path }) => path.startsWith('app/') && path.endsWith('.ts'));
    expect(await complaints(`src/${page?.path ?? ''}`, text.join('\n'))).toEqual([3, 4]);
  });

  it('refuse the names of a host in the core', async () => {
    const text = ['export const a = navigator.gpu;', 'export const b = { document: 1 }.document;'];
    expect(await complaints('src/errors.ts', text.join('\n'))).toEqual([1]);
  });
});
