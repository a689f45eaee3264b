// Backups and drills: what was copied where, whether it was proved by a restore, and what is due.
import { useMemo, useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useGet, useList, useMay, useRefresh } from '../../api/queries'
import { ago, bytes, count, span } from '../../format'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Notice, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { useUrlState } from '../../url'

type Backup = Schemas['Backup']
type Drill = Schemas['Drill']

/** A measured time; one of less than a second is not zero. */
function short(seconds: number): string {
  return seconds < 1 ? 'under 1 s' : span(seconds)
}

function Outcome({ of }: { of: 'done' | 'failed' | undefined }) {
  if (!of) return <span className="muted">—</span>
  return of === 'done' ? <Tag mark="✓" tone="ok">Done</Tag> : <Tag mark="✕" tone="error">Failed</Tag>
}

export function Backups() {
  const schedule = useGet('/api/v1/system/backup-schedule', {}, { refetchInterval: 5_000 })
  return (
    <Ready of={schedule} rows={6}>{(s) => (s.configured ? <><Schedule of={s} /><BackupList /><DrillList /></> : (
      <Empty title="No backups are made"><p>The configuration names no place for them (<code>backup</code> in qrsd.hcl). A folder of another disk or a bucket will do; each backup is encrypted to the owner's recipients.</p></Empty>
    ))}</Ready>
  )
}

function Schedule({ of: s }: { of: Schemas['BackupSchedule'] }) {
  const may = useMay()
  const refresh = useRefresh()
  const [asked, setAsked] = useState(false)
  const ask = (path: '/api/v1/system/backups' | '/api/v1/system/drills', done: string) => {
    setAsked(true)
    void api.post(path, {}).then(() => refresh('/api/v1/system')).then(() => toast(done)).catch((e: Error) => { if (e.message) toast(e.message, 'error') }).finally(() => setAsked(false))
  }
  const late = s.succeeded === undefined || (s.attempted !== undefined && s.attempted > s.succeeded && !s.working)
  return (
    <section className="section">
      <div className="section-head"><h2>State</h2><div className="actions">
        {may('backup.create') ? <button type="button" className="primary" disabled={asked} onClick={() => ask('/api/v1/system/backups', 'A backup was asked for')}>Back up now</button> : null}
        {may('backup.drill') ? <button type="button" disabled={asked} onClick={() => ask('/api/v1/system/drills', 'A drill was asked for')}>Drill now</button> : null}
      </div></div>
      {s.working ? <Notice><strong>{{ backup: 'A backup is being made', drill: 'A drill is at work', pruning: 'Old backups are being removed' }[s.working.kind]}</strong>, since <Time at={s.working.began} />: {s.working.what}{s.working.total > 0 ? <> <progress max={s.working.total} value={s.working.done} aria-label="Progress" /> {count(s.working.done)} of {count(s.working.total)}</> : null}</Notice> : null}
      {late && !s.working ? <Notice tone="warn"><strong>{s.succeeded ? 'The last backup did not succeed at every place.' : 'No backup has succeeded yet.'}</strong> The account below says why.</Notice> : null}
      <div className="panel"><Facts of={[
        ['Places', s.places.map((p) => <div key={p}><code>{p}</code></div>)],
        ['Last backup', s.succeeded ? <span key="b"><Time at={s.succeeded} /> · {ago(s.succeeded)}</span> : 'none'], ['Next', <Time key="n" at={s.next} />],
        ['Last full drill', s.drilled ? <span key="d"><Time at={s.drilled} /> · {ago(s.drilled)}</span> : 'none'], ['Next drill', <Time key="x" at={s.next_drill} />],
      ]} /></div>
    </section>
  )
}

