import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../src/formats/byte-source';
import { encodeFloats } from '../../src/formats/float-codec';
import { openLlamaFolder, type LlamaFolder } from '../../src/formats/llama-folder';
import { encodeSafetensors } from '../../src/formats/safetensors-writer';
import type { DenseDtype } from '../../src/formats/tensor-dtype';
import { fixtureFiles, fixtureFolder, inputErrorOf } from './files';
import { BLOCK, CONFIG, openTiny, TENSORS, type Tensors } from './tiny-llama';

const without = (name: string): Tensors =>
  Object.fromEntries(Object.entries(TENSORS).filter(([key]) => key !== name));

describe('openLlamaFolder', () => {
  it('gives dense weights in their own types', async () => {
    const model = await openTiny(TENSORS);
    expect(model.names).toEqual(Object.keys(TENSORS));
    expect(model.weight('model.norm.weight')).toMatchObject({
      kind: 'dense',
      dtype: 'F32',
      shape: [4],
    });
    expect(model.weight(`${BLOCK}.mlp.down_proj.weight`)).toMatchObject({
      dtype: 'F16',
      shape: [4, 3],
    });
    expect(model.has('lm_head.weight')).toBe(false);
    expect(() => model.weight('lm_head.weight')).toThrow('no weight named lm_head.weight');
  });

  it('wants a head of its own where it is not tied', async () => {
    const untied = { tie_word_embeddings: false };
    expect(await inputErrorOf(openTiny(TENSORS, untied))).toContain(
      'lack the tensors "lm_head.weight"',
    );
    const model = await openTiny({ ...TENSORS, 'lm_head.weight': ['F16', 6, 4] }, untied);
    expect(model.weight('lm_head.weight').shape).toEqual([6, 4]);
  });

  it('wants the biases that the configuration speaks of', async () => {
    expect(await inputErrorOf(openTiny(TENSORS, { attention_bias: true, mlp_bias: true }))).toBe(
      'the model\'s files lack the tensors "model.layers.0.self_attn.q_proj.bias", "model.layers.0.self_attn.k_proj.bias", ' +
        '"model.layers.0.self_attn.v_proj.bias", "model.layers.0.self_attn.o_proj.bias", ' +
        '"model.layers.0.mlp.gate_proj.bias", "model.layers.0.mlp.up_proj.bias", "model.layers.0.mlp.down_proj.bias"',
    );
    const bias: Tensors = {
      [`${BLOCK}.mlp.gate_proj.bias`]: ['F32', 3],
      [`${BLOCK}.mlp.up_proj.bias`]: ['F32', 3],
      [`${BLOCK}.mlp.down_proj.bias`]: ['F32', 4],
    };
    const model = await openTiny({ ...TENSORS, ...bias }, { mlp_bias: true });
    expect(model.weight(`${BLOCK}.mlp.down_proj.bias`).shape).toEqual([4]);
    expect(await inputErrorOf(openTiny({ ...TENSORS, ...bias }))).toContain(
      '"model.layers.0.mlp.gate_proj.bias"',
    );
  });

  it.each(Object.keys(TENSORS))(
    'names %s where it is missing, misshapen or of another type',
    async (name) => {
      const [dtype = '', ...shape] = TENSORS[name] ?? [];
      expect(await inputErrorOf(openTiny(without(name)))).toContain(`"${name}"`);
      const longer: Tensors[string] = [dtype, ...shape.map((size) => size + 1)];
      expect(await inputErrorOf(openTiny({ ...TENSORS, [name]: longer }))).toContain(
        `"${name}" has the shape [${shape.map((size) => size + 1).join(', ')}], but config.json asks for [${shape.join(', ')}]`,
      );
      expect(await inputErrorOf(openTiny({ ...TENSORS, [name]: ['F64', ...shape] }))).toContain(
        `"${name}" is of F64`,
      );
    },
  );

  it('names superfluous tensors, but lets pass what old and tied checkpoints carry', async () => {
    const extra: Tensors = { ...TENSORS, 'model.layers.1.mlp.up_proj.weight': ['F16', 3, 4] };
    expect(await inputErrorOf(openTiny(extra))).toBe(
      'model.safetensors: the tensors "model.layers.1.mlp.up_proj.weight" do not belong to such a Llama',
    );
    const old: Tensors = {
      ...TENSORS,
      [`${BLOCK}.self_attn.rotary_emb.inv_freq`]: ['F32', 1],
      'lm_head.weight': ['F32', 6, 4],
    };
    expect((await openTiny(old)).names).toEqual(Object.keys(TENSORS));
  });

  describe('called tied', () => {
    const EMBEDDING = 'model.embed_tokens.weight';
    const HEAD = 'lm_head.weight';
    const numbers = (first: number) => Float32Array.from({ length: 24 }, (_, i) => i || first);
    const open = (tables: Record<string, [dtype: DenseDtype, first: number]>) => {
      const others = Object.entries(without(EMBEDDING)).map(([name, [dtype, ...shape]]) => ({
        name,
        dtype: dtype as DenseDtype,
        shape,
        bytes: new Uint8Array(
          shape.reduce((product, size) => product * size, dtype === 'F32' ? 4 : 2),
        ),
      }));
      const own = Object.entries(tables).map(([name, [dtype, first]]) => ({
        name,
        dtype,
        shape: [6, 4],
        bytes: encodeFloats(numbers(first), dtype),
      }));
      const files = {
        'config.json': JSON.stringify(CONFIG),
        'model.safetensors': encodeSafetensors([...others, ...own]),
      };
      return openLlamaFolder(memoryFolder('tied', files));
    };

    it('has one table where its files hold the same numbers twice, in whatever type', async () => {
      const model = await open({ [EMBEDDING]: ['BF16', 7], [HEAD]: ['F32', 7] });
      expect([model.config.tie_word_embeddings, model.has(HEAD)]).toEqual([true, false]);
    });

    it('has a head of its own where its files hold one with other numbers', async () => {
      const model = await open({ [EMBEDDING]: ['F32', 7], [HEAD]: ['F32', 8] });
      expect([model.config.tie_word_embeddings, model.has(HEAD)]).toEqual([false, true]);
    });

    it('takes the head for its embedding where its files hold only that', async () => {
      const model = await open({ [HEAD]: ['F16', 7] });
      expect([model.config.tie_word_embeddings, model.has(HEAD)]).toEqual([true, false]);
      expect(model.weight(EMBEDDING)).toMatchObject({ dtype: 'F16', shape: [6, 4] });
    });
  });

  it('says what is missing from a folder', async () => {
    const config = JSON.stringify(CONFIG);
    expect(await inputErrorOf(openLlamaFolder(memoryFolder('f', {})))).toContain('config.json: ');
    expect(
      await inputErrorOf(
        openLlamaFolder(memoryFolder('f', { 'config.json': config, 'pytorch_model.bin': '' })),
      ),
    ).toBe(
      'the folder "f" has neither model.safetensors nor model.safetensors.index.json; "pytorch_model.bin" cannot be used in its place',
    );
    expect(await inputErrorOf(openLlamaFolder(memoryFolder('f', { 'config.json': '{' })))).toBe(
      'config.json:1: the JSON should have a key in quotes here',
    );
  });
});

