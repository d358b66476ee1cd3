import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { parseCatalogue } from '../../src/storage/catalogue';

const published = JSON.parse(
  readFileSync(new URL('../../public/models.json', import.meta.url), 'utf8'),
) as { models: Record<string, unknown>[] };

describe('the catalogue', () => {
  const entries = parseCatalogue(published, 'models.json').models;

  it('holds the models that were promised', () => {
    expect(entries.map(({ name }) => name)).toEqual([
      'SmolLM2 135M Instruct',
      'SmolLM2 360M Instruct',
      'TinyLlama 1.1B Chat',
      'Llama 3.2 1B Instruct',
      'SmolLM2 1.7B Instruct',
      'Llama 3.2 3B Instruct',
      'Llama 3.1 8B Instruct',
    ]);
  });

  // Shapes from the published configurations: vocabulary, hidden, feed-forward, layers, query and key width, tied.
  it.each([
    ['HuggingFaceTB/SmolLM2-135M-Instruct', 49152, 576, 1536, 30, 576, 192, true],
    ['HuggingFaceTB/SmolLM2-360M-Instruct', 49152, 960, 2560, 32, 960, 320, true],
    ['HuggingFaceTB/SmolLM2-1.7B-Instruct', 49152, 2048, 8192, 24, 2048, 2048, true],
    ['TinyLlama/TinyLlama-1.1B-Chat-v1.0', 32000, 2048, 5632, 22, 2048, 256, false],
    ['unsloth/Llama-3.2-1B-Instruct-bnb-4bit', 128256, 2048, 8192, 16, 2048, 512, true],
    ['unsloth/Llama-3.2-3B-Instruct-bnb-4bit', 128256, 3072, 8192, 28, 3072, 1024, true],
    ['unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit', 128256, 4096, 14336, 32, 4096, 1024, false],
  ] as const)(
    'states sizes of %s that its shapes give',
    (repository, vocabulary, hidden, feedForward, layers, queries, keys, tied) => {
      const entry = entries.find((each) => each.repository === repository);
      const linears =
        layers * (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * feedForward);
      const others = vocabulary * hidden * (tied ? 1 : 2) + (2 * layers + 1) * hidden;
      expect(entry?.parameters).toBe(linears + others);
      expect(entry?.config).toMatchObject({
        vocab_size: vocabulary,
        hidden_size: hidden,
        intermediate_size: feedForward,
        num_hidden_layers: layers,
        tie_word_embeddings: tied,
      });
      const { num_attention_heads: heads = 0, num_key_value_heads: keyHeads = 0 } =
        entry?.config ?? {};
      const width = entry?.config.head_dim ?? 0;
      expect([heads * width, keyHeads * width]).toEqual([queries, keys]);
      expect(entry?.prequantised).toBe(repository.includes('bnb'));
      // Dense in 16 bits, or linears in NF4 with double quantisation: half a byte, and 1 + 4/256 bytes for each 64 weights.
      const nf4 = 0.5 + (1 + 4 / 256) / 64;
      const weights = 2 * others + (repository.includes('bnb') ? nf4 : 2) * linears;
      // Tokenizers have 2 to 18 MB, headers and code books less than 1 MB.
      expect(entry?.downloadBytes).toBeGreaterThan(weights + 1e6);
      expect(entry?.downloadBytes).toBeLessThan(weights + 25e6);
      // It cannot take less than its linears in NF4 and its embedding and head in Q8_0.
      expect(entry?.minimumMemoryBytes).toBeGreaterThan(nf4 * linears + 1.0625 * others);
    },
  );
});

describe('parseCatalogue', () => {
  const [first = {}] = published.models;

  it.each([
    [{ models: [{ ...first, repository: '../x' }] }, '"../x" is no model of the hub'],
    [{ models: [{ ...first, parameters: -1 }] }, 'parameters is -1'],
    [{ models: [{ ...first, name: undefined }] }, 'name is missing'],
    [{ models: [first, first] }, 'is there twice'],
    [{ models: [5] }, 'should hold a JSON object'],
    [{}, '"models" must be a list'],
    [[], 'should hold a JSON object'],
    [{ models: [{ ...first, config: {} }] }, 'model 1: the file names no architecture'],
  ])('refuses %j', (json, message) => {
    expect(() => parseCatalogue(json, 'models.json')).toThrow(InputError);
    expect(() => parseCatalogue(json, 'models.json')).toThrow(message);
  });
});
