// The sections of the administration (Health and Diagnostics are in J6) and of the profile: each control changes something through the API, and it is still so after a reload.
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, equal, patience, program, setUp, startServer, totp, Visitor } from './harness.mjs'

export const name = 'administration and profile'

export async function run({ browser, appliance }) {
  await appliance.sealed
  const v = await Visitor.open(browser, appliance, 'admin', 'admin')
  v.expected.push(/400 .*\/users/, /429 .*\/api\/v1\/events/) // a wrong address; more pages in a row than a user may have streams at once
  await users(v)
  await invitations(v)
  await roles(v)
  await apiKeys(v)
  await webhooks(v)
  await keys(v)
  await devices(v)
  await egressAndOutbox(v)
  await settings(v)
  await profile(v, appliance)
  await v.end()
  await operator(browser, appliance)
  await others(browser, appliance)
  await backups(browser)
}

const section = async (v, key, text) => {
  await v.go(`/admin/${key}`)
  await v.page.getByRole('heading', { name: `Admin: ${text}` }).waitFor()
}
const dialog = (v, name) => v.page.getByRole('dialog', { name })
const press = (where, name) => where.getByRole('button', { name, exact: true }).click()

/** Reads a secret that is shown once, and ends the dialog. */
async function once(v, title, name) {
  const d = dialog(v, title)
  const secret = await d.locator(`[data-secret=${name}]`).innerText()
  check(await d.getByRole('button', { name: 'Done' }).isDisabled(), 'it can be left without having kept the secret')
  await v.look(`once-${name}`, ['light', 'dark', 'light-420'])
  await d.getByLabel(/I have kept/).check()
  await press(d, 'Done')
  await d.waitFor({ state: 'hidden' })
  return secret
}

async function users(v) {
  const { page } = v
  await section(v, 'users', 'Users')
  await page.getByRole('row').filter({ hasText: 'modeler@example.com' }).waitFor()
  await v.look('users', ['light', 'dark', 'light-420'])
  await press(page, 'Add a user …')
  const d = dialog(v, 'Add a user')
  await d.getByLabel('E-mail').fill('no address')
  await d.getByLabel('Name').fill('Nia Newcomer')
  await press(d, 'Add the user')
  await d.getByRole('alert').waitFor()
  await v.look('user-refused')
  await d.getByLabel('E-mail').fill('nia@example.com')
  await press(d, 'Add the user')
  check((await once(v, 'One-time password', 'one-time-password')).length >= 12, 'no one-time password')
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'nia@example.com' }).click()
  const aside = page.getByRole('complementary', { name: 'User' })
  await aside.getByLabel('Name').fill('Nia Analyst')
  await aside.getByLabel('Role').selectOption('analyst')
  await press(aside, 'Save')
  await page.getByText('Saved').waitFor()
  await v.look('user', ['light', 'dark', 'light-420'])
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'Nia Analyst' }).filter({ hasText: 'analyst' }).waitFor()
  equal(await aside.getByLabel('Role').inputValue(), 'analyst', 'the role after a reload')
  await press(aside, 'One-time password …')
  await press(dialog(v, 'Give a one-time password'), 'Give it')
  await once(v, 'One-time password', 'one-time-password')
  await press(aside, 'Disable …')
  await press(dialog(v, 'Disable the user'), 'Disable')
  await page.getByRole('row').filter({ hasText: 'Nia Analyst' }).filter({ hasText: 'Disabled' }).waitFor()
  await page.reload()
  await press(aside, 'Enable')
  await page.getByRole('row').filter({ hasText: 'Nia Analyst' }).filter({ hasText: 'Active' }).waitFor()
}

async function invitations(v) {
  const { page } = v
  await section(v, 'invitations', 'Invitations')
  await page.getByText('No open invitations').waitFor()
  await press(page, 'Invite somebody …')
  const d = dialog(v, 'Invite somebody')
  await d.getByLabel('E-mail').fill('guest@example.com')
  await d.getByLabel('Name').fill('Gus Guest')
  await d.getByLabel('Role').selectOption('viewer')
  await press(d, 'Invite')
  const link = await once(v, 'Invitation', 'invitation')
  check(link.startsWith(`${v.base}/accept#`), `the link is ${link}`)
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'guest@example.com' }).waitFor()
  await v.look('invitations', ['light', 'light-420'])
  await press(page.getByRole('row').filter({ hasText: 'guest@example.com' }), 'Withdraw …')
  await press(dialog(v, 'Withdraw the invitation'), 'Withdraw')
  await page.getByText('No open invitations').waitFor()
}

