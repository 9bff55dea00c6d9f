/** `[DUR-1]` `[DUR-3]` in the browser: while the disk does not take the journal, the light says Saving; it says Saved when it has. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { canvasJson, expect, FOUR_NOTES, open, reads, saved, status, test, type } from './people.mjs'

/** Holds the database's write lock, as a disk that hangs would hold a commit. */
const hang = async (database) => {
  const shell = spawn('sqlite3', ['-batch', database], { stdio: ['pipe', 'pipe', 'inherit'] })
  shell.stdin.write('.timeout 10000\nbegin immediate;\nselect 1;\n')
  await new Promise((resolve, reject) => {
    shell.stdout.once('data', resolve)
    shell.once('error', reject)
    shell.once('exit', () => reject(new Error('sqlite3 ended without the lock')))
  })
  return () => shell.stdin.end('rollback;\n')
}

test('the light says Saving while the store hangs, and Saved once the journal holds it', async ({ people, server }) => {
  const canvas = await server.canvas('Hanging', FOUR_NOTES)
  const ada = await people.owner()
  const ben = await people.guest({ name: 'Ben', canvas })
  await open(ada, server, canvas)
  await saved(ben)
  const release = await hang(join(server.dataDir, 'jabiru.db'))
  await type(ada, 'a', ' unsaved')
  // Others see it at once; saved it is not.
  await reads(ben, 'a', 'Note A unsaved')
  await expect(status(ada)).toHaveAttribute('data-status', 'saving')
  await expect.poll(async () => (await (await fetch(`${server.origin}/readyz`)).json()).status, { timeout: 30_000 }).toBe('degraded')
  await expect(status(ada)).toHaveAttribute('data-status', 'saving')
  release()
  await saved(ada)
  await server.kill()
  await server.up()
  const stored = (await canvasJson(server, canvas)).blocks.find(({ id }) => id === 'a')
  expect(stored.content.text).toBe('Note A unsaved')
})
