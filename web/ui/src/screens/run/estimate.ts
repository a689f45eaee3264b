// The estimate that a run kept (estimate.json, format 1): the API hands it on as the runner wrote it.
import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import type { EpMark } from '../../charts/ep'

export interface Interval { value: number; low: number; high: number }
export interface Amplitude extends Interval { confidence: number; reached: boolean; holds_exact: boolean; amplitudes: number; queries: number; shots: number; largest_power: number; backend: string; simulated: boolean; cost_usd: number }
export interface Sampled extends Interval { draws: number; interval: string }
export interface Answer {
  kind: 'exceedance_probability' | 'value_at_risk' | 'tail_value_at_risk' | 'expected_layer_loss'
  return_period: number; attachment?: number; limit?: number
  exact: number; empirical: number; discretisation_error: number
  amplitude_estimate?: Amplitude; monte_carlo_equal_queries?: Sampled; monte_carlo_equal_shots?: Sampled; stratified_equal_queries?: Sampled
}
export interface Panel {
  name: string; qubits: number; seed: number; confidence: number; precision: number
  answers: Answer[] | null // null: none, as of a run in which nothing was lost; omitted says why
  omitted?: { return_period: number; reason: string }[]
  backend: { name: string; simulated: boolean; cost_usd: number }
}
export interface Report { format: number; notice: string; seed: number; currency: string; panels: Panel[] | null; without?: { name: string; reason: string }[] }

/** The estimate of a run, where it kept one. */
export function useEstimate(run: string): { report: Report | undefined; sha256: string; known: boolean } {
  const tables = useGet('/api/v1/runs/{id}/tables', { path: { id: run } }, { staleTime: Infinity })
  const kept = (tables.data?.files as Schemas['ResultFile'][] | undefined)?.some((f) => f.name === 'estimate.json') ?? false
  const estimate = useGet('/api/v1/runs/{id}/estimate', { path: { id: run } }, { staleTime: Infinity, enabled: kept })
  return { report: reportOf(estimate.data), sha256: estimate.data?.sha256 ?? '', known: kept ? !estimate.isLoading : tables.data !== undefined }
}

/** The panels of an estimate; none where it has another form than this screen reads. */
export function reportOf(estimate: Schemas['RunEstimate'] | undefined): Report | undefined {
  const report = estimate?.report as unknown as Report | undefined
  return report && report.format === 1 && (report.panels === null || Array.isArray(report.panels)) ? report : undefined
}

export function panelOf(report: Report | undefined, perspective: string, type: string): Panel | undefined {
  return report?.panels?.find((p) => p.name === `${perspective}_${type}`)
}

/** Losses at return periods as marks of a chart. */
export function marksOf(panel: Panel | undefined): EpMark[] {
  return (panel?.answers ?? []).flatMap((a) => (a.kind === 'value_at_risk' && a.amplitude_estimate ? [{ return_period: a.return_period, value: a.amplitude_estimate.value, low: a.amplitude_estimate.low, high: a.amplitude_estimate.high }] : []))
}

/** Why the estimate has nothing of a distribution, or nothing at a return period of it, in its own words. */
export function whyNot(report: Report | undefined, perspective: string, type: string, period?: number): string | undefined {
  return report?.without?.find((w) => w.name === `${perspective}_${type}`)?.reason ?? panelOf(report, perspective, type)?.omitted?.find((o) => o.return_period === period)?.reason
}

export function answerAt(panel: Panel | undefined, kind: Answer['kind'], period: number): Answer | undefined {
  return panel?.answers?.find((a) => a.kind === kind && a.return_period === period)
}
