// J2 by the keyboard alone: sign in, upload, run, read figures, chart and table, walk the parts of the result, download, and find one's way. No mouse: a pointer event of
// any kind fails the journey, and so does a step at which nobody could see where the focus is.
import { join } from 'node:path'
import { check, equal, root, Visitor } from './harness.mjs'

export const name = 'J2 by the keyboard alone'
const sample = (file) => join(root, 'examples/florida', file)

export async function run({ browser, appliance }) {
  await appliance.sealed
  const v = await Visitor.open(browser, appliance, '', 'keyboard')
  await v.page.addInitScript(() => {
    for (const kind of ['pointerdown', 'pointermove', 'mousedown', 'mousemove', 'touchstart', 'wheel']) window.addEventListener(kind, (e) => console.error('POINTER', e.type), true)
    window.addEventListener('click', (e) => { if (e.isTrusted && e.detail > 0) console.error('POINTER click') }, true) // by Enter and Space it has no count
  })
  await signIn(v, appliance)
  await skip(v)
  await upload(v)
  const id = await newRun(v)
  await chart(v)
  await tabs(v, id)
  await withoutLetters(v, id)
  await palette(v)
  await dialogs(v, id)
  await signOut(v)
  await v.end()
}

/** What has the focus: its name, and whether it can be seen that it has it. */
async function focused(page) {
  return page.evaluate(() => {
    const e = document.activeElement
    if (!e || e === document.body) return { on: 'nothing', seen: false, name: '' }
    const style = getComputedStyle(e), box = e.getBoundingClientRect()
    const outlined = e.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
    const inSight = box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth
    const name = (e.getAttribute('aria-label') ?? [...(e.labels ?? [])].map((l) => l.textContent).join(' ')) || e.textContent || ''
    return { on: e.tagName.toLowerCase(), seen: outlined && inSight, name: name.trim().replace(/\s+/g, ' ').slice(0, 60), why: `outline ${style.outlineStyle} ${style.outlineWidth}, box ${[box.left, box.top, box.width, box.height].map(Math.round).join(' ')}` }
  })
}

/** A key, after which the focus is to be seen. */
async function press(v, key) {
  await v.page.keyboard.press(key)
  const at = await focused(v.page)
  check(at.seen || at.on === 'nothing' || at.on === 'main', `after ${key} nobody sees that “${at.name}” (${at.on}) has the focus: ${at.why}`)
  return at
}

/** Goes on with Tab until the focus is where it is wanted, and sees it at every stop. */
async function tabTo(v, wanted, what, back = false) {
  const target = await wanted.elementHandle()
  const stops = []
  for (let i = 0; i < 150; i++) {
    const at = await press(v, back ? 'Shift+Tab' : 'Tab')
    if (await target.evaluate((e) => e === document.activeElement)) return
    stops.push(`${at.on} ${at.name.slice(0, 24)}`)
  }
  throw new Error(`${what} is not reached with Tab; the last stops were ${stops.slice(-12).join(' | ')}`)
}

async function signIn(v, appliance) {
  const { page } = v
  const account = appliance.accounts.find((a) => a.role === 'modeler')
  await v.go('/')
  await page.locator('[name=email]').waitFor()
  if (!(await page.locator('[name=email]').evaluate((e) => e === document.activeElement))) await tabTo(v, page.locator('[name=email]'), 'the address')
  await page.keyboard.type(account.email)
  await tabTo(v, page.locator('[name=password]'), 'the password')
  await page.keyboard.type(account.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Home' }).waitFor()
}

/** The first stop leads past header and navigation. */
async function skip(v) {
  const { page } = v
  await page.getByRole('link', { name: 'New run', exact: true }).waitFor()
  const first = await press(v, 'Tab')
  equal(first.name, 'Skip to the content', 'the first stop')
  await page.keyboard.press('Enter')
  equal((await focused(page)).on, 'main', 'where it leads')
  const next = await press(v, 'Tab')
  check(await page.evaluate(() => document.querySelector('main').contains(document.activeElement)), `after the skip link Tab goes to ${next.name}`)
}

async function upload(v) {
  const { page } = v
  await press(v, 'g')
  await press(v, 'p')
  await page.waitForURL(/\/portfolios$/)
  await page.getByRole('heading', { name: 'Portfolios', exact: true }).waitFor()
  await page.getByRole('row').nth(1).waitFor() // with the list comes the form that stays
  await tabTo(v, page.getByRole('button', { name: 'choose them' }), 'the choice of files')
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')])
  await chooser.setFiles([sample('account.csv'), sample('location.csv')]) // the dialog is the system's, with its own keys
  await page.getByLabel('Name').waitFor()
  await tabTo(v, page.getByLabel('Name'), 'the name')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('By keyboard')
  await tabTo(v, page.getByRole('button', { name: 'Import', exact: true }), 'Import')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'By keyboard', exact: true }).waitFor()
}

