// J2: progress that moves while a run is carried out, by events alone, over a reload, until it is cancelled; the same seed gives the same result, another another;
// and the header has the time of the last result, though a short run overtakes a long one.
import { check, equal, Visitor } from './harness.mjs'

export const name = 'J2 progress, and the same result once more'

export async function run({ browser, appliance }) {
  const first = await appliance.sealed
  const v = await Visitor.open(browser, appliance, 'modeler', 'progress')
  const { portfolio } = JSON.parse((await v.api(`/api/v1/runs/${first}`)).text)
  await underway(v, portfolio)
  await sameAgain(v, portfolio)
  await overtaken(v, portfolio)
  await v.end()
}

/** Starts a run on the screen for new runs. */
async function start(v, query, fields) {
  const { page } = v
  await v.go(`/runs/new?${query}`)
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value)
  await page.getByRole('button', { name: 'Start run' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  return page.url().slice(-32)
}

/** Keeps every number of years that the screen shows as done, and every percentage of the header. */
const watch = (page) => page.evaluate(() => {
  window.seen = { years: [], header: [] }
  const add = (to, n) => { if (Number.isFinite(n) && to.at(-1) !== n) to.push(n) }
  const read = () => {
    add(window.seen.years, parseInt((document.querySelector('.underway .numbers strong')?.textContent ?? '-').replaceAll(',', ''), 10))
    add(window.seen.header, document.querySelector('.header .running progress')?.value)
  }
  new MutationObserver(read).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })
  read()
})

async function underway(v, portfolio) {
  const { page } = v
  // More years than anybody waits for, in no more room than a small disk has: it is cancelled when enough was seen, on a fast host and on a slow one.
  const id = await start(v, `portfolio=${portfolio}`, { Name: 'Long', 'Simulated years': '60000', 'Draws of damage per storm': '0' })
  await page.locator('.underway .numbers strong').waitFor()
  // From here the run is not given when it is asked for: what moves is moved by events.
  const path = new RegExp(`/api/v1/runs/${id}$`)
  await page.route(path, () => {})
  await watch(page)
  await page.waitForFunction(() => window.seen.years.length > 4 && window.seen.header.length > 4)
  const { years, header } = await page.evaluate(() => window.seen)
  check(years.every((n, i) => i === 0 || n > years[i - 1]), `years do not grow: ${years.join(', ')}`)
  check(header.every((n, i) => i === 0 || n > header[i - 1]), `the header does not grow: ${header.join(', ')}`)
  await page.getByText(/years a second/).waitFor()
  await page.getByText(/^about .* left$/).waitFor()
  await page.unroute(path)
  await page.reload() // whoever comes back finds it as far as it is
  await page.locator('.underway .numbers strong').waitFor()
  const after = Number((await page.locator('.underway .numbers strong').innerText()).replaceAll(',', ''))
  check(after >= years.at(-1), `after a reload ${after} years are done, before it were ${years.at(-1)}`)
  await page.locator('.header .running').waitFor()
  await v.look('underway', ['light-420'])
  await page.getByRole('button', { name: 'Cancel the run' }).click()
  await page.getByText('There is no result.').waitFor()
  await page.locator('.header .running').waitFor({ state: 'hidden' })
}

/** What the screens show of a result: its figures, and the digest of every table. */
async function resultOf(v, id) {
  const { page } = v
  await v.go(`/runs/${id}`)
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  await page.getByRole('application', { name: /Exceedance curve/ }).waitFor()
  await page.locator('.tile .value').filter({ hasText: '…' }).waitFor({ state: 'detached' })
  const tiles = await page.locator('.tile .value').allInnerTexts()
  await page.getByRole('navigation', { name: 'Parts of the result' }).getByRole('link', { name: 'Lineage' }).click()
  const part = page.locator('section').filter({ has: page.getByRole('heading', { name: 'Tables of the result' }) }).last()
  await part.getByText('gr_ept').waitFor()
  const digests = (await part.innerText()).match(/\b(g[ru]_\w+|summary-info|[0-9a-f]{64})\b/g) ?? [] // names and digests, in whichever form they are set
  check(digests.filter((t) => t.length === 64).length > 10, `the screen has few digests of tables: ${digests.join(' ')}`)
  return { tiles: tiles.join(' '), digests: digests.join(' ') }
}

async function sameAgain(v, portfolio) {
  const { page } = v
  const once = await start(v, `portfolio=${portfolio}`, { Name: 'Once', 'Simulated years': '300', Seed: '41' })
  const before = await resultOf(v, once)
  await page.getByRole('navigation', { name: 'Parts of the result' }).getByRole('link', { name: 'Settings' }).click()
  await page.getByRole('link', { name: 'New run with these settings' }).click()
  await page.getByRole('button', { name: 'Start run' }).waitFor()
  equal(await page.getByLabel('Seed').inputValue(), '41', 'the seed of the new run')
  await page.getByRole('button', { name: 'Start run' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  const again = page.url().slice(-32)
  check(again !== once, 'it is the same run')
  const after = await resultOf(v, again)
  equal(after.tiles, before.tiles, 'figures of the same seed')
  equal(after.digests, before.digests, 'digests of the tables of the same seed')
  const other = await resultOf(v, await start(v, `portfolio=${portfolio}`, { Name: 'Another seed', 'Simulated years': '300', Seed: '42' }))
  check(other.tiles !== before.tiles && other.digests !== before.digests, 'another seed gives the same result')
  await v.go(`/compare?baseline=${once}&with=${again}`)
  await page.getByText('Nothing: the same exposure, model and settings.').waitFor()
}

async function overtaken(v, portfolio) {
  const { page } = v
  const submit = (name, years) => page.evaluate(async (body) => (await (await fetch('/api/v1/runs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json()).id, { name, years, portfolio })
  const ids = [await submit('Long, begun first', 3000), await submit('Short, begun second', 20)]
  for (const id of ids) {
    await v.go(`/runs/${id}`)
    await page.getByRole('button', { name: /Sealed/ }).waitFor()
  }
  const ends = await Promise.all(ids.map(async (id) => JSON.parse((await v.api(`/api/v1/runs/${id}`)).text).ended))
  const last = [...ends].sort().at(-1)
  await page.locator(`.header .last time[datetime="${last}"]`).waitFor()
}
