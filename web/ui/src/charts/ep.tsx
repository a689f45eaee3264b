import { area, line, symbol, symbolCircle, symbolDiamond, symbolSquare, symbolTriangle, type SymbolType } from 'd3-shape'
import { useId, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import { count, money, percent, share, short, tick } from '../format'
import { lossScale, nearest, periodScale, periodTicks, pieces, type LossScale } from './scales'
import { useWidth } from './size'
import './charts.css'

export interface EpPoint { return_period: number; loss?: number; low?: number; high?: number }
export interface EpLine {
  name: string // as in "OEP"
  points: readonly EpPoint[]
  band: boolean
  look: 'oep' | 'aep' | 'run-a' | 'run-b' | 'run-c' | 'run-d'
}
export interface EpMark { return_period: number; value: number; low: number; high: number }

// Compared runs are told apart by colour, dash and sign; the signs of their curves are the ● ◆ ■ ▲ of the words beside.
const signs: Partial<Record<EpLine['look'], SymbolType>> = { 'run-a': symbolCircle, 'run-b': symbolDiamond, 'run-c': symbolSquare, 'run-d': symbolTriangle }

/** Places for the signs of a curve: about one in every 90 px, those of different curves beside one another. */
function signed(l: EpLine, i: number, of: number, x: (period: number) => number): EpPoint[] {
  const room = 90
  let next = 30 + (i * room) / of
  return l.points.filter((p) => {
    if (p.loss === undefined || x(p.return_period) < next) return false
    next += room
    return true
  })
}

const left = 64, right = 30, top = 12, bottom = 40

/** An exceedance curve: return period by loss, with bands, marks of an estimate, and a reading by pointer or arrows. */
export function EpChart({ lines, marks = [], scale, years, at, onAt, label, children }: {
  lines: readonly EpLine[]; marks?: readonly EpMark[]; scale: LossScale; years: number; at: number; onAt: (period: number) => void; label: string; children?: ReactNode
}) {
  const [ref, width] = useWidth()
  const clip = useId()
  const height = width < 520 ? 260 : Math.round(Math.min(Math.max(460, window.innerHeight * 0.36), Math.max(340, width * 0.42)))
  const inner = { w: Math.max(80, width - left - right), h: height - top - bottom }
  const to = Math.min(years, Math.max(...lines.flatMap((l) => l.points.filter((p) => p.loss !== undefined).map((p) => p.return_period)), 10))
  const x = periodScale(2, to, inner.w)
  const y = lossScale(scale, [...lines.flatMap((l) => l.points.flatMap((p) => (p.return_period >= 5 || scale === 'linear' ? [p.loss, l.band ? p.high : undefined] : [p.loss]))), ...marks.map((m) => m.high)], inner.h)
  if (!y) return null
  const periods = (lines[0]?.points ?? []).map((p) => p.return_period)
  const index = nearest(periods, at)
  const here = periods[index] ?? at
  const move = (e: PointerEvent<SVGSVGElement>) => {
    const box = e.currentTarget.getBoundingClientRect()
    const p = periods[nearest(periods, x.at(e.clientX - box.left - left))]
    if (p !== undefined && p !== here) onAt(p)
  }
  const key = (e: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -periods.length, End: periods.length, PageUp: 10, PageDown: -10 }[e.key]
    if (step === undefined) return
    e.preventDefault()
    const next = periods[Math.min(periods.length - 1, Math.max(0, index + step))]
    if (next !== undefined) onAt(next)
  }
  const readings = lines.map((l) => ({ l, p: l.points.find((p) => p.return_period === here) }))
  const few = years / 10 < to ? x.x(years / 10) : undefined
  return (
    <div className="chart" ref={ref}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="application" aria-roledescription="chart" aria-label={`${label}. Arrow keys read it.`} tabIndex={0} onPointerMove={move} onPointerDown={move} onKeyDown={key}>
        <defs><clipPath id={clip}><rect x={0} y={-2} width={inner.w + 2} height={inner.h + 4} /></clipPath></defs>
        <g transform={`translate(${left},${top})`}>
          {few !== undefined ? <rect className="few" x={few} y={0} width={inner.w - few} height={inner.h} /> : null}
          {y.ticks.map((t) => <g key={t} transform={`translate(0,${y.y(t)})`}><line className="grid" x2={inner.w} /><text className="tick" x={-8} dy="0.32em" textAnchor="end">{t === 0 ? '0' : tick(t)}</text></g>)}
          {periodTicks(to, inner.w < 420).map((t) => <g key={t} transform={`translate(${x.x(t)},0)`}><line className="grid dotted" y2={inner.h} /><text className="tick" y={inner.h + 16} textAnchor="middle">{count(t)}</text></g>)}
          <text className="tick" x={inner.w / 2} y={inner.h + 34} textAnchor="middle">Return period (years, log scale)</text>
          <g clipPath={`url(#${clip})`}>
            {lines.map((l) => l.band ? pieces(l.points, (p) => p.low !== undefined && p.high !== undefined).map((piece, i) => (
              <path key={`${l.name} ${i}`} className={`band ${l.look}`} d={area<EpPoint>((p) => x.x(p.return_period), (p) => y.y(p.low!), (p) => y.y(p.high!))(piece) ?? ''} />
            )) : null)}
            {lines.map((l) => pieces(l.points, (p) => p.loss !== undefined).map((piece, i) => (
              <path key={`${l.name} ${i}`} className={`curve ${l.look}`} d={line<EpPoint>((p) => x.x(p.return_period), (p) => y.y(p.loss!))(piece) ?? ''} />
            )))}
            {lines.map((l, i) => signs[l.look] ? signed(l, i, lines.length, x.x).map((p) => <path key={`${l.name} ${p.return_period}`} className={`sign ${l.look}`} d={symbol(signs[l.look], 42)() ?? ''} transform={`translate(${x.x(p.return_period)},${y.y(p.loss!)})`} />) : null)}
          </g>
          {few !== undefined && inner.w - few > 70 ? <text className="tick" x={inner.w - 4} y={inner.h - 6} textAnchor="end">{inner.w - few > 240 ? `fewer than 10 simulated years beyond 1 in ${count(years / 10)}` : inner.w - few > 130 ? 'fewer than 10 years here' : 'few years'}</text> : null}
          <g className="reading" transform={`translate(${x.x(here)},0)`}>
            <line y2={inner.h} />
            {/* The last of two dots that lie on one another is a ring around the first. */}
            {readings.map(({ l, p }, i) => p?.loss !== undefined && p.loss >= y.least ? <circle key={l.name} className={l.look} cy={y.y(p.loss)} r={i === 0 ? 3.5 : 5.5} data-ring={i > 0 ? '' : undefined} /> : null)}
          </g>
          {marks.filter((m) => m.return_period <= to && m.return_period >= 2 && m.value >= y.least).map((m) => (
            <g key={m.return_period} className="mark" transform={`translate(${x.x(m.return_period)},0)`}>
              <line y1={Math.min(y.y(m.low), inner.h)} y2={y.y(m.high)} />{m.low >= y.least ? <line x1={-4} x2={4} y1={y.y(m.low)} y2={y.y(m.low)} /> : null}<line x1={-4} x2={4} y1={y.y(m.high)} y2={y.y(m.high)} />
              <path d={diamond(y.y(m.value))} />
            </g>
          ))}
        </g>
      </svg>
      {children}
      <p className="readout" aria-live="polite">
        <strong>1 in {count(here)}</strong> <span className="muted">({share(1 / here, here < 100 ? 1 : here < 1000 ? 2 : 3)} a year)</span>
        {readings.map(({ l, p }) => <span key={l.name}> · {l.name} <strong>{money(p?.loss)}</strong>{l.band && p?.low !== undefined && p.high !== undefined ? <span className="muted"> ({short(p.low)} – {short(p.high)})</span> : null}</span>)}
      </p>
    </div>
  )
}

