// J6: an operator looks the appliance over, and makes a bundle for support. The sample appliance names nobody to encrypt it to, which is said;
// another one, set up for this, does, and what is downloaded from it is opened with support's key.
import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, equal, program, setUp, startServer, Visitor } from './harness.mjs'

export const name = 'J6 health and a bundle for support'

export async function run({ browser, appliance }) {
  const v = await Visitor.open(browser, appliance, 'operator', 'j6')
  await sections(v)
  await health(v)
  await look(v)
  await v.end()
  await strangers(browser, appliance)
  await handOver(browser)
}

const button = (at, text) => at.getByRole('button', { name: text, exact: true })

/** Every section that an operator has opens; those of a tenant are not there. */
async function sections(v) {
  const { page } = v
  await v.go('/admin')
  const tabs = page.getByRole('navigation', { name: 'Sections of the administration' }).getByRole('link')
  await tabs.first().waitFor()
  const names = await tabs.allInnerTexts()
  check(names.includes('Health') && names.includes('Diagnostics') && !names.includes('Webhooks') && !names.includes('Second factor'), `sections of an operator: ${names.join()}`)
  for (const [i, text] of names.entries()) {
    await tabs.nth(i).click()
    await page.getByRole('heading', { name: `Admin: ${text}` }).waitFor()
    await page.waitForFunction(() => !document.querySelector('.skeleton')) // a section may read several things
    equal(await page.getByRole('alert').count(), 0, `failures in ${text}`)
  }
}

async function health(v) {
  const { page } = v
  await v.go('/admin/health')
  const lines = page.getByRole('list', { name: 'Findings' }).getByRole('listitem')
  await lines.first().waitFor()
  const doctor = JSON.parse((await v.api('/api/v1/system/doctor')).text)
  equal((await lines.getByRole('heading').allInnerTexts()).join(), doctor.findings.map((f) => f.check).join(), 'lines of the doctor')
  const backup = lines.filter({ has: page.getByRole('heading', { name: 'backup', exact: true }) })
  check(/^!\s*Warning/.test(await backup.innerText()) && /What to do: Configure backups/.test(await backup.innerText()), 'the line of the backup does not say what to do')
  await v.look('health', ['light', 'dark', 'light-420', 'dark-420'])
  const again = page.waitForResponse((r) => r.url().endsWith('/system/doctor'))
  await button(page, 'Look again').click()
  const { at } = await (await again).json()
  await page.locator(`time[datetime="${at}"]`).waitFor()
  await page.getByLabel('What is not in order').check()
  await page.reload() // the address has the choice
  await lines.first().waitFor()
  equal(await lines.count(), doctor.findings.filter((f) => f.state !== 'ok').length, 'lines that are not in order')
}

/** Looks at a bundle where nobody is named to encrypt it to. */
async function look(v) {
  const { page } = v
  await v.go('/admin/diagnostics')
  await page.getByText('What is never in it').waitFor()
  await v.look('before', ['light', 'light-420'])
  await button(page, 'Collect and look').click()
  await page.getByText('It can be looked at, but not packed').waitFor()
  equal(await button(page, 'Create the encrypted bundle').count(), 0, 'buttons that cannot work')
  await file(v, 'doctor.json', (text) => check(text.includes('"check": "backup"') && !text.includes('/tmp/'), 'the doctor’s report is absent, or has a path'))
  await file(v, 'log.jsonl', (text) => check(!/example\.com|127\.0\.0\.1/.test(text), 'an address is in the log'))
  await v.look('file', ['light', 'dark', 'light-420', 'dark-420'])
  check(await page.locator('.preview mark').count() > 0, 'nothing is marked in the log')
  await button(page, 'Next mark').click()
  await page.getByRole('link', { name: 'Health' }).click()
  await page.getByRole('link', { name: 'Diagnostics' }).click()
  await page.getByRole('checkbox', { name: 'All files' }).waitFor() // the bundle is still there
  await page.reload()
  await page.getByRole('checkbox', { name: 'All files' }).waitFor() // the appliance keeps it
}

async function file(v, name, holds) {
  const { page } = v
  await button(page, `Look at ${name}`).click()
  const text = page.getByRole('region', { name: `Text of ${name}` })
  await text.waitFor()
  holds(await text.textContent())
}

/** Whoever is no operator is told so. */
async function strangers(browser, appliance) {
  const v = await Visitor.open(browser, appliance, 'admin', 'j6-admin')
  for (const [path, text] of [['health', 'Health'], ['diagnostics', 'Diagnostics']]) {
    await v.go(`/admin/${path}`)
    await v.page.getByText(`Your role does not include ${text}.`).waitFor()
  }
  v.expected.push(/403 .*doctor/)
  equal((await v.api('/api/v1/system/doctor')).status, 403, 'the doctor to an administrator')
  await v.end()
}

