// One entry of the trail: what it says, what was written with it, and the proof that it is in the log.
import { useMutation } from '@tanstack/react-query'
import { api, type Schemas } from '../../api/client'
import { clock, date } from '../../format'
import { actorName, ObjectName } from '../../parts/names'
import { Facts, Time } from '../../parts/state'
import { CopyText, Failure } from '../../parts/states'
import { verifyInclusion } from '../ledger/tree'
import { Finding, StepTable } from '../ledger/verdict'
import { OutcomeTag } from './audit'

type Row = Schemas['AuditEntry']
type Names = ReadonlyMap<string, { name: string }>

export function Entry({ entry: e, people, objects, onClose }: { entry: Row; people: Names; objects: ReadonlyMap<string, { name: string; to: string }>; onClose: () => void }) {
  return (
    <aside className="panel one" aria-label={`Entry ${e.sequence}`}>
      <div className="section-head"><h2>#{e.sequence} <code>{e.action}</code></h2><button type="button" className="icon" aria-label="Close the entry" onClick={onClose}>✕</button></div>
      <Facts of={[
        ['Result', <span key="o"><OutcomeTag outcome={e.outcome} />{e.reason ? ` ${e.reason}` : ''}</span>],
        ['Time', <Time key="t" at={e.time} show={`${date(e.time)}, ${clock(e.time)}`} />],
        ...(e.clock ? [['Clock said', <Time key="c" at={e.clock} />] as const] : []),
        ['Actor', <span key="a">{actorName(e.actor, people)}{e.role ? ` · ${e.role}` : ''}</span>],
        ...(e.object ? [['Object', objects.has(e.object) ? <ObjectName key="n" id={e.object} objects={objects} /> : people.get(e.object)?.name ?? <CopyText key="n" text={e.object} />] as const] : []),
        ...(e.person?.address ? [['From', e.person.address] as const] : []),
        ...(e.person?.account ? [['Host account', e.person.account] as const] : []),
        ...(e.person?.user_agent ? [['With', e.person.user_agent] as const] : []),
        ...(e.request ? [['Request', <CopyText key="r" text={e.request} />] as const] : []),
        ...(e.lineage?.length ? [['Ledger leaves', <span key="l">{e.lineage.map((n) => <a key={n} href={`/ledger?entry=${n}`}>#{n} </a>)}</span>] as const] : []),
      ]} />
      <Changes of={e} />
      <Inclusion sequence={e.sequence} />
      <details><summary>The entry as JSON</summary><pre>{JSON.stringify(e, null, 1)}</pre></details>
    </aside>
  )
}

/** What the transaction wrote: digests of the encrypted values, before and after where the log has both. */
function Changes({ of: e }: { of: Row }) {
  const changes = e.changes ?? []
  const keys = e.keys ?? []
  if (changes.length === 0 && keys.length === 0) return <p className="muted small">It wrote nothing besides this entry.</p>
  return (
    <details open={changes.length + keys.length <= 4}>
      <summary>{changes.length + keys.length} {changes.length + keys.length === 1 ? 'change' : 'changes'}</summary>
      <dl className="digests">
        {changes.map((c, i) => (
          <div key={i}><dt>{c.collection} <code>{c.record.slice(0, 12)}</code> {c.digest ? (c.replaced ? 'changed' : 'written') : 'deleted'}</dt>
            <dd>{c.replaced ? <div>before <CopyText text={c.replaced} /></div> : null}{c.digest ? <div>{c.replaced ? 'after ' : ''}<CopyText text={c.digest} /></div> : null}</dd></div>
        ))}
        {keys.map((k, i) => <div key={`k${i}`}><dt>{k.of} {k.kind}</dt><dd>{(k.keys ?? []).map((id) => <code key={id}>{id} </code>)}</dd></div>)}
      </dl>
      <p className="hint">Digests are of the encrypted values: the log holds no contents.</p>
    </details>
  )
}

function Inclusion({ sequence }: { sequence: number }) {
  const verify = useMutation({
    mutationFn: async () => {
      const proof = await api.get('/api/v1/audit/entries/{sequence}/proof', { path: { sequence } })
      const { keys } = await api.get('/api/v1/audit/checkpoint', {})
      return { proof, steps: await verifyInclusion(proof, keys) }
    },
  })
  const found = verify.data
  return (
    <>
      <div className="actions">
        <button type="button" disabled={verify.isPending} onClick={() => verify.mutate()}>{found ? 'Verify again' : 'Verify inclusion'}</button>
        <a className="button" href={`/api/v1/audit/entries/${sequence}/proof`} download={`audit-${sequence}-proof.json`}>Download the proof</a>
      </div>
      {verify.error ? <Failure error={verify.error} /> : null}
      {found ? <>
        <Finding valid={found.steps.every((s) => s.ok)} at={verify.submittedAt} text={found.steps.every((s) => s.ok) ? `In the log of ${found.proof.size} entries (${found.proof.path.length} hashes)` : 'The proof does not hold'}><p className="muted small">Computed in this browser: SHA-256 (RFC 6962), Ed25519 (C2SP).</p></Finding>
        <StepTable caption="Inclusion" steps={found.steps} />
      </> : null}
    </>
  )
}