async function roles(v) {
  const { page } = v
  await section(v, 'roles', 'Roles')
  const table = JSON.parse((await v.api('/api/v1/roles')).text).items
  await page.getByRole('searchbox').fill('approval.decide')
  const cells = await page.getByRole('row').filter({ hasText: 'approval.decide' }).getByRole('cell').allInnerTexts()
  equal(cells.filter((c) => c.includes('✓')).length, table.filter((r) => r.verbs.includes('approval.decide')).length, 'roles that decide')
  await v.look('roles', ['light', 'dark', 'light-420'])
}

async function apiKeys(v) {
  const { page } = v
  await section(v, 'api-keys', 'API keys')
  await press(page, 'Make a key …')
  const d = dialog(v, 'Make an API key')
  await d.getByLabel('Name').fill('Nightly export')
  await d.getByLabel('run.read').check()
  await v.look('make-key', ['light', 'light-420'])
  await press(d, 'Make the key')
  const secret = await once(v, 'API key', 'api-key')
  const asked = (key, path) => page.request.get(v.base + path, { headers: { Authorization: `Bearer ${key}`, Cookie: '' } }).then((r) => r.status())
  equal(await asked(secret, '/api/v1/runs'), 200, 'the key reads runs')
  equal(await asked(secret, '/api/v1/portfolios'), 403, 'the key reads what its scopes do not say')
  await page.reload()
  const row = page.getByRole('row').filter({ hasText: 'Nightly export' })
  check(!(await page.content()).includes(secret.slice(24)), 'the secret is still on the page')
  await press(row, 'Rotate …')
  const r = dialog(v, 'Rotate “Nightly export”')
  await r.getByLabel('The secret of before ends').selectOption('0')
  await press(r, 'Rotate')
  const next = await once(v, 'New secret of the key', 'api-key')
  equal(await asked(secret, '/api/v1/runs'), 401, 'the secret of before')
  equal(await asked(next, '/api/v1/runs'), 200, 'the new secret')
  await press(row, 'Revoke …')
  await press(dialog(v, 'Revoke the key'), 'Revoke')
  await row.getByText('Revoked').waitFor()
  equal(await asked(next, '/api/v1/runs'), 401, 'a revoked key')
  await page.reload()
  await row.getByText('Revoked').waitFor()
  await v.look('api-keys', ['light', 'dark', 'light-420'])
}

async function webhooks(v) {
  const { page } = v
  await section(v, 'webhooks', 'Webhooks')
  await page.getByText('No webhooks yet').waitFor()
  await press(page, 'Add a webhook …')
  const d = dialog(v, 'Add a webhook')
  await d.getByLabel('Name').fill('Ticket system')
  await d.getByLabel('Address').fill('https://hooks.example.com/qrsd')
  await v.look('add-webhook', ['light', 'light-420'])
  await press(d, 'Add the webhook')
  const secret = await once(v, 'Secret of the webhook', 'webhook-secret')
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'Ticket system' }).click()
  const aside = page.getByRole('complementary', { name: 'Webhook' })
  await aside.getByLabel('run.failed').check()
  await press(aside, 'Save')
  await page.getByText('Saved').waitFor()
  await page.reload()
  check(await aside.getByLabel('run.failed').isChecked(), 'the event is lost on reload')
  await press(aside, 'Rotate the secret …')
  await press(dialog(v, 'Rotate the secret'), 'Rotate')
  check(await once(v, 'New secret of the webhook', 'webhook-secret') !== secret, 'the secret is the one of before')
  await press(aside, 'Send a trial event')
  await page.getByText('A trial event is on its way').waitFor()
  await press(page, 'On their way')
  // An air-gapped appliance sends nothing: the delivery waits, or was refused.
  await page.getByRole('row').filter({ hasText: 'webhook.trial' }).or(page.getByRole('row').filter({ hasText: 'Ticket system' }).nth(1)).first().waitFor()
  await v.look('webhook', ['light', 'dark', 'light-420'])
  await press(aside, 'Take away …')
  await press(dialog(v, 'Take the webhook away'), 'Take it away')
  await page.getByText('No webhooks yet').waitFor()
}

