// First of all, since it wants the first run as a draft. What a screen says when things are not as they should be: a broken seal, updates that stop, nobody signed in, no such thing, another role.
import { check, Visitor } from './harness.mjs'

export const name = 'states: broken seal, stale, denied, not found, signed out, other roles, 100,000 rows'

export async function run({ browser, appliance }) {
  const id = await appliance.sealed
  await brokenSeal(browser, appliance, id)
  await stale(browser, appliance)
  await otherPeople(browser, appliance, id)
  await hundredThousand(browser, appliance, id)
}

async function brokenSeal(browser, appliance, id) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'broken')
  // The appliance's own answer with one step failed: what the screen makes of it is what is tried here.
  await v.page.route('**/seal', async (route) => {
    const answer = await route.fetch()
    const seal = await answer.json()
    seal.valid = false
    seal.checks[2] = { ...seal.checks[2], ok: false, reason: 'the signature is of other bytes' }
    await route.fulfill({ response: answer, json: seal })
  })
  await v.go(`/runs/${id}`)
  await v.page.getByRole('alert').filter({ hasText: 'The seal of this run is broken' }).waitFor()
  check(await v.page.getByRole('button', { name: 'Request approval' }).isDisabled(), 'approval can be asked for with a broken seal')
  await v.look('broken-seal', ['light', 'dark', 'light-420'])
  await v.end()
}

async function stale(browser, appliance) {
  const v = await Visitor.open(browser, appliance, undefined, 'stale')
  v.expected.push(/ERR_FAILED .*\/api\/v1\/events/)
  await v.page.route(/\/api\/v1\/events$/, (route) => route.abort())
  await v.signIn('modeler')
  await v.page.getByText('Live updates paused, retrying.').waitFor()
  await v.page.waitForRequest(/\/api\/v1\/events\/recent/)
  await v.look('stale')
  await v.end()
}

async function otherPeople(browser, appliance, id) {
  const operator = await Visitor.open(browser, appliance, 'operator', 'operator')
  await operator.page.getByText('Audit entries').waitFor()
  check(await operator.page.getByRole('link', { name: 'Portfolios', exact: true }).count() === 0, 'the operator sees tenants’ screens')
  await operator.look('home', ['light', 'dark'])
  operator.expected.push(/403/)
  await operator.go(`/runs/${id}`)
  await operator.page.getByText('Your role does not allow this.').waitFor()
  await operator.look('denied')
  await operator.end()

  const approver = await Visitor.open(browser, appliance, 'approver', 'approver')
  approver.expected.push(/404/)
  await approver.go('/runs/00000000000000000000000000000001')
  await approver.page.getByText('Not found').waitFor()
  await approver.look('not-found')
  await approver.page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE' }))
  approver.expected.push(/401/)
  await approver.go('/runs?state=done')
  await approver.page.waitForURL(/\/sign-in\?next=%2Fruns%3Fstate%3Ddone/)
  await approver.end()
}

/** A list as long as that of a run of 100,000 years: read to its end, few of its rows are drawn. */
async function hundredThousand(browser, appliance, id) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'long')
  const { page } = v
  const total = 100_000, part = 10_000 // more at once than the API gives: reading is not what is tried
  await page.route(/\/api\/v1\/runs\/[0-9a-f]+\/events\?/, async (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0)
    const items = Array.from({ length: part }, (_, i) => ({ event: from + i + 1, year: (from + i) % 5000 + 1, month: 9, day: 1 + (i % 30), footprint_tiv: 1e9, category: 3, landfalls: [], ground_up: { mean: 1e9 - (from + i) * 1e4 }, gross: { mean: 8e8 - (from + i) * 8e3 } }))
    await route.fulfill({ json: { basis: { run: id, years: 100_000, samples: 5, currency: 'USD', confidence: 0.9 }, summary: { id: 1, level: 'portfolio', key: '', name: '', tiv: 1e10 }, total, items, ...(from + part < total ? { next_cursor: String(from + part) } : {}) } })
  })
  await v.go(`/runs/${id}?tab=events`)
  await page.getByText('100,000 storms with a loss').waitFor()
  const begun = Date.now()
  await page.evaluate(() => { window.reading = setInterval(() => { const e = document.querySelector('.scroll.long'); e.scrollTop = e.scrollHeight }, 20) })
  await page.locator('tr[data-index="99999"]').waitFor()
  await page.evaluate(() => clearInterval(window.reading))
  const drawn = await page.locator('tbody tr[data-index]').count()
  check(drawn < 120, `${drawn} rows are drawn`)
  const filtering = Date.now()
  await page.getByLabel('Filter Storms').fill('77777')
  await page.getByText(/^\d+ of 100,000$/).waitFor()
  console.log(`      100,000 rows read in ${filtering - begun} ms, filtered in ${Date.now() - filtering} ms, ${drawn} drawn`)
  await v.end()
}
