import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import typescript from 'typescript-eslint';
import svelteConfig from './svelte.config.js';
import {
  CORE_FOLDERS,
  forbiddenImports,
  HOST_GLOBALS,
  HOST_PACKAGES,
  IMPORT_DIRECTIONS,
  SHARED_MODULES,
} from './tools/import-directions.mjs';

const coreFiles = [
  'src/core.d.ts',
  ...CORE_FOLDERS.map((folder) => `src/${folder}/**/*.ts`),
].concat(SHARED_MODULES.map((name) => `src/${name}.ts`));
const nodeFiles = ['src/headless/**/*.ts', 'tests/**/*.ts', 'bench/**/*.ts', '*.config.ts'];
const scripts = ['tools/**/*.mjs', '*.config.js'];

/**
 * @param {string[]} files
 * @param {string} project the TypeScript project that they belong to
 */
const typedFiles = (files, project) => ({
  files,
  languageOptions: {
    parserOptions: {
      project,
      tsconfigRootDir: import.meta.dirname,
      extraFileExtensions: ['.svelte'],
    },
  },
});

/** @returns {import('eslint').Linter.Config[]} */
const importRules = () =>
  Object.keys(IMPORT_DIRECTIONS).map((folder) => {
    const { values, valuesAndTypes } = forbiddenImports(folder);
    const patterns = [
      { regex: values, allowTypeImports: true, message: `src/${folder} may not use this folder.` },
      { regex: valuesAndTypes, message: `src/${folder} may not know this folder.` },
    ];
    if (CORE_FOLDERS.includes(folder)) {
      patterns.push({
        regex: HOST_PACKAGES,
        message: 'The core knows no host: pass it as an argument.',
      });
    }
    return {
      files: [`src/${folder}/**/*.{ts,svelte}`],
      rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
    };
  });

export default defineConfig(
  { ignores: ['dist', '.cache', 'test-results', 'playwright-report', 'public', 'tests/fixtures'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  js.configs.recommended,
  typescript.configs.strictTypeChecked,
  typescript.configs.stylisticTypeChecked,
  svelte.configs.recommended,
  typedFiles(['src/**/*.ts', 'src/**/*.svelte'], 'tsconfig.json'),
  typedFiles(coreFiles, 'tsconfig.core.json'),
  typedFiles([...nodeFiles, ...scripts], 'tsconfig.node.json'),
  {
    rules: {
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // It asks for `!`, which no-non-null-assertion forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // Loops over tensors read better by index than by iterator, and run faster.
      '@typescript-eslint/prefer-for-of': 'off',
    },
  },
  {
    files: ['src/**/*.{ts,svelte}'],
    languageOptions: { globals: { ...globals.browser } },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: typescript.parser, svelteConfig } },
  },
  { files: coreFiles, rules: { 'no-restricted-globals': ['error', ...HOST_GLOBALS] } },
  importRules(),
  {
    files: [...nodeFiles, ...scripts],
    languageOptions: { globals: { ...globals.node } },
    rules: { 'no-console': 'off' },
  },
  {
    // A JSDoc type is a script's only way to name what JSON.parse returned.
    files: scripts,
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
);
