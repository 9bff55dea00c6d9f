/**
 * Browser tests: Debian's Chromium against the real server binary and the built web client. `CHROMIUM` names another
 * browser, `JABIRU_BIN` another server.
 */
import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.mjs',
  outputDir: './output',
  // Two people and a server are several busy processes already.
  workers: 1,
  fullyParallel: false,
  forbidOnly: !!process.env.CI,
  // Once more on a CI machine, where two software-rendered browsers share two cores; a test that needs it is listed as flaky.
  retries: process.env.CI ? 1 : 0,
  timeout: 180_000,
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    viewport: { width: 1360, height: 900 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
