/**
 * The LoRA training step of a Llama in jax-js, as its users would write it: dense f32 weights, `valueAndGrad` over the adapter and AdamW, all
 * in one `jit`. It computes what our step computes; the bench checks that by its losses.
 *
 * jax-js counts references: a function uses up its arguments, and `.ref` keeps an array for later.
 */

import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { TargetModule } from '../src/config';
import type { UpdateSettings } from '../src/engine/ops/optimizer';
import {
  loadAdapter,
  loadFrozen,
  ropeTables,
  targetsOf,
  type Adapter,
  type Frozen,
  type LlamaRun,
  type Lora,
  type TrainedLlama,
} from './llama-run';

type Inputs = Record<'ids' | 'targets' | 'trained' | 'cosine' | 'sine', np.Array>;
type State = Record<'adapter' | 'first' | 'second', Adapter<np.Array>>;

/** Loads a run into jax-js, whose default device must have been set. */
export async function jaxLlama(run: LlamaRun): Promise<TrainedLlama> {
  const make = (values: Float32Array<ArrayBuffer>, shape: number[]): np.Array =>
    np.array(values, { shape });
  const frozen = await loadFrozen(run.folder, make);
  const { targets, trained } = targetsOf(run.batch);
  const inputs: Inputs = {
    ids: np.array(Int32Array.from(run.batch.inputIds)),
    targets: np.array(targets),
    trained: np.array(trained),
    ...ropeTables(run.folder.config, run.batch.rowLength, make),
  };
  const adapter = loadAdapter(run, make);
  const zeros = (): Adapter<np.Array> => tree.map((one: np.Array) => np.zeros(one.shape), adapter);
  let state: State = { adapter, first: zeros(), second: zeros() };

  type Model = Frozen<np.Array>;
  const loss = (trained: Adapter<np.Array>, model: Model, input: Inputs): np.Array =>
    meanLoss(run, trained, model, input);
  const trainStep = jit((model: Model, input: Inputs, { adapter, first, second }: State) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(adapter), model, input);
    return { value, state: adamw({ adapter, first, second }, gradients, run.update) };
  });
  return {
    async step() {
      const result = trainStep(tree.ref(frozen), tree.ref(inputs), state);
      state = result.state;
      await blockUntilReady(state);
      return Number(await result.value.jsAsync());
    },
  };
}

function meanLoss(
  run: LlamaRun,
  adapter: Adapter<np.Array>,
  [tables, layers]: Frozen<np.Array>,
  input: Inputs,
): np.Array {
  const { config } = run.folder;
  const { rows, rowLength, trainedTokens } = run.batch;
  const { hidden_size: hidden, rms_norm_eps: epsilon } = config;
  const { ids, targets, trained, cosine, sine } = input;
  const head = tables.head ?? tables.embedding.ref;
  let x = np.take(tables.embedding, ids, 0);
  layers.forEach((layer, index) => {
    const lora = adapter[index];
    if (!lora) throw new Error(`there is no adapter for layer ${index}`);
    const linear = (module: TargetModule, from: np.Array): np.Array =>
      adapted(from, layer[module], lora[module], run.scale);
    const heads = (from: np.Array, count: number): np.Array =>
      from.reshape([rows, rowLength, count, config.head_dim]);

    const n1 = rmsNorm(x.ref, layer.inputNorm, epsilon);
    const q = heads(linear('q_proj', n1.ref), config.num_attention_heads);
    const k = heads(linear('k_proj', n1.ref), config.num_key_value_heads);
    const v = heads(linear('v_proj', n1), config.num_key_value_heads);
    const attended = attention(rotate(q, cosine.ref, sine.ref), rotate(k, cosine.ref, sine.ref), v);
    x = x.add(linear('o_proj', attended.reshape([rows * rowLength, -1])));

    const n2 = rmsNorm(x.ref, layer.postAttentionNorm, epsilon);
    const gate = nn.silu(linear('gate_proj', n2.ref));
    x = x.add(linear('down_proj', gate.mul(linear('up_proj', n2))));
  });
  cosine.dispose();
  sine.dispose();
  const norm = rmsNorm(x, tables.finalNorm, epsilon).reshape([rows * rowLength, hidden]);
  const logits = np.matmul(norm, np.transpose(head));
  // jax-js has no gradient of picking elements, and its `oneHot` makes a matrix of all words by all words.
  const wanted = np.equal(targets.reshape([-1, 1]), np.arange(config.vocab_size));
  const chosen = np.where(wanted, logits.ref, 0).sum(-1);
  const losses = nn.logsumexp(logits, -1).sub(chosen);
  return losses
    .mul(trained)
    .sum()
    .mul(1 / trainedTokens);
}

