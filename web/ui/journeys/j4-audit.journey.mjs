// J4, the part of the pages: the trail is filtered, an entry is proved, the whole is verified, exported, and verified elsewhere.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, equal, program, root, Visitor } from './harness.mjs'

export const name = 'J4 a security officer and the trail'

export async function run({ browser, appliance }) {
  await appliance.sealed
  const v = await Visitor.open(browser, appliance, 'admin', 'j4')
  await filters(v)
  await entry(v)
  await chain(v)
  await exported(v)
  await v.end()
}

async function filters(v) {
  const { page } = v
  await page.getByRole('heading', { name: 'Home' }).waitFor()
  await page.getByRole('link', { name: 'Audit trail', exact: true }).waitFor() // its key is known only when the role is
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.waitForURL(/\/audit$/)
  await page.getByRole('row').nth(5).waitFor()
  await v.look('trail', ['light', 'dark', 'light-420', 'dark-420'])
  const drawn = await page.locator('tbody tr[data-index]').count()
  check(drawn > 5 && drawn < 80, `${drawn} rows are drawn`)
  await page.keyboard.press('/')
  await page.getByLabel('Actor').selectOption({ label: 'Sample modeler · modeler' })
  await page.getByLabel('Action').selectOption('portfolio')
  await page.getByLabel('Outcome').selectOption('done')
  await page.waitForURL(/actor=[0-9a-f]{32}.*action=portfolio.*outcome=done/)
  await page.getByRole('row').filter({ hasText: 'portfolio.' }).first().waitFor() // which of them are drawn depends on how much was read since
  const only = async () => (await page.locator('tbody tr[data-index]').allInnerTexts()).every((t) => t.includes('Sample modeler') && t.includes('portfolio.'))
  check(await only(), 'a row has another actor or action')
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'portfolio.' }).first().waitFor() // which of them are drawn depends on how much was read since
  check(await only(), 'the filters are lost on reload')
  equal(await page.getByLabel('Outcome').inputValue(), 'done', 'the outcome after a reload')
  await v.look('filtered', ['light'])
  await page.getByLabel('Outcome').selectOption('failed')
  await page.getByText('No entry matches').waitFor()
  await v.look('none', ['light', 'light-420'])
  await page.getByRole('button', { name: 'Clear the filters' }).click()
  await page.waitForURL(/\/audit$/)
}

async function entry(v) {
  const { page } = v
  await page.getByLabel('Action').selectOption('portfolio.import')
  await page.getByRole('row').filter({ hasText: 'portfolio.' }).first().waitFor() // which of them are drawn depends on how much was read since
  await page.keyboard.press('Tab')
  await page.locator('h1').click() // away from the fields, so that keys are the screen's
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.tagName === 'TR')
  await page.keyboard.press('Enter')
  await page.waitForURL(/entry=\d+/)
  await page.getByRole('button', { name: 'Verify inclusion' }).click()
  await page.getByText(/In the log of \d+ entries/).waitFor()
  check(await page.locator('.one .step-table .tag.ok').count() >= 4, 'steps of the proof are missing')
  await v.look('entry', ['light', 'dark', 'light-420'])
  await page.reload()
  await page.getByRole('complementary', { name: /^Entry/ }).waitFor()
  check(await page.getByText(/In the log of/).count() === 0, 'it says that it was verified, without verifying')
}

async function chain(v) {
  const { page } = v
  await v.go('/audit')
  await page.getByRole('button', { name: 'Verify the chain' }).click()
  await page.getByText(/All [\d,]+ entries hold/).waitFor()
  await page.getByText('saw the log for the first time').waitFor()
  await page.getByRole('button', { name: 'Verify again' }).click()
  await page.getByText(/It only grew since this browser saw it: from [\d,]+ to [\d,]+ entries/).waitFor()
  await v.look('chain', ['light', 'dark', 'light-420'])
  // What this browser remembers is changed: the log can no longer lead to it.
  await page.evaluate(() => { for (const key of Object.keys(localStorage)) if (key.startsWith('qrsd.head.')) { const head = JSON.parse(localStorage[key]); localStorage[key] = JSON.stringify({ ...head, root: btoa('x'.repeat(32)) }) } })
  await page.getByRole('button', { name: 'Verify again' }).click()
  await page.getByText('It is not what this browser saw before').waitFor()
  await v.look('chain-broken', ['light', 'dark'])
}

async function exported(v) {
  const { page } = v
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export with proofs' }).click()])
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  try {
    const at = join(folder, 'audit.jsonl')
    await file.saveAs(at)
    const good = spawnSync(program, ['audit', 'verify', at], { encoding: 'utf8' })
    equal(good.status, 0, `qrsd audit verify: ${good.stderr}${good.stdout}`)
    const lines = readFileSync(at, 'utf8').split('\n')
    const one = lines.findIndex((l) => l.includes('portfolio.import'))
    lines[one] = lines[one].replace('portfolio.import', 'portfolio.export')
    writeFileSync(at, lines.join('\n'))
    const bad = spawnSync(program, ['audit', 'verify', at], { encoding: 'utf8' })
    equal(bad.status, 3, `qrsd audit verify of a changed entry: ${bad.stderr}${bad.stdout}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