/** On an appliance with a recipient: leaves a file out, downloads, and opens it as support does. */
async function handOver(browser) {
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  const support = identity()
  const server = await serve(folder, support.recipient)
  try {
    const v = await Visitor.open(browser, { url: server.url }, '', 'j6-support')
    const { page } = v
    await v.go('/trust')
    await setUp(page, server)
    await v.go('/admin/diagnostics')
    await button(page, 'Collect and look').click()
    await page.getByText(support.recipient).waitFor()
    await file(v, 'config.json', (text) => check(text.includes('"Recipients": 1') && !text.includes('age1'), 'the configuration is absent, or has a key'))
    await page.getByRole('checkbox', { name: 'Hand over heap.txt' }).uncheck()
    check(await page.getByRole('checkbox', { name: 'All files' }).evaluate((e) => e.indeterminate), 'the tick of all files is not between')
    await button(page, 'Create the encrypted bundle').click()
    await page.getByText('Created.').waitFor()
    await v.look('created', ['light', 'dark', 'light-420', 'dark-420'])
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download', exact: true }).click()
    const packed = await (await download).path()
    equal(await page.locator('.notice.ok .copy').innerText(), createHash('sha256').update(readFileSync(packed)).digest('hex'), 'digest of the download')
    opened(folder, packed, support.secret, await page.locator('.tree li .copy').allInnerTexts())
    // Another choice makes another file: the old one is not offered any more.
    await page.getByRole('checkbox', { name: 'Hand over heap.txt' }).check()
    await page.getByText('Created.').waitFor({ state: 'detached' })
    await v.go('/audit')
    await page.getByRole('row').filter({ hasText: 'support.bundle' }).first().waitFor()
    await v.end()
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Support's side: it opens, what was looked at is in it, what was left out is not, and nothing that was given at the set-up. */
function opened(folder, packed, secret, looked) {
  const key = join(folder, 'support.key'), out = join(folder, 'opened')
  writeFileSync(key, `${secret}\n`, { mode: 0o600 })
  const open = spawnSync(program, ['bundle', 'open', packed, '--identity', key, '-o', out], { encoding: 'utf8' })
  check(open.status === 0 && open.stdout.includes('every file is as it was signed'), `qrsd bundle open: ${open.status} ${open.stdout}${open.stderr}`)
  const got = readdirSync(out)
  const made = ['manifest.json', 'manifest.dsse', 'keys.json']
  equal(got.filter((f) => !made.includes(f)).sort().join(), looked.filter((f) => f !== 'heap.txt').sort().join(), 'files of the bundle')
  for (const f of got) check(!/marble|Gulf Mutual|example\.com|qrsd-journey-/.test(readFileSync(join(out, f), 'utf8')), `something is in ${f} that should not be`)
}

/** A server of its own, with one recipient. */
async function serve(folder, recipient) {
  for (const f of ['log', 'anchor']) mkdirSync(join(folder, f))
  writeFileSync(join(folder, 'qrsd.hcl'), `listen = "127.0.0.1:0"\n\nstore {\n  path     = "data/store"\n  key_file = "key/store.key"\n  anchor   = "anchor/qrsd.anchor"\n}\n\nlog {\n  file = "log/qrsd.log"\n}\n\nsupport {\n  recipients = ["${recipient}"]\n}\n`, { mode: 0o600 })
  return startServer(program, join(folder, 'qrsd.hcl'))
}

/** A key of support, drawn for this: an X25519 key in the forms of age. */
function identity() {
  const secret = randomBytes(32)
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]), format: 'der', type: 'pkcs8' })
  const open = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  return { secret: bech32('age-secret-key-', secret).toUpperCase(), recipient: bech32('age', open) }
}

/** Bech32 (BIP 173). */
function bech32(prefix, data) {
  const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
  const check = (values) => values.reduce((c, v) => [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].reduce((r, g, i) => ((c >>> 25) >> i & 1 ? r ^ g : r), (((c & 0x1ffffff) << 5) >>> 0) ^ v) >>> 0, 1)
  const bits = [...data].map((b) => b.toString(2).padStart(8, '0')).join('')
  const words = bits.match(/.{1,5}/g).map((b) => parseInt(b.padEnd(5, '0'), 2))
  const open = [...prefix].map((c) => c.charCodeAt(0))
  const sum = check([...open.map((c) => c >> 5), 0, ...open.map((c) => c & 31), ...words, 0, 0, 0, 0, 0, 0]) ^ 1
  const tail = [0, 1, 2, 3, 4, 5].map((i) => (sum >>> (5 * (5 - i))) & 31)
  return `${prefix}1${[...words, ...tail].map((w) => letters[w]).join('')}`
}
