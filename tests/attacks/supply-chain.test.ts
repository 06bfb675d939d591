import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };
import { root } from '../../src/platform/root.ts';

// What a machine cannot tell without the network is for the release: `npm audit signatures` compares what was
// installed with the registry's signatures, `npm audit` with what is known of its faults. The bill of materials
// is `npm sbom --sbom-format cyclonedx`; with `--omit dev`, npm leaves out packages that production needs.

const json = async <T>(file: string, shape: z.ZodType<T>) =>
  shape.parse(JSON.parse(await readFile(path.join(root, file), 'utf8')));

const versions = z.record(z.string(), z.string()).default({});
const { packages } = await json(
  'package-lock.json',
  z.object({
    lockfileVersion: z.literal(3),
    packages: z.record(
      z.string(),
      z.object({
        name: z.string().optional(),
        version: z.string().optional(),
        resolved: z.string().optional(),
        integrity: z.string().optional(),
        link: z.boolean().default(false),
        inBundle: z.boolean().default(false),
        dev: z.boolean().default(false),
        devOptional: z.boolean().default(false),
        optional: z.boolean().default(false),
        hasInstallScript: z.boolean().default(false),
        deprecated: z.string().optional(),
        dependencies: versions,
        devDependencies: versions,
        engines: z.unknown().optional(),
      }),
    ),
  }),
);
const locked = Object.entries(packages)
  .filter(([place]) => place !== '')
  .map(([place, entry]) => ({
    ...entry,
    place,
    name: entry.name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version: entry.version ?? '',
  }));
const inProduction = locked.filter(({ dev, devOptional }) => !dev && !devOptional);

