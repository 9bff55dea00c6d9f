import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/**
 * Emits `sw.js` with the list of files of this build. The cache is named by their hash, so a new build is a new cache
 * and a page never mixes two.
 */
const serviceWorker = (): Plugin => ({
  name: 'jabiru-service-worker',
  apply: 'build',
  // After Vite has removed the scripts that held nothing but a style sheet: a list with one missing file is no cache at all.
  enforce: 'post',
  generateBundle(_options, bundle) {
    const files = Object.keys(bundle)
      .filter((name) => !name.endsWith('.map') && name !== 'index.html')
      .sort()
    const html = bundle['index.html']
    const page = html?.type === 'asset' ? html.source : ''
    const hash = createHash('sha256').update(files.join('\n')).update(page).digest('hex').slice(0, 12)
    const source = readFileSync(new URL('./src/app/sw.js', import.meta.url), 'utf8')
      .replace("'__CACHE__'", JSON.stringify(`jabiru-${hash}`))
      .replace("['__FILES__']", JSON.stringify(['/', '/icon.svg', ...files.map((name) => `/${name}`)]))
    this.emitFile({ type: 'asset', fileName: 'sw.js', source })
  },
})

/**
 * What several blocks with data share, as one file: left alone it becomes twenty small ones, and a first screen waits
 * about a millisecond for each.
 */
const DATA =
  /\/@tanstack\/(react-query|query-core)\/|\/src\/(app\/queries|platform\/datasets\/(api|cells|hooks|kept|periods)|canvas\/blocks\/(FilterBar|filterBar|filters|format|download|localView|source)|canvas\/blocks\/chart\/(aggregate|fields))\./

const backend = process.env.JABIRU_DEV_BACKEND ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), serviceWorker()],
  // Two copies of Yjs in one page break every instanceof check, silently.
  resolve: { dedupe: ['yjs', 'y-protocols', 'lib0', 'react', 'react-dom'] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'data', test: DATA, includeDependenciesRecursively: false }] } },
    },
  },
  server: {
    proxy: {
      // The server takes sockets and changes from its own origin only; to it, this is one.
      '/v1': { target: backend, ws: true, changeOrigin: true, headers: { origin: backend } },
      '/login': { target: backend },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
})
