// J5: a figure of a run is asked of a quantum device. Over the air gap: prepared, looked at to the byte, signed, carried to a relay that runs it (the
// project's own verb, on the emulator of the service), and the answer taken in. Connected: priced, agreed to, followed and cancelled from a server that
// reaches the emulator.
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { check, equal, program, root, startAppliance, startServer, Visitor } from './harness.mjs'

export const name = 'J5 a question to a quantum device'
// The example credentials of AWS's documentation, which the emulator takes.
const credentials = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', AWS_CA_BUNDLE: '' } // authorities are those of the configuration

export async function run({ browser, appliance }) {
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  try {
    const emulator = join(folder, 'emulator')
    const built = spawnSync('go', ['build', '-o', emulator, './quantum/braket/brakettest/emulator'], { cwd: root, encoding: 'utf8' })
    check(built.status === 0, `building the emulator: ${built.stderr ?? built.error}`)
    await carried(browser, appliance, folder, emulator)
    await connected(browser, folder, emulator)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const press = (where, text) => where.getByRole('button', { name: text, exact: true }).click()
const dialog = (v, title) => v.page.getByRole('dialog', { name: title })
const stage = (v, text) => job(v).locator('h3 .tag').filter({ hasText: text })
const job = (v) => v.page.getByRole('region', { name: 'Job', exact: true })

async function firstRun(v) {
  return JSON.parse((await v.api('/api/v1/runs')).text).items.at(-1).id
}

/** Starts the emulator on a port of its own. It ends with its standard input. */
async function serve(emulator, polls) {
  const child = spawn(emulator, ['-polls', String(polls)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const url = await new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code) => fail(new Error(`the emulator ended with ${code}`)))
    createInterface({ input: child.stdout }).once('line', done)
  })
  return { url, stop: () => new Promise((done) => { child.removeAllListeners('exit'); child.once('exit', done); child.stdin.end() }) }
}

/** Lets an administrator set the limit and trust a relay, in Admin. */
async function allow(browser, appliance, limit, relay) {
  const v = await Visitor.open(browser, appliance, 'admin', `j5-admin-${relay ? 'carried' : 'connected'}`)
  const { page } = v
  await v.go('/admin/quantum')
  await page.getByRole('heading', { name: 'Admin: Quantum devices' }).waitFor()
  await press(page, 'Change …')
  await dialog(v, 'Change the spending limit').getByLabel('Limit (USD)').fill(limit)
  await press(dialog(v, 'Change the spending limit'), 'Change')
  await page.locator('.setting-value').getByText(`${limit} USD`).waitFor()
  if (relay) {
    await press(page, 'Trust a relay …')
    await dialog(v, 'Trust a relay').getByLabel('Name').fill('harbour')
    await dialog(v, 'Trust a relay').getByLabel('Public key').fill(relay.key)
    await press(dialog(v, 'Trust a relay'), 'Trust it')
    await page.getByText(relay.fingerprint).waitFor()
    await v.look('admin', ['light', 'dark', 'light-420'])
  }
  await v.end()
}

