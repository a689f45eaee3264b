// The audit trail: who did what, filtered by the address, with the proof of each entry and of the whole.
import { useMemo, useRef, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import type { Schemas } from '../../api/client'
import { useGet, useList, useMay, useMe } from '../../api/queries'
import { clock, date } from '../../format'
import { useKeys } from '../../keys'
import { Head } from '../../parts/frame'
import { actorName, useObjects, usePeople } from '../../parts/names'
import { Tag } from '../../parts/state'
import { Empty, Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlState } from '../../url'
import { Entry } from './entry'
import { asQuery, fromSearch, none, outcomes, setOf, toSearch, type Filters } from './filters'
import { Chain } from './chain'
import { useReach } from './reach'
import './audit.css'
import '../ledger/ledger.css'

type Row = Schemas['AuditEntry']

const tones = { done: ['✓', 'Done', 'ok'], denied: ['✕', 'Denied', 'error'], failed: ['△', 'Failed', 'warn'], intent: ['◔', 'Intent', 'muted'] } as const

export function OutcomeTag({ outcome }: { outcome: keyof typeof tones }) {
  const [mark, word, tone] = tones[outcome]
  return <Tag mark={mark} tone={tone}>{word}</Tag>
}

export default function Audit() {
  const me = useMe().data
  const may = useMay()
  const search = useSearch()
  const [, navigate] = useLocation()
  const filters = useMemo(() => fromSearch(search), [search])
  const set = (next: Partial<Filters>) => {
    const text = toSearch({ ...filters, ...next })
    navigate(`/audit${text ? `?${text}` : ''}`, { replace: true })
  }
  return (
    <div className="screen">
      <Head title="Audit trail" about={me?.role === 'operator' ? 'The log of the appliance itself. Each tenant has its own.' : 'Every request by everybody in your tenant, also readings and refusals. Nothing can be taken out.'}
        actions={may('audit.export') || may('audit.system') ? <a className="button" href="/api/v1/audit/export" download="audit.jsonl">Export with proofs</a> : null} />
      <Chain />
      <FilterBar filters={filters} set={set} />
      <Rows filters={filters} onClear={() => set(none)} />
    </div>
  )
}

function FilterBar({ filters: f, set }: { filters: Filters; set: (next: Partial<Filters>) => void }) {
  const people = usePeople()
  const roles = useGet('/api/v1/roles', {}, { staleTime: Infinity }).data
  const first = useRef<HTMLSelectElement>(null)
  useKeys([{ keys: '/', does: 'Filter the trail', run: () => first.current?.focus() }])
  const verbs = useMemo(() => [...new Set(((roles?.items ?? []) as Schemas['Role'][]).flatMap((r) => r.verbs))].sort(), [roles])
  const areas = [...new Set(verbs.map((v) => v.split('.')[0]!))]
  const field = (label: string, input: React.ReactNode) => <label className="filter"><span>{label}</span>{input}</label>
  return (
    <form className="filters" role="search" aria-label="Filters of the trail" onSubmit={(e) => e.preventDefault()}>
      {field('Actor', <select ref={first} value={f.actor} onChange={(e) => set({ actor: e.target.value })}>
        <option value="">everybody</option>{[...people].map(([id, p]) => <option key={id} value={id}>{p.name} · {p.role}</option>)}<option value="operator">an operator</option><option value="qrsd">the appliance</option>
        {f.actor && f.actor !== 'qrsd' && f.actor !== 'operator' && !people.has(f.actor) ? <option value={f.actor}>{f.actor}</option> : null}
      </select>)}
      {field('Action', <select value={f.action} onChange={(e) => set({ action: e.target.value })}>
        <option value="">all</option>{areas.map((a) => <optgroup key={a} label={a}><option value={a}>{a}: all</option>{verbs.filter((v) => v.startsWith(`${a}.`)).map((v) => <option key={v}>{v}</option>)}</optgroup>)}
        {f.action && !verbs.includes(f.action) && !areas.includes(f.action) ? <option value={f.action}>{f.action}</option> : null}
      </select>)}
      {field('Outcome', <select value={f.outcome} onChange={(e) => set({ outcome: e.target.value })}>{outcomes.map((o) => <option key={o} value={o}>{o || 'all'}</option>)}</select>)}
      {field('Object', <ObjectField value={f.object} onSet={(object) => set({ object })} />)}
      {field('From (UTC)', <input type="date" value={f.from} max={f.to || undefined} onChange={(e) => set({ from: e.target.value })} />)}
      {field('To (UTC)', <input type="date" value={f.to} min={f.from || undefined} onChange={(e) => set({ to: e.target.value })} />)}
      {field('Order', <select value={f.order} onChange={(e) => set({ order: e.target.value })}><option value="newest">newest first</option><option value="oldest">oldest first</option></select>)}
      {setOf(f) > 0 ? <button type="button" className="clear" onClick={() => set({ ...none, order: f.order })}>Clear {setOf(f)}</button> : null}
    </form>
  )
}

/** An id is taken up when it is whole. */
function ObjectField({ value, onSet }: { value: string; onSet: (id: string) => void }) {
  const [text, setText] = useState<string>()
  const shown = text ?? value
  const wrong = shown !== '' && !/^[0-9a-f]{32}$/i.test(shown.trim())
  return <input type="text" className="mono" placeholder="id" spellCheck={false} value={shown} aria-invalid={wrong || undefined} title={wrong ? 'An id has 32 hexadecimal digits' : undefined}
    onChange={(e) => { const v = e.target.value.trim().toLowerCase(); if (v === '' || /^[0-9a-f]{32}$/.test(v)) { setText(undefined); onSet(v) } else setText(e.target.value) }} />
}

function Rows({ filters, onClear }: { filters: Filters; onClear: () => void }) {
  const list = useList('/api/v1/audit/entries', { query: { ...asQuery(filters), limit: 500 } })
  const rows = list.items as Row[]
  const people = usePeople()
  const objects = useNamed()
  const [chosen, choose] = useUrlState('entry')
  const columns = useMemo((): Column<Row>[] => [
    { id: 'sequence', header: '#', number: true, value: (e) => e.sequence },
    { id: 'date', header: 'Date', spare: true, value: (e) => date(e.time) },
    { id: 'time', header: 'Time (UTC)', value: (e) => clock(e.time).replace(' UTC', '') },
    { id: 'actor', header: 'Actor', value: (e) => actorName(e.actor, people), cell: (e) => <span title={e.actor}>{actorName(e.actor, people)}</span> },
    { id: 'role', header: 'Role', spare: true, value: (e) => e.role || '—' },
    { id: 'action', header: 'Action', mono: true, value: (e) => e.action },
    { id: 'object', header: 'Object', value: (e) => objects.get(e.object ?? '')?.name ?? people.get(e.object ?? '')?.name ?? e.object, cell: (e) => <Named id={e.object} name={objects.get(e.object ?? '')?.name ?? people.get(e.object ?? '')?.name} /> },
    { id: 'from', header: 'From', spare: true, value: (e) => e.person?.address ?? e.person?.account },
    { id: 'outcome', header: 'Result', value: (e) => e.outcome, cell: (e) => <><OutcomeTag outcome={e.outcome} />{e.reason ? <span className="muted"> {e.reason}</span> : null}</> },
  ], [people, objects])
  const entry = rows.find((e) => String(e.sequence) === chosen)
  useReach(chosen !== '' && !entry, rows.length, list.isFetching, list.more)
  if (list.error) return <Failure error={list.error} retry={list.refetch} />
  if (list.isLoading) return <Loading rows={14} />
  if (rows.length === 0) return setOf(filters) > 0
    ? <Empty title="No entry matches"><p>Nothing in the trail fits all of the filters.</p><button type="button" onClick={onClear}>Clear the filters</button></Empty>
    : <Empty title="The trail is empty"><p>It fills with the first request of anybody.</p></Empty>
  return (
    <div className={entry ? 'split beside' : undefined}>
      <Table caption="Audit trail" columns={columns} rows={rows} rowKey={(e) => String(e.sequence)} fixedOrder keys height={620} tall more={list.more} chosen={chosen} onOpen={(e) => choose(String(e.sequence))} />
      {entry ? <Entry key={entry.sequence} entry={entry} people={people} objects={objects} onClose={() => choose('')} /> : null}
    </div>
  )
}

/** Runs and portfolios by name, and requests for approval by what they are about. */
function useNamed(): ReturnType<typeof useObjects> {
  const objects = useObjects()
  const may = useMay()
  const approvals = useGet('/api/v1/approvals', { query: { limit: 1000 } }, { enabled: may('approval.read'), staleTime: 60_000 }).data
  return useMemo(() => new Map([...objects, ...((approvals?.items ?? []) as Schemas['Approval'][]).map((a) => [a.id, { name: `Approval of ${objects.get(a.object)?.name ?? a.object.slice(0, 12)}`, to: `/approvals/${a.id}` }] as const)]), [objects, approvals])
}

function Named({ id, name }: { id: string | undefined; name: string | undefined }) {
  if (!id) return <>—</>
  if (/^0{28}/.test(id)) return <span className="muted" title={id}>the appliance's settings</span>
  return name ? <span title={id}>{name}</span> : <code title={id}>{id.slice(0, 12)}</code>
}
