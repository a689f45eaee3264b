import { useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useList, useMay } from '../../api/queries'
import { Head } from '../../parts/frame'
import { Choice } from '../../parts/form'
import { useKeys } from '../../keys'
import { useObjects, usePeople } from '../../parts/names'
import { Empty, Failure, Loading } from '../../parts/states'
import { Table } from '../../parts/table'
import { useUrlChoice } from '../../url'
import { runColumns } from './columns'

const states = ['all', 'done', 'running', 'queued', 'failed', 'cancelled'] as const

/** All runs; a few of them can be selected and compared. */
export default function Runs() {
  const may = useMay()
  const [, navigate] = useLocation()
  const [state, setState] = useUrlChoice('state', states)
  const runs = useList('/api/v1/runs', { query: { limit: 200, ...(state === 'all' ? {} : { state }) } })
  const people = usePeople()
  const objects = useObjects()
  const columns = useMemo(() => runColumns(people, objects), [people, objects])
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const toggle = (id: string) => setSelected((s) => { const next = new Set(s); if (!next.delete(id)) next.add(id); return next })
  const done = [...selected].filter((id) => runs.items.find((r) => r.id === id)?.state === 'done')
  const compare = () => { if (done.length > 1 && done.length <= 4) navigate(`/compare?baseline=${done[0]}&with=${done.slice(1).join(',')}`) }
  useKeys([{ keys: 'c', does: 'Compare the selected runs', run: compare }])
  return (
    <div className="screen">
      <Head title="Runs" actions={<><button type="button" onClick={compare} disabled={done.length < 2 || done.length > 4} title="Select two to four runs that are done">Compare {done.length > 1 ? done.length : ''} selected</button>{may('run.submit') ? <Link className="button primary" href="/runs/new">New run</Link> : null}</>} />
      <Choice legend="State" value={state} choices={states.map((s) => [s, s === 'all' ? 'All' : s[0]!.toUpperCase() + s.slice(1)] as const)} onChange={setState} />
      {runs.error ? <Failure error={runs.error} retry={runs.refetch} /> : runs.isLoading ? <Loading rows={12} /> : runs.items.length === 0
        ? <Empty title={state === 'all' ? 'No runs yet' : `No run is ${state}`}>{state === 'all' ? <p><Link href="/portfolios">Upload an OED file</Link>, then run it.</p> : null}</Empty>
        : <Table caption="Runs" columns={columns} rows={runs.items} rowKey={(r) => r.id} filter keys href={(r) => `/runs/${r.id}`} onOpen={(r) => navigate(`/runs/${r.id}`)} selected={selected} onSelect={toggle} more={runs.more} {...(runs.items.length > 40 ? { height: 640 } : {})} />}
    </div>
  )
}
