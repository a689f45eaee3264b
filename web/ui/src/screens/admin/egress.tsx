// Egress: where data can go, what left for the tenant byte for byte, and for operators every connection that was opened or refused.
import { useMemo } from 'react'
import type { Schemas } from '../../api/client'
import { useGet, useList, useMay } from '../../api/queries'
import { bytes, count } from '../../format'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlState } from '../../url'
import { rawSize, shownBytes } from './payload'

type Left = Schemas['EgressEntry']
type Connection = Schemas['Connection']
type Destination = Schemas['TrustDestination']

export function Egress() {
  const may = useMay()
  return (
    <>
      <Destinations />
      {may('estimate.read') ? <Record /> : null}
      {may('store.status') ? <Connections /> : null}
    </>
  )
}

/** Hosts are told to operators alone; for others there is no such column. */
const destinations = (withHosts: boolean): readonly Column<Destination>[] => [
  { id: 'name', header: 'Destination', value: (d) => d.name },
  { id: 'on', header: 'State', value: (d) => (d.on ? 'on' : 'off'), cell: (d) => (d.on ? <Tag mark="●" tone="warn">On</Tag> : <Tag mark="—" tone="muted">Off</Tag>) },
  { id: 'party', header: 'Who receives it', value: (d) => d.party, wide: true },
  { id: 'sends', header: 'What goes', value: (d) => d.sends, wide: true },
  { id: 'setting', header: 'Turned on by', value: (d) => d.setting, wide: true },
  ...(withHosts ? [{ id: 'hosts', header: 'Hosts', value: (d: Destination) => d.hosts.join(' '), mono: true, cell: (d: Destination) => (d.hosts.length ? <code>{d.hosts.join(' ')}</code> : '—') }] : []),
  { id: 'last', header: 'Last (UTC)', value: (d) => d.last?.at, cell: (d) => (d.last ? <Time at={d.last.at} bare /> : <span className="muted">never</span>) },
]

function Destinations() {
  const operates = useMay()('store.status')
  const all = useGet('/api/v1/trust/destinations', {})
  const columns = useMemo(() => destinations(operates), [operates])
  return (
    <section className="section">
      <h2>Where data can go</h2>
      <Ready of={all} rows={4}>{(t) => <>
        <p className="muted">The mode is <strong>{t.mode}</strong>{t.items.some((d) => d.on) ? '.' : ': nothing is turned on.'} {t.record_fault ? <span className="fault">✕ The record of connections does not verify: {t.record_fault}</span> : null}</p>
        <Table caption="Destinations" stacks columns={columns} rows={t.items} rowKey={(d) => d.purpose} />
      </>}</Ready>
    </section>
  )
}

function Record() {
  const list = useList('/api/v1/egress', { query: { limit: 100 } })
  const lines = list.items as Left[]
  const [chosen, choose] = useUrlState('line')
  const columns = useMemo((): Column<Left>[] => [
    { id: 'number', header: '#', number: true, value: (e) => e.number },
    { id: 'time', header: 'Time (UTC)', value: (e) => e.time, cell: (e) => <Time at={e.time} bare /> },
    { id: 'kind', header: 'Kind', value: (e) => e.kind },
    { id: 'purpose', header: 'Operation', value: (e) => e.purpose },
    { id: 'destination', header: 'Destination', mono: true, value: (e) => e.destination },
    { id: 'bytes', header: 'Size', number: true, value: (e) => rawSize(e.bytes), cell: (e) => bytes(rawSize(e.bytes)) },
    { id: 'failure', header: 'Failure', wide: true, value: (e) => e.failure ?? '' },
  ], [])
  const line = lines.find((e) => String(e.number) === chosen)
  return (
    <section className="section">
      <h2>What left for your tenant</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={3} /> : lines.length === 0 ? <Empty title="Nothing has left"><p>Every request to a quantum device is written here byte for byte before it is sent. The local simulator sends nothing.</p></Empty> : (
        <div className={line ? 'split beside' : undefined}>
          <Table caption="What left" stacks columns={columns} rows={lines} rowKey={(e) => String(e.number)} fixedOrder keys more={list.more} chosen={chosen} onOpen={(e) => choose(String(e.number))} />
          {line ? <aside className="panel one" aria-label={`Line ${line.number}`}>
            <div className="section-head"><h3>#{line.number} {line.kind}</h3><button type="button" className="icon" aria-label="Close the line" onClick={() => choose('')}>✕</button></div>
            <Facts of={[['SHA-256', <CopyText key="s" text={line.sha256} />], ['Line', <CopyText key="h" text={line.hash} />], ['Line before', <CopyText key="p" text={line.previous} />], ['Id', line.id]]} />
            <p className="muted small">The exact bytes:</p><pre tabIndex={0} role="region" aria-label="The exact bytes">{shownBytes(line.bytes)}</pre>
          </aside> : null}
        </div>
      )}
    </section>
  )
}

const outcomes: Record<string, readonly [string, string, string]> = { opened: ['✓', 'Opened', 'ok'], failed: ['△', 'Failed', 'warn'], refused: ['✕', 'Refused', 'error'], '': ['◔', 'Being opened', 'muted'] }

function Connections() {
  const list = useList('/api/v1/system/connections', { query: { limit: 200 } })
  const columns = useMemo((): Column<Connection>[] => [
    { id: 'began', header: 'Began (UTC)', value: (c) => c.began, cell: (c) => <Time at={c.began} bare /> },
    { id: 'outcome', header: 'Outcome', value: (c) => c.outcome, cell: (c) => { const [mark, word, tone] = outcomes[c.outcome] ?? ['·', c.outcome, 'muted']; return <Tag mark={mark} tone={tone}>{word}</Tag> } },
    { id: 'purpose', header: 'For', value: (c) => c.purpose },
    { id: 'host', header: 'Host', mono: true, value: (c) => `${c.host}:${c.port}` },
    { id: 'sent', header: 'Sent (B)', number: true, value: (c) => c.sent, cell: (c) => count(c.sent) },
    { id: 'received', header: 'Received (B)', number: true, value: (c) => c.received, cell: (c) => count(c.received) },
    { id: 'reason', header: 'Why not', wide: true, value: (c) => c.reason ?? '' },
    { id: 'address', header: 'Address', mono: true, value: (c) => c.address, hidden: true },
  ], [])
  return (
    <section className="section">
      <h2>Connections of the appliance</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={3} /> : list.items.length === 0 ? <Empty title="No connection was opened or refused"><p>The appliance has not tried to reach any other host.</p></Empty> : <Table caption="Connections" columns={columns} rows={list.items as Connection[]} rowKey={(c) => c.id} fixedOrder more={list.more} />}
    </section>
  )
}
