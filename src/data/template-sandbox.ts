import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** What a rendering may cost. Templates come from strangers; the largest real ones need a hundredth of this. */
export interface TemplateLimits {
  /** Nodes of the template evaluated, loops counted anew each time round, and a share of a step for each item and character that they work on. */
  steps: number;
  /** UTF-16 code units of the longest string made on the way. */
  characters: number;
  /** Items of the longest list, ranges included. */
  items: number;
}

type Node = Parameters<Interpreter['evaluate']>[0];
type Value = ReturnType<Interpreter['evaluate']>;
/** A loop over a value, or over those of a value that pass a test. */
type LoopNode = NonNullable<Node> & { iterable?: object & { lhs?: object } };
type BinaryNode = NonNullable<Node> & { operator?: { value: string }; left?: Node; right?: Node };
type AccessNode = NonNullable<Node> & { object?: object; property?: { type: string } };

/** Steps that one round of a loop costs besides what it evaluates. */
const ROUND_STEPS = 4;
/** Steps that an operator or filter costs for each item and each character of a value, about what they take of the time of a step. */
const ITEM_STEPS = 1 / 4;
const CHARACTER_STEPS = 1 / 256;
/** The Jinja package takes time of the square of the white space that stands in a row. */
const LONGEST_SPACE = 1000;

const ENGLISH = 'en-US';

/**
 * A chat template as transformers sets Jinja up for it: blocks trimmed and stripped on the left, `raise_exception`, `strftime_now`.
 * Parsing throws on what is not Jinja; rendering throws what the template raises, and where it does more than the limits allow.
 */
export class SandboxedTemplate {
  private readonly program: ReturnType<typeof parse>;

  constructor(template: string) {
    if (new RegExp(`\\s{${LONGEST_SPACE}}`).test(template)) {
      throw new Error(`the template has ${LONGEST_SPACE} spaces in a row`);
    }
    this.program = parse(
      tokenize(withoutGeneration(template), { lstrip_blocks: true, trim_blocks: true }),
    );
  }

  /** @param now what `strftime_now` answers, in local time */
  render(variables: Readonly<Record<string, unknown>>, limits: TemplateLimits, now: Date): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...globals(limits, now), ...variables })) {
      environment.set(name, value);
    }
    const result = new LimitedInterpreter(environment, limits).run(this.program);
    if (typeof result.value !== 'string') throw new Error('the template does not make a text');
    return result.value;
  }
}

class LimitedInterpreter extends Interpreter {
  private stepsLeft: number;
  private readonly truths: Readonly<Record<'true' | 'false', Value>>;
  /** Nodes whose values loops go through. */
  private readonly loopedOver = new WeakSet();
  /** Nodes of whose values only one member is taken, whatever their size. */
  private readonly accessed = new WeakSet();
  /** Nodes whose values are methods: these go through the whole of what they belong to. */
  private readonly methods = new WeakSet();

  constructor(
    environment: Environment,
    private readonly limits: TemplateLimits,
  ) {
    super(environment);
    this.stepsLeft = limits.steps;
    this.truths = {
      true: environment.lookupVariable('true'),
      false: environment.lookupVariable('false'),
    };
  }

  override evaluate(node: Node, environment: Environment): Value {
    this.spend(1);
    if (node?.type === 'For') this.noteLoop(node);
    else if (node?.type === 'CallExpression') this.noteCall(node);
    else if (node?.type === 'MemberExpression') this.noteAccess(node);
    const result = this.compared(node, environment) ?? super.evaluate(node, environment);
    const value: unknown = result.value;
    if (typeof value === 'string' && value.length > this.limits.characters) {
      throw new Error('the template makes too long a text');
    }
    if (Array.isArray(value) && value.length > this.limits.items) {
      throw new Error('the template makes too long a list');
    }
    // An empty loop evaluates nothing as it goes round, so it is paid for when it begins.
    if (node !== undefined && this.loopedOver.has(node)) this.spend(ROUND_STEPS * itemsIn(value));
    if (node !== undefined && !this.accessed.has(node)) this.weigh(result);
    return result;
  }

