import { useMemo } from 'react'
import type { Schemas } from '../../api/client'
import { useList, useMay } from '../../api/queries'
import { bytes, count, money, percent, share } from '../../format'
import { Choice } from '../../parts/form'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Notice } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice, useUrlState } from '../../url'
import { rawSize } from '../admin/payload'
import { OneLine } from './device/bytes'
import { Devices } from './device/devices'
import { panelOf, useEstimate, whyNot, type Answer, type Panel, type Report } from './estimate'
import { perspectives } from './figures'

type Line = Schemas['EgressEntry']

const kinds = [['value_at_risk', 'Loss at the return period'], ['tail_value_at_risk', 'TVaR'], ['exceedance_probability', 'Exceedance probability'], ['expected_layer_loss', 'Layer loss']] as const

/** The estimate beside the exact sum and classical sampling at equal cost, on which backend, and what left for it. */
export default function Quantum({ run }: { run: Schemas['Run'] }) {
  const estimate = useEstimate(run.id)
  const [perspective, setPerspective] = useUrlChoice('persp', perspectives)
  const [type, setType] = useUrlChoice('qep', ['oep', 'aep'])
  const [kind, setKind] = useUrlChoice('qkind', kinds.map((k) => k[0]) as [Answer['kind'], ...Answer['kind'][]])
  if (!estimate.known) return <Loading rows={10} />
  const panel = panelOf(estimate.report, perspective, type)
  if (!estimate.report) return <><Empty title="Not run"><p>This run kept no quantum estimate. Classical results are complete.</p></Empty><Devices run={run} panel="" kept={false} /><Left /></>
  return (
    <>
      <Notice>{estimate.report.notice}</Notice>
      <div className="controls">
        <Choice legend="Figure" value={kind} choices={kinds} onChange={setKind} />
        <Choice legend="Perspective" value={perspective} choices={[['gross', 'Gross'], ['ground_up', 'Ground-up']]} onChange={setPerspective} />
        <Choice legend="Curve" value={type} choices={[['oep', 'OEP'], ['aep', 'AEP']]} onChange={setType} />
      </div>
      {panel ? <><Answers panel={panel} kind={kind} /><Backend panel={panel} sha256={estimate.sha256} /></> : <Without report={estimate.report} perspective={perspective} type={type} />}
      <Devices run={run} panel={`${perspective.replace('_', '-')}-${type}`} kept={(estimate.report.panels ?? []).length > 0} />
      <Left />
    </>
  )
}

/** In place of answers of a distribution that the estimate left out, or of which it says nothing. */
function Without({ report, perspective, type }: { report: Report; perspective: string; type: string }) {
  const why = whyNot(report, perspective, type)
  if (why) return <Empty title="Not run"><p>{why[0]!.toUpperCase()}{why.slice(1)}, so that there is nothing to estimate. Classical results are complete.</p></Empty>
  return <Empty title="Not run for these"><p>The estimate has {(report.panels ?? []).map((p) => p.name).join(', ') || 'nothing else'}.</p></Empty>
}

function Answers({ panel, kind }: { panel: Panel; kind: Answer['kind'] }) {
  const rows = (panel.answers ?? []).filter((a) => a.kind === kind)
  const columns = useMemo((): Column<Answer>[] => {
    const probability = kind === 'exceedance_probability'
    const shown = (v: number | undefined) => (probability ? (v === undefined ? '—' : share(v, 3)) : money(v))
    const unit = probability ? '' : ' (USD)'
    const interval = (i: { low: number; high: number } | undefined) => (i ? <span className="muted">{shown(i.low)} – {shown(i.high)}</span> : '—')
    return [
      { id: 'period', header: '1 in (years)', number: true, value: (a) => a.return_period, cell: (a) => count(a.return_period) },
      ...(kind === 'expected_layer_loss' ? [{ id: 'layer', header: 'Layer', value: (a: Answer) => a.attachment, cell: (a: Answer) => `${money(a.limit)} xs ${money(a.attachment)}` }] : []),
      { id: 'quantum', header: `Quantum${unit}`, number: true, value: (a) => a.amplitude_estimate?.value, cell: (a) => <strong>{shown(a.amplitude_estimate?.value)}</strong> },
      { id: 'interval', header: `${Math.round(panel.confidence * 100)}% interval`, number: true, value: (a) => a.amplitude_estimate?.low, cell: (a) => interval(a.amplitude_estimate) },
      { id: 'exact', header: `Exact sum${unit}`, number: true, value: (a) => a.exact, cell: (a) => shown(a.exact) },
      { id: 'against', header: 'Against exact', number: true, value: (a) => (a.amplitude_estimate && a.exact ? a.amplitude_estimate.value / a.exact - 1 : undefined), cell: (a) => (a.amplitude_estimate && a.exact ? percent(a.amplitude_estimate.value / a.exact - 1, 2) : '—') },
      { id: 'holds', header: 'Holds exact', value: (a) => (a.amplitude_estimate ? String(a.amplitude_estimate.holds_exact) : undefined), cell: (a) => (a.amplitude_estimate ? a.amplitude_estimate.holds_exact ? <Tag mark="✓" tone="ok">yes</Tag> : <Tag mark="✕" tone="warn">no</Tag> : 'not run') },
      { id: 'empirical', header: `Of the losses${unit}`, number: true, value: (a) => a.empirical, cell: (a) => shown(a.empirical) },
      { id: 'mc', header: `Monte Carlo, equal queries${unit}`, number: true, value: (a) => a.monte_carlo_equal_queries?.value, cell: (a) => shown(a.monte_carlo_equal_queries?.value) },
      { id: 'mci', header: 'its interval', number: true, hidden: true, value: (a) => a.monte_carlo_equal_queries?.low, cell: (a) => interval(a.monte_carlo_equal_queries) },
      { id: 'strata', header: `Stratified, equal queries${unit}`, number: true, value: (a) => a.stratified_equal_queries?.value, cell: (a) => shown(a.stratified_equal_queries?.value) },
      { id: 'queries', header: 'Queries', number: true, value: (a) => a.amplitude_estimate?.queries, cell: (a) => count(a.amplitude_estimate?.queries) },
      { id: 'shots', header: 'Shots', number: true, value: (a) => a.amplitude_estimate?.shots, cell: (a) => count(a.amplitude_estimate?.shots) },
      { id: 'power', header: 'Largest power', number: true, hidden: true, value: (a) => a.amplitude_estimate?.largest_power },
      { id: 'bins', header: 'Error of binning', number: true, hidden: true, value: (a) => a.discretisation_error, cell: (a) => shown(a.discretisation_error) },
    ]
  }, [kind, panel.confidence])
  if (rows.length === 0) return <Empty title="Not run"><p>{omission(panel) || 'The estimate has no figure of this kind.'} Classical results are complete.</p></Empty>
  return (
    <>
      <Table caption="Quantum estimates" columns={columns} rows={rows} rowKey={(a) => String(a.return_period)} tools={<></>} keys />
      {panel.omitted?.length ? <p className="hint">{omission(panel)}</p> : null}
    </>
  )
}