/** Over the air gap. */
async function carried(browser, appliance, folder, emulator) {
  await appliance.sealed
  const home = join(folder, 'relay')
  const key = spawnSync(program, ['relay', 'key', '--json', '--home', home], { encoding: 'utf8' })
  check(key.status === 0, `qrsd relay key: ${key.stderr}`)
  await allow(browser, appliance, '500.00', JSON.parse(key.stdout))
  const v = await Visitor.open(browser, appliance, 'modeler', 'j5')
  v.expected.push(/403 .*\/export/, /400 .*\/quantum-results/)
  await v.go(`/runs/${await firstRun(v)}?tab=quantum`)
  await v.page.getByText('No device can be reached from here.').waitFor()
  await v.page.getByText(/The appliance is air-gapped.*set the mode hybrid/).waitFor()
  await refusedSchedule(v)
  await v.page.getByText('No circuit was sent anywhere').waitFor()
  await prepare(v)
  const previewed = await bytes(v)
  const { file, path } = await exported(v, appliance, folder)
  equal(file.tasks.map((t) => t.action).join('\n'), previewed.circuits.map((c) => c.action).join('\n'), 'the circuits of the file, beside those that were shown')
  equal(file.tasks.map((t) => t.device_parameters).join('\n'), previewed.circuits.map((c) => c.device_parameters).join('\n'), 'their parameters')
  check(!/locnumber|latitude|longitude|postalcode|portfolio|gross|exceedance|usd"/i.test(JSON.stringify(file.tasks)), 'a field of the exposure, or the question, is in the file')
  const settings = JSON.parse((await v.api('/api/v1/quantum-settings')).text)
  const answer = await relayed(folder, emulator, home, path, settings.fingerprint)
  await imported(v, folder, answer)
  await record(v, file)
  await v.end()
  await read(browser, appliance)
}

/** Prepares a job. Nothing leaves by it: the record of what left is as long as before. */
async function prepare(v) {
  const { page } = v
  const before = JSON.parse((await v.api('/api/v1/egress')).text).items.length
  await press(page, 'Prepare a job …')
  const d = dialog(v, 'Prepare a job for a device')
  await d.getByLabel('Distribution').selectOption('gross-aep')
  await d.getByLabel('Return period').selectOption('10')
  await d.getByText(/probability that a year's loss reaches the loss of 10 years/).waitFor()
  await press(d, 'Prepare the job')
  await d.waitFor({ state: 'hidden' })
  await stage(v, 'Prepared').waitFor()
  equal(JSON.parse((await v.api('/api/v1/egress')).text).items.length, before, 'lines of the record after a job was prepared')
}

/** A schedule that is none is refused at its field, before anything is made. */
async function refusedSchedule(v) {
  await press(v.page, 'Prepare a job …')
  const d = dialog(v, 'Prepare a job for a device')
  await d.getByText('Circuits', { exact: true }).click()
  await d.getByLabel('Powers').fill('2, 1')
  v.expected.push(/400 .*\/quantum-jobs/)
  await press(d, 'Prepare the job')
  await d.getByRole('alert').waitFor()
  await v.look('prepare-refused', ['light', 'dark', 'light-420'])
  await press(d, 'Cancel')
}

/** The exact bytes that would leave are those of the API, each circuit and each member. */
async function bytes(v) {
  const { page } = v
  const id = new URL(page.url()).searchParams.get('job')
  const preview = JSON.parse((await v.api(`/api/v1/quantum-jobs/${id}/preview`)).text)
  const text = (n) => job(v).getByRole('region', { name: `Exact bytes of circuit ${n}` })
  for (const [i, circuit] of preview.circuits.entries()) {
    await job(v).getByLabel('Circuit').first().selectOption(String(i))
    equal(await text(i + 1).textContent(), circuit.source, `circuit ${i + 1}`)
  }
  await job(v).getByLabel('Member “action”').check()
  equal(await text(preview.circuits.length).textContent(), preview.circuits.at(-1).action, 'the member action')
  await job(v).getByLabel('Circuit', { exact: true }).last().check()
  await v.look('prepared', ['light', 'dark', 'light-420', 'dark-420'])
  return preview
}

/** Signing wants a fresh proof: the appliance's refusal of an old one is given once in its place, the rest is its own. */
async function exported(v, appliance, folder) {
  const { page } = v
  let refused = 0
  await page.route('**/export', async (route) => {
    if (refused++ > 0) return route.continue()
    await route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ type: '/docs/api#problem-step-up-needed', title: 'Confirm that it is you', status: 403, request_id: '0' }) })
  })
  await press(job(v), 'Sign for a relay …')
  await v.look('sign', ['light', 'dark', 'light-420'])
  await press(dialog(v, 'Sign the job for a relay'), 'Sign and download')
  await dialog(v, 'Sign the job for a relay').getByText('Write a price, as 120.90.').waitFor() // none is proposed
  await dialog(v, 'Sign the job for a relay').getByLabel('Highest price (USD)').fill('300.00')
  await press(dialog(v, 'Sign the job for a relay'), 'Sign and download')
  const download = page.waitForEvent('download')
  const proof = dialog(v, 'Confirm that it is you')
  await proof.getByLabel('Password').fill(appliance.accounts.find((a) => a.role === 'modeler').password)
  await press(proof, 'Confirm')
  const path = join(folder, 'job.qcirc.json')
  await (await download).saveAs(path)
  await page.reload()
  await stage(v, 'With a relay').waitFor()
  await job(v).getByText('300.00 USD').first().waitFor() // what is pending
  return { path, file: JSON.parse(readFileSync(path, 'utf8')) }
}

