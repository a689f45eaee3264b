// The head of the ledger as it is signed now, and the verification of the whole of it.
import { useMutation } from '@tanstack/react-query'
import { api, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { count, span } from '../../format'
import { Time } from '../../parts/state'
import { CopyText, Failure, Loading } from '../../parts/states'
import { hexOf, parseCheckpoint } from './tree'
import { Finding } from './verdict'

export function LedgerHead() {
  const may = useMay()
  const head = useGet('/api/v1/ledger/checkpoint', {}, { refetchOnWindowFocus: false })
  const verify = useMutation({ mutationFn: () => api.get('/api/v1/ledger/verification', {}) })
  return (
    <section className="section">
      <div className="section-head">
        <h2>Ledger</h2>
        <div className="actions">
          {may('ledger.verify') ? <button type="button" disabled={verify.isPending} onClick={() => verify.mutate()}>{verify.isPending ? 'Verifying …' : 'Verify the whole ledger'}</button> : null}
          {may('audit.export') ? <a className="button" href="/api/v1/ledger/export" download="ledger.jsonl">Export with proofs</a> : null}
        </div>
      </div>
      {head.error ? <Failure error={head.error} retry={() => void head.refetch()} /> : head.data ? <Signed note={head.data.checkpoint} /> : <Loading rows={1} />}
      {verify.error ? <Failure error={verify.error} /> : verify.data ? <WholeLog of={verify.data} at={verify.submittedAt} /> : null}
    </section>
  )
}

function Signed({ note }: { note: string }) {
  const c = parseCheckpoint(note)
  return <p className="headline">Head <strong>#{count(c.size)}</strong> · root <CopyText text={hexOf(c.root)} show={`${hexOf(c.root).slice(0, 16)}…`} /> · signed <Time at={c.time} /></p>
}

/** What verifying logs from their stored bytes found. */
export function WholeLog({ of: v, at }: { of: Schemas['LogVerification']; at: number }) {
  const faults = v.logs.filter((l) => l.fault)
  const leaves = v.logs.reduce((n, l) => n + l.leaves, 0)
  const seconds = (Date.parse(v.ended) - Date.parse(v.began)) / 1000
  return (
    <Finding valid={v.valid} at={at} text={v.valid ? `All ${count(leaves)} entries hold${v.logs.length > 1 ? ` in ${v.logs.length} logs` : ''}` : `${faults.length} of ${v.logs.length} logs ${faults.length === 1 ? 'is' : 'are'} broken`}>
      <ul className="log-reports">{v.logs.map((l) => <li key={`${l.tenant} ${l.log}`}>{l.fault ? <span className="fault">✕ {l.fault}</span> : <>Entries hashed anew from their stored bytes: {count(l.leaves)}{l.opaque > 0 ? `, of which ${count(l.opaque)} can no longer be read` : ''} · checkpoints {count(l.checkpoints)} · root <CopyText text={hexOf(l.root)} show={`${hexOf(l.root).slice(0, 16)}…`} /></>}</li>)}</ul>
      <p className="muted small">From every stored byte, by SHA-256 (RFC 6962) and the signatures of all checkpoints, in {seconds < 1 ? 'less than a second' : span(seconds)}.</p>
    </Finding>
  )
}