async function keys(v) {
  const { page } = v
  await section(v, 'keys', 'Encryption keys')
  const version = async () => Number(/v(\d+)/.exec(await page.locator('.hierarchy').first().innerText())[1])
  await page.locator('.hierarchy').first().waitFor()
  const before = await version()
  await press(page, 'Rotate …')
  await press(page.getByRole('dialog'), 'Rotate')
  await page.locator('.toast').filter({ hasText: 'Rotated' }).waitFor()
  await page.reload()
  await page.locator('.hierarchy').first().waitFor()
  equal(await version(), before + 1, 'version of the key-encryption key')
  await page.getByText(/data keys$/).first().click()
  await v.look('keys', ['light', 'dark', 'light-420'])
}

/** What may be spent on quantum devices, and whose answers are taken in. */
async function devices(v) {
  const { page } = v
  const limit = async (to, shown) => {
    await press(page, 'Change …')
    const d = dialog(v, 'Change the spending limit')
    await d.getByLabel('Limit (USD)').fill(to)
    await press(d, 'Change')
    await page.locator('.setting-value').getByText(shown, { exact: true }).waitFor()
    await page.reload()
    await page.locator('.setting-value').getByText(shown, { exact: true }).waitFor()
  }
  v.expected.push(/400 .*\/quantum-settings/)
  await section(v, 'quantum', 'Quantum devices')
  await page.getByText('No device can be reached from here').waitFor()
  await limit('250.00', '250.00 USD')
  await press(page, 'Trust a relay …')
  const d = dialog(v, 'Trust a relay')
  await d.getByLabel('Name').fill('pier')
  await d.getByLabel('Public key').fill('ed25519:short')
  await press(d, 'Trust it')
  await d.getByRole('alert').waitFor()
  await v.look('relay-refused', ['light', 'light-420'])
  await d.getByLabel('Public key').fill(`ed25519:${generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`)
  await press(d, 'Trust it')
  const relay = page.locator('.relays li').filter({ hasText: 'pier' })
  await relay.waitFor()
  await page.reload()
  await relay.waitFor()
  await v.look('devices', ['light', 'dark', 'light-420'])
  await press(relay, 'Trust it no more …')
  await press(dialog(v, 'Trust “pier” no more'), 'Trust it no more')
  await relay.waitFor({ state: 'hidden' })
  await limit('', 'Nothing may be spent')
  equal(await relay.count(), 0, 'relays that are trusted no more, after a reload')
}

async function egressAndOutbox(v) {
  const { page } = v
  await section(v, 'egress', 'Egress')
  await page.getByText('Nothing has left').or(page.getByRole('region', { name: 'What left' })).first().waitFor() // J5 carries a job
  await page.getByRole('row').filter({ hasText: 'Quantum hardware' }).filter({ hasText: 'Off' }).first().waitFor()
  equal(await page.getByRole('columnheader', { name: 'Hosts' }).count(), 0, 'columns of hosts, which an administrator is not told')
  await v.look('egress', ['light', 'dark', 'light-420'])
  await section(v, 'outbox', 'Outbox')
  await press(page, 'Show the messages')
  await page.getByRole('row').filter({ hasText: 'example.com' }).first().waitFor()
  await v.look('outbox', ['light', 'dark', 'light-420'])
}

async function settings(v) {
  await section(v, 'policy', 'Second factor')
  await v.page.getByText('Required of administrators and approvers', { exact: true }).waitFor()
  await v.look('policy', ['light', 'light-420'])
  await section(v, 'system', 'System')
  await v.page.getByText('It opens no connection to any other host.').waitFor()
  equal(await v.page.getByRole('button', { name: 'Lock the store …' }).count(), 0, 'an administrator can lock the store')
  await v.look('system-admin', ['light'])
}

async function profile(v, appliance) {
  const { page } = v
  const account = appliance.accounts.find((a) => a.role === 'admin')
  await page.getByText(/· admin/).first().click()
  await page.getByRole('link', { name: 'Profile' }).click()
  await page.getByRole('heading', { name: 'Profile' }).waitFor()
  await v.look('profile', ['light', 'dark', 'light-420', 'dark-420'])
  await here(v)
  await page.getByLabel('Name', { exact: true }).fill('Ada Administrator')
  await press(page, 'Save the name')
  await page.getByText('Saved').waitFor()
  await page.reload()
  equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Ada Administrator', 'the name after a reload')
  await sessions(v, appliance)
  await authenticator(v, account)
  await policyOfAll(v)
  await passkey(v)
  await press(page, 'Remove the authenticator …')
  const d = dialog(v, 'Remove the authenticator')
  await d.getByLabel('Password').fill(account.password)
  await press(d, 'Remove it')
  await page.getByRole('button', { name: 'Add an authenticator …' }).waitFor()
  await password(v, account)
}

