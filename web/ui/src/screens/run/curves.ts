import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import { curvePeriods } from '../../charts/scales'

type Curve = Schemas['Curve']
export type Perspective = Curve['perspective']
export type EpType = Curve['type']

/** The curves of a summary at enough return periods to draw them, those of the table among them. */
export function useCurves(run: Schemas['Run'], summary: number, table: readonly number[]) {
  const periods = curvePeriods(run.spec.years, [...table, 100, 250])
  return useGet('/api/v1/runs/{id}/curves', { path: { id: run.id }, query: { summary, return_periods: periods.join(',') } }, { staleTime: Infinity, enabled: run.state === 'done', placeholderData: (before) => before })
}

export function curveOf(curves: Schemas['RunCurves'] | undefined, perspective: Perspective, type: EpType): Schemas['CurvePoint'][] {
  return (curves?.curves as Curve[] | undefined)?.find((c) => c.perspective === perspective && c.type === type)?.points ?? []
}

export function pointAt(points: readonly Schemas['CurvePoint'][], period: number): Schemas['CurvePoint'] | undefined {
  return points.find((p) => p.return_period === period)
}
