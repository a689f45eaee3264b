// Who asks for less motion gets none: no element of any screen has a transition or an animation that takes time, the insides of progress bars among them. That the question
// finds what moves is seen first, where motion is not to be reduced.
import { check, equal, Visitor } from './harness.mjs'

export const name = 'reduced motion'

export async function run({ browser, appliance }) {
  const first = await appliance.sealed
  const v = await Visitor.open(browser, appliance, '', 'motion', { reducedMotion: 'no-preference' })
  await v.go('/sign-in')
  check((await v.motion()).length > 0, 'nothing moves on the page of the sign-in: either motion was taken out, or it is not found')
  await v.page.emulateMedia({ reducedMotion: 'reduce' })
  await still(v, 'the sign-in')
  await v.signIn('modeler')
  await underway(v, first)
  await screens(v, first)
  await overlays(v, first)
  await v.end()
}

async function still(v, where) {
  equal((await v.motion()).join('; '), '', `what moves at ${where} though motion is to be reduced`)
}

/** The one thing that moves in the terminal is a bar that grows; with reduced motion it is as wide as it is, at once. */
async function underway(v, first) {
  const { page } = v
  const { portfolio } = JSON.parse((await v.api(`/api/v1/runs/${first}`)).text)
  const id = await page.evaluate(async (body) => (await (await fetch('/api/v1/runs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json()).id, { name: 'For its bar', years: 60_000, samples: 0, portfolio })
  await v.go(`/runs/${id}`)
  await page.locator('.underway progress').waitFor()
  await page.locator('.header .running progress').waitFor()
  await still(v, 'a run that is carried out')
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  check((await v.motion()).includes('progress::-webkit-progress-value'), 'the bar does not move where motion is not to be reduced, or it is not found')
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await still(v, 'a run that is carried out, after the wish was changed')
  await page.getByRole('button', { name: 'Cancel the run' }).click()
  await page.getByText('There is no result.').waitFor()
}

async function screens(v, first) {
  const { page } = v
  for (const [path, heading] of [['/', 'Home'], ['/portfolios', 'Portfolios'], ['/runs', 'Runs'], ['/runs/new', 'New run'], ['/compare', 'Compare'], ['/approvals', 'Approvals'], ['/ledger', /Ledger/], ['/profile', 'Profile']]) {
    await v.go(path)
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    await still(v, path)
  }
  for (const [tab, sign] of [['results', page.getByRole('application', { name: /Exceedance curve/ })], ['map', page.locator('.site').first()], ['events', page.locator('tr[data-index="0"]')], ['quantum', page.getByText('How it was made')], ['timeline', page.getByText('Submitted by')]]) {
    await v.go(`/runs/${first}?tab=${tab}`)
    await sign.first().waitFor()
    await still(v, `the part ${tab} of a run`)
  }
  const { model } = JSON.parse((await v.api(`/api/v1/runs/${first}`)).text)
  for (const path of ['/trust', `/models/${model}`, `/runs/${first}/report`, '/signed-in']) {
    await v.go(path)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await still(v, path.replace(/[0-9a-f]{32,}/, '…'))
  }
}

/** What lies over a screen: dialogs with their ground, menus, the palette, a word of what was done. */
async function overlays(v, first) {
  const { page } = v
  await v.go(`/runs/${first}`)
  await page.getByRole('button', { name: 'Download …' }).click()
  await page.getByRole('dialog', { name: 'Download' }).waitFor()
  await still(v, 'a dialog')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await page.getByLabel(/Search screens/).waitFor()
  await still(v, 'the palette')
  await page.keyboard.press('Escape')
  await page.locator('summary').filter({ hasText: '· modeler' }).click()
  await still(v, 'a menu')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.keyboard.press('Escape')
  await page.locator('.about .copy').first().click()
  await page.locator('.toast').first().waitFor()
  await still(v, 'a word of what was done')
}
