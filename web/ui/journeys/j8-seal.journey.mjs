// J8: an auditor verifies a seal: by the run's id, by the file, by a hash; then without the appliance; and a changed one fails at the right step.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { check, equal, root, Visitor } from './harness.mjs'

export const name = 'J8 an auditor verifies a seal'

export async function run({ browser, appliance }) {
  const id = await appliance.sealed
  const v = await Visitor.open(browser, appliance, 'approver', 'j8')
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  try {
    await byRun(v, id)
    const files = await download(v, id, folder)
    await byFile(v, files)
    await byHash(v, files)
    await ledger(v)
    withoutAppliance(files)
  } finally {
    rmSync(folder, { recursive: true })
  }
  await v.end()
}

async function byRun(v, id) {
  const { page } = v
  await v.go('/ledger')
  await page.getByRole('heading', { name: 'Entries' }).waitFor()
  await page.getByRole('row').nth(3).waitFor()
  await v.look('ledger', ['light', 'dark', 'light-420'])
  await page.locator('#verify-text').fill('not an id')
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await page.getByText('This is no seal, id or hash').waitFor()
  await page.locator('#verify-text').fill(`run ${id}`)
  await page.keyboard.press('Enter')
  await page.getByText(/All \d+ steps hold for/).waitFor()
  await page.getByText(/^Checked \d\d:\d\d:\d\d UTC/).waitFor()
  const steps = JSON.parse((await v.api(`/api/v1/runs/${id}/seal`)).text).checks
  equal(await page.locator('.step-table tbody tr').count(), steps.length, 'steps on the screen')
  const root = steps.find((s) => s.name === "checkpoint's root")
  equal((await page.getByRole('row').filter({ hasText: "checkpoint's root" }).innerText()).split(root.got).length, 3, 'the root that was found and the one that should be')
  for (const algorithm of ['ECDSA P-256 over SHA-256', 'RFC 6962', 'Ed25519']) await page.getByText(algorithm).first().waitFor()
  await v.look('seal', ['light', 'dark', 'light-420', 'dark-420'])
  const asked = []
  page.on('request', (r) => { if (r.url().endsWith(`/runs/${id}/seal`)) asked.push(r.url()) })
  await page.reload() // the address has the run; the verdict is found anew
  await page.getByText(/All \d+ steps hold for/).waitFor()
  await page.getByRole('button', { name: 'Check again' }).click()
  await page.waitForFunction(() => !document.querySelector('.finding button')?.disabled)
  check(asked.length >= 2, `the seal was asked for ${asked.length} times: a verdict was kept`)
  // The appliance's own answer with one step failed: what the screen makes of it is what is tried here.
  await page.route('**/seal', async (route) => {
    const answer = await route.fetch()
    const seal = await answer.json()
    const at = seal.checks.findIndex((c) => c.name === 'file gr_ept.csv')
    seal.checks[at] = { ...seal.checks[at], ok: false, got: '0'.repeat(64), reason: 'the content is not what was sealed: the file was changed, or is another’s' }
    await route.fulfill({ response: answer, json: { ...seal, valid: false } })
  })
  await page.getByRole('button', { name: 'Check again' }).click()
  await page.getByRole('alert').filter({ hasText: 'Broken seal: file gr_ept.csv' }).waitFor()
  check(await page.getByRole('row').filter({ hasText: 'file gr_ept.csv' }).isVisible(), 'the broken step is not in sight')
  await v.look('broken', ['light', 'dark', 'light-420'])
  await page.unroute('**/seal')
  await page.getByRole('button', { name: 'Check again' }).click()
  await page.getByText(/All \d+ steps hold for/).waitFor()
}

async function download(v, id, folder) {
  const { page } = v
  const to = async (link, file) => {
    const [got] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link }).click()])
    await got.saveAs(join(folder, file))
    return join(folder, file)
  }
  const seal = await to('Download the proof', `${id}.seal.json`)
  const keys = await to('Public keys', 'qrsd-keys.json')
  await page.getByText(`qrs-replay verify ${id}.seal.json --keys qrsd-keys.json`).waitFor()
  const envelope = JSON.parse(readFileSync(seal, 'utf8'))
  const statement = Buffer.from(envelope.payload, 'base64').toString()
  const changed = join(folder, 'changed.seal.json')
  // One digit of the seed: the signature is no longer of these bytes.
  writeFileSync(changed, readFileSync(seal, 'utf8').replace(envelope.payload, Buffer.from(statement.replace(/"seed":"?(\d)/, (m, d) => m.slice(0, -1) + ((Number(d) + 1) % 10))).toString('base64')))
  check(readFileSync(changed, 'utf8') !== readFileSync(seal, 'utf8'), 'nothing was changed')
  return { seal, keys, changed, id }
}

async function byFile(v, { seal, changed }) {
  const { page } = v
  const file = page.getByLabel('File of a seal')
  await file.setInputFiles(seal)
  await page.getByText(/Every step holds for .*seal\.json/).waitFor()
  await page.getByText('The files of the result were not looked at').waitFor()
  await v.look('file', ['light', 'light-420'])
  await file.setInputFiles(changed)
  await page.getByRole('alert').filter({ hasText: 'Broken seal: signature' }).waitFor()
  await page.getByText('the signature is not of this key over this statement').first().waitFor()
  await v.look('file-changed', ['light', 'dark', 'light-420'])
  v.expected.push(/400 .*\/seals\/verify/)
  await page.locator('#verify-text').fill('{"payload": 7}')
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await page.getByText('is no seal').waitFor()
}

async function byHash(v, { id }) {
  const { page } = v
  const { sha256 } = JSON.parse((await v.api(`/api/v1/runs/${id}/seal`)).text)
  await page.locator('#verify-text').fill(sha256)
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await page.getByText('One leaf of the ledger names it').waitFor()
  await page.getByText(/All \d+ steps hold for/).waitFor()
  equal(await page.locator('.scroll.long tbody tr[data-index]').count(), 1, 'leaves about the seal')
  await page.locator('#verify-text').fill('f'.repeat(64))
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await page.getByText('The ledger does not name this hash.').waitFor()
  await v.look('unknown-hash')
}

async function ledger(v) {
  const { page } = v
  await v.go('/ledger')
  await page.getByRole('row').filter({ hasText: 'Results recorded' }).last().waitFor()
  await page.getByRole('button', { name: 'Verify the whole ledger' }).click()
  await page.getByText(/All [\d,]+ entries hold/).waitFor()
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.tagName === 'TR')
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.waitForURL(/entry=\d+/)
  await page.getByRole('button', { name: 'Verify inclusion' }).click()
  await page.getByText(/In the ledger of \d+ entries/).waitFor()
  await v.look('entry', ['light', 'dark', 'light-420'])
}

function withoutAppliance({ seal, keys, changed }) {
  const program = join(dirname(process.env.QRSD ?? join(root, 'bin/qrsd')), 'qrs-replay')
  if (!existsSync(program)) {
    console.log(`      ${program} is not there: the seal was not verified without the appliance`)
    return
  }
  equal(spawnSync(program, ['verify', seal, '--keys', keys]).status, 0, 'qrs-replay verify')
  equal(spawnSync(program, ['verify', changed, '--keys', keys]).status, 3, 'qrs-replay verify of a changed seal')
}
