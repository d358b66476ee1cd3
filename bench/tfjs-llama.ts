/**
 * The LoRA training step of a Llama in TensorFlow.js, as its users would write it: dense f32 weights, `variableGrads` over the adapter and
 * AdamW (its own Adam decays no weights). It computes what our step computes; the bench checks that by its losses.
 */

import type { Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import type { TargetModule } from '../src/config';
import { openTfjs, type Tfjs } from './contenders';
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

type Inputs = Record<'ids' | 'wanted' | 'trained' | 'cosine' | 'sine' | 'causal', Tensor>;
/** A weight of the adapter with its moments. */
type Trained = Record<'weight' | 'first' | 'second', Variable>;

/** Loads a run into tfjs. */
export async function tfjsLlama(run: LlamaRun): Promise<TrainedLlama> {
  const tf = await openTfjs();
  const { folder, batch } = run;
  const make = (values: Float32Array, shape: number[]): Tensor => tf.tensor(values, shape);
  const frozen = await loadFrozen(folder, make);
  const { targets, trained } = targetsOf(batch);
  const inputs: Inputs = {
    ids: tf.tensor1d(Int32Array.from(batch.inputIds), 'int32'),
    wanted: tf.oneHot(tf.tensor1d(targets, 'int32'), folder.config.vocab_size, 1, 0, 'float32'),
    trained: tf.tensor1d(trained),
    // A number and not infinity, which WGSL does not promise to compute with.
    causal: tf.linalg
      .bandPart(tf.ones([batch.rowLength, batch.rowLength]), -1, 0)
      .sub(1)
      .mul(1e9),
    ...ropeTables(folder.config, batch.rowLength, make),
  };
  const weights: Trained[] = [];
  const adapter = loadAdapter(run, (values, shape): Variable => {
    const weight = tf.variable(tf.tensor(values, shape));
    const zeros = (): Variable => tf.variable(tf.zeros(shape), false);
    weights.push({ weight, first: zeros(), second: zeros() });
    return weight;
  });
  return {
    async step() {
      const loss = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => meanLoss(tf, run, adapter, frozen, inputs));
        for (const one of weights) adamw(one, grads[one.weight.name], run);
        return value;
      });
      // Commands run in order, so that a loss that can be read says that the updates before it are done.
      const [value = NaN] = await loss.data();
      loss.dispose();
      return value;
    },
  };
}

function meanLoss(
  tf: Tfjs,
  run: LlamaRun,
  adapter: Adapter<Tensor>,
  [tables, layers]: Frozen<Tensor>,
  { ids, wanted, trained, cosine, sine, causal }: Inputs,
): Scalar {
  const { config } = run.folder;
  const { rows, rowLength } = run.batch;
  const { rms_norm_eps: epsilon } = config;
  let x: Tensor = tf.gather(tables.embedding, ids);
  layers.forEach((layer, index) => {
    const lora = adapter[index];
    if (!lora) throw new Error(`there is no adapter for layer ${index}`);
    const linear = (module: TargetModule, from: Tensor): Tensor =>
      adapted(tf, from, layer[module], lora[module], run.scale);
    const heads = (from: Tensor, count: number): Tensor4D =>
      from.reshape([rows, rowLength, count, config.head_dim]);
    const rotated = (from: Tensor4D): Tensor4D => rotate(tf, from, cosine, sine);

    const n1 = rmsNorm(x, layer.inputNorm, epsilon);
    const q = rotated(heads(linear('q_proj', n1), config.num_attention_heads));
    const k = rotated(heads(linear('k_proj', n1), config.num_key_value_heads));
    const v = heads(linear('v_proj', n1), config.num_key_value_heads);
    const attended = attention(tf, q, k, v, causal);
    x = x.add(linear('o_proj', attended.reshape([rows * rowLength, -1])));

    const n2 = rmsNorm(x, layer.postAttentionNorm, epsilon);
    const gate = linear('gate_proj', n2);
    const silu = gate.mul(gate.sigmoid());
    x = x.add(linear('down_proj', silu.mul(linear('up_proj', n2))));
  });
  const norm = rmsNorm(x, tables.finalNorm, epsilon);
  const logits = tf.matMul(norm, tables.head ?? tables.embedding, false, true);
  // Its mean is over the tokens whose weight is not zero.
  return tf.losses.softmaxCrossEntropy(wanted, logits, trained);
}

function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(weight);
}

/** x · Wᵀ + scale · (x · Aᵀ) · Bᵀ */
function adapted(
  tf: Tfjs,
  x: Tensor,
  weight: Tensor,
  { A, B }: Lora<Tensor>,
  scale: number,
): Tensor {
  const low = tf.matMul(x, A, false, true).mul(scale);
  return tf.matMul(x, weight, false, true).add(tf.matMul(low, B, false, true));
}

/** Half-split rotation of x [rows, length, heads, headDim]; cosine and sine are [length, 1, headDim / 2]. */
function rotate(tf: Tfjs, x: Tensor4D, cosine: Tensor, sine: Tensor): Tensor4D {
  const [low, high] = tf.split(x, 2, -1);
  if (!low || !high) throw new Error('a head has two halves');
  return tf.concat(
    [low.mul<Tensor4D>(cosine).sub(high.mul(sine)), high.mul<Tensor4D>(cosine).add(low.mul(sine))],
    -1,
  );
}

/**
 * Causal attention of q [rows, length, heads, headDim] to k and v [rows, length, kvHeads, headDim]; `causal` [length, length] is added to
 * the scores.
 */
function attention(tf: Tfjs, q: Tensor4D, k: Tensor4D, v: Tensor4D, causal: Tensor): Tensor {
  const [rows, length, heads, headDim] = q.shape;
  const kvHeads = k.shape[2];
  const group = heads / kvHeads;
  const stacked = [rows, kvHeads, group * length, headDim];
  const queries = q
    .reshape([rows, length, kvHeads, group, headDim])
    .transpose([0, 2, 3, 1, 4])
    .reshape(stacked);
  const scores = tf
    .matMul(queries, k.transpose([0, 2, 1, 3]), false, true)
    .mul(1 / Math.sqrt(headDim))
    .reshape([rows, kvHeads, group, length, length]);
  const weights = tf.softmax(scores.add(causal)).reshape([rows, kvHeads, group * length, length]);
  return tf
    .matMul(weights, v.transpose([0, 2, 1, 3]))
    .reshape([rows, kvHeads, group, length, headDim])
    .transpose([0, 3, 1, 2, 4]);
}

function adamw(
  { weight, first, second }: Trained,
  gradient: Tensor | undefined,
  { update }: LlamaRun,
): void {
  if (!gradient) throw new Error(`there is no gradient of ${weight.name}`);
  const { beta1, beta2, epsilon, learningRate, weightDecay } = update;
  first.assign(first.mul(beta1).add(gradient.mul(1 - beta1)));
  second.assign(second.mul(beta2).add(gradient.square().mul(1 - beta2)));
  const deviation = second
    .mul(1 / update.biasCorrection2)
    .sqrt()
    .add(epsilon);
  const step = first.mul(learningRate / update.biasCorrection1).div(deviation);
  weight.assign(weight.mul(1 - learningRate * weightDecay).sub(step));
}
