import { useMemo, useState } from 'react'
import { useLocation } from 'wouter'
import type { Schemas } from '../../api/client'
import { useGet, useList, useMay, useRefresh } from '../../api/queries'
import { count, money } from '../../format'
import { Head } from '../../parts/frame'
import { actorName, usePeople } from '../../parts/names'
import { Empty, Failure, Loading, Ready } from '../../parts/states'
import { Time } from '../../parts/state'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { useUrlState } from '../../url'
import { ExampleButton } from './example'
import { Faults } from './faults'
import { Upload } from './upload'
import './portfolios.css'

type Portfolio = Schemas['Portfolio']

export default function Portfolios() {
  const may = useMay()
  const [, navigate] = useLocation()
  const refresh = useRefresh()
  const [refused, setRefused] = useUrlState('refused')
  const [fresh, setFresh] = useState<Schemas['RefusedExposure']>()
  const list = useList('/api/v1/portfolios', { query: { limit: 200 } })
  const imported = (p: Schemas['ImportedPortfolio']) => {
    void refresh('/api/v1/portfolios')
    toast(`${p.name} imported: ${count(p.locations)} locations`)
    navigate(`/portfolios/${p.id}`)
  }
  const refuse = (r: Schemas['RefusedExposure']) => {
    setFresh(r)
    setRefused(r.id)
    void refresh('/api/v1/refused-imports')
  }
  return (
    <div className="screen">
      <Head title="Portfolios" about="Exposure in OED. A file is imported whole or not at all, with every fault named." />
      {may('portfolio.import') ? <section className="panel"><h2>Upload exposure</h2><Upload onImported={imported} onRefused={refuse} /></section> : null}
      {refused ? (fresh?.id === refused ? <Faults faults={fresh.faults as Schemas['ExposureFault'][]} total={fresh.fault_count} files={fresh.files} /> : <Refused id={refused} />) : null}
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading /> : list.items.length === 0
        ? <Empty title="No portfolios yet"><p>{may('portfolio.import') ? 'Upload an OED location file above, or begin without one.' : 'Nobody of your tenant has imported one.'}</p><ExampleButton /></Empty>
        : <List items={list.items} more={list.more} />}
      <RefusedList chosen={refused} onChoose={setRefused} />
    </div>
  )
}

function List({ items, more }: { items: Portfolio[]; more: (() => void) | undefined }) {
  const [, navigate] = useLocation()
  const people = usePeople()
  const columns = useMemo((): Column<Portfolio>[] => [
    { id: 'name', header: 'Portfolio', value: (p) => p.name },
    { id: 'locations', header: 'Locations', number: true, value: (p) => p.locations, cell: (p) => count(p.locations) },
    { id: 'accounts', header: 'Accounts', number: true, value: (p) => p.accounts, cell: (p) => count(p.accounts) },
    { id: 'tiv', header: 'Insured value (USD)', number: true, value: (p) => p.tiv, cell: (p) => money(p.tiv) },
    { id: 'imported', header: 'Imported (UTC)', value: (p) => p.imported, cell: (p) => <Time at={p.imported} bare /> },
    { id: 'by', header: 'By', value: (p) => actorName(p.by, people) },
    { id: 'digest', header: 'Digest', mono: true, hidden: true, value: (p) => p.digest },
  ], [people])
  return <Table caption="Portfolios" title="All portfolios" columns={columns} rows={items} rowKey={(p) => p.id} filter keys href={(p) => `/portfolios/${p.id}`} onOpen={(p) => navigate(`/portfolios/${p.id}`)} more={more} />
}

/** A refused import by its kept report. */
function Refused({ id }: { id: string }) {
  const kept = useGet('/api/v1/refused-imports/{id}', { path: { id } })
  const report = useGet('/api/v1/refused-imports/{id}/files/{role}', { path: { id, role: 'report' } })
  return <Ready of={kept}>{(k) => <Ready of={report}>{(r) => {
    const read = r as unknown as Schemas['ExposureReport']
    return <Faults faults={read.faults as Schemas['ExposureFault'][]} total={read.fault_count} files={(k.files as Schemas['PortfolioFile'][]).map((f) => `/api/v1/refused-imports/${id}/files/${f.role}`)} />
  }}</Ready>}</Ready>
}

function RefusedList({ chosen, onChoose }: { chosen: string; onChoose: (id: string) => void }) {
  const refused = useGet('/api/v1/refused-imports', { query: { limit: 50 } })
  const people = usePeople()
  const items = (refused.data?.items ?? []) as Schemas['RefusedImport'][]
  const columns = useMemo((): Column<Schemas['RefusedImport']>[] => [
    { id: 'name', header: 'File', value: (r) => r.name },
    { id: 'faults', header: 'Faults', number: true, value: (r) => r.faults, cell: (r) => count(r.faults) },
    { id: 'at', header: 'Refused (UTC)', value: (r) => r.at, cell: (r) => <Time at={r.at} bare /> },
    { id: 'by', header: 'By', value: (r) => actorName(r.by, people) },
  ], [people])
  if (items.length === 0) return null
  return (
    <section className="section">
      <Table caption="Refused imports" title="Refused imports" columns={columns} rows={items} rowKey={(r) => r.id} chosen={chosen} onOpen={(r) => onChoose(r.id === chosen ? '' : r.id)} />
      <p className="hint">Click a row to see its faults. The files themselves are not kept. <a href="/docs/api#importPortfolio">How imports are checked</a></p>
    </section>
  )
}
