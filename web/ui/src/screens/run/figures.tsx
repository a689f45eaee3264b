import type { ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import { count, money, percent, short } from '../../format'
import { useUrlChoice } from '../../url'
import { curveOf, pointAt, useCurves } from './curves'
import { answerAt, panelOf, useEstimate, whyNot } from './estimate'
import { useTablePeriods } from './periods'
import { isZero } from './zero'
import { ZeroNotice } from './zeronotice'

type Run = Schemas['Run']
export const perspectives = ['gross', 'ground_up'] as const

/** The figures above everything: AAL, OEP and AEP with their errors, and the estimate beside. */
export function Figures({ run, summary }: { run: Run; summary: number }) {
  const [perspective] = useUrlChoice('persp', perspectives)
  const [periods] = useTablePeriods(run)
  const metrics = useGet('/api/v1/runs/{id}/metrics', { path: { id: run.id }, query: { limit: 1000 } }, { staleTime: Infinity })
  const read = useCurves(run, summary, periods)
  const curves = read.data
  const estimate = useEstimate(run.id)
  const metered = (metrics.data?.items as Schemas['SummaryMetrics'][] | undefined)?.find((m) => m.summary.id === summary)
  const annual = metered?.[perspective]
  const oep = curveOf(curves, perspective, 'oep'), aep = curveOf(curves, perspective, 'aep')
  const panel = summary === 1 ? panelOf(estimate.report, perspective, 'oep') : undefined
  const quantum = answerAt(panel, 'value_at_risk', 100)
  const classical = pointAt(oep, 100)?.loss
  return (
    <>
      <div className="tiles">
        <Tile name="AAL" loading={metrics.isLoading} value={annual?.aal} note={annual ? `± ${short(annual.aal_standard_error)} standard error · SD ${short(annual.sd)}` : ''} />
        <CurveTile name="OEP 1-in-100" point={pointAt(oep, 100)} years={run.spec.years} period={100} loading={read.isLoading} />
        <CurveTile name="OEP 1-in-250" point={pointAt(oep, 250)} years={run.spec.years} period={250} loading={read.isLoading} />
        <CurveTile name="AEP 1-in-250" point={pointAt(aep, 250)} years={run.spec.years} period={250} loading={read.isLoading} />
        {quantum?.amplitude_estimate ? (
          <Tile name="Quantum OEP 1-in-100" value={quantum.amplitude_estimate.value}
            note={<>{short(quantum.amplitude_estimate.low)} – {short(quantum.amplitude_estimate.high)}{classical ? ` · ${percent(quantum.amplitude_estimate.value / classical - 1)} against classical` : ''}<br />{quantum.amplitude_estimate.simulated ? 'local simulator' : quantum.amplitude_estimate.backend}, {count(quantum.amplitude_estimate.shots)} shots</>} />
        ) : <Tile name="Quantum OEP 1-in-100" text={!estimate.known ? '…' : summary === 1 ? 'Not run' : 'Portfolio only'} note={!estimate.known ? '' : summary === 1 ? notRun(whyNot(estimate.report, perspective, 'oep', 100)) : 'The estimate is made of the whole portfolio.'} />}
      </div>
      {metered && isZero(annual) ? <ZeroNotice run={run} of={metered} perspective={perspective} /> : null}
    </>
  )
}

function notRun(why: string | undefined): string {
  return `${why ? `${why[0]!.toUpperCase()}${why.slice(1)}. ` : ''}Classical results are complete.`
}

function CurveTile({ name, point, years, period, loading }: { name: string; point: Schemas['CurvePoint'] | undefined; years: number; period: number; loading: boolean }) {
  if (years < period) return <Tile name={name} text="Not available" note={`The run has ${count(years)} simulated years.`} />
  const band = point?.low !== undefined && point.high !== undefined ? `90% band ${short(point.low)} – ${short(point.high)}` : ''
  return <Tile name={name} loading={loading} value={point?.loss} note={<>{band}{point?.tvar !== undefined ? <><br />TVaR {short(point.tvar)}</> : null}</>} />
}

function Tile({ name, value, text, note, loading }: { name: string; value?: number | undefined; text?: string; note: ReactNode; loading?: boolean }) {
  return <div className="tile"><div className="name">{name}</div><div className="value" title={value === undefined ? undefined : money(value)}>{text ?? (loading ? '…' : short(value))}</div><div className="note">{note}</div></div>
}
