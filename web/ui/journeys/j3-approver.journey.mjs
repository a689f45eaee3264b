// J3: a second person decides. Queue, checks, comparison with what was approved last, rejecting with a comment, approving with a proof, withdrawing; and what was changed
// since it was asked about is decided by nobody. Who is told of it by a webhook: j3-webhook.
import { check, equal, Visitor } from './harness.mjs'

export const name = 'J3 an approver'

export async function run({ browser, appliance }) {
  const first = await appliance.sealed
  const modeler = await Visitor.open(browser, appliance, 'modeler', 'j3-modeler')
  const approver = await Visitor.open(browser, appliance, 'approver', 'j3')
  await approver.go('/approvals')
  await approver.page.getByText('No open requests').waitFor()
  await approver.look('empty', ['light'])
  const rejected = await ask(modeler, first, 'Q4 book, settings as in Q3.')
  await notOwn(modeler, rejected)
  await reject(approver, rejected)
  await told(modeler, rejected)
  await voided(modeler, approver, first)
  await watermark(modeler, first, 'Draft')
  const approved = await ask(modeler, first, 'The deductibles are mended.')
  await approve(approver, approved, appliance)
  await watermark(modeler, first, 'Approved')
  await changedAfter(modeler, first)
  const second = await anotherRun(modeler, first)
  const withdrawn = await ask(modeler, second, 'Another seed.')
  await compare(approver, withdrawn)
  await withdraw(modeler, withdrawn)
  await newer(modeler, approver, first)
  await recorded(browser, appliance, first)
  await modeler.end()
  await approver.end()
}

