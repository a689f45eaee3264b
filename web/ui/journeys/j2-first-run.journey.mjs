// J2: a modeler's first run. Upload with faults, upload without, run, look at the result, download, compare; by mouse and by keyboard. The journeys j2-* beside it
// look closer: at the keyboard alone, at motion, at progress and the same result once more, at results of nothing but zeros.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, equal, root, Visitor } from './harness.mjs'
import { sheets } from './j2-workbook.mjs'

export const name = 'J2 a modeler’s first run'
const sample = (file) => join(root, 'examples/florida', file)

export async function run({ browser, appliance }) {
  const v = await Visitor.open(browser, appliance, 'modeler', 'j2')
  const { page } = v
  await page.getByRole('heading', { name: 'Home' }).waitFor()
  await page.getByText('Last Peril').waitFor()
  await v.look('home', ['light', 'dark', 'light-420'])
  await faultyUpload(v)
  await goodUpload(v)
  const id = await firstRun(v)
  await headerTime(v, [id, await appliance.sealed])
  await results(v, id)
  await parts(v, id)
  await downloads(v, id)
  await byKeyboard(v)
  await comparison(v, await appliance.sealed, id)
  await v.end()
}

async function faultyUpload(v) {
  const { page } = v
  await page.getByRole('link', { name: 'Portfolios', exact: true }).click()
  await drop(page, sample('faulty-location.csv'))
  v.expected.push(/422 .*\/api\/v1\/portfolios/)
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByText('28 faults. Nothing was imported.').waitFor()
  const row = page.getByRole('row').filter({ hasText: '-250000' })
  equal((await row.getByRole('cell').allInnerTexts()).join('|'), '3|BuildingTIV|-250000|negative|write a number of 0 or more|faulty-location.csv', 'first fault')
  const bad = await v.api(await page.getByRole('link', { name: 'Download bad rows' }).getAttribute('href'))
  check(bad.status === 200 && bad.text.split('\n')[0].includes('OED_line') && bad.text.includes('OED_reason'), 'the bad rows have no reasons')
  await v.look('faults', ['light', 'dark', 'light-420'])
  await page.reload() // the address has the refused import
  await page.getByText('28 faults. Nothing was imported.').waitFor()
}

/** Drops a file where files are dropped. */
async function drop(page, file) {
  const dropped = await page.evaluateHandle(([name, text]) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([text], name, { type: 'text/csv' }))
    return transfer
  }, [file.split('/').at(-1), readFileSync(file, 'utf8')])
  for (const event of ['dragover', 'drop']) await page.locator('.drop').dispatchEvent(event, { dataTransfer: dropped })
}

async function goodUpload(v) {
  const { page } = v
  await page.getByLabel('OED files').setInputFiles([sample('account.csv'), sample('location.csv')])
  await page.getByLabel('Name').fill('Journey')
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByRole('heading', { name: 'Journey' }).waitFor()
  await page.getByText('5,000 points for 5,000 locations').waitFor()
  await page.getByText('4,857 accounts, 4,857 policies').waitFor()
  await v.look('portfolio', ['light', 'dark', 'light-420'])
}

async function firstRun(v) {
  const { page } = v
  await page.getByRole('link', { name: 'New run', exact: true }).first().click()
  await page.getByText('What it would take').waitFor()
  await page.getByLabel('Name').fill('Journey’s run')
  await page.getByLabel('Simulated years').fill('none')
  await page.getByText('Write a number of years').waitFor()
  check(await page.getByRole('button', { name: 'Start run' }).isDisabled(), 'a run of no years can be started')
  await page.getByLabel('Simulated years').fill('4000')
  await page.locator('.forecast dd').first().waitFor()
  await v.look('new-run', ['light', 'light-420'])
  await page.getByRole('button', { name: 'Start run' }).click()
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  const id = page.url().slice(-32)
  await page.reload() // the appliance carries it out, whoever looks
  await page.getByRole('heading', { name: 'Return-period losses' }).waitFor()
  return id
}

/** The header says when the last run that is done came to its end, to the millisecond in its machine-readable form. */
async function headerTime(v, ids) {
  const ends = await Promise.all(ids.map(async (id) => JSON.parse((await v.api(`/api/v1/runs/${id}`)).text).ended))
  const last = ends.sort().at(-1)
  const shown = v.page.locator('.header .last time')
  await v.page.locator(`.header .last time[datetime="${last}"]`).waitFor()
  const [day, month, year, at] = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(new Date(last)).replace(',', '').split(' ')
  equal(await shown.innerText(), `${day} ${month.slice(0, 3)} ${year}, ${at} UTC`, 'the time in the header')
}

