import { join } from 'node:path';
import { ROOT, run, say, SetupError } from '../process.mjs';
import { addBackports, aptInstall, aptUpdate, debianLike, suiteOffering } from './apt.mjs';

/** The first Mesa whose software Vulkan driver has everything that the tests use, 16-bit floats among it. */
const MESA = 25;
const PACKAGES = ['libvulkan1', 'mesa-vulkan-drivers'];

/** @typedef {{ description: string, software: boolean, f16: boolean }} FoundAdapter */

/**
 * Makes sure that Node finds a WebGPU adapter: a real GPU where there is one, else Mesa's software driver, which it installs on Debian
 * and Ubuntu.
 */
export async function setUpVulkan() {
  let adapter = await probeAdapter();
  if (!isUsable(adapter)) {
    await installSoftwareDriver(adapter);
    adapter = await probeAdapter();
  }
  if (adapter === undefined) {
    throw new SetupError('Node still finds no WebGPU adapter; "vulkaninfo" may say why.');
  }
  say(`the tests run on ${adapter.description}.`);
}

/**
 * A real GPU is usable whatever it has; the software driver is too old where it lacks 16-bit floats.
 *
 * @param {FoundAdapter | undefined} adapter
 */
function isUsable(adapter) {
  return adapter !== undefined && (!adapter.software || adapter.f16);
}

/** @returns {Promise<FoundAdapter | undefined>} */
async function probeAdapter() {
  const probe = join(ROOT, 'tools', 'setup', 'probe-adapter.mjs');
  const { code, output } = await run(process.execPath, [probe], {
    capture: true,
    quiet: true,
    timeoutSeconds: 60,
  });
  if (code !== 0) return undefined;
  /** @type {FoundAdapter | null} */
  const adapter = JSON.parse(output);
  return adapter ?? undefined;
}

/** @param {FoundAdapter | undefined} present the adapter that is there but too old */
async function installSoftwareDriver(present) {
  const wanted = process.env.TUNESMITH_ADAPTER;
  if (present === undefined && wanted !== undefined && !/llvmpipe|lavapipe/i.test(wanted)) {
    throw new SetupError(`TUNESMITH_ADAPTER names "${wanted}", and no adapter is called so.`);
  }
  const missing =
    present === undefined
      ? 'there is no Vulkan driver that WebGPU can use'
      : `${present.description} is too old`;
  const distribution = await debianLike();
  if (distribution === undefined) throw new SetupError(`${missing}; ${adviceElsewhere()}`);
  say(`${missing}; installing Mesa's software driver through apt.`);
  await aptUpdate();
  let suite = await suiteOffering('mesa-vulkan-drivers', MESA);
  if (suite === undefined && distribution.id === 'debian') {
    if (await addBackports(distribution.codename)) await aptUpdate();
    suite = await suiteOffering('mesa-vulkan-drivers', MESA);
  }
  if (suite === undefined) {
    throw new SetupError(
      `${missing}, and ${distribution.codename} offers no Mesa ${MESA} or newer; use a newer release of the system or a machine with a GPU.`,
    );
  }
  await aptInstall(PACKAGES, suite);
}

function adviceElsewhere() {
  if (process.platform !== 'linux') return 'update the graphics driver.';
  return (
    `install Mesa ${MESA} or newer with its software Vulkan driver ` +
    '(Fedora: "dnf install mesa-vulkan-drivers", Arch: "pacman -S vulkan-swrast", others alike).'
  );
}