describe('what is installed (A-32)', () => {
  it('is named by its exact version', () => {
    const { dependencies, devDependencies, overrides } = manifest;
    const inexact = Object.entries({ ...dependencies, ...devDependencies, ...overrides }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(inexact).toEqual([]);
  });

  it('is what the lockfile says', () => {
    expect(packages['']).toMatchObject({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
      engines: manifest.engines,
    });
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect([name, packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
    for (const [name, version] of Object.entries(manifest.overrides)) {
      const found = locked.filter((one) => one.name === name).map((one) => one.version);
      expect([name, new Set(found)]).toEqual([name, new Set([version])]);
    }
  });

  it('comes from the registry and nowhere else, and is known by its hash', () => {
    expect(locked.length).toBeGreaterThan(300);
    expect(locked.filter(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))).toEqual(
      [],
    );
    expect(locked.filter(({ link, inBundle }) => link || inBundle)).toEqual([]);
    // Without an address it is the registry's that is configured; a repository or an archive would have one.
    const addresses = locked.flatMap(({ name, resolved }) =>
      resolved === undefined ? [] : { name, resolved },
    );
    expect(
      addresses.filter(({ name, resolved }) => {
        const url = URL.parse(resolved);
        return url?.protocol !== 'https:' || !url.pathname.includes(`/${name}/-/`);
      }),
    ).toEqual([]);
    expect(new Set(addresses.map(({ resolved }) => new URL(resolved).origin)).size).toBeLessThan(2);
  });

  it('runs a script of its own only where that is allowed by name', () => {
    const scripted = locked.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
    // False refuses one by name: Swagger UI brings a counter of installations along.
    expect(scripted.sort()).toEqual(Object.keys(manifest.allowScripts).sort());
    expect(manifest.allowScripts['@scarf/scarf']).toBe(false);
    // In production it is a compiler that checks its own binary, and nothing else.
    const needed = inProduction.flatMap(({ name, hasInstallScript }) => (hasInstallScript ? name : []));
    expect(needed.filter((name) => name !== '@scarf/scarf')).toEqual(['esbuild']);
  });

  it('is maintained: nothing that production runs was given up by its authors', () => {
    expect(inProduction.flatMap(({ name, deprecated }) => (deprecated === undefined ? [] : name))).toEqual(
      [],
    );
  });

  it('runs on a Node that is maintained, the same everywhere', async () => {
    expect(manifest.engines.node).toBe('>=24');
    expect(manifest.devDependencies.node).toMatch(/^24\./);
    expect(process.version).toBe(`v${manifest.devDependencies.node}`);
    const images = [...(await readFile(path.join(root, 'Dockerfile'), 'utf8')).matchAll(/^FROM (\S+)/gm)];
    expect(images.map(([, image]) => image)).toEqual(images.map(() => expect.stringMatching(/^node:24[.-]/)));
  });
});

describe('the image (A-32)', () => {
  it('holds what production runs, and nothing of what only tests and tools need', async () => {
    const dockerfile = await readFile(path.join(root, 'Dockerfile'), 'utf8');
    const [, prune = 'false'] = /&& (npm pkg .+ && npm prune [^\\\n]+)/.exec(dockerfile) ?? [];
    const folder = await mkdtemp(path.join(tmpdir(), 'footnote-image-'));
    try {
      for (const file of ['package.json', 'package-lock.json'])
        await copyFile(path.join(root, file), path.join(folder, file));
      // As in the image, but for the packages' files, which npm takes from what it writes into the lock.
      const npm = {
        NODE_ENV: 'development',
        NPM_CONFIG_PACKAGE_LOCK_ONLY: 'true',
        NPM_CONFIG_OFFLINE: 'true',
      };
      await promisify(execFile)('sh', ['-c', prune], { cwd: folder, env: { ...process.env, ...npm } });
      const lock = z.object({ packages: z.record(z.string(), z.unknown()) });
      const pruned = lock.parse(JSON.parse(await readFile(path.join(folder, 'package-lock.json'), 'utf8')));
      const kept = Object.keys(pruned.packages).filter((place) => place !== '');
      const production = inProduction.map(({ place }) => place);
      expect(kept.filter((place) => !production.includes(place))).toEqual([]);
      const needed = inProduction.flatMap(({ place, optional }) => (optional ? [] : place));
      expect(needed.filter((place) => !kept.includes(place))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the licences of production (A-32)', () => {
  const allowed = new Set([
    ...[
      'MIT',
      'MIT-0',
      'ISC',
      '0BSD',
      'BSD-2-Clause',
      'BSD-3-Clause',
      'Apache-2.0',
      'BlueOak-1.0.0',
      'CC0-1.0',
    ],
    // Mailchimp's own spelling of Apache-2.0.
    'Apache 2.0',
    // Either would do.
    '(MIT OR CC0-1.0)',
  ]);

  it('ask for no more than to be named', async () => {
    const refused: [string, string][] = [];
    for (const { place, optional } of inProduction) {
      // Binaries of other systems are locked, but not installed.
      if (optional && !existsSync(path.join(root, place))) continue;
      const { license } = await json(
        `${place}/package.json`,
        z.object({ license: z.string().default('none') }),
      );
      if (!allowed.has(license)) refused.push([place, license]);
    }
    expect(refused).toEqual([]);
  });
});

describe('the bill of materials (A-32)', () => {
  const bill = z.object({
    bomFormat: z.literal('CycloneDX'),
    components: z.array(
      z.object({
        'bom-ref': z.string(),
        version: z.string(),
        purl: z.string().startsWith('pkg:npm/'),
        hashes: z.array(z.object({ alg: z.string(), content: z.string() })),
      }),
    ),
  });

  it('names every package with its version and its hash', async () => {
    const { stdout } = await promisify(execFile)(
      'npm',
      ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'],
      // In production npm would leave out what it takes for development.
      { cwd: root, maxBuffer: 2 ** 26, env: { ...process.env, NODE_ENV: 'development' } },
    );
    const { components } = bill.parse(JSON.parse(stdout));
    const hashes = new Map(components.map(({ 'bom-ref': ref, hashes: [hash] }) => [ref, hash]));
    const unnamed = locked.filter(({ name, version, integrity = '', optional }) => {
      const hash = hashes.get(`${name}@${version}`);
      // Binaries of other systems may be left out.
      if (hash === undefined) return !optional;
      const content = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
      return hash.alg !== 'SHA-512' || hash.content !== content;
    });
    expect(unnamed.map(({ place }) => place)).toEqual([]);
  });
});
