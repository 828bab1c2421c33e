// build.mjs - bundles src/ into dist/: index.html and content-hashed scripts and styles, sizes printed and held to the budget.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FIRST_PAGE_BUDGET = 150 * 1024;
const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const result = await build({
  entryPoints: { app: join(root, 'src/main.tsx'), style: join(root, 'src/styles/index.css') },
  outdir: join(dist, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  write: true,
});

const outputs = Object.entries(result.metafile.outputs);
const urlOf = (file) => '/assets/' + basename(file);
const entry = (source) => outputs.find(([, o]) => o.entryPoint?.endsWith(source))[0];

const icon = readFileSync(join(root, 'src/icon.svg'));
writeFileSync(join(dist, 'icon.svg'), icon);
const html = readFileSync(join(root, 'src/index.html'), 'utf8')
  .replace('%STYLE%', urlOf(entry('styles/index.css')))
  .replace('%SCRIPT%', urlOf(entry('main.tsx')));
writeFileSync(join(dist, 'index.html'), html);

let total = gzipSync(html).length + gzipSync(icon).length;
console.log('gzip bytes:');
for (const [file] of outputs) {
  const size = gzipSync(readFileSync(join(process.cwd(), file))).length;
  total += size;
  console.log(`  ${String(size).padStart(7)}  ${urlOf(file)}`);
}
console.log(`  ${String(total).padStart(7)}  everything, all languages and charts (budget of the first page: ${FIRST_PAGE_BUDGET})`);
if (total > FIRST_PAGE_BUDGET) {
  console.error('the page is over its budget');
  process.exit(1);
}
