// A run against one that was approved: first what changed of what was put in, then the figures.
import { useMemo } from 'react'
import type { Schemas } from '../../api/client'
import { useGet, useList } from '../../api/queries'
import { money, moneyMore, percent } from '../../format'
import { SelectField } from '../../parts/form'
import { useObjects } from '../../parts/names'
import { Empty, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlState } from '../../url'
import { changeName, changeValue } from '../run/words'
import { candidates } from './baseline'

type Approval = Schemas['Approval']
type Difference = Schemas['FigureDifference']
type Compared = Schemas['ComparedWith']

export function Against({ of: a }: { of: Approval }) {
  const approvals = useList('/api/v1/approvals', { query: { limit: 1000 } })
  const runs = useGet('/api/v1/runs', { query: { limit: 1000 } }).data?.items
  const objects = useObjects()
  const possible = useMemo(() => candidates(a, approvals.items as Approval[], runs ?? []), [a, approvals.items, runs])
  const [chosen, choose] = useUrlState('with')
  const baseline = possible.includes(chosen) ? chosen : possible[0]
  if (!runs || approvals.isLoading) return null
  return (
    <section className="section">
      <div className="section-head">
        <h2>Against the last approved run</h2>
        {baseline && possible.length > 1 ? <SelectField label="Baseline" value={baseline} onChange={(e) => choose(e.target.value)}>{possible.map((id) => <option key={id} value={id}>{objects.get(id)?.name ?? id.slice(0, 12)}</option>)}</SelectField> : null}
      </div>
      {baseline ? <Comparison baseline={baseline} run={a.object} /> : <Empty title="No run was approved before"><p>From the second approval on, this shows what changed since the run that was approved last, of the same portfolio where there is one.</p></Empty>}
    </section>
  )
}

function Comparison({ baseline, run }: { baseline: string; run: string }) {
  const compared = useGet('/api/v1/runs/compare', { query: { baseline, with: [run] } })
  return (
    <Ready of={compared} rows={8}>{(c) => {
      const other = c.with[0]
      if (!other) return null
      return <div className="split"><Figures of={other} baseline={c.baseline.name ?? 'baseline'} /><Changes of={other} baseline={c.baseline.name ?? baseline.slice(0, 12)} address={`/compare?baseline=${baseline}&with=${run}`} /></div>
    }}</Ready>
  )
}

function Changes({ of: other, baseline, address }: { of: Compared; baseline: string; address: string }) {
  const groups = [['Exposure', other.exposure], ['Model', other.model], ['Settings', other.settings]] as const
  const none = groups.every(([, all]) => all.length === 0)
  return (
    <div className="panel changes">
      <h3>What changed in the inputs</h3>
      {none ? <p>Exposure, model and settings are the same as in {baseline}.</p> : groups.map(([title, all]) => all.length > 0 ? (
        <dl key={title} className="mini"><dt className="title">{title}</dt><dd />{all.map((c) => <div key={c.name} className="pair"><dt>{changeName(title, c.name)}</dt><dd><s>{changeValue(c.name, c.baseline)}</s> → {changeValue(c.name, c.with)}</dd></div>)}</dl>
      ) : null)}
      <p><a href={address}>Compare in full</a></p>
    </div>
  )
}

const names: Record<string, string> = { tiv: 'TIV', aal: 'AAL', sd: 'Standard deviation', oep: 'OEP', aep: 'AEP', oep_tvar: 'OEP TVaR', aep_tvar: 'AEP TVaR' }
const wanted = new Set([100, 250])

function Figures({ of: other, baseline }: { of: Compared; baseline: string }) {
  const rows = other.figures.filter((f) => f.level === 'portfolio' && (f.return_period === undefined || wanted.has(f.return_period)) && f.perspective !== 'ground_up')
  const columns = useMemo((): Column<Difference>[] => [
    { id: 'figure', header: 'Figure (USD)', value: (f) => `${f.perspective ? 'Gross ' : ''}${names[f.figure] ?? f.figure}${f.return_period ? `, 1 in ${f.return_period}` : ''}` },
    { id: 'baseline', header: baseline, number: true, value: (f) => f.baseline, cell: (f) => money(f.baseline) },
    { id: 'with', header: 'This run', number: true, value: (f) => f.with, cell: (f) => money(f.with) },
    { id: 'absolute', header: 'Difference', number: true, value: (f) => f.absolute, cell: (f) => moneyMore(f.absolute) },
    { id: 'relative', header: 'Relative', number: true, value: (f) => f.relative, cell: (f) => percent(f.relative) },
  ], [baseline])
  return <Table caption="Figures of the portfolio in both runs" columns={columns} rows={rows} rowKey={(f) => `${f.perspective} ${f.figure} ${f.return_period ?? ''}`} fixedOrder />
}
