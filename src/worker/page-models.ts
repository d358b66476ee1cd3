import { parseCatalogue, type Catalogue } from '../storage/catalogue';
import { HubClient } from '../storage/hub-client';
import { Models } from './models';
import type { Services } from './services';
import { pageAddress } from './starter-model';

const CATALOGUE = 'models.json';

/** The models of this page. Another hub of the same layout is one setting at build time, `VITE_TUNESMITH_HUB`. */
export function pageModels(services: Services): Models {
  const address: unknown = import.meta.env.VITE_TUNESMITH_HUB;
  const hub = new HubClient(typeof address === 'string' ? { address } : {});
  let catalogue: Promise<Catalogue> | undefined;
  return new Models(services, hub, () => (catalogue ??= fetchCatalogue()));
}

async function fetchCatalogue(): Promise<Catalogue> {
  const response = await fetch(new URL(CATALOGUE, pageAddress()));
  if (!response.ok) throw new Error(`${CATALOGUE} did not load: ${response.status}`);
  return parseCatalogue(await response.json(), CATALOGUE);
}