async function results(v, id) {
  const { page } = v
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  const curves = JSON.parse((await v.api(`/api/v1/runs/${id}/curves?return_periods=100`)).text).curves
  const loss = curves.find((c) => c.perspective === 'gross' && c.type === 'oep').points[0].loss
  const shown = await page.getByRole('row').filter({ has: page.getByRole('cell', { name: '100', exact: true }) }).getByRole('cell').nth(1).innerText()
  equal(shown, `$${Math.round(loss).toLocaleString('en-US')}`, 'OEP at 100 years on the screen')
  const table = (await v.api(`/api/v1/runs/${id}/tables/gr_ept/export?format=csv`)).text.split('\n')
  const [summary, calc, type, period] = ['SummaryId', 'EPCalc', 'EPType', 'ReturnPeriod'].map((c) => table[0].trim().split(',').indexOf(c))
  const inTable = table.map((l) => l.trim().split(',')).find((r) => r[summary] === '1' && r[type] === '1' && Number(r[period]) === 100 && r[calc] === '2')
  check(Math.abs(Number(inTable.at(-1)) / loss - 1) < 1e-6, `gr_ept has ${inTable.at(-1)}, the curve ${loss}`)
  check(await page.locator('.mark').count() > 5, 'the chart has no quantum estimates')
  await v.look('results', ['light', 'dark', 'light-420', 'dark-420'])
  await page.getByLabel('Linear loss').check()
  await page.getByLabel('Ground-up').check()
  await page.getByLabel('AEP', { exact: true }).check()
  check(/scale=linear/.test(page.url()) && /persp=ground_up/.test(page.url()) && /ep=aep/.test(page.url()), 'the address does not hold the state')
  await page.reload()
  check(await page.getByLabel('Linear loss').isChecked() && await page.getByLabel('AEP', { exact: true }).isChecked(), 'the state is lost on reload')
  await v.look('results-linear')
  await page.getByRole('button', { name: 'Return periods …' }).click()
  await page.getByRole('textbox', { name: 'Years' }).fill('75 150 ten')
  await page.getByText('“ten” is no return period').waitFor()
  await v.look('return-periods')
  await page.getByRole('textbox', { name: 'Years' }).fill('75 150')
  await page.getByRole('button', { name: 'Show these', exact: true }).click()
  await page.getByRole('cell', { name: '75', exact: true }).waitFor()
}

async function parts(v, id) {
  const { page } = v
  await v.go(`/runs/${id}?tab=map`)
  await page.getByRole('application', { name: /AAL by county/ }).waitFor()
  await page.locator('.site').first().waitFor()
  await page.getByRole('row').filter({ hasText: 'Miami-Dade' }).click()
  await page.getByText('Miami-Dade County').waitFor()
  await v.look('map', ['light', 'dark', 'light-420'])
  await page.getByRole('link', { name: 'Events' }).click()
  await page.getByText(/storms with a loss/).waitFor()
  const rows = await page.locator('tbody tr[data-index]').count()
  check(rows > 10 && rows < 120, `${rows} rows of storms are drawn`)
  const before = Number((await page.locator('.table-tools .grow').innerText()).split(' of ')[0].replace(',', ''))
  for (let i = 0; i < 3; i++) await page.locator('.scroll.long').evaluate((e) => { e.scrollTop = e.scrollHeight })
  await page.waitForFunction((n) => Number(document.querySelector('.table-tools .grow').textContent.split(' of ')[0].replace(',', '')) > n || !document.querySelector('.table-tools .grow').textContent, before)
  await v.look('events', ['light', 'light-420'])
  await page.locator('.scroll.long').evaluate((e) => { e.scrollTop = 0 })
  await page.locator('tr[data-index="0"]').click()
  await page.getByRole('heading', { name: /^Storm / }).waitFor()
  await page.locator('.track').waitFor()
  await page.locator('.footprint path').first().waitFor()
  await v.look('storm', ['light', 'dark', 'light-420'])
  for (const tab of ['Quantum', 'Settings', 'Lineage', 'Timeline']) {
    await page.getByRole('navigation', { name: 'Parts of the result' }).getByRole('link', { name: tab }).click()
    await page.getByText({ Quantum: 'How it was made', Settings: 'New run with these settings', Lineage: 'Inputs', Timeline: 'Submitted by' }[tab]).first().waitFor()
    await v.look(tab.toLowerCase(), tab === 'Quantum' ? ['light', 'dark', 'light-420'] : ['light'])
  }
}