/** The relay's side, in a terminal. */
async function relayed(folder, emulator, home, path, fingerprint) {
  const service = await serve(emulator, -1)
  const answer = join(folder, 'job.qres.json')
  const args = ['relay', 'run', path, '-o', answer, '--trust', `office=${fingerprint}`, '--name', 'harbour', '--home', home, '--mode', 'hybrid', '--bucket', 'results-example', '--endpoint', service.url, '--object-endpoint', service.url, '--yes', '--max-price', '300']
  const child = spawn(program, args, { env: { ...process.env, ...credentials }, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => { said += text })
  const status = await new Promise((done) => child.once('close', done))
  await service.stop()
  check(status === 0, `qrsd relay run: ${status} ${said}`)
  return answer
}

/** An altered answer is refused, the answer is taken in once, and stands beside what it is held against. */
async function imported(v, folder, answer) {
  const { page } = v
  const altered = join(folder, 'altered.qres.json')
  writeFileSync(altered, readFileSync(answer, 'utf8').replace('"harbour"', '"harbor"'))
  const d = dialog(v, 'Take a relay’s answer in')
  const take = async (path) => {
    await d.getByLabel('File of the relay').setInputFiles(path)
    await press(d, 'Check and take in')
  }
  await press(page, 'Take an answer in …')
  await take(altered)
  await d.getByText(/its signature does not fit its content/).first().waitFor()
  await v.look('refused', ['light', 'dark-420'])
  await take(answer)
  await d.waitFor({ state: 'hidden' })
  const table = job(v).getByRole('region', { name: 'Answer beside the exact sum' })
  await table.waitFor()
  await page.reload()
  await table.waitFor()
  const rows = await table.getByRole('row').allInnerTexts()
  check(/Exact sum of the bins\s+10\.0\d\d%/.test(rows[1]), `the exact sum: ${rows[1]}`)
  check(/%\s+–|% – /.test(rows[3]) && rows[3].includes('3,000') && rows[3].includes('Forte-1') && rows[3].includes('quantum hardware'), `the device's row: ${rows[3]}`)
  await job(v).getByText(/ARN as reported by relay harbour/).waitFor()
  await v.look('answered', ['light', 'dark', 'light-420', 'dark-420'])
  await press(page, 'Take an answer in …')
  await take(answer)
  await d.getByText(/answered before/).first().waitFor()
  await page.keyboard.press('Escape')
}

/** What left is on the tab, to the byte: the file that was carried. */
async function record(v, file) {
  const { page } = v
  await page.getByRole('row').filter({ hasText: 'export' }).first().click()
  const text = page.getByRole('region', { name: /^Exact bytes of line/ })
  await text.waitFor()
  equal(JSON.parse(await text.textContent()).signature, file.signature, 'the signature of what left')
  await v.look('left', ['light', 'dark-420'])
  // A job of which nothing has left is withdrawn, and stays so.
  await prepare(v)
  await press(job(v), 'Withdraw …')
  await press(dialog(v, 'Withdraw the job'), 'Withdraw')
  await stage(v, 'Withdrawn').waitFor()
  await page.reload()
  await stage(v, 'Withdrawn').waitFor()
  equal(await job(v).getByRole('button', { name: 'Sign for a relay …' }).count(), 0, 'buttons to sign what was withdrawn')
}

/** Who may read and not submit sees the answer, and no button. */
async function read(browser, appliance) {
  const v = await Visitor.open(browser, appliance, 'approver', 'j5-approver')
  await v.go(`/runs/${await firstRun(v)}?tab=quantum`)
  await v.page.getByRole('row').filter({ hasText: 'Answered' }).first().click()
  await job(v).getByText(/ARN as reported by relay harbour/).waitFor()
  equal(await v.page.getByRole('button', { name: /Prepare a job|Take an answer in|Sign for a relay|Withdraw/ }).count(), 0, 'buttons of an approver')
  await v.end()
}

/** From a server in the mode hybrid that reaches the emulator. The appliance is set up by qrsd dev, whose folder it takes over. */
async function connected(browser, folder, emulator) {
  const kept = join(folder, 'appliance')
  const dev = await startAppliance(program, 500, kept)
  try {
    await dev.sealed
    await allow(browser, dev, '1000.00')
    await hybrid(browser, dev)
  } finally {
    await dev.stop()
  }
  const service = await serve(emulator, 1)
  appendFileSync(join(kept, 'qrsd.hcl'), `\nquantum {\n  bucket          = "results-example"\n  endpoint        = "${service.url}"\n  object_endpoint = "${service.url}"\n}\n`)
  const server = await startServer(program, join(kept, 'qrsd.hcl'), credentials)
  try {
    const v = await Visitor.open(browser, { ...dev, url: server.url }, 'modeler', 'j5-connected')
    await submitted(v, dev)
    await cancelled(v)
    await v.end()
  } finally {
    await server.stop()
    await service.stop()
  }
}

async function hybrid(browser, appliance) {
  const v = await Visitor.open(browser, appliance, 'operator', 'j5-operator')
  await v.go('/admin/system')
  await press(v.page, 'Change …')
  await dialog(v, 'Change the mode').getByLabel('Hybrid').check()
  await press(dialog(v, 'Change the mode'), 'Change the mode')
  await v.page.locator('.setting-value').getByText('Hybrid', { exact: true }).waitFor()
  await v.end()
}

/** The price is asked, the requests are looked at, a person agrees to the digest, and the job is followed to its answer. */
async function submitted(v, appliance) {
  const { page } = v
  v.expected.push(/403 .*\/confirm/)
  await v.go(`/runs/${await firstRun(v)}?tab=quantum`)
  await page.getByText('A device can be reached from here.').waitFor()
  await prepare(v)
  const preview = JSON.parse((await v.api(`/api/v1/quantum-jobs/${new URL(page.url()).searchParams.get('job')}/preview`)).text)
  const answered = page.waitForResponse((r) => r.url().endsWith('/quote'))
  await press(job(v), 'Ask the device for its price')
  const offer = await (await answered).json()
  check(offer.quote, `no quote: ${JSON.stringify(offer)}`)
  const quote = job(v).getByRole('region', { name: 'Quote' })
  await quote.getByText(`${offer.quote.total_usd} USD`, { exact: true }).waitFor()
  equal(await quote.getByRole('region', { name: 'Exact bytes of request 1' }).textContent(), offer.requests[0], 'the first request')
  check(offer.requests.some((r) => r.includes(JSON.stringify(preview.circuits[0].action).slice(1, -1))), 'the circuits of the requests are not those of the preview')
  await v.look('quote', ['light', 'dark', 'light-420', 'dark-420'])
  await confirmed(v, appliance, offer)
  await followed(v)
}

async function confirmed(v, appliance, offer) {
  const { page } = v
  let refused = 0
  await page.route('**/confirm', async (route) => {
    if (refused++ > 0) return route.continue()
    await route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ type: '/docs/api#problem-step-up-needed', title: 'Confirm that it is you', status: 403, request_id: '0' }) })
  })
  await press(job(v), 'Agree and submit …')
  const d = dialog(v, 'Agree and submit')
  await d.getByText(offer.quote.digest).waitFor()
  await v.look('agree', ['light', 'dark', 'light-420'])
  await press(d, `Submit for ${offer.quote.total_usd} USD`)
  const proof = dialog(v, 'Confirm that it is you')
  await proof.getByLabel('Password').fill(appliance.accounts.find((a) => a.role === 'modeler').password)
  await press(proof, 'Confirm')
  await stage(v, 'Submitted').waitFor()
  await page.reload()
  await stage(v, 'Submitted').waitFor()
  await job(v).getByText(offer.quote.digest).waitFor() // what was agreed to
  equal(await job(v).getByText('not created').count(), 0, 'tasks that were not created')
}

