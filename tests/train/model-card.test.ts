import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import { modelCard, type ModelCardFacts } from '../../src/train/model-card';

const step = (number: number, loss: number, more: object = {}) => ({
  step: number,
  epoch: number / 2,
  loss,
  learning_rate: 1e-4,
  grad_norm: 1,
  trained_tokens: number === 1 ? 300 : 100,
  seconds: 2 * number,
  ...more,
});

const facts: ModelCardFacts = {
  baseModel: 'owner/name',
  config: parseTrainingConfig({ r: 4 }),
  data: { files: ['tales.txt'], examples: 7, tokens: 900, trainedTokens: 800 },
  metrics: [step(1, 4), step(2, 2, { eval_loss: 3 }), step(3, 2, { eval_loss: 3.5 })],
};

describe('a model card', () => {
  it('says what the adapter was made from, how, and with what losses', () => {
    const card = modelCard(facts);
    expect(card).toMatch(/^---\nbase_model: "owner\/name"\nlibrary_name: peft\n/);
    expect(card).toContain('trained by QLoRA');
    expect(card).toContain(
      '7 examples, 900 tokens, of which 800 were trained, from:\n\n- `tales.txt`',
    );
    expect(card).toContain('3 steps (1.50 epochs) over 500 trained tokens in 6 s.');
    // (4 x 300 + 2 x 100 + 2 x 100) / 500
    expect(card).toContain('first and the last steps: 3.2000 and 3.2000.');
    expect(card).toContain('3.0000 at best, 3.5000 at the last evaluation');
    expect(card).toContain('| r | `4` |');
    expect(card).toContain('PeftModel.from_pretrained(model,');
  });

  it('of a full fine-tune shows how to load a model', () => {
    const card = modelCard({ ...facts, config: parseTrainingConfig({ method: 'full' }) });
    expect(card).toContain('library_name: transformers');
    expect(card).not.toContain('PeftModel');
  });

  it('does not turn a name into markup', () => {
    const card = modelCard({
      ...facts,
      baseModel: 'a"\nlicense: x',
      data: { ...facts.data, files: ['`<b>`\n# title.txt', 'a|b.txt'] },
    });
    expect(card).toContain('base_model: "a\\"\\nlicense: x"\n');
    expect(card).toContain('- `` `<b>` # title.txt ``\n- `a|b.txt`\n');
  });
});
