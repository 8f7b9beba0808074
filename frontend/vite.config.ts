import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Every file of src/pages is one page; folders beneath hold what pages share. */
const pages = readdirSync('src/pages')
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => [name.replace(/\.ts$/, ''), `src/pages/${name}`]);

export default defineConfig({
  base: '/static/app/',
  worker: { format: 'es' },
  build: {
    outDir: 'static/app',
    emptyOutDir: true,
    manifest: 'manifest.json', // the default lies in a dot folder, which collectstatic skips
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs are not in the content security policy
    chunkSizeWarningLimit: 8000,
    license: { fileName: 'third-party-licenses.md' },
    rollupOptions: { input: Object.fromEntries(pages) },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