/** Each asking takes the tasks a state further, until the counts are there. */
async function followed(v) {
  const { page } = v
  const table = job(v).getByRole('region', { name: 'Answer beside the exact sum' })
  for (let asked = 0; await table.count() === 0; asked++) {
    check(asked < 20, 'the tasks are not done after twenty askings')
    const answered = page.waitForResponse((r) => r.url().endsWith('/refresh'))
    await press(job(v), 'Bring up to date')
    if ((await (await answered).json()).stage === 'answered') await table.waitFor()
    else await job(v).getByRole('button', { name: 'Bring up to date' }).and(page.locator(':enabled')).waitFor()
    if (asked === 0) await v.look('submitted', ['light', 'dark-420'])
  }
  await job(v).getByText(/ARN as answered by the provider/).waitFor()
  await v.look('provider', ['light', 'dark-420'])
  await page.getByRole('row').filter({ hasText: 'CreateQuantumTask' }).filter({ hasText: 'request' }).first().click()
  check((await page.getByRole('region', { name: /^Exact bytes of line/ }).textContent()).startsWith('POST /quantum-task HTTP/1.1'), 'the record does not have the request to the byte')
}

async function cancelled(v) {
  const { page } = v
  await page.unroute('**/confirm')
  await v.go(`/runs/${await firstRun(v)}?tab=quantum`)
  await page.getByText('A device can be reached from here.').waitFor()
  await press(page, 'Prepare a job …')
  await press(dialog(v, 'Prepare a job for a device'), 'Prepare the job')
  await press(job(v), 'Ask the device for its price')
  await press(job(v), 'Agree and submit …')
  await dialog(v, 'Agree and submit').getByRole('button', { name: /^Submit for/ }).click()
  await press(job(v), 'Cancel its tasks …')
  await press(dialog(v, 'Cancel the job’s tasks'), 'Cancel the tasks')
  await dialog(v, 'Cancel the job’s tasks').waitFor({ state: 'hidden' })
  await page.reload()
  await job(v).getByText(/CANCELL(ING|ED)/).first().waitFor()
  await v.look('cancelled', ['light'])
}
