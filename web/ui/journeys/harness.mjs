// What journeys share: a throw-away appliance (`qrsd dev`), Chromium, and what must hold on every page: no violation of the policy, no request
// to another origin, no error in the console, and axe (WCAG 2.2 A and AA, best practice) without a finding.
import { spawn, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'

const here = dirname(fileURLToPath(import.meta.url))
export const root = join(here, '..', '..', '..')
/** The program under test: QRSD=path, or what make build makes. */
export const program = process.env.QRSD ?? join(root, 'bin/qrsd')
export const shots = process.env.SHOTS ?? join(here, '..', 'shots')
const axe = gunzipSync(readFileSync(join(root, 'web/testdata/axe-core-4.14.1.min.js.gz'))).toString()
export const patience = 180_000 // for whatever is waited for: hosts of CI are slow, and busy

export function findChromium() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found) return found
  }
  return ''
}

/** Starts the appliance on a free port, kept in a folder where one is given; `sealed` resolves when its first run is sealed. */
export async function startAppliance(program, years = 2000, folder = '') {
  const child = spawn(program, ['dev', '--json', '--listen', '127.0.0.1:0', '--years', String(years), ...(folder ? ['--keep', folder] : [])], { stdio: ['ignore', 'pipe', 'inherit'] })
  let ready, sealed, failed
  const isReady = new Promise((done, fail) => { ready = done; failed = fail })
  const isSealed = new Promise((done) => { sealed = done })
  child.once('error', (e) => failed(e))
  child.once('exit', (code) => failed(new Error(`qrsd dev ended with ${code} before it was ready`)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line)
    if (event.event === 'ready') ready(event)
    if (event.event === 'sealed') sealed(event.run)
  })
  const at = await isReady
  return {
    ...at, sealed: isSealed,
    stop: () => new Promise((done) => { child.removeAllListeners('exit'); child.once('exit', done); child.kill('SIGINT') }),
  }
}

/** Serves a configuration as for work, from its folder. Its log is kept, for whoever looks for what it does not say on a page. */
export async function startServer(program, config, env = {}) {
  const child = spawn(program, ['server', '--config', config], { cwd: dirname(config), stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ...env } })
  const log = []
  const url = await new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code) => fail(new Error(`qrsd server ended with ${code} before it served:\n${log.join('\n')}`)))
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line)
      const said = line.startsWith('{') ? JSON.parse(line) : {}
      if (said['@message'] === 'serving') done(said.url)
    })
  })
  return { url, log, stop: () => new Promise((done) => { child.removeAllListeners('exit'); child.once('exit', done); child.kill('SIGINT') }) }
}