/** What is kept in this browser: theme, rows, keys of one letter. */
async function here(v) {
  const { page } = v
  await page.getByLabel('Dark').check()
  equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark', 'the theme')
  await page.getByLabel('Comfortable').check()
  await page.getByRole('group', { name: 'Keys of one letter' }).getByLabel('Off').check()
  await page.reload()
  check(await page.getByLabel('Dark').isChecked() && await page.getByLabel('Comfortable').isChecked(), 'the settings are lost on reload')
  await page.keyboard.press('g')
  await page.keyboard.press('h')
  await page.keyboard.press('?')
  check(/\/profile$/.test(page.url()) && await page.getByRole('dialog').count() === 0, 'keys of one letter do something though they are off')
  await page.getByRole('group', { name: 'Keys of one letter' }).getByLabel('On').check()
  await page.getByLabel('As the system').check()
  await page.getByLabel('Compact').check()
}

async function sessions(v, appliance) {
  const { page } = v
  const other = await Visitor.open(page.context().browser(), appliance, 'admin', 'admin-other')
  await page.reload()
  const rows = page.locator('.things li').filter({ hasText: 'begun' })
  await rows.filter({ hasText: 'This one' }).waitFor()
  const theirs = rows.filter({ hasNotText: 'This one' }).first()
  await press(theirs, 'End …')
  await press(dialog(v, 'End the session'), 'End it')
  await page.getByText('Session ended').waitFor()
  other.expected.push(/401/)
  await other.page.reload()
  await other.page.waitForURL(/\/sign-in/)
  await other.end()
}

async function authenticator(v, account) {
  const { page } = v
  await press(page, 'Add an authenticator …')
  let d = dialog(v, 'Add an authenticator')
  v.expected.push(/401 .*second-factor/, /40[01] .*second-factor/)
  await d.getByLabel('Password').fill('not my password')
  await press(d, 'Go on')
  await d.getByRole('alert').waitFor()
  await d.getByLabel('Password').fill(account.password)
  await press(d, 'Go on')
  d = dialog(v, 'Bring the application in')
  const secret = await d.locator('[data-secret=totp]').innerText()
  await d.getByRole('img', { name: 'QR code of the secret' }).waitFor()
  await v.look('enrol', ['light', 'dark', 'light-420'])
  await d.getByRole('textbox', { name: 'Code' }).fill(totp(secret))
  await press(d, 'Confirm the code')
  const codes = dialog(v, 'Your recovery codes')
  await codes.locator('.codes li').first().waitFor()
  equal(await codes.locator('.codes li').count(), 10, 'recovery codes')
  await v.look('recovery-codes', ['light', 'light-420'])
  await codes.getByLabel('I have kept them').check()
  await press(codes, 'Done')
  await page.reload()
  await page.getByText('10 left').waitFor()
  await press(page, 'New recovery codes …')
  d = dialog(v, 'New recovery codes')
  await d.getByLabel('Password').fill(account.password)
  await press(d, 'Draw new codes')
  await dialog(v, 'Your recovery codes').getByLabel('I have kept them').check()
  await press(dialog(v, 'Your recovery codes'), 'Done')
}

/** The policy, by an administrator who has a second factor; then back, so that others go on. */
async function policyOfAll(v) {
  const { page } = v
  await section(v, 'policy', 'Second factor')
  await press(page, 'Require it of everybody …')
  await press(dialog(v, 'Require a second factor of everybody'), 'Change')
  await page.getByText('Required of every user').waitFor()
  await page.reload()
  await page.getByText('Required of every user').waitFor()
  await page.getByText(/Changed by Ada Administrator/).waitFor()
  await v.look('policy-of-all', ['light', 'dark'])
  await press(page, 'Ask it of fewer …')
  await press(dialog(v, 'Ask the second factor of fewer'), 'Change')
  await page.getByText('Required of administrators and approvers', { exact: true }).waitFor()
  await v.go('/profile')
}

async function passkey(v) {
  const { page } = v
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  await press(page, 'Add a passkey …')
  const d = dialog(v, 'Add a passkey')
  await d.getByLabel('Name').fill('Work laptop')
  await press(d, 'Go on')
  await page.getByText('Passkey added').waitFor()
  await page.reload()
  const row = page.locator('.things li').filter({ hasText: 'Work laptop' })
  await row.waitFor()
  await v.look('passkey', ['light', 'dark'])
  await press(row, 'Remove …')
  await press(dialog(v, 'Remove “Work laptop”'), 'Remove')
  await row.waitFor({ state: 'hidden' })
}

