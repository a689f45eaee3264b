// J2: a result of nothing but zeros says why it is zero, from what the appliance knows; and where it does not know, it does not guess.
import { check, equal, Visitor } from './harness.mjs'

export const name = 'J2 results of nothing but zeros'

export async function run({ browser, appliance }) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'zero')
  await noCover(v)
  await terms(v)
  await noValue(v)
  await noStorm(v)
  await oneYear(v)
  await v.end()
}

const columns = 'PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,NumberOfStoreys,BuildingTIV,OtherTIV,ContentsTIV,BITIV,LocCurrency,LocPerilsCovered,LocPeril,LocDedType6All,LocDed6All,OEDVersion'

/** Imports five houses, and runs them. */
async function made(v, name, { perils = 'WTC', deductible = 0, tiv = 300_000, lat = 25.75, lon = -80.2, years = 200 } = {}) {
  const five = [1, 2, 3, 4, 5]
  const location = [columns, ...five.map((i) => `Z,A${i},1,US,FL,${(lat + i * 0.05).toFixed(2)},${lon},1051,5051,1990,1,${tiv},0,0,0,USD,${perils},${perils},0,${deductible},5.0.0`)].join('\n')
  const account = ['PortNumber,AccNumber,AccCurrency,PolNumber,LOB,PolPerilsCovered,LayerNumber,LayerParticipation,OEDVersion', ...five.map((i) => `Z,A${i},USD,P${i},HO3,${perils},1,1,5.0.0`)].join('\n')
  const { page } = v
  await v.go('/portfolios')
  await page.getByLabel('OED files').setInputFiles([['location.csv', location], ['account.csv', account]].map(([file, text]) => ({ name: file, mimeType: 'text/csv', buffer: Buffer.from(text) })))
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByRole('heading', { name, exact: true }).waitFor()
  await page.getByRole('link', { name: 'New run', exact: true }).first().click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Simulated years').fill(String(years))
  await page.getByRole('button', { name: 'Start run' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  const id = page.url().slice(-32)
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  const metrics = JSON.parse((await v.api(`/api/v1/runs/${id}/metrics?level=portfolio`)).text).items[0]
  return { id, metrics }
}

const zero = (a) => a.aal === 0 && a.largest_year === 0
const notice = (v) => v.page.locator('.notice').filter({ hasText: 'Every simulated loss is zero.' })

/** What every screen of such a run must say: figures are $0, no estimate is blank, no chart is empty without a word. */
async function shown(v, reason, noEstimate = 'No simulated year has a loss.') {
  const { page } = v
  await notice(v).waitFor()
  const text = await notice(v).innerText()
  check(text.includes(reason), `the zero is explained by “${text}”, not by “${reason}”`)
  await page.getByText('No curve to draw').waitFor()
  const rows = page.getByRole('region', { name: 'Return-period losses' }).getByRole('row')
  check(await rows.count() > 5, 'the table is not there')
  equal((await rows.nth(1).getByRole('cell').allInnerTexts())[1], '$0', 'OEP of the first return period')
  const quantum = page.locator('.tile').filter({ hasText: 'Quantum OEP' })
  equal(await quantum.locator('.value').innerText(), 'Not run', 'the quantum estimate')
  equal(await quantum.locator('.note').innerText(), `${noEstimate} Classical results are complete.`, 'why there is none')
  equal(await page.locator('.tile').filter({ hasText: 'AAL' }).locator('.value').innerText(), '$0', 'the AAL')
}

async function noCover(v) {
  const { id, metrics } = await made(v, 'Fire only', { perils: 'WSS' })
  check(zero(metrics.gross) && zero(metrics.ground_up), 'houses that are not insured against wind have a loss')
  await shown(v, 'None of the 5 locations of this portfolio is insured against wind, and the model gives such a location no loss.')
  check(await notice(v).getByRole('link', { name: 'Open the portfolio' }).isVisible(), 'no way to the portfolio')
  await v.look('no-cover', ['light', 'dark', 'light-420'])
  for (const [tab, text] of [['Events', 'No storm has a loss'], ['Map', 'Counties'], ['Quantum', /No simulated year has a loss, so that there is nothing to estimate/], ['Settings', 'New run with these settings']]) {
    await v.page.getByRole('navigation', { name: 'Parts of the result' }).getByRole('link', { name: tab }).click()
    await v.page.getByText(text).first().waitFor()
    await v.look(`no-cover-${tab.toLowerCase()}`)
  }
  const report = await v.api(`/runs/${id}/report`)
  check(report.status === 200, `the report of it answers ${report.status}`)
}

async function terms(v) {
  const { page } = v
  const { id, metrics } = await made(v, 'High deductibles', { deductible: 300_000 })
  check(zero(metrics.gross) && !zero(metrics.ground_up), 'deductibles of the whole value leave something, or there is no storm')
  const storms = JSON.parse((await v.api(`/api/v1/runs/${id}/events?perspective=ground_up&limit=1`)).text).total
  const money = (n) => `$${Math.round(n).toLocaleString('en-US')}`
  await shown(v, `${storms} storms damage it in 200 simulated years: ${money(metrics.ground_up.aal)} a year on average before any terms, and ${money(metrics.ground_up.largest_year)} in the largest year. The terms`)
  await v.look('terms', ['light', 'dark', 'light-420'])
  await v.go(`/runs/${id}?tab=events`)
  await page.getByRole('heading', { name: new RegExp(`^${storms} storms with a ground-up loss, none `) }).waitFor()
  await v.go(`/runs/${id}`)
  await page.getByRole('button', { name: 'Show the ground-up losses' }).click()
  await page.getByRole('application', { name: /Exceedance curve/ }).waitFor()
  await notice(v).waitFor({ state: 'hidden' })
  check(/persp=ground_up/.test(page.url()), 'the address does not hold the perspective')
}

async function noValue(v) {
  const { metrics } = await made(v, 'Nothing insured', { tiv: 0 })
  check(zero(metrics.gross) && metrics.summary.tiv === 0, 'houses without a value have a loss')
  await shown(v, 'The 5 locations of this portfolio have no insured value.')
}

/** Inland of the Panhandle, in two years of seed 1, in which no hurricane comes near. */
async function noStorm(v) {
  const { metrics } = await made(v, 'Two quiet years', { lat: 30.3, lon: -84.3, years: 2 })
  check(zero(metrics.ground_up), `these two years are not quiet: ${JSON.stringify(metrics.ground_up)}`)
  await shown(v, 'No storm in 2 simulated years damages this portfolio.')
  await v.page.getByRole('link', { name: 'New run of more years' }).click()
  await v.page.getByLabel('Simulated years').waitFor()
  equal(await v.page.getByLabel('Simulated years').inputValue(), '2', 'years of the new run')
}

/** A loss without a curve is no zero: one year has no return period, and that is what is said. */
async function oneYear(v) {
  const { metrics } = await made(v, 'One year', { years: 1 })
  check(!zero(metrics.gross), 'the year has no loss')
  await v.page.getByText('Return periods are read up to the number of simulated years, and this run has 1.').waitFor()
  equal(await notice(v).count(), 0, 'notices that every loss is zero')
  await v.page.getByText('Longer than the simulated years. Classical results are complete.').waitFor()
  await v.page.getByRole('link', { name: 'Quantum', exact: true }).click()
  await v.page.getByText(/Not asked at 1 in 2, 5, 10, .*: longer than the simulated years/).waitFor()
  await v.look('one-year')
}
