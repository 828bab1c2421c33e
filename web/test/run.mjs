// run.mjs - bundles every test beside it for Node and runs them with node:test.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = join(here, '..', 'node_modules', '.cache', 'tests');
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: readdirSync(here).filter((f) => f.endsWith('.test.ts')).map((f) => join(here, f)),
  outdir: out, outExtension: { '.js': '.mjs' }, bundle: true, platform: 'node', format: 'esm', target: 'node18',
});
const files = readdirSync(out).map((f) => join(out, f));
const run = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit', env: { ...process.env, AUSPEX_WEB: join(here, '..'), TZ: 'Asia/Seoul' } });
process.exit(run.status ?? 1);