async function ask(v, run, note) {
  const { page } = v
  await v.go(`/runs/${run}`)
  await page.getByRole('button', { name: 'Request approval' }).click()
  const dialog = page.getByRole('dialog', { name: 'Request approval' })
  await dialog.getByRole('textbox').fill(note)
  await dialog.getByRole('button', { name: 'Request approval' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const all = JSON.parse((await v.api('/api/v1/approvals')).text).items
  return all.find((a) => a.object === run && a.decision === 'requested').id
}

/** Whoever asked never decides: there is no button, and the API refuses. */
async function notOwn(v, id) {
  const { page } = v
  await v.go(`/approvals/${id}`)
  await page.getByText('You asked for this, so somebody else decides.').waitFor()
  equal(await page.getByRole('button', { name: /^(Approve|Reject)/ }).count(), 0, 'buttons to decide on one’s own request')
  check(await page.getByRole('button', { name: /Withdraw/ }).isVisible(), 'it cannot be withdrawn')
  v.expected.push(/403 .*\/approve/)
  const status = await page.evaluate(async (at) => (await fetch(at, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"reason":"mine"}' })).status, `/api/v1/approvals/${id}/approve`)
  equal(status, 403, 'approving one’s own request')
  await v.look('own', ['light', 'light-420'])
}

async function reject(v, id) {
  const { page } = v
  await v.go('/approvals')
  await page.getByText('1 request waits for your decision.').waitFor()
  await v.look('queue', ['light', 'dark', 'light-420'])
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.tagName === 'TR')
  await page.keyboard.press('Enter')
  await page.waitForURL(new RegExp(`/approvals/${id}$`))
  for (const text of ['It is what was asked about, by its digest.', 'imported without a fault', 'Gross OEP, 1 in 250', 'intervals hold the exact sum', 'steps hold, against the files as they are']) await page.getByText(text).first().waitFor()
  await page.getByText('No run was approved before').waitFor()
  await v.look('checks', ['light', 'dark', 'light-420', 'dark-420'])
  await page.getByRole('button', { name: 'Reject …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Reject' })
  await dialog.getByRole('button', { name: 'Reject' }).click()
  await dialog.getByRole('alert').waitFor()
  await v.look('reject-without-comment')
  await dialog.getByLabel('Comment').fill('The deductibles of account 12 are wrong.')
  await dialog.getByRole('button', { name: 'Reject' }).click()
  await page.getByText('Rejected by').waitFor()
  await page.reload()
  await page.getByText('Rejected by').waitFor()
  await page.getByText('The deductibles of account 12 are wrong.').waitFor()
}

/** Names the run anew, on its own screen; says gives what the dialog must say about its approval. */
async function rename(v, run, name, says) {
  const { page } = v
  await v.go(`/runs/${run}`)
  await page.getByRole('button', { name: 'Name and note …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Name and note' })
  await dialog.getByText(says).waitFor()
  await v.look('name-and-note', ['light', 'dark', 'light-420'])
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('heading', { name, exact: true }).waitFor()
}

/** Who decides has read the name and the note: a change voids the request, also under the hands of whoever is about to approve it. */
async function voided(modeler, approver, run) {
  const id = await ask(modeler, run, 'As it is called now.')
  const { page } = approver
  await approver.go(`/approvals/${id}`)
  await page.getByRole('button', { name: 'Approve …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Approve' })
  await dialog.getByLabel('Reason').fill('It looks right.')
  const asking = new RegExp(`/api/v1/approvals/${id}$`)
  await page.route(asking, () => {}) // the page has not yet asked again when the button is pressed
  await rename(modeler, run, 'First run, renamed', 'a change makes the request void')
  approver.expected.push(/409 .*\/approve/)
  await Promise.all([page.waitForResponse((r) => /\/approve$/.test(r.url())), page.unroute(asking).then(() => dialog.getByRole('button', { name: 'Approve', exact: true }).click())])
  await page.getByText(/has been changed since, and the request is void/).waitFor()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByText('What was to be approved is no longer what it was.').waitFor()
  await page.reload()
  await page.getByText('What was to be approved is no longer what it was.').waitFor()
  await page.getByText('name or note of the run was changed').waitFor()
  equal(await page.getByRole('button', { name: /^(Approve|Reject)/ }).count(), 0, 'buttons to decide what is void')
  equal(JSON.parse((await approver.api(`/api/v1/approvals/${id}`)).text).decision, 'void', 'the decision')
  await approver.look('void', ['light', 'dark', 'light-420'])
  await approver.go('/approvals')
  await page.getByText('No open requests').waitFor()
  await modeler.go(`/runs/${run}`)
  await modeler.page.getByRole('link', { name: /Void/ }).waitFor()
  await modeler.page.getByRole('button', { name: 'Request approval' }).waitFor() // it can be asked for anew
}

/** What the report of the run says it is, on its page. That of the PDF is the test of the API. */
async function watermark(v, run, word) {
  const other = word === 'Draft' ? 'Approved' : 'Draft'
  const text = (await v.api(`/runs/${run}/report`)).text
  check(text.includes(word) && !new RegExp(`>\\s*${other}\\s*<`).test(text), `the report does not say “${word}” alone`)
}

/** An approval is of what was approved: after a change it says so, and approval can be asked for again. */
async function changedAfter(v, run) {
  await rename(v, run, 'First run', 'after a change the approval is of what it was before')
  await v.page.getByText('of what it was before').waitFor()
  await v.page.getByRole('button', { name: 'Request approval' }).waitFor()
}

/** A newer run of the same portfolio is another thing: a request about the one before stays, and is about that one. */
async function newer(modeler, approver, run) {
  const id = await ask(modeler, run, 'This one, whatever comes after it.')
  await anotherRun(modeler, run)
  await approver.go(`/approvals/${id}`)
  await approver.page.getByText('It is what was asked about, by its digest.').waitFor()
  await approver.page.getByRole('button', { name: 'Approve …' }).waitFor()
  await withdraw(modeler, id)
}

async function told(v, id) {
  await v.go('/approvals?show=mine')
  await v.page.getByRole('row').filter({ hasText: 'Rejected' }).first().waitFor()
  await v.go(`/approvals/${id}`)
  await v.page.getByText('The deductibles of account 12 are wrong.').waitFor()
}

/** Approving wants a fresh proof: the appliance's refusal of an old one is given once in its place, the rest is its own. */
async function approve(v, id, appliance) {
  const { page } = v
  v.expected.push(/403 .*\/approve/)
  let refused = 0
  await page.route('**/approve', async (route) => {
    if (refused++ > 0) return route.continue()
    await route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ type: '/docs/api#problem-step-up-needed', title: 'Confirm that it is you', status: 403, request_id: '0' }) })
  })
  await v.go(`/approvals/${id}`)
  await page.getByRole('button', { name: 'Approve …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Approve' })
  await dialog.getByLabel('Reason').fill('As agreed on Tuesday.')
  await v.look('approve', ['light', 'dark', 'light-420'])
  await dialog.getByRole('button', { name: 'Approve', exact: true }).click()
  const proof = page.getByRole('dialog', { name: 'Confirm that it is you' })
  await proof.getByLabel('Password').fill(appliance.accounts.find((a) => a.role === 'approver').password)
  await v.look('step-up', ['light', 'dark'])
  await proof.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Approved by').waitFor()
  await page.reload()
  await page.getByText('Approved by').waitFor()
  await page.getByText('As agreed on Tuesday.').waitFor()
  equal(await page.getByRole('button', { name: /^(Approve|Reject)/ }).count(), 0, 'buttons to decide what is decided')
  await v.look('approved', ['light', 'dark'])
  equal(JSON.parse((await v.api(`/api/v1/approvals/${id}`)).text).decision, 'approved', 'the decision')
}

