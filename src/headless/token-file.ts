import { InputError } from '../errors';
import { readJson } from '../formats/json';
import { openNodeFile } from './node-files';
import { callerPath } from './paths';

const MAXIMUM_BYTES = 64 * 2 ** 20;

/**
 * Reads lists of token ids from JSON: one non-empty list, or a list of such lists.
 *
 * @param vocabularySize ids must be below
 */
export async function readTokenLists(
  given: string,
  vocabularySize: number,
): Promise<Uint32Array<ArrayBuffer>[]> {
  const source = await openNodeFile(callerPath(given));
  const value = await readJson(source, MAXIMUM_BYTES);
  const file = source.name;
  if (!Array.isArray(value) || value.length === 0) {
    throw new InputError('this must be a non-empty list of token ids, or a list of such lists', {
      file,
    });
  }
  const items: unknown[] = value;
  const lists = items.some(Array.isArray) ? items : [items];
  return lists.map((list, index) => {
    const place = lists.length > 1 ? ` of list ${index}` : '';
    if (!Array.isArray(list) || list.length === 0) {
      throw new InputError(`item ${index} must be a non-empty list of token ids`, { file });
    }
    return Uint32Array.from(list, (id: unknown, position) => {
      if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabularySize)
        return id;
      throw new InputError(
        `item ${position}${place} is ${JSON.stringify(id)}; token ids of this model go from 0 to ${vocabularySize - 1}`,
        { file },
      );
    });
  });
}