async function password(v, account) {
  const { page } = v
  const change = async (from, to) => {
    await page.getByLabel('Present password').fill(from)
    await page.getByLabel('New password').fill(to)
    await press(page, 'Change the password')
  }
  v.expected.push(/40[01] .*me\/password/)
  await change(account.password, 'short')
  await page.getByRole('alert').first().waitFor()
  await v.look('password-refused')
  await change(account.password, 'seven herons over still water 17')
  await page.getByText('Password changed').waitFor()
  await page.reload()
  await change('seven herons over still water 17', account.password)
  await page.getByText('Password changed').waitFor()
}

async function operator(browser, appliance) {
  const v = await Visitor.open(browser, appliance, 'operator', 'operator')
  const { page } = v
  await section(v, 'tenants', 'Tenants')
  await press(page, 'Add a tenant …')
  await dialog(v, 'Add a tenant').getByLabel('Name').fill('Short-lived Mutual')
  await press(dialog(v, 'Add a tenant'), 'Add the tenant')
  const invite = dialog(v, 'Invite somebody')
  await invite.getByLabel('E-mail').fill('first@example.com')
  await invite.getByLabel('Name').fill('Fay First')
  equal((await invite.getByLabel('Role').locator('option').allInnerTexts()).join(), 'admin', 'roles that an operator gives in a tenant')
  await press(invite, 'Invite')
  await once(v, 'Invitation', 'invitation')
  await page.reload()
  const row = page.getByRole('row').filter({ hasText: 'Short-lived Mutual' })
  await v.look('tenants', ['light', 'dark', 'light-420'])
  await press(row, 'Erase …')
  const erase = dialog(v, 'Erase Short-lived Mutual')
  await press(erase, 'Destroy its keys')
  check(await erase.isVisible(), 'a tenant is erased without its name being typed')
  await erase.getByLabel(/Type/).fill('Short-lived Mutual')
  await v.look('erase', ['light', 'light-420'])
  await press(erase, 'Destroy its keys')
  await dialog(v, 'Certificate of erasure').getByText('No longer readable').waitFor()
  await v.look('certificate', ['light', 'dark', 'light-420'])
  await page.keyboard.press('Escape')
  await page.reload()
  await page.getByRole('row').filter({ hasText: 'gone with its keys' }).waitFor()
  await section(v, 'users', 'Users')
  await page.getByRole('row').filter({ hasText: 'operator@example.com' }).waitFor()
  await page.getByLabel('Tenant', { exact: true }).selectOption({ label: 'Sample' })
  await page.getByRole('row').filter({ hasText: 'modeler@example.com' }).waitFor()
  await v.look('users', ['light'])
  await quotas(v)
  await system(v)
  await v.go('/audit?action=tenant')
  await page.getByRole('row').filter({ hasText: 'tenant.erase' }).first().waitFor()
  await v.end()
}

/** Quotas of a tenant: those of the default, one that is set, and the default again. */
async function quotas(v) {
  const { page } = v
  await section(v, 'quotas', 'Quotas')
  const tile = page.locator('.quotas li').filter({ has: page.getByRole('heading', { name: 'Runs that wait' }) })
  const change = async (to, shown) => {
    await press(page, 'Change …')
    const d = dialog(v, 'Change the quotas')
    await d.getByLabel('Runs that wait').fill(to)
    await press(d, 'Change')
    await d.waitFor({ state: 'hidden' })
    await page.reload()
    await tile.getByText(shown).waitFor()
  }
  await page.getByText('choose a tenant').waitFor()
  await page.getByLabel('Tenant', { exact: true }).selectOption({ label: 'Sample' })
  await tile.waitFor()
  const tenant = new URL(page.url()).searchParams.get('tenant')
  const said = async () => JSON.parse((await v.api(`/api/v1/quotas?tenant=${tenant}`)).text)
  const { defaults } = await said()
  await change('7', /of 7\b/)
  equal((await said()).quotas.queued, 7, 'the quota of runs that wait')
  await v.look('quotas', ['light', 'dark', 'light-420'])
  await change('0', new RegExp(`of ${defaults.queued.toLocaleString('en-US')}\\b`))
  equal((await said()).quotas.queued, defaults.queued, 'the quota where none is set')
}