async function newRun(v) {
  const { page } = v
  const link = page.locator('main').getByRole('link', { name: 'New run', exact: true }).first()
  await link.waitFor()
  await tabTo(v, link, 'New run')
  await page.keyboard.press('Enter')
  await page.getByLabel('Simulated years').waitFor()
  for (const [label, value] of [['Name', 'Run by keyboard'], ['Simulated years', '400']]) {
    await tabTo(v, page.getByLabel(label, { exact: true }), label)
    await page.keyboard.press('Control+a')
    await page.keyboard.type(value)
  }
  await tabTo(v, page.getByRole('button', { name: 'Start run' }), 'Start run')
  await page.keyboard.press('Space')
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  check(/^\$/.test(await page.locator('.tile').filter({ hasText: 'AAL' }).locator('.value').innerText()), 'there is no AAL')
  return page.url().slice(-32)
}

/** The chart is read with the arrows, and its twin, the table, says the same of the same return period. */
async function chart(v) {
  const { page } = v
  const drawn = page.getByRole('application', { name: /Exceedance curve/ })
  await drawn.waitFor()
  await tabTo(v, drawn, 'the chart')
  const readout = page.locator('.readout').first()
  const before = await readout.innerText()
  await press(v, 'ArrowRight')
  await page.waitForFunction((t) => document.querySelector('.readout').innerText !== t, before)
  await press(v, 'Home')
  await page.getByText('1 in 2', { exact: true }).waitFor()
  const table = page.getByRole('region', { name: 'Return-period losses' })
  await tabTo(v, table, 'the table of the chart')
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('j')
    await page.waitForFunction((n) => document.activeElement?.dataset?.index === String(n), i)
  }
  check((await focused(page)).seen, 'the row that has the focus is not seen to have it')
  const row = page.locator('tr:focus')
  const [period, oep] = await row.getByRole('cell').allInnerTexts()
  await page.keyboard.press('Enter')
  await page.locator('.readout').filter({ hasText: `1 in ${period} ` }).filter({ hasText: `OEP ${oep}` }).first().waitFor()
  await tabTo(v, page.getByLabel('Gross', { exact: true }), 'the perspective', true)
  await press(v, 'ArrowRight')
  check(/persp=ground_up/.test(page.url()), 'the arrows do not choose the perspective')
  await press(v, 'ArrowLeft')
}

async function tabs(v, id) {
  const { page } = v
  const parts = page.getByRole('navigation', { name: 'Parts of the result' })
  const there = { Map: page.getByRole('application', { name: /AAL by county/ }), Events: page.getByRole('region', { name: 'Storms' }), Quantum: page.getByText('How it was made'), Settings: page.getByText('New run with these settings'), Lineage: page.getByText('Tables of the result'), Timeline: page.getByText('Submitted by') }
  for (const [tab, sign] of Object.entries(there)) {
    await tabTo(v, parts.getByRole('link', { name: tab, exact: true }), `the part ${tab}`)
    await page.keyboard.press('Enter')
    await sign.first().waitFor()
    check((await focused(page)).on === 'a', `after ${tab} the focus is lost`)
    if (tab === 'Map') await map(v)
    await v.look(`part-${tab.toLowerCase()}`)
  }
  await v.go(`/runs/${id}?tab=events`)
  await there.Events.waitFor()
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.tagName === 'TR')
  check((await focused(page)).seen, 'the storm that has the focus is not seen to have it')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /^Storm / }).waitFor()
}