function BackupList() {
  const list = useList('/api/v1/system/backups', { query: { limit: 200 } }, { refetchInterval: 10_000 })
  const columns = useMemo((): Column<Backup>[] => [
    { id: 'ended', header: 'Ended (UTC)', value: (b) => b.ended, cell: (b) => <Time at={b.ended} bare /> },
    { id: 'outcome', header: 'Outcome', value: (b) => b.outcome, cell: (b) => <Outcome of={b.outcome} /> },
    { id: 'drill', header: 'Proved by a restore', value: (b) => b.drill, cell: (b) => <Outcome of={b.drill} /> },
    { id: 'name', header: 'Name', mono: true, value: (b) => b.name },
    { id: 'place', header: 'Place', mono: true, value: (b) => b.place },
    { id: 'sent', header: 'Sent', number: true, value: (b) => b.sent_bytes, cell: (b) => bytes(b.sent_bytes) },
    { id: 'stored', header: 'Takes', number: true, value: (b) => b.stored_bytes, cell: (b) => bytes(b.stored_bytes) },
    { id: 'blobs', header: 'Files', number: true, value: (b) => b.blobs, cell: (b) => count(b.blobs) },
    { id: 'reason', header: 'Why it failed', wide: true, value: (b) => b.reason ?? '' },
  ], [])
  return (
    <section className="section">
      <h2>Backups</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={3} /> : <Table caption="Backups" stacks columns={columns} rows={list.items as Backup[]} rowKey={(b) => b.id} fixedOrder keys more={list.more} empty="None was made yet." />}
    </section>
  )
}

function DrillList() {
  const list = useList('/api/v1/system/drills', { query: { limit: 200 } }, { refetchInterval: 10_000 })
  const drills = list.items as Drill[]
  const [chosen, choose] = useUrlState('drill')
  const columns = useMemo((): Column<Drill>[] => [
    { id: 'ended', header: 'Ended (UTC)', value: (d) => d.ended, cell: (d) => <Time at={d.ended} bare /> },
    { id: 'outcome', header: 'Outcome', value: (d) => d.outcome, cell: (d) => <Outcome of={d.outcome} /> },
    { id: 'form', header: 'Form', value: (d) => d.form },
    { id: 'rto', header: 'Time to restore (RTO)', number: true, value: (d) => d.rto_seconds, cell: (d) => (d.rto_seconds > 0 ? short(d.rto_seconds) : '—') },
    { id: 'rpo', header: 'Age of the backup (RPO)', number: true, value: (d) => d.rpo_seconds, cell: (d) => short(d.rpo_seconds) },
    { id: 'leaves', header: 'Entries compared', number: true, value: (d) => d.leaves, cell: (d) => count(d.leaves) },
    { id: 'backup', header: 'Backup', mono: true, value: (d) => d.backup },
  ], [])
  const drill = drills.find((d) => d.id === chosen)
  return (
    <section className="section">
      <h2>Drills</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={3} /> : (
        <div className={drill ? 'split beside' : undefined}>
          <Table caption="Drills" stacks columns={columns} rows={drills} rowKey={(d) => d.id} fixedOrder more={list.more} chosen={chosen} onOpen={(d) => choose(d.id)} empty="None was made yet. A quick one follows every backup." />
          {drill ? <OneDrill of={drill} onClose={() => choose('')} /> : null}
        </div>
      )}
    </section>
  )
}

function OneDrill({ of: d, onClose }: { of: Drill; onClose: () => void }) {
  return (
    <aside className="panel one" aria-label="Drill">
      <div className="section-head"><h3>{d.form === 'full' ? 'Full drill' : 'Quick drill'}</h3><button type="button" className="icon" aria-label="Close the drill" onClick={onClose}>✕</button></div>
      {d.faults.map((f) => <Notice key={f} tone="error">{f}</Notice>)}
      <Facts of={[['Outcome', <Outcome key="o" of={d.outcome} />], ['Began', <Time key="b" at={d.began} />], ['Place', <code key="p">{d.place}</code>], ['Restored', `${bytes(d.bytes)}, ${count(d.blobs)} files`], ['Records decrypted', count(d.records)],
        ...(d.recomputed ? [['Run computed again', d.recomputed.skipped ?? (d.recomputed.differ.length ? `${d.recomputed.differ.join(', ')} differ` : `${count(d.recomputed.tables)} tables the same`)] as const] : [])]} />
      <ul className="plain">{d.steps.map((s) => <li key={s.name}><span className={s.outcome === 'done' ? 'tag ok' : 'tag error'}>{s.outcome === 'done' ? '✓' : '✕'}</span> {s.name} <span className="muted">{span(s.seconds)}{s.detail ? ` · ${s.detail}` : ''}</span></li>)}</ul>
      <details><summary>The report as it is signed</summary><pre>{d.signed}</pre></details>
      <p className="small muted">Id <CopyText text={d.id} /></p>
    </aside>
  )
}
