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
    expect(card).toContain('Training loss of the first and the last step: 4.0000 and 2.0000.');
    expect(card).toContain('3.0000 at best, 3.5000 at the last evaluation');
    expect(card).toContain('| r | `4` |');
    expect(card).toContain('PeftModel.from_pretrained(model,');
  });

  it('averages the losses of as many steps at both ends, none of them in both', () => {
    const lossesOf = (count: number) => {
      const metrics = Array.from({ length: count }, (_, i) => step(i + 1, i < count / 2 ? 4 : 2));
      return modelCard({ ...facts, metrics });
    };
    expect(lossesOf(1)).toContain('\n1 step (0.50 epochs) over 300 trained tokens in 2 s.\n');
    expect(lossesOf(1)).toContain('\nTraining loss: 4.0000.\n');
    expect(lossesOf(12)).toContain(
      'mean over the first 6 and the last 6 steps: 4.0000 and 2.0000.',
    );
    expect(lossesOf(40)).toContain('the first 10 and the last 10 steps: 4.0000 and 2.0000.');
  });

  it('weighs the steps that it averages by their trained tokens', () => {
    const losses = [4, 2, 3, 3];
    const metrics = losses.map((loss, index) => step(index + 1, loss));
    // (4 x 300 + 2 x 100) / 400
    expect(modelCard({ ...facts, metrics })).toContain('steps: 3.5000 and 3.0000.');
  });

  it('says where a base model is that the hub does not have', () => {
    const note = 'is a folder, not a repository of the Hugging Face hub';
    expect(modelCard({ ...facts, baseModel: 'starter' })).toContain(`\`starter\` ${note}`);
    expect(modelCard(facts)).not.toContain(note);
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