export function diamond(y: number, r = 5): string {
  return `M0 ${y - r}L${r} ${y}L0 ${y + r}L${-r} ${y}Z`
}

/** How the estimate lies to the classical figure, in percent, with the classical band behind. */
export function RatioStrip({ points, marks, years, label }: { points: readonly EpPoint[]; marks: readonly EpMark[]; years: number; label: string }) {
  const [ref, width] = useWidth()
  const to = Math.min(years, Math.max(...points.filter((p) => p.loss !== undefined).map((p) => p.return_period), 10))
  const inner = { w: Math.max(80, width - left - right), h: 66 }
  const x = periodScale(2, to, inner.w)
  const edge = 0.2
  const y = (ratio: number) => inner.h / 2 - (Math.max(-edge, Math.min(edge, ratio)) / edge) * (inner.h / 2)
  const withBand = points.filter((p) => p.loss && p.low !== undefined && p.high !== undefined && p.return_period >= 2)
  const compared = marks.flatMap((m) => {
    const c = points.find((p) => p.return_period === m.return_period)?.loss
    return c ? [{ ...m, value: m.value / c - 1, low: m.low / c - 1, high: m.high / c - 1 }] : []
  })
  if (compared.length === 0) return null
  return (
    <div className="chart strip" ref={ref}>
      <svg width={width} height={inner.h + 28} viewBox={`0 0 ${width} ${inner.h + 28}`} role="img" aria-label={label}>
        <g transform={`translate(${left},8)`}>
          {[edge, 0, -edge].map((t) => <g key={t} transform={`translate(0,${y(t)})`}><line className="grid" x2={inner.w} /><text className="tick" x={-8} dy="0.32em" textAnchor="end">{percent(t, 0)}</text></g>)}
          <path className="band oep" d={area<EpPoint>((p) => x.x(p.return_period), (p) => y(p.low! / p.loss! - 1), (p) => y(p.high! / p.loss! - 1))(withBand) ?? ''} />
          {compared.map((m) => (
            <g key={m.return_period} className="mark" transform={`translate(${x.x(m.return_period)},0)`}>
              <title>{`1 in ${m.return_period}: ${percent(m.value)} (${percent(m.low)} to ${percent(m.high)})`}</title>
              <line y1={y(m.low)} y2={y(m.high)} /><path d={diamond(y(m.value))} />
            </g>
          ))}
          <text className="tick" x={inner.w} y={inner.h + 15} textAnchor="end">{label}</text>
        </g>
      </svg>
    </div>
  )
}
