// J2, closer: a portfolio gets its next version. The earlier one and its run stay what they are, a new run can be of either, and a comparison of the two says so
// and is saved as a workbook.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, equal, root, Visitor } from './harness.mjs'

export const name = 'J2 a next version of a portfolio'

export async function run({ browser, appliance }) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'j2-versions')
  const { page } = v
  const id = await firstVersion(v)
  await nextVersion(v, id)
  const before = await runOf(v, `/portfolios/${id}?version=1`, 'New run of version 1', 'Before')
  const after = await runOf(v, `/portfolios/${id}`, 'New run', 'After')
  equal([before, after].map((r) => r.portfolio_version).join(), '1,2', 'versions of the runs')
  equal(before.portfolio_digest === after.portfolio_digest, false, 'their exposure is the same')
  await v.go(`/compare?baseline=${before.id}&with=${after.id}`)
  await page.getByText('Version of the portfolio').waitFor()
  const [book] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Excel' }).click()])
  equal(book.suggestedFilename(), 'comparison.xlsx', 'name of the workbook')
  equal(readFileSync(await book.path()).subarray(0, 2).toString(), 'PK', 'beginning of the workbook')
  await v.look('comparison', ['light'])
  await v.end()
}

const lines = readFileSync(join(root, 'examples/florida/location.csv'), 'utf8').split('\n')

/** So many of the sample's locations, as a file. */
const some = (n) => [{ name: 'location.csv', mimeType: 'text/csv', buffer: Buffer.from([...lines.slice(0, n + 1), ''].join('\n')) }]

async function firstVersion(v) {
  const { page } = v
  await v.go('/portfolios')
  await page.getByLabel('OED files').setInputFiles(some(300))
  await page.getByLabel('Name').fill('Grows')
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByRole('heading', { name: 'Grows' }).waitFor()
  equal(await page.getByRole('table', { name: 'Versions' }).count(), 0, 'histories of one version')
  return page.url().slice(-32)
}

async function nextVersion(v, id) {
  const { page } = v
  await v.go(`/portfolios/${id}`)
  await page.getByRole('button', { name: 'New version …' }).click()
  await page.getByLabel('OED files').setInputFiles(some(200))
  await page.getByRole('button', { name: 'Import version' }).click()
  await page.getByText('Version 2 imported: 200 locations').waitFor()
  const row = page.getByRole('table', { name: 'Versions' }).getByRole('row').filter({ hasText: '−100' })
  check((await row.innerText()).includes('−$'), 'the change of the insured value is not there')
  await page.getByRole('heading', { name: 'Versions' }).scrollIntoViewIfNeeded()
  await v.look('versions', ['light', 'dark', 'light-420'])
}

/** Begins a run of the version that a page shows, and waits for its end. */
async function runOf(v, path, button, called) {
  const { page } = v
  await v.go(path)
  await page.getByRole('link', { name: button, exact: true }).first().click()
  await page.getByLabel('Name').fill(called)
  await page.getByLabel('Simulated years').fill('100')
  await page.getByRole('button', { name: 'Start run' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f]{32}/)
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  return JSON.parse((await v.api(`/api/v1/runs/${page.url().match(/[0-9a-f]{32}/)[0]}`)).text)
}
