import { useMemo } from 'react'
import { linkTo, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { EpChart, RatioStrip, type EpLine } from '../../charts/ep'
import { Legend } from '../../charts/legend'
import { count, money, percent, short } from '../../format'
import { Choice } from '../../parts/form'
import { Menu } from '../../parts/menu'
import { copy, Empty, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice, useUrlState } from '../../url'
import { curveOf, pointAt, useCurves } from './curves'
import { Calls } from './downloads'
import { marksOf, panelOf, useEstimate, type Panel } from './estimate'
import { perspectives } from './figures'
import { EditPeriods, useTablePeriods } from './periods'

type Run = Schemas['Run']

/** The curve, its table, and the estimate against it. */
export function Results({ run, summary }: { run: Run; summary: number }) {
  const [periods] = useTablePeriods(run)
  const curves = useCurves(run, summary, periods)
  return <Ready of={curves} rows={14}>{(c) => <Shown run={run} summary={summary} curves={c} periods={periods} />}</Ready>
}

function Shown({ run, summary, curves, periods }: { run: Run; summary: number; curves: Schemas['RunCurves']; periods: number[] }) {
  const [perspective, setPerspective] = useUrlChoice('persp', perspectives)
  const [which, setWhich] = useUrlChoice('ep', ['both', 'oep', 'aep'])
  const [scale, setScale] = useUrlChoice('scale', ['log', 'linear'])
  const [at, setAt] = useUrlState('rp', '100')
  const estimate = useEstimate(run.id)
  const kind = which === 'aep' ? 'aep' : 'oep'
  const panel = summary === 1 ? panelOf(estimate.report, perspective, kind) : undefined
  const marks = marksOf(panel)
  const oep = curveOf(curves, perspective, 'oep'), aep = curveOf(curves, perspective, 'aep')
  const lines: EpLine[] = []
  if (which !== 'aep') lines.push({ name: 'OEP', points: oep, band: true, look: 'oep' })
  if (which !== 'oep') lines.push({ name: 'AEP', points: aep, band: true, look: 'aep' })
  const confidence = `${Math.round(curves.basis.confidence * 100)}%`
  const drawn = lines.some((l) => l.points.some((p) => p.loss))
  return (
    <>
      <div className="controls">
        <PartChoice run={run} />
        <Choice legend="Perspective" value={perspective} choices={[['gross', 'Gross'], ['ground_up', 'Ground-up']]} onChange={setPerspective} />
        <Choice legend="Curves" value={which} choices={[['both', 'OEP and AEP'], ['oep', 'OEP'], ['aep', 'AEP']]} onChange={setWhich} />
      </div>
      <div className="split ep">
        <section className="section">
          <div className="section-head"><h2>Exceedance probability</h2><Choice legend="Loss axis" value={scale} choices={[['log', 'Log loss'], ['linear', 'Linear loss']]} onChange={setScale} /></div>
          {drawn ? <EpChart lines={lines} marks={marks} scale={scale} years={run.spec.years} at={Number(at) || 100} onAt={(p) => setAt(String(p))} label="Exceedance curve of losses">
            <RatioStrip points={kind === 'oep' ? oep : aep} marks={marks} years={run.spec.years} label={`Quantum ÷ classical ${kind.toUpperCase()}, with classical ${confidence} band`} />
            <Legend lines={lines.map((l) => ({ name: `${l.name} classical, ${confidence} band`, look: l.look }))} {...(panel ? { mark: `${kind.toUpperCase()} quantum estimate, ${Math.round(panel.confidence * 100)}% interval` } : {})} />
          </EpChart> : <NoCurve years={run.spec.years} known={lines.some((l) => l.points.some((p) => p.loss !== undefined))} />}
          {panel ? null : <p className="muted">{!estimate.known ? '' : summary === 1 ? 'Quantum: not run. Classical results are complete.' : 'The quantum estimate is made of the whole portfolio.'}</p>}
        </section>
        <PeriodTable run={run} summary={summary} oep={oep} aep={aep} periods={periods} panel={summary === 1 ? panelOf(estimate.report, perspective, 'oep') : undefined} perspective={perspective} confidence={confidence} onAt={(p) => setAt(String(p))} at={Number(at) || 100} />
      </div>
    </>
  )
}

/** In place of a curve that has no point above zero: every return period within the years has no loss, or there are too few years for any. */
function NoCurve({ years, known }: { years: number; known: boolean }) {
  return (
    <Empty title="No curve to draw">
      <p>{known ? `The loss at every return period within ${count(years)} simulated years is zero.` : `Return periods are read up to the number of simulated years, and this run has ${count(years)}.`}</p>
    </Empty>
  )
}

/** The whole portfolio, or one line of business or county of it. */
function PartChoice({ run }: { run: Run }) {
  const [summary, setSummary] = useUrlState('summary', '1')
  const metrics = useGet('/api/v1/runs/{id}/metrics', { path: { id: run.id }, query: { limit: 1000 } }, { staleTime: Infinity }).data
  const parts = (metrics?.items as Schemas['SummaryMetrics'][] | undefined)?.map((m) => m.summary) ?? []
  const of = (level: string) => parts.filter((p) => p.level === level).map((p) => <option key={p.id} value={String(p.id)}>{p.name || p.key}</option>)
  return (
    <label className="part">Of <select value={summary} onChange={(e) => setSummary(e.target.value)}>
      <option value="1">the whole portfolio</option>
      <optgroup label="Line of business">{of('lob')}</optgroup>
      <optgroup label="County">{of('county')}</optgroup>
    </select></label>
  )
}

interface Row { period: number; oep: Schemas['CurvePoint'] | undefined; aep: Schemas['CurvePoint'] | undefined; quantum: { value: number; low: number; high: number } | undefined }

function PeriodTable({ run, summary, oep, aep, periods, panel, perspective, confidence, onAt, at }: {
  run: Run; summary: number; oep: Schemas['CurvePoint'][]; aep: Schemas['CurvePoint'][]; periods: number[]; panel: Panel | undefined; perspective: string; confidence: string; onAt: (p: number) => void; at: number
}) {
  const may = useMay()
  const rows = useMemo(() => {
    const marks = new Map(marksOf(panel).map((m) => [m.return_period, m]))
    return periods.map((period): Row => ({ period, oep: pointAt(oep, period), aep: pointAt(aep, period), quantum: marks.get(period) }))
  }, [oep, aep, periods, panel])
  const columns = useMemo((): Column<Row>[] => [
    { id: 'period', header: '1 in (years)', number: true, value: (r) => r.period, cell: (r) => count(r.period) },
    { id: 'oep', header: 'OEP (USD)', number: true, value: (r) => r.oep?.loss, cell: (r) => money(r.oep?.loss) },
    { id: 'band', header: `${confidence} band`, number: true, value: (r) => r.oep?.low, cell: (r) => <span className="muted">{band(r.oep)}</span> },
    { id: 'tvar', header: 'OEP TVaR (USD)', number: true, value: (r) => r.oep?.tvar, cell: (r) => money(r.oep?.tvar) },
    { id: 'aep', header: 'AEP (USD)', number: true, value: (r) => r.aep?.loss, cell: (r) => money(r.aep?.loss) },
    { id: 'aepband', header: `AEP ${confidence} band`, number: true, hidden: true, value: (r) => r.aep?.low, cell: (r) => <span className="muted">{band(r.aep)}</span> },
    { id: 'aeptvar', header: 'AEP TVaR (USD)', number: true, hidden: true, value: (r) => r.aep?.tvar, cell: (r) => money(r.aep?.tvar) },
    { id: 'quantum', header: 'Quantum OEP (USD)', number: true, hidden: true, value: (r) => r.quantum?.value, cell: (r) => (r.quantum ? money(r.quantum.value) : 'not run') },
    { id: 'ratio', header: 'Quantum ÷ classical', number: true, hidden: true, value: (r) => (r.quantum && r.oep?.loss ? r.quantum.value / r.oep.loss - 1 : undefined), cell: (r) => (r.quantum && r.oep?.loss ? percent(r.quantum.value / r.oep.loss - 1) : '—') },
  ], [confidence])
  const json = linkTo('/api/v1/runs/{id}/curves', { path: { id: run.id }, query: { summary, return_periods: periods.join(',') } })
  const table = perspective === 'gross' ? 'gr_ept' : 'gu_ept'
  const as = (format: 'csv' | 'xlsx' | 'parquet') => linkTo('/api/v1/runs/{id}/tables/{name}/export', { path: { id: run.id, name: table }, query: { format } })
  const text = () => [['return_period', 'oep', 'oep_low', 'oep_high', 'oep_tvar', 'aep'].join('\t'), ...rows.map((r) => [r.period, r.oep?.loss, r.oep?.low, r.oep?.high, r.oep?.tvar, r.aep?.loss].map((v) => v ?? '').join('\t'))].join('\n')
  return (
    <section className="section">
      <Table caption="Return-period losses" title="Return-period losses" tools={<>
        <EditPeriods run={run} />
        <Menu label="Download">
          {may('run.export') ? <><a href={as('xlsx')} download>Excel, {table}</a><a href={as('csv')} download>CSV, {table}</a><a href={as('parquet')} download>Parquet, {table}</a></> : null}
          <a href={json}>JSON, these rows</a>
          <button type="button" onClick={() => void copy(text())}>Copy these rows</button>
        </Menu>
      </>} columns={columns} rows={rows} rowKey={(r) => String(r.period)} onOpen={(r) => onAt(r.period)} chosen={String(at)} keys />
      <Calls path={json} command={`qrsd runs show ${run.id}`} />
    </section>
  )
}

function band(p: Schemas['CurvePoint'] | undefined): string {
  return p?.low !== undefined && p.high !== undefined ? `${short(p.low)} – ${short(p.high)}` : '—'
}