  /**
   * What `==` and `!=` say, as in Python: the package compares as JavaScript does, for which no text and false are equal.
   *
   * @returns undefined where the node is no such comparison
   */
  private compared(node: BinaryNode | undefined, environment: Environment): Value | undefined {
    const operator = node?.type === 'BinaryExpression' ? node.operator?.value : undefined;
    if (operator !== '==' && operator !== '!=') return undefined;
    const left = this.evaluate(node?.left, environment);
    const right = this.evaluate(node?.right, environment);
    const areEqual =
      isNumeric(left.value) && isNumeric(right.value)
        ? Number(left.value) === Number(right.value)
        : left.type === right.type && left.value === right.value;
    return this.truths[areEqual === (operator === '==') ? 'true' : 'false'];
  }

  /** Pays for all that whoever takes this value may go through: a list that holds one list twice counts it twice, as printing it would. */
  private weigh({ value }: { value: unknown }): void {
    if (typeof value === 'string') {
      this.spend(CHARACTER_STEPS * value.length);
    } else if (Array.isArray(value) || value instanceof Map) {
      this.spend(ITEM_STEPS * itemsIn(value));
      for (const item of value.values() as Iterable<{ value: unknown }>) this.weigh(item);
    }
  }

  private spend(steps: number): void {
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) throw new Error('the template runs too long');
  }

  private noteLoop(loop: LoopNode): void {
    for (const node of [loop.iterable, loop.iterable?.lhs]) {
      if (node !== undefined) this.loopedOver.add(node);
    }
  }

  private noteCall({ callee }: NonNullable<Node> & { callee?: object }): void {
    if (callee !== undefined) this.methods.add(callee);
  }

  private noteAccess(node: AccessNode): void {
    const takesOne = node.property?.type !== 'SliceExpression' && !this.methods.has(node);
    if (takesOne && node.object !== undefined) this.accessed.add(node.object);
  }
}

/** transformers' `generation` blocks, which mark what the assistant says, render what is in them: as a condition that always holds. */
function withoutGeneration(template: string): string {
  return template
    .replace(/\{%([-+]?)\s*generation\s*([-+]?)%\}/g, '{%$1 if true $2%}')
    .replace(/\{%([-+]?)\s*endgeneration\s*([-+]?)%\}/g, '{%$1 endif $2%}');
}

/** Whether Python compares the value as a number, which it does with true and false too. */
function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function itemsIn(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

function globals(limits: TemplateLimits, now: Date): Record<string, unknown> {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    raise_exception: (message: unknown) => {
      throw new Error(String(message));
    },
    range: (start: number, stop?: number, step?: number) =>
      stop === undefined
        ? limitedRange(0, start, step ?? 1, limits.items)
        : limitedRange(start, stop, step ?? 1, limits.items),
    strftime_now: (format: string) => formatTime(now, format),
  };
}

function limitedRange(start: number, stop: number, step: number, items: number): number[] {
  if (![start, stop, step].every(Number.isInteger)) throw new Error('range() takes whole numbers');
  if (step === 0) throw new Error('range() step must not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > items) throw new Error('the template makes too long a list');
  return Array.from({ length }, (_, index) => start + index * step);
}

/** Python's strftime for the directives that chat templates use, with English names whatever the host's language. */
function formatTime(time: Date, format: string): string {
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  const name = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(ENGLISH, options).format(time);
  const directives: Record<string, () => string> = {
    Y: () => String(time.getFullYear()),
    y: () => twoDigits(time.getFullYear() % 100),
    m: () => twoDigits(time.getMonth() + 1),
    d: () => twoDigits(time.getDate()),
    H: () => twoDigits(time.getHours()),
    M: () => twoDigits(time.getMinutes()),
    S: () => twoDigits(time.getSeconds()),
    b: () => name({ month: 'short' }),
    B: () => name({ month: 'long' }),
    a: () => name({ weekday: 'short' }),
    A: () => name({ weekday: 'long' }),
    '%': () => '%',
  };
  return format.replace(
    /%([A-Za-z%])/g,
    (whole, letter: string) => directives[letter]?.() ?? whole,
  );
}
