/** Whether the promise resolves in time. @throws what it rejects with until then */
export async function resolvesWithin(
  milliseconds: number,
  promise: Promise<unknown>,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    // Whatever becomes of it later, nobody waits for it any more.
    promise.catch(() => undefined);
  }
}