async function downloads(v, id) {
  const { page } = v
  await v.go(`/runs/${id}`)
  await page.getByRole('button', { name: /Sealed/ }).click()
  await page.getByText('Every step holds.').waitFor()
  await v.look('seal')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Download …' }).click()
  await page.getByRole('cell', { name: 'Exceedance curves, gross' }).waitFor()
  await v.look('downloads', ['light', 'dark', 'light-420'])
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('row').filter({ hasText: 'gr_ept' }).getByRole('link', { name: 'Excel' }).click()])
  check(/\.xlsx$/.test(file.suggestedFilename()), `the workbook is called ${file.suggestedFilename()}`)
  await sameCells(v, id, 'gr_ept', readFileSync(await file.path()))
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.textContent === 'Download …') // where the focus was
}

/** Every cell of the workbook is that of the API and that of the CSV: all three are the same table. */
async function sameCells(v, id, name, workbook) {
  const ofExcel = sheets(workbook).find((s) => s.name === name)?.rows ?? []
  const csv = (await v.api(`/api/v1/runs/${id}/tables/${name}/export?format=csv`)).text.trim().split(/\r?\n/).map((l) => l.split(','))
  const ofAPI = []
  let columns, cursor = ''
  do {
    const part = JSON.parse((await v.api(`/api/v1/runs/${id}/tables/${name}?limit=1000${cursor && `&cursor=${cursor}`}`)).text)
    columns = part.columns.map((c) => c.name)
    ofAPI.push(...part.rows)
    cursor = part.next_cursor
  } while (cursor)
  equal(ofExcel[0]?.join(), columns.join(), 'columns of the workbook')
  equal(csv[0].join(), columns.join(), 'columns of the CSV')
  check(ofAPI.length > 100, `the table has ${ofAPI.length} rows`)
  equal(ofExcel.length - 1, ofAPI.length, 'rows of the workbook')
  equal(csv.length - 1, ofAPI.length, 'rows of the CSV')
  ofAPI.forEach((row, i) => row.forEach((value, c) => {
    equal(ofExcel[i + 1][c], value, `${name}, row ${i + 1}, ${columns[c]} in the workbook`)
    equal(Number(csv[i + 1][c]), value, `${name}, row ${i + 1}, ${columns[c]} in the CSV`)
  }))
}

async function byKeyboard(v) {
  const { page } = v
  await page.getByRole('heading', { name: 'Return-period losses' }).waitFor()
  await page.getByRole('application', { name: /Exceedance curve/ }).focus()
  const reading = page.locator('.readout').first()
  const before = await reading.innerText()
  await page.keyboard.press('ArrowRight')
  await page.waitForFunction((t) => document.querySelector('.readout').innerText !== t, before)
  check(/rp=/.test(page.url()), 'the address does not hold what is read')
  await page.keyboard.press('Control+k')
  await page.getByLabel(/Search screens/).and(page.locator(':focus')).waitFor() // typing begins at once
  await page.keyboard.type('portf')
  await v.look('palette', ['light', 'dark', 'light-420'])
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/portfolios$/)
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await page.waitForURL(/\/runs$/)
  await page.getByRole('row').filter({ hasText: 'Journey’s run' }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await v.look('keys')
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.keyboard.type('journey')
  await page.getByText(/^1 of \d+$/).waitFor()
  await page.keyboard.press('Escape')
  for (const key of ['j', 'x', 'j', 'x']) {
    await page.keyboard.press(key)
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  }
  await page.getByRole('button', { name: 'Compare 2 selected' }).waitFor()
  await v.look('runs', ['light', 'dark', 'light-420'])
  await page.keyboard.press('c')
  await page.waitForURL(/\/compare\?baseline=/)
}

async function comparison(v, first, second) {
  const { page } = v
  await v.go(`/compare?baseline=${first}&with=${second}`)
  await page.getByRole('heading', { name: 'What changed' }).waitFor()
  await page.getByText('Simulated years').waitFor()
  await page.getByRole('application', { name: /Exceedance curves/ }).waitFor()
  const figures = JSON.parse((await v.api(`/api/v1/runs/compare?baseline=${first}&with=${second}`)).text).with[0].figures
  const aal = figures.find((f) => f.level === 'portfolio' && f.figure === 'aal' && f.perspective === 'gross')
  const row = await page.getByRole('region', { name: 'Differences of figures' }).getByRole('row').filter({ hasText: 'AAL' }).getByRole('cell').allInnerTexts()
  equal(row[1], `$${Math.round(aal.baseline).toLocaleString('en-US')}`, 'AAL of the baseline')
  equal(row[2], `$${Math.round(aal.with).toLocaleString('en-US')}`, 'AAL beside it')
  await v.look('compare', ['light', 'dark', 'light-420'])
}