function rmsNorm(x: np.Array, weight: np.Array, epsilon: number): np.Array {
  const meanSquare = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.mul(np.reciprocal(np.sqrt(meanSquare.add(epsilon)))).mul(weight);
}

/** x · Wᵀ + scale · (x · Aᵀ) · Bᵀ */
function adapted(x: np.Array, weight: np.Array, { A, B }: Lora<np.Array>, scale: number): np.Array {
  const low = np.matmul(x.ref, np.transpose(A)).mul(scale);
  return np.matmul(x, np.transpose(weight)).add(np.matmul(low, np.transpose(B)));
}

/** Half-split rotation of x [rows, length, heads, headDim]; cosine and sine are [length, 1, headDim / 2]. */
function rotate(x: np.Array, cosine: np.Array, sine: np.Array): np.Array {
  const [low, high] = np.split(x, 2, -1);
  if (!low || !high) throw new Error('a head has two halves');
  return np.concatenate(
    [low.ref.mul(cosine.ref).sub(high.ref.mul(sine.ref)), high.mul(cosine).add(low.mul(sine))],
    -1,
  );
}

/**
 * Causal attention of q [rows, length, heads, headDim] to k and v [rows, length, kvHeads, headDim]. jax-js has a function for it, which
 * repeats keys and values and needs a newer Node.
 */
function attention(q: np.Array, k: np.Array, v: np.Array): np.Array {
  const [rows = 0, length = 0, heads = 0, headDim = 0] = q.shape;
  const kvHeads = k.shape[2] ?? 0;
  const group = heads / kvHeads;
  const stacked = [rows, kvHeads, group * length, headDim];
  const queries = np
    .transpose(q.reshape([rows, length, kvHeads, group, headDim]), [0, 2, 3, 1, 4])
    .reshape(stacked);
  const scores = np
    .matmul(queries, np.transpose(k, [0, 2, 3, 1]))
    .mul(1 / Math.sqrt(headDim))
    .reshape([rows, kvHeads, group, length, length]);
  const causal = np.tri(length, length, 0, { dtype: np.bool });
  const weights = nn.softmax(np.where(causal, scores, -Infinity), -1);
  const values = np.transpose(v, [0, 2, 1, 3]);
  const out = np
    .matmul(weights.reshape([rows, kvHeads, group * length, length]), values)
    .reshape([rows, kvHeads, group, length, headDim]);
  return np.transpose(out, [0, 3, 1, 2, 4]).reshape([rows, length, heads * headDim]);
}

function adamw(state: State, gradients: Adapter<np.Array>, update: UpdateSettings): State {
  const { beta1, beta2, epsilon, learningRate, weightDecay } = update;
  const first = tree.map(
    (moment: np.Array, gradient: np.Array) => moment.mul(beta1).add(gradient.mul(1 - beta1)),
    state.first,
    tree.ref(gradients),
  );
  const second = tree.map(
    (moment: np.Array, gradient: np.Array) =>
      moment.mul(beta2).add(np.square(gradient).mul(1 - beta2)),
    state.second,
    gradients,
  );
  const adapter = tree.map(
    (weight: np.Array, m: np.Array, v: np.Array) => {
      const deviation = np.sqrt(v.mul(1 / update.biasCorrection2)).add(epsilon);
      const step = m.mul(learningRate / update.biasCorrection1).div(deviation);
      return weight.mul(1 - learningRate * weightDecay).sub(step);
    },
    state.adapter,
    tree.ref(first),
    tree.ref(second),
  );
  return { adapter, first, second };
}