describe('a sharded folder', () => {
  const INDEX = 'model.safetensors.index.json';
  const index = JSON.parse(new TextDecoder().decode(fixtureFiles('sharded')[INDEX])) as {
    weight_map: Record<string, string>;
  };
  const openWith = (weightMap: Record<string, unknown>): Promise<LlamaFolder> =>
    openLlamaFolder(
      fixtureFolder('sharded', { [INDEX]: JSON.stringify({ weight_map: weightMap }) }),
    );

  it('as transformers saves it is one model', async () => {
    const model = await openLlamaFolder(fixtureFolder('sharded'));
    expect(model.config.rope_scaling).toEqual({ rope_type: 'linear', factor: 2 });
    expect([...model.names].sort()).toEqual(Object.keys(index.weight_map).sort());
    for (const name of model.names) {
      const weight = model.weight(name);
      expect(weight.kind === 'dense' && weight.tensor.source.name).toBe(index.weight_map[name]);
    }
  });

  it.each([
    '../x.safetensors',
    '/x.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    '.safetensors',
    'x.bin',
    '..',
    7,
  ])('never reaches out of its folder: %s', async (shard) => {
    expect(await inputErrorOf(openWith({ ...index.weight_map, 'lm_head.weight': shard }))).toMatch(
      /^model\.safetensors\.index\.json: .*"lm_head\.weight"; it must be a \.safetensors file in the same folder$/,
    );
  });

  it('must agree with its index', async () => {
    const head = index.weight_map['lm_head.weight'] ?? '';
    const other = Object.values(index.weight_map).find((shard) => shard !== head) ?? '';
    expect(
      await inputErrorOf(openWith({ ...index.weight_map, 'lm_head.weight': other })),
    ).toContain(
      `${head}: the tensor "lm_head.weight" is in this file, but ${INDEX} does not say so`,
    );
    expect(await inputErrorOf(openWith({ ...index.weight_map, ghost: head }))).toContain(
      'the shards do not hold the tensors "ghost"',
    );
    expect(
      await inputErrorOf(openWith({ ...index.weight_map, 'lm_head.weight': 'none.safetensors' })),
    ).toContain('none.safetensors: the folder "sharded" has no such file');
    expect(
      await inputErrorOf(openWith({ ...index.weight_map, 'lm_head.weight': undefined })),
    ).toContain('"lm_head.weight" is in this file');
  });
});