/** The same portfolio under another seed. */
async function anotherRun(v, first) {
  const before = JSON.parse((await v.api(`/api/v1/runs/${first}`)).text)
  const made = await v.page.evaluate(async (body) => (await fetch('/api/v1/runs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json(), { name: 'Another seed', portfolio: before.portfolio, years: 1000, seed: '7' })
  check(made.id, `the run was not taken: ${JSON.stringify(made)}`)
  await v.go(`/runs/${made.id}`)
  await v.page.getByRole('button', { name: /Sealed/ }).waitFor()
  return made.id
}

async function compare(v, id) {
  const { page } = v
  await v.go(`/approvals/${id}`)
  await page.getByText('What changed in the inputs').waitFor()
  const changes = await page.locator('.changes').innerText()
  check(/seed/i.test(changes) && /1 → 7/.test(changes.replace(/\s+/g, ' ')), `what was put in otherwise: ${changes}`)
  const aal = page.getByRole('row').filter({ hasText: 'Gross AAL' })
  check(/[+−]\d/.test(await aal.innerText()), `no difference of the AAL: ${await aal.innerText()}`)
  await v.look('against', ['light', 'dark', 'light-420'])
}

async function withdraw(v, id) {
  const { page } = v
  await v.go(`/approvals/${id}`)
  await page.getByRole('button', { name: 'Withdraw …' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Withdraw', exact: true }).click()
  await page.getByText('Withdrawn by').waitFor()
  await page.reload()
  await page.getByText('Withdrawn by').waitFor()
}

/** Both people are in the trail, and the decision in the ledger. */
async function recorded(browser, appliance, run) {
  const v = await Visitor.open(browser, appliance, 'admin', 'j3-admin')
  for (const [action, who] of [['approval.request', 'Sample modeler'], ['approval.decide', 'Sample approver']]) {
    await v.go(`/audit?action=${action}`) // among readings of approvals it would be far down
    await v.page.getByRole('row').filter({ hasText: action }).filter({ hasText: who }).first().waitFor()
  }
  await v.go(`/ledger?find=${run}`)
  await v.page.getByRole('row').filter({ hasText: 'Approval' }).filter({ hasText: 'Sample approver' }).first().waitFor()
  await v.end()
}
