// Where things lie on charts and maps. Pure: tested in scales.test.ts.
import { scaleLinear, scaleLog } from 'd3-scale'

/** Return periods at which a curve is asked for: about `n` from 2 to the simulated years, evenly in their logarithm, with the given ones among them. At most 100, as the API takes. */
export function curvePeriods(years: number, given: readonly number[], n = 72): number[] {
  const all = new Set(given.filter((p) => p > 1 && p <= years))
  if (years < 2) return [...all]
  for (let i = 0; i < n && all.size < 100; i++) all.add(Math.min(years, rounded(2 * (years / 2) ** (i / (n - 1)))))
  return [...all].sort((a, b) => a - b).slice(0, 100)
}

function rounded(p: number): number {
  return p < 10 ? Math.round(p * 10) / 10 : p < 100 ? Math.round(p) : Number(p.toPrecision(3))
}

/** Ticks of an axis of return periods: 2, 5, 10, 25, 50, 100, 250 ... as far as the years reach. Of narrow axes every decade. */
export function periodTicks(to: number, narrow: boolean): number[] {
  const all: number[] = []
  for (let decade = 1; decade <= to; decade *= 10) for (const m of narrow ? [decade === 1 ? 2 : 1] : [1, 2.5, 5]) {
    const at = decade === 1 && m === 2.5 ? 2 : m * decade
    if (at >= 2 && at <= to) all.push(at)
  }
  return all
}

export type LossScale = 'log' | 'linear'

/** The axis of losses: whole decades where it is logarithmic, from zero where it is linear. undefined: there is no loss to show. */
export function lossScale(kind: LossScale, losses: readonly (number | undefined)[], height: number) {
  const known = losses.filter((v): v is number => v !== undefined && v > 0)
  const most = Math.max(...known)
  if (known.length === 0) return undefined
  if (kind === 'linear') {
    const s = scaleLinear([0, most], [height, 0]).nice(6)
    return { y: (v: number) => s(v), ticks: s.ticks(6), least: 0 }
  }
  // Tails matter: what lies more than three decades below the largest loss is off the axis.
  const least = Math.max(Math.min(...known), most / 1e3)
  const low = 10 ** Math.floor(Math.log10(least)), high = 10 ** Math.ceil(Math.log10(most) - 1e-9)
  const top = most < high / 2 ? (most < high / 5 ? high / 5 : high / 2) : high
  const s = scaleLog([low, top], [height, 0])
  const ticks: number[] = []
  for (let t = low; t <= top * 1.000001; t *= 10) ticks.push(t)
  return { y: (v: number) => s(Math.max(v, low / 1e6)), ticks, least: low }
}

export function periodScale(from: number, to: number, width: number) {
  const s = scaleLog([from, Math.max(to, from * 1.01)], [0, width]).clamp(true)
  return { x: (p: number) => s(p), at: (x: number) => s.invert(x) }
}

/** The index of the value nearest to a place, by distance in the logarithm; values ascend. */
export function nearest(values: readonly number[], at: number): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (Math.abs(Math.log(values[i]! / at)) < Math.abs(Math.log(values[best]! / at))) best = i
  return best
}

/** Straight pieces of a line over the points that have a value: order statistics are never smoothed, and gaps stay gaps. */
export function pieces<T>(points: readonly T[], has: (p: T) => boolean): T[][] {
  const all: T[][] = []
  let piece: T[] = []
  for (const p of points) {
    if (has(p)) piece.push(p)
    else if (piece.length) { all.push(piece); piece = [] }
  }
  if (piece.length) all.push(piece)
  return all
}

/** Breaks of classes in half decades (1, 3, 10, 30 ...) below the largest value: `classes - 1` of them, ascending. Class i holds values from break i-1 up. */
export function halfDecades(values: readonly number[], classes = 6): number[] {
  const most = Math.max(0, ...values)
  if (most <= 0) return []
  let step = Math.floor(Math.log10(most) * 2 + 1e-9) // half decades; odd ones are written as 3
  const breaks: number[] = []
  const value = (n: number) => (n % 2 === 0 ? 10 ** (n / 2) : 3 * 10 ** ((n - 1) / 2))
  if (value(step) > most) step--
  for (let i = 0; i < classes - 1; i++) breaks.unshift(value(step - i))
  return breaks
}

/** The class of a value: 0 below the first break. */
export function classOf(value: number, breaks: readonly number[]): number {
  let c = 0
  while (c < breaks.length && value >= breaks[c]!) c++
  return c
}

/** Breaks of differences about nothing, as fractions: -25%, -10%, -2%, +2% ... A class for what hardly differs is in the middle. */
export const differenceBreaks = [-0.25, -0.1, -0.02, 0.02, 0.1, 0.25] as const
