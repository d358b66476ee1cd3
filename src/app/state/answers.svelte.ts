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
          (piece) => this.#tell(piece),
          onProgress,
        ),
      );
      if (!answers) return;
      this.finished = answers;
      this.base = answers.base.text;
      this.tuned = answers.tuned.text;
    } finally {
      this.writing = null;
    }
  }

  /** Forgets the answers, since another run is shown; the question stays. */
  clear(): void {
    this.asked = null;
    this.base = '';
    this.tuned = '';
    this.finished = null;
  }

  #tell(piece: AnswerPiece): void {
    this.writing = piece.side;
    this[piece.side] += piece.text;
  }
}