async function system(v) {
  const { page } = v
  await section(v, 'system', 'System')
  await page.getByText('Last checkpoint in the anchor').waitFor()
  await v.look('system', ['light', 'dark', 'light-420'])
  const change = async (to) => {
    await press(page, 'Change …')
    await dialog(v, 'Change the mode').getByLabel(to).check()
    await press(dialog(v, 'Change the mode'), 'Change the mode')
    await dialog(v, 'Change the mode').waitFor({ state: 'hidden' })
    await page.reload()
    await page.locator('.setting-value').getByText(to, { exact: true }).waitFor()
  }
  await change('Hybrid')
  await change('Air-gapped')
  await page.getByText(/Changed by/).waitFor()
  await press(page, 'Lock the store …')
  await press(dialog(v, 'Lock the store'), 'Lock')
  check(await dialog(v, 'Lock the store').isVisible(), 'the store is locked without a word')
  await v.look('lock', ['light'])
  await page.keyboard.press('Escape')
  await section(v, 'keys', 'Encryption keys')
  await page.getByRole('heading', { name: 'The appliance' }).waitFor()
  await section(v, 'egress', 'Egress')
  await page.getByText('Connections of the appliance').waitFor()
  await page.getByRole('columnheader', { name: 'Hosts' }).waitFor()
}

/** Backups and drills, on an appliance whose configuration names a place for them. */
async function backups(browser) {
  const folder = mkdtempSync(join(tmpdir(), 'qrsd-journey-'))
  const recipient = join(folder, 'recipient.txt')
  const made = spawnSync(program, ['backup', 'identity', '-o', join(folder, 'identity.txt'), '--recipient', recipient], { encoding: 'utf8' })
  check(made.status === 0, `qrsd backup identity: ${made.stderr}`)
  for (const f of ['anchor', 'backups']) mkdirSync(join(folder, f))
  writeFileSync(join(folder, 'qrsd.hcl'), `listen = "127.0.0.1:0"\n\nstore {\n  path     = "data/store"\n  key_file = "key/store.key"\n  anchor   = "anchor/qrsd.anchor"\n}\n\nbackup {\n  recipients = ["${readFileSync(recipient, 'utf8').trim()}"]\n  folder {\n    path = "backups"\n  }\n}\n`, { mode: 0o600 })
  const server = await startServer(program, join(folder, 'qrsd.hcl'))
  try {
    const v = await Visitor.open(browser, { url: server.url }, '', 'admin-backups')
    await v.go('/trust')
    await setUp(v.page, server)
    await backedUp(v)
    await v.end()
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A backup and a drill are asked for, and are there after a reload, as the API has them. */
async function backedUp(v) {
  const { page } = v
  const row = (caption) => page.getByRole('region', { name: caption, exact: true }).locator('tbody tr')
  await section(v, 'backups', 'Backups')
  // The first is made by itself, because none was ever made; what is asked for comes beside it.
  const done = row('Backups').filter({ hasText: 'Done' })
  await done.first().waitFor({ timeout: 4 * patience })
  await press(page, 'Back up now')
  await page.getByText('A backup was asked for').waitFor()
  await done.nth(1).waitFor({ timeout: 4 * patience })
  await page.reload()
  await done.nth(1).waitFor()
  const full = row('Drills').filter({ hasText: 'full' }).filter({ hasText: 'Done' })
  await full.first().waitFor({ timeout: 4 * patience }) // so is the first drill
  await press(page, 'Drill now')
  await page.getByText('A drill was asked for').waitFor()
  await full.nth(1).waitFor({ timeout: 4 * patience })
  await full.first().click()
  await page.reload()
  const drill = page.getByRole('complementary', { name: 'Drill' })
  await drill.getByText('Full drill').waitFor()
  const drills = JSON.parse((await v.api('/api/v1/system/drills')).text).items
  equal(await drill.locator('li').count(), drills.find((d) => d.form === 'full').steps.length, 'steps of the drill')
  equal(await row('Backups').count(), JSON.parse((await v.api('/api/v1/system/backups')).text).items.length, 'backups')
  await v.look('backups', ['light', 'dark', 'light-420', 'dark-420'])
}

/** Whoever has not the verb does not see the section, and is told who has. */
async function others(browser, appliance) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'admin-modeler')
  await v.go('/admin/users')
  await v.page.getByText('Your role does not include Users.').waitFor()
  equal(await v.page.getByRole('link', { name: 'Webhooks' }).count(), 0, 'sections that a modeler does not have')
  await v.look('denied', ['light', 'light-420'])
  await v.go('/admin/nothing')
  await v.page.getByText('There is no section “nothing”.').waitFor()
  await v.end()
}
