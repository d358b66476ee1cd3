type FieldEvent = Event & { currentTarget: HTMLInputElement | HTMLTextAreaElement };

/**
 * What a field shows: its value, but from when a person comes into it until they leave it what it said then and what they type. A suggestion
 * that arrives meanwhile would take the place of what is typed, or undo the selection that typing was to replace: 10 and 200 would be 10,200.
 */
export class FieldText {
  readonly shown = $derived.by(() => this.#held ?? this.value());
  #held = $state<string | null>(null);

  /** @param value what the field is of */
  constructor(private readonly value: () => string) {}

  readonly hold = (event: FieldEvent): void => {
    this.#held = event.currentTarget.value;
  };

  readonly release = (): void => {
    this.#held = null;
  };
}