/** Sets a server up as the page of it would, and enrols the second factor: the page is its operator's then. */
export async function setUp(page, server) {
  const offered = () => server.log.map((line) => /"set_up_code":"([^"]+)"/.exec(line)?.[1]).find(Boolean)
  while (!offered()) await new Promise((later) => setTimeout(later, 20)) // it is said after "serving"
  const password = 'seven marble lamps sing'
  const send = (path, body) => page.evaluate(async ([p, b]) => {
    const r = await fetch(p, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(b) })
    const text = await r.text()
    if (!r.ok) throw new Error(`${p}: ${r.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }, [path, body])
  await send('/api/v1/setup', { code: offered(), operator: { email: 'op@example.com', name: 'Olga Operator' }, password, tenant: 'Gulf Mutual', administrator: { email: 'ada@example.com', name: 'Ada Administrator' }, mode: 'air-gapped' })
  const { secret } = await send('/api/v1/me/second-factor', { password })
  await send('/api/v1/me/second-factor/confirm', { code: totp(secret) })
  await send('/api/v1/session/step-up', { password, code: totp(secret, Date.now() + 30_000) })
}

/** The code of an authenticator application (RFC 6238) at a time, of a secret in base 32. */
export function totp(secret, at = Date.now()) {
  const bits = [...secret.replace(/[\s=]/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

// Chromium says in the console which features of the Permissions-Policy header it does not know; that header is for all browsers.
const harmless = [/Permissions-Policy header: Unrecognized feature/]

/** One person at a browser of their own. */
export class Visitor {
  constructor(page, context, appliance, name) {
    Object.assign(this, { page, context, appliance, name, base: appliance.url, faults: [], expected: [], count: 0 })
  }

  static async open(browser, appliance, role, name, options = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, acceptDownloads: true, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(patience)
    const v = new Visitor(page, context, appliance, name)
    await v.watch()
    if (role) await v.signIn(role)
    return v
  }

  async watch() {
    const { page } = this
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error('POLICY', e.violatedDirective, e.blockedURI, e.sample)))
    page.on('console', (m) => {
      const text = `${m.text()} ${m.location().url}`
      if (m.type() === 'error' && !harmless.some((h) => h.test(text)) && !this.expected.some((h) => h.test(text))) this.faults.push(`console: ${text}`)
    })
    page.on('pageerror', (e) => this.faults.push(`script: ${e.message}`))
    page.on('request', (r) => { if (!r.url().startsWith(this.base) && !r.url().startsWith('blob:') && !r.url().startsWith('data:')) this.faults.push(`request to another origin: ${r.url()}`) })
  }

  async signIn(role) {
    const account = this.appliance.accounts.find((a) => a.role === role)
    await this.page.goto(`${this.base}/`)
    await this.page.fill('[name=email]', account.email)
    await this.page.fill('[name=password]', account.password)
    await this.page.press('[name=password]', 'Enter')
    await this.page.waitForURL(`${this.base}/`)
  }

  async go(path) { await this.page.goto(this.base + path) }

  /** Looks at the page: axe, no overflow, a picture; light, and where asked for dark and narrow. */
  async look(title, modes = ['light']) {
    for (const mode of modes) {
      const [scheme, width] = mode.split('-')
      await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
      if (width) await this.page.setViewportSize({ width: Number(width), height: 900 })
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
      await this.page.screenshot({ path: join(shots, `${this.name}-${String(++this.count).padStart(2, '0')}-${title.replace(/\W+/g, '-')}-${mode}.png`) })
      const found = await this.page.evaluate(`${axe};axe.run(document,{runOnly:["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? "")).join(" | ")))`)
      for (const f of found) this.faults.push(`axe, ${title}, ${mode}: ${f}`)
      for (const m of await this.motion()) this.faults.push(`${title}, ${mode}: moves though motion is to be reduced: ${m}`)
      const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (over > 0) this.faults.push(`${title}, ${mode}: ${over} px wider than the window`)
      if (width) await this.page.setViewportSize({ width: 1440, height: 900 })
    }
    await this.page.emulateMedia({ colorScheme: 'light' })
  }

  /** What moves on the page: each element whose computed style has a transition or animation that takes time, and the insides of progress bars, which no script reaches. */
  async motion() {
    const found = await this.page.evaluate(() => {
      const takes = (style) => [style.transitionDuration, style.animationDuration].join().split(',').some((d) => parseFloat(d) > 0.01)
      return [...document.querySelectorAll('*')].flatMap((e) => ['', '::before', '::after', '::backdrop'].filter((p) => takes(getComputedStyle(e, p || null))).map((p) => `${e.tagName.toLowerCase()}.${e.className}${p}`)
        .concat(getComputedStyle(e).scrollBehavior === 'smooth' ? [`${e.tagName.toLowerCase()} scrolls smoothly`] : []))
    })
    if (await this.page.locator('progress').count() === 0) return found
    const cdp = await this.page.context().newCDPSession(this.page)
    await cdp.send('DOM.enable')
    await cdp.send('CSS.enable')
    const { nodes } = await cdp.send('DOM.getFlattenedDocument', { depth: -1, pierce: true })
    for (const n of nodes.filter((n) => n.attributes?.includes('-webkit-progress-value'))) {
      const style = await cdp.send('CSS.getComputedStyleForNode', { nodeId: n.nodeId }).catch(() => ({ computedStyle: [] })) // the bar may be gone by now
      if (style.computedStyle.some((c) => /^(transition|animation)-duration$/.test(c.name) && c.value.split(',').some((d) => parseFloat(d) > 0.01))) found.push('progress::-webkit-progress-value')
    }
    await cdp.detach()
    return found
  }

  /** Reads the API as this person. */
  async api(path) {
    return this.page.evaluate(async (p) => { const r = await fetch(p, { headers: { Accept: 'application/json' } }); return { status: r.status, type: r.headers.get('Content-Type'), text: await r.text() } }, path)
  }

  async end() {
    await this.context.close()
    if (this.faults.length > 0) throw new Error(`${this.name}:\n  ${this.faults.join('\n  ')}`)
  }
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`)
}
export function check(holds, what) {
  if (!holds) throw new Error(what)
}

/** Runs journeys one after another against one appliance; any failure is said, and the rest still run. */
export async function runAll(journeys) {
  const executablePath = findChromium()
  if (!executablePath || !existsSync(program)) {
    console.error(!executablePath ? 'no Chromium found; install chromium' : `${program} is not there; make build makes it`)
    process.exit(2)
  }
  rmSync(shots, { recursive: true, force: true })
  mkdirSync(shots, { recursive: true })
  const appliance = await startAppliance(program)
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  let failed = 0
  for (const { name, run } of journeys) {
    const begun = Date.now()
    try {
      await run({ browser, appliance })
      console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`)
    } catch (e) {
      failed++
      console.error(`FAIL  ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)\n${e.stack ?? e}`)
    }
  }
  await browser.close()
  await appliance.stop()
  console.log(`pictures: ${shots}`)
  process.exit(failed ? 1 : 0)
}
