import type { AnswerPiece, Answers, TrainerWorker } from '../../worker/api';
import { Operation } from './operation.svelte';

const MAXIMUM_TOKENS = 256;
const SEED = 42;

/** A question, and what the untouched and the tuned model answer. */
export class AnswerPair {
  question = $state('');
  /** 0 always takes the likeliest token. */
  temperature = $state(0);
  asked = $state<string | null>(null);
  base = $state('');
  tuned = $state('');
  /** Which of the two is being written. */
  writing = $state<AnswerPiece['side'] | null>(null);
  finished = $state.raw<Answers | null>(null);
  readonly operation: Operation;
  /** Counts what was asked and forgotten: what is told of an earlier question is not shown. */
  #turn = 0;

  /** @param stop ends the asking */
  constructor(
    private readonly trainer: TrainerWorker,
    stop: () => Promise<void>,
  ) {
    this.operation = new Operation(stop);
  }

  /** Asks both; the answers grow as they are written. What has been written stays when it is cancelled. */
  async ask(runId: string): Promise<void> {
    const question = this.question.trim();
    if (question === '') return;
    const turn = (this.#turn += 1);
    this.asked = question;
    this.base = '';
    this.tuned = '';
    this.finished = null;
    this.writing = 'base';
    try {
      const answers = await this.operation.run('Loading the model', (onProgress) =>
        this.trainer.ask(
          {
            runId,
            question,
            maximumTokens: MAXIMUM_TOKENS,
            temperature: this.temperature,
            seed: SEED,
          },
          (piece) => {
            if (turn === this.#turn) this.#tell(piece);
          },
          onProgress,
        ),
      );
      if (!answers || turn !== this.#turn) return;
      this.finished = answers;
      this.base = answers.base.text;
      this.tuned = answers.tuned.text;
    } finally {
      if (turn === this.#turn) this.writing = null;
    }
  }

  /** Forgets the answers, since another run is shown, and ends those that are being written; the question stays. */
  async clear(): Promise<void> {
    this.#turn += 1;
    this.asked = null;
    this.base = '';
    this.tuned = '';
    this.finished = null;
    this.writing = null;
    await this.operation.cancel();
  }

  #tell(piece: AnswerPiece): void {
    this.writing = piece.side;
    this[piece.side] += piece.text;
  }
}