/** The map is walked with the arrows, county by county. */
async function map(v) {
  const { page } = v
  await tabTo(v, page.getByRole('application', { name: /AAL by county/ }), 'the map')
  await press(v, 'ArrowRight')
  await press(v, 'ArrowDown')
  await page.locator('.readout').filter({ hasText: 'County' }).filter({ hasText: 'AAL' }).first().waitFor()
  await tabTo(v, page.getByRole('navigation', { name: 'Parts of the result' }).getByRole('link', { name: 'Map', exact: true }), 'the parts again', true)
}

/** With keys of one letter switched off every row is still reached: by Tab, and then by the arrows. */
async function withoutLetters(v, id) {
  const { page } = v
  await v.go('/profile')
  const off = page.getByRole('group', { name: 'Keys of one letter' }).getByLabel('Off')
  await off.waitFor()
  await tabTo(v, page.getByRole('group', { name: 'Keys of one letter' }).getByLabel('On'), 'the keys of one letter')
  await press(v, 'ArrowRight')
  check(await off.isChecked(), 'the keys are not switched off')
  await v.go(`/runs/${id}?tab=events`)
  const rows = page.getByRole('region', { name: 'Storms' }).locator('tr[data-index]')
  await rows.first().waitFor()
  await tabTo(v, rows.first(), 'the first storm')
  await press(v, 'ArrowDown')
  await page.waitForFunction(() => document.activeElement?.dataset?.index === '1')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /^Storm / }).waitFor()
  await v.go('/profile')
  await off.waitFor()
  await tabTo(v, off, 'the keys of one letter')
  await press(v, 'ArrowLeft')
}

async function palette(v) {
  const { page } = v
  await page.getByText(/· modeler/).first().waitFor()
  await page.keyboard.press('Control+k')
  const search = page.getByLabel(/Search screens/)
  await search.waitFor()
  await page.keyboard.type('by keyboard run')
  await page.getByRole('option').filter({ hasText: 'Run by keyboard' }).first().waitFor()
  await press(v, 'ArrowDown')
  await press(v, 'ArrowUp')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/)
  await page.getByRole('heading', { name: 'Run by keyboard' }).waitFor()
}

/** Dialogs take the focus, hold it, and give it back. */
async function dialogs(v, id) {
  const { page } = v
  await page.getByRole('button', { name: /Sealed/ }).waitFor()
  await tabTo(v, page.getByRole('button', { name: /Sealed/ }), 'the seal')
  await page.keyboard.press('Enter')
  await page.getByText('Every step holds.').waitFor()
  for (let i = 0; i < 12; i++) {
    const at = await press(v, 'Tab')
    check(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body), `Tab leaves the dialog, to ${at.name}`)
  }
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => /Sealed/.test(document.activeElement?.textContent ?? ''))
  await page.keyboard.press('d')
  const excel = page.getByRole('row').filter({ hasText: 'gr_ept' }).getByRole('link', { name: 'Excel' })
  await excel.waitFor()
  await tabTo(v, excel, 'the workbook')
  const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  check(file.suggestedFilename().includes(id.slice(0, 8)) || /\.xlsx$/.test(file.suggestedFilename()), `the workbook is called ${file.suggestedFilename()}`)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await page.keyboard.press('Escape')
}

async function signOut(v) {
  const { page } = v
  await v.go('/')
  const menu = page.locator('summary').filter({ hasText: '· modeler' })
  await menu.waitFor()
  await tabTo(v, menu, 'the menu')
  await page.keyboard.press('Enter')
  await tabTo(v, page.getByRole('button', { name: 'Sign out' }), 'Sign out')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/sign-in/)
}
