import { findPackageJSON } from 'node:module';
import path from 'node:path';

const manifest = findPackageJSON(import.meta.url);
if (manifest === undefined) throw new Error('package.json is missing from the installation');

/** The folder of the installation: where `prisma/` and the assets are. */
export const root = path.dirname(manifest);
