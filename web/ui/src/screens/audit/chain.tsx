// The log as a whole: verified by the appliance from its stored bytes, and held by this browser to what it saw before.
import { useMutation } from '@tanstack/react-query'
import { api } from '../../api/client'
import { useMay } from '../../api/queries'
import { count } from '../../format'
import { Time } from '../../parts/state'
import { Failure } from '../../parts/states'
import { WholeLog } from '../ledger/head'
import { parseCheckpoint, verifyGrowth, type Step } from '../ledger/tree'
import { Finding, StepTable } from '../ledger/verdict'
import { remember, remembered, type Head } from './remembered'

interface Grown { now: { size: number; time: string }; before: Head | undefined; steps: Step[] }

/** Asks for the signed head, and for the proof that the log only grew since the one that this browser remembers; then remembers the new one. */
async function grown(): Promise<Grown> {
  const signed = await api.get('/api/v1/audit/checkpoint', {})
  const head = parseCheckpoint(signed.checkpoint)
  const before = remembered(head.origin)
  let now = head
  let steps: Step[] = []
  if (before) {
    if (before.size > head.size) steps = [{ name: 'size', ok: false, got: String(head.size), want: `at least ${before.size}`, reason: 'the log is shorter than it was: entries at its end were taken away' }]
    else {
      const growth = await api.get('/api/v1/audit/consistency', { query: { earlier: before.size } })
      steps = await verifyGrowth(growth, before, signed.keys)
      now = parseCheckpoint(growth.checkpoint)
    }
  }
  if (steps.every((s) => s.ok)) remember(head.origin, { size: now.size, root: now.root, at: now.time })
  return { now, before, steps }
}

export function Chain() {
  const may = useMay()
  const whole = useMutation({ mutationFn: () => api.get('/api/v1/audit/verification', {}) })
  const since = useMutation({ mutationFn: grown })
  if (!may('audit.verify') && !may('audit.read') && !may('audit.system')) return null
  const both = () => { if (may('audit.verify')) whole.mutate(); since.mutate() }
  const busy = whole.isPending || since.isPending
  return (
    <section className="chain" aria-label="Verification of the log">
      <div className="actions"><button type="button" className="primary" disabled={busy} onClick={both}>{busy ? 'Verifying …' : whole.data || since.data ? 'Verify again' : 'Verify the chain'}</button>
        {whole.data || since.data ? null : <span className="muted">Hashes every stored entry anew, checks every checkpoint's signature, and that the log only grew since this browser saw it last. Elsewhere: <code>qrsd audit verify audit.jsonl</code></span>}</div>
      {whole.error ? <Failure error={whole.error} /> : whole.data ? <WholeLog of={whole.data} at={whole.submittedAt} /> : null}
      {since.error ? <Failure error={since.error} /> : since.data ? <Since of={since.data} at={since.submittedAt} /> : null}
    </section>
  )
}

function Since({ of: g, at }: { of: Grown; at: number }) {
  if (!g.before) return <p className="muted">This browser saw the log for the first time, with {count(g.now.size)} entries. From now on it notices if the log is cut or changed behind it.</p>
  const valid = g.steps.every((s) => s.ok)
  return (
    <Finding valid={valid} at={at} text={valid ? `It only grew since this browser saw it: from ${count(g.before.size)} to ${count(g.now.size)} entries` : 'It is not what this browser saw before'}>
      <details><summary>{g.steps.length} steps, computed in this browser; seen before on <Time at={g.before.at} /></summary><StepTable caption="Growth" steps={g.steps} /></details>
    </Finding>
  )
}
