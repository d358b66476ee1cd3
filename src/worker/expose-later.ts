/**
 * A service as comlink exposes it, from the promise of it: calls that come before it is there wait for it. Where it never comes, every
 * call fails with the reason.
 */
export function exposeLater<Service extends object>(service: Promise<Service>): object {
  service.catch(() => undefined);
  return new Proxy(
    {},
    {
      get:
        (_, name) =>
        async (...values: unknown[]) => {
          const ready = (await service) as Record<PropertyKey, (...passed: unknown[]) => unknown>;
          return ready[name]?.(...values);
        },
    },
  );
}
