// The leaves of the ledger, newest first, and one of them with its proof.
import { useMutation } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, type Schemas } from '../../api/client'
import { useGet, useList } from '../../api/queries'
import { brief, clock, date } from '../../format'
import { actorName, ObjectName, Person, useObjects, usePeople } from '../../parts/names'
import { Facts, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlState } from '../../url'
import { useReach } from '../audit/reach'
import { kindWord, type Lineage } from './lineage'
import { readPasted } from './pasted'
import { hexOf, verifyInclusion } from './tree'
import { Finding, StepTable } from './verdict'

type Entry = Schemas['LedgerEntry']

const lineageOf = (e: Entry) => e.lineage as unknown as Lineage

export function Entries({ find }: { find: string }) {
  const read = readPasted(find)
  const about = read.kind === 'id' ? read.id : read.kind === 'hash' ? read.hash : undefined
  const list = useList('/api/v1/ledger/entries', { query: { order: 'newest', limit: 500, about } })
  const entries = list.items as Entry[]
  const [chosen, choose] = useUrlState('entry')
  const objects = useObjects()
  const people = usePeople()
  const columns = useMemo((): Column<Entry>[] => [
    { id: 'sequence', header: '#', number: true, value: (e) => e.sequence },
    { id: 'time', header: 'Time (UTC)', value: (e) => lineageOf(e).time, cell: (e) => <Time at={lineageOf(e).time} bare /> },
    { id: 'kind', header: 'What', value: (e) => kindWord(lineageOf(e).kind) },
    { id: 'subject', header: 'Subject', value: (e) => `${objects.get(lineageOf(e).subject)?.name ?? ''} ${lineageOf(e).subject}`, cell: (e) => <ObjectName id={lineageOf(e).subject} objects={objects} /> },
    { id: 'actor', header: 'By', value: (e) => actorName(lineageOf(e).actor, people) },
    { id: 'digests', header: 'Digests', number: true, spare: true, value: (e) => Object.keys(lineageOf(e).digests).length },
    { id: 'leaf', header: 'Leaf', mono: true, spare: true, value: (e) => hexOf(e.leaf), cell: (e) => <code title={hexOf(e.leaf)}>{brief(hexOf(e.leaf), 12)}…</code> },
    { id: 'note', header: 'Note', wide: true, value: (e) => lineageOf(e).note },
  ], [objects, people])
  const entry = entries.find((e) => String(e.sequence) === chosen)
  useReach(chosen !== '' && !entry, entries.length, list.isFetching, list.more)
  return (
    <section className="section">
      <h2>{about ? 'Entries about it' : 'Entries'}</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading /> : entries.length === 0 ? (
        about ? <p className="muted">None.</p> : <Empty title="The ledger is empty"><p>The import of a portfolio is its first leaf. From then on every run leads back to what went into it.</p></Empty>
      ) : (
        <div className={entry ? 'split beside' : undefined}>
          <Table caption="Entries of the ledger" columns={columns} rows={entries} rowKey={(e) => String(e.sequence)} fixedOrder filter keys height={460} more={list.more} chosen={chosen} onOpen={(e) => choose(String(e.sequence))} />
          {entry ? <One key={entry.sequence} entry={entry} onClose={() => choose('')} /> : null}
        </div>
      )}
    </section>
  )
}

function One({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const l = lineageOf(entry)
  const objects = useObjects()
  const people = usePeople()
  const digests = Object.entries(l.digests).sort(([a], [b]) => a.localeCompare(b))
  return (
    <aside className="panel one" aria-label={`Entry ${entry.sequence}`}>
      <div className="section-head"><h3>#{entry.sequence} {kindWord(l.kind)}</h3><button type="button" className="icon" aria-label="Close the entry" onClick={onClose}>✕</button></div>
      <Facts of={[
        ['Time', <Time key="t" at={l.time} show={l.time ? `${date(l.time)}, ${clock(l.time)}` : undefined} />], ['Subject', <ObjectName key="s" id={l.subject} objects={objects} />], ['Id', <CopyText key="i" text={l.subject} />], ['By', <Person key="p" id={l.actor} people={people} />],
        ...(l.note ? [['Note', l.note] as const] : []), ['Leaf (SHA-256)', <CopyText key="l" text={hexOf(entry.leaf)} />],
      ]} />
      <Inclusion entry={entry} />
      {digests.length > 0 ? <details open={digests.length <= 6}><summary>{digests.length} {digests.length === 1 ? 'digest' : 'digests'} (SHA-256)</summary><dl className="digests">{digests.map(([name, value]) => <div key={name}><dt>{name}</dt><dd><CopyText text={value} /></dd></div>)}</dl></details> : null}
      <details><summary>As it is hashed (JSON, RFC 8785)</summary><pre>{JSON.stringify(entry.lineage, null, 1)}</pre></details>
    </aside>
  )
}

/** The proof that the leaf is in the ledger, verified in this browser. */
function Inclusion({ entry }: { entry: Entry }) {
  const head = useGet('/api/v1/ledger/checkpoint', {}, { refetchOnWindowFocus: false })
  const verify = useMutation({
    mutationFn: async () => {
      const proof = await api.get('/api/v1/ledger/entries/{sequence}/proof', { path: { sequence: entry.sequence } })
      const keys = head.data?.keys ?? (await api.get('/api/v1/ledger/checkpoint', {})).keys
      return { proof, steps: await verifyInclusion(proof, keys, entry.leaf) }
    },
  })
  const found = verify.data
  return (
    <>
      <div className="actions">
        <button type="button" disabled={verify.isPending} onClick={() => verify.mutate()}>{found ? 'Verify again' : 'Verify inclusion'}</button>
        <a className="button" href={`/api/v1/ledger/entries/${entry.sequence}/proof`} download={`ledger-${entry.sequence}-proof.json`}>Download the proof</a>
      </div>
      {verify.error ? <Failure error={verify.error} /> : null}
      {found ? <>
        <Finding valid={found.steps.every((s) => s.ok)} at={verify.submittedAt} text={found.steps.every((s) => s.ok) ? `In the ledger of ${found.proof.size} entries (${found.proof.path.length} hashes)` : 'The proof does not hold'}><p className="muted small">Computed in this browser: SHA-256 (RFC 6962), Ed25519 (C2SP).</p></Finding>
        <StepTable caption="Inclusion" steps={found.steps} />
      </> : null}
    </>
  )
}