/** Which return periods the estimate left out, by its own reasons. */
function omission(panel: Panel): string {
  const by = new Map<string, number[]>()
  for (const o of panel.omitted ?? []) by.set(o.reason, [...(by.get(o.reason) ?? []), o.return_period])
  return [...by].map(([reason, periods]) => `Not asked at 1 in ${periods.map((p) => count(p)).join(', ')} years: ${reason}.`).join(' ')
}

function Backend({ panel, sha256 }: { panel: Panel; sha256: string }) {
  const shots = (panel.answers ?? []).reduce((sum, a) => sum + (a.amplitude_estimate?.shots ?? 0), 0)
  return (
    <section className="section"><h2>How it was made</h2>
      <div className="panel"><Facts of={[
        ['Backend', panel.backend.simulated ? <>{panel.backend.name} <Tag key="t" mark="○" tone="muted">computed on this host; no quantum computer was involved</Tag></> : <>{panel.backend.name} <Tag key="t" mark="◆" tone="accent">device</Tag></>],
        ['Qubits', String(panel.qubits)],
        ['Shots in all', count(shots)],
        ['Cost', panel.backend.cost_usd === 0 ? 'nothing' : `${panel.backend.cost_usd.toFixed(2)} USD`],
        ['Asked for', `half-width of the amplitude’s interval ${panel.precision}, confidence ${share(panel.confidence, 0)}`],
        ['Seed', String(panel.seed)],
        ['estimate.json, SHA-256', sha256 ? <CopyText key="s" text={sha256} /> : '—'],
      ]} /></div>
    </section>
  )
}

/** What left the appliance for quantum jobs of the tenant, byte for byte. */
function Left() {
  const may = useMay()
  const reads = may('estimate.read')
  const list = useList('/api/v1/egress', { query: { limit: 100 } }, { enabled: reads })
  const [chosen, choose] = useUrlState('line')
  const columns = useMemo((): Column<Line>[] => [
    { id: 'number', header: 'No.', number: true, value: (e) => e.number },
    { id: 'time', header: 'Time (UTC)', value: (e) => e.time, cell: (e) => <Time at={e.time} bare /> },
    { id: 'kind', header: 'Kind', value: (e) => e.kind },
    { id: 'purpose', header: 'Operation', value: (e) => e.purpose },
    { id: 'destination', header: 'Destination', value: (e) => e.destination },
    { id: 'size', header: 'Bytes', number: true, value: (e) => rawSize(e.bytes), cell: (e) => bytes(rawSize(e.bytes)) },
    { id: 'sha', header: 'SHA-256', mono: true, value: (e) => e.sha256, cell: (e) => `${e.sha256.slice(0, 16)}…` },
  ], [])
  if (!reads) return null
  const lines = list.items as Line[]
  const line = lines.find((e) => String(e.number) === chosen)
  return (
    <section className="section"><h2>What left for jobs of your tenant</h2>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={2} /> : lines.length === 0 ? <p>Nothing. No circuit was sent anywhere, or given out to be carried.</p> : (
        <>
          <Table caption="Record of what left" columns={columns} rows={lines} rowKey={(e) => String(e.number)} fixedOrder more={list.more} chosen={chosen} onOpen={(e) => choose(String(e.number) === chosen ? '' : String(e.number))} />
          {line ? <OneLine key={line.number} line={line} onClose={() => choose('')} /> : null}
        </>
      )}
    </section>
  )
}
