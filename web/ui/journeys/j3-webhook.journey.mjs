// J3: what is decided reaches a receiver outside. An appliance as it is for work: second factors are required, its owner lists the receiver's address, the mode is
// connected. The receiver is a real HTTPS server of this journey, and verifies signatures as the API's description says.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, equal, patience, program, startAppliance, startServer, totp, Visitor } from './harness.mjs'

export const name = 'J3 a signed webhook tells of the approval'

export async function run({ browser }) {
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  let receiver, server
  try {
    const first = await begun(browser, folder)
    receiver = await startReceiver(folder)
    const config = allowed(folder, receiver.port)
    // The receiver's certificate is the appliance's own, of this host: trusted as one from the operating system is.
    server = await startServer(program, config, { SSL_CERT_FILE: join(folder, 'data/tls/certificate.pem') })
    await told(browser, { ...first.appliance, url: server.url }, first.run, receiver)
  } finally {
    await server?.stop()
    receiver?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An appliance with people and a run that is sealed; its operator lets it connect to what is listed. */
async function begun(browser, folder) {
  const appliance = await startAppliance(program, 50, folder)
  const sealed = await appliance.sealed
  const operator = await Visitor.open(browser, appliance, 'operator', 'webhook-operator')
  const { page } = operator
  await operator.go('/admin/system')
  await page.getByRole('button', { name: 'Change …' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'Change the mode' })
  await dialog.getByLabel('Connected').check()
  await dialog.getByRole('button', { name: 'Change the mode' }).click()
  await dialog.waitFor({ state: 'hidden' })
  equal(JSON.parse((await operator.api('/api/v1/system')).text).mode, 'connected', 'the mode')
  await operator.end()
  await appliance.stop()
  return { appliance, run: sealed }
}

/** The configuration with the one destination that its owner allows. */
function allowed(folder, port) {
  const config = join(folder, 'connected.hcl')
  copyFileSync(join(folder, 'qrsd.hcl'), config)
  appendFileSync(config, `\noutbound {\n  destination "webhooks" {\n    host = "127.0.0.1"\n    port = ${port}\n  }\n}\n`)
  return config
}

/** A receiver keeps what it was sent, and tells whoever waits. */
async function startReceiver(folder) {
  const got = [], waiting = new Set()
  const server = createServer({ key: readFileSync(join(folder, 'data/tls/key.pem')), cert: readFileSync(join(folder, 'data/tls/certificate.pem')) }, (request, answer) => {
    const parts = []
    request.on('data', (part) => parts.push(part)).on('end', () => {
      got.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts) })
      answer.writeHead(204).end()
      for (const look of waiting) look()
    })
  })
  await new Promise((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done))
  return {
    port: server.address().port, got,
    /** The first delivery that fits. */
    one: (fits, what) => new Promise((done, fail) => {
      const late = setTimeout(() => { waiting.delete(look); fail(new Error(`no delivery of ${what} came; what came: ${got.map((d) => d.body).join(' ') || 'nothing'}`)) }, patience)
      const look = () => {
        const found = got.find((d) => fits(JSON.parse(d.body.toString('utf8'))))
        if (!found) return
        clearTimeout(late)
        waiting.delete(look)
        done(found)
      }
      waiting.add(look)
      look()
    }),
    stop: () => { server.closeAllConnections(); server.close() },
  }
}

/** As a receiver verifies: "t=SECONDS,v1=HEX", HEX the HMAC-SHA256 of "SECONDS.BODY" with the secret as it was shown. */
function verified(header, secret, body) {
  const parts = String(header).split(',').map((p) => p.split('='))
  const seconds = parts.find(([name]) => name === 't')?.[1]
  const wanted = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest()
  return /^\d+$/.test(seconds ?? '') && parts.some(([name, hex]) => name === 'v1' && /^[0-9a-f]{64}$/.test(hex) && timingSafeEqual(Buffer.from(hex, 'hex'), wanted))
}

/** Signs in where a second factor is required: whoever has none yet is led to enrolling one, and confirms with it. */
async function enrolled(browser, appliance, role, name) {
  const v = await Visitor.open(browser, appliance, '', name)
  const { page } = v
  const account = appliance.accounts.find((a) => a.role === role)
  v.expected.push(/403 .*\/api\/v1\//) // the terminal asks, and is sent to where the factor is added
  await v.go('/')
  await page.fill('[name=email]', account.email)
  await page.fill('[name=password]', account.password)
  await page.press('[name=password]', 'Enter')
  await page.waitForURL(/\/enrol/)
  await page.fill('[name=password]', account.password)
  await page.getByRole('button', { name: 'Continue with an application' }).click()
  const secret = (await page.locator('.secret').first().innerText()).replace(/\s/g, '')
  await page.fill('[name=code]', totp(secret))
  await page.getByRole('button', { name: 'Confirm the code' }).click()
  await page.locator('.codes li').first().waitFor()
  v.expected.pop()
  await v.go('/')
  await page.getByRole('heading', { name: 'Home' }).waitFor()
  return v
}

async function told(browser, appliance, run, receiver) {
  const admin = await enrolled(browser, appliance, 'admin', 'webhook-admin')
  const secret = await addWebhook(admin, `https://127.0.0.1:${receiver.port}/approvals`)
  const modeler = await Visitor.open(browser, appliance, 'modeler', 'webhook-modeler')
  await ask(modeler, run)
  await arrived(receiver, secret, run, 'approval.requested', 'requested')
  const approver = await enrolled(browser, appliance, 'approver', 'webhook-approver')
  await approve(approver)
  await arrived(receiver, secret, run, 'approval.decided', 'approved')
  await seen(admin, appliance)
  for (const v of [admin, modeler, approver]) await v.end()
}

async function addWebhook(v, url) {
  const { page } = v
  await v.go('/admin/webhooks')
  await page.getByRole('button', { name: 'Add a webhook …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Add a webhook' })
  await dialog.getByLabel('Name').fill('Approvals')
  await dialog.getByLabel('Address').fill(url)
  for (const box of await dialog.locator('[name=events]').all()) await box.setChecked(/^approval\./.test(await box.getAttribute('value')))
  await dialog.getByRole('button', { name: 'Add the webhook' }).click()
  const once = page.getByRole('dialog', { name: 'Secret of the webhook' })
  const secret = await once.locator('[data-secret=webhook-secret]').innerText()
  await once.getByLabel(/I have kept/).check()
  await once.getByRole('button', { name: 'Done' }).click()
  return secret
}

async function ask(v, run) {
  const { page } = v
  await v.go(`/runs/${run}`)
  await page.getByRole('button', { name: 'Request approval' }).click()
  const dialog = page.getByRole('dialog', { name: 'Request approval' })
  await dialog.getByRole('textbox').fill('Figures for the renewal.')
  await dialog.getByRole('button', { name: 'Request approval' }).click()
  await dialog.waitFor({ state: 'hidden' })
}

async function approve(v) {
  const { page } = v
  await v.go('/approvals')
  await page.getByText('1 request waits for your decision.').waitFor()
  await page.getByRole('region', { name: 'Requests for approval' }).getByRole('link').first().click()
  await page.getByRole('button', { name: 'Approve …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Approve' })
  await dialog.getByLabel('Reason').fill('As agreed.')
  await dialog.getByRole('button', { name: 'Approve', exact: true }).click()
  await page.getByText('Approved by').waitFor()
}

/** The delivery is there, signed with the secret that was shown once, and says what happened and nothing of what is in it. */
async function arrived(receiver, secret, run, type, state) {
  const { path, headers, body } = await receiver.one((e) => e.type === type, type)
  const event = JSON.parse(body.toString('utf8'))
  equal(path, '/approvals', 'the path of the delivery')
  equal(event.object, run, 'what the event is about')
  equal(event.state, state, 'how it says it stands')
  const signature = headers['qrsd-signature']
  check(verified(signature, secret, body), `the signature ${signature} is not of ${body}`)
  check(!verified(signature, `${secret}x`, body), 'the signature holds with another secret')
  check(!verified(signature, secret, Buffer.concat([body, Buffer.from(' ')])), 'the signature holds for another body')
  check(!verified(signature.replace(/t=\d/, (t) => (t === 't=1' ? 't=2' : 't=1')), secret, body), 'the signature holds for another time')
  check(Math.abs(Number(/t=(\d+)/.exec(signature)[1]) - Date.now() / 1000) < 300, `the signature is of another time: ${signature}`)
  check(!body.includes('renewal') && !body.includes('As agreed') && !body.includes('@'), `the delivery holds more than it should: ${body}`)
  check(/^[0-9a-f]{32}$/.test(headers['qrsd-delivery']), `the delivery is called ${headers['qrsd-delivery']}`)
}

/** The administrator sees both delivered. */
async function seen(v) {
  const { page } = v
  await v.go('/admin/webhooks')
  const deliveries = page.getByRole('region', { name: 'Deliveries' }).getByRole('row').filter({ hasText: 'Delivered' })
  for (const type of ['approval.requested', 'approval.decided']) await deliveries.filter({ hasText: type }).filter({ hasText: '204' }).waitFor()
  await v.look('delivered', ['light', 'light-420'])
}
