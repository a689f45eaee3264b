import { useMemo, useState } from 'react'
import { Link } from 'wouter'
import { linkTo, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { EpChart, type EpLine } from '../../charts/ep'
import { Legend } from '../../charts/legend'
import { classOf, curvePeriods, differenceBreaks } from '../../charts/scales'
import { count, money, moneyMore, percent, short, time } from '../../format'
import { countyNames, FloridaMap, MapLegend } from '../../map/florida'
import { Choice } from '../../parts/form'
import { Head } from '../../parts/frame'
import { runName } from '../../parts/names'
import { copy, Empty, Notice, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice, useUrlState } from '../../url'
import { Calls } from '../run/downloads'
import { changeName, changeValue } from '../run/words'
import './compare.css'

type Run = Schemas['Run']
type Figure = Schemas['FigureDifference']
type Compared = Schemas['ComparedWith']

const looks = ['run-a', 'run-b', 'run-c', 'run-d'] as const
const signs = ['●', '◆', '■', '▲'] as const

export default function Compare() {
  const [baseline, setBaseline] = useUrlState('baseline')
  const [withText, setWith] = useUrlState('with')
  const others = withText.split(',').filter((id) => id && id !== baseline).slice(0, 3)
  const runs = useGet('/api/v1/runs', { query: { state: 'done', limit: 1000 } })
  const items = (runs.data?.items ?? []) as Run[]
  const name = (r: Run) => `${runName(r)} · ${time(r.submitted)}`
  const options = (chosen: string) => items.filter((r) => r.id === chosen || (r.id !== baseline && !others.includes(r.id))).map((r) => <option key={r.id} value={r.id}>{name(r)}</option>)
  return (
    <div className="screen">
      <Head title="Compare" about="A baseline, and up to three runs beside it." />
      <Ready of={runs}>{() => items.length < 2 && !baseline
        ? <Empty title="Comparing takes two runs that are done"><p>There {items.length === 1 ? 'is one' : 'is none'} so far.</p><Link className="button" href="/runs/new">New run</Link></Empty>
        : (
          <div className="choosing">
            <label>{signs[0]} Baseline <select value={baseline} onChange={(e) => setBaseline(e.target.value)}><option value="">choose</option>{options(baseline)}</select></label>
            {[...others, ...(others.length < 3 ? [''] : [])].map((id, i) => (
              <label key={i}>{signs[i + 1]} {id ? 'With' : 'Add'} <select value={id} onChange={(e) => setWith(others.map((o, k) => (k === i ? e.target.value : o)).concat(id === '' ? [e.target.value] : []).filter(Boolean).join(','))}><option value="">{id ? 'take away' : 'choose'}</option>{options(id)}</select></label>
            ))}
          </div>
        )}</Ready>
      {baseline && others.length > 0 ? <Comparison baseline={baseline} others={others} /> : items.length >= 2 ? <p className="muted">Choose a baseline and a run to put beside it; or select runs in <Link href="/runs">Runs</Link> and press <kbd>c</kbd>.</p> : null}
    </div>
  )
}

function Comparison({ baseline, others }: { baseline: string; others: string[] }) {
  const comparison = useGet('/api/v1/runs/compare', { query: { baseline, with: others } }, { staleTime: Infinity })
  return <Ready of={comparison} rows={14}>{(c) => <Shown of={c} />}</Ready>
}

const perspectives = [['gross', 'Gross'], ['ground_up', 'Ground-up']] as const

function Shown({ of }: { of: Schemas['Comparison'] }) {
  const [perspective, setPerspective] = useUrlChoice('persp', ['gross', 'ground_up'])
  const [ep, setEp] = useUrlChoice('ep', ['oep', 'aep'])
  const all = of.with as Compared[]
  const names = [nameOf(of.baseline), ...all.map((w) => nameOf(w.run))]
  return (
    <>
      <Changes names={names} all={all} />
      <Tiles of={of} all={all} names={names} perspective={perspective} />
      <div className="controls">
        <Choice legend="Perspective" value={perspective} choices={perspectives} onChange={setPerspective} />
        <Choice legend="Curve" value={ep} choices={[['oep', 'OEP'], ['aep', 'AEP']]} onChange={setEp} />
      </div>
      <div className={all.length === 1 ? 'split ep' : 'section stacked'}><Overlay of={of} all={all} names={names} perspective={perspective} ep={ep} /><Differences of={of} all={all} perspective={perspective} ep={ep} /></div>
      <Counties all={all} names={names} perspective={perspective} />
    </>
  )
}

function nameOf(r: Schemas['ComparedRun']): string {
  return runName({ id: r.basis.run, ...(r.name ? { name: r.name } : {}) })
}

/** What was put in otherwise, before any number. */
function Changes({ names, all }: { names: string[]; all: Compared[] }) {
  return (
    <section className="section"><h2>What changed</h2>
      <div className="thirds">{all.map((w, i) => {
        const changes = [['Exposure', w.exposure], ['Model', w.model], ['Settings', w.settings]] as const
        const none = changes.every(([, c]) => (c as unknown[]).length === 0)
        return (
          <div className="panel" key={w.run.basis.run}>
            <h3><span className={`sign ${looks[i + 1]}`}>{signs[i + 1]}</span> <Link href={`/runs/${w.run.basis.run}`}>{names[i + 1]}</Link> against {names[0]}</h3>
            {none ? <p className="muted">Nothing: the same exposure, model and settings. Their figures have the same bits.</p> : (
              <dl className="changes">{changes.flatMap(([title, list]) => (list as Schemas['Change'][]).map((c) => <div key={`${title} ${c.name}`}><dt>{changeName(title, c.name)}</dt><dd>{changeValue(c.name, c.baseline)} → <strong>{changeValue(c.name, c.with)}</strong></dd></div>))}</dl>
            )}
          </div>
        )
      })}</div>
    </section>
  )
}

function find(w: Compared, level: string, perspective: string, figure: string, period?: number, key = ''): Figure | undefined {
  return (w.figures as Figure[]).find((f) => f.level === level && f.figure === figure && (f.perspective === perspective || f.figure === 'tiv') && f.return_period === period && (key === '' || f.key === key))
}

function Tiles({ all, names, perspective }: { of: Schemas['Comparison']; all: Compared[]; names: string[]; perspective: string }) {
  const figures = [['AAL', 'aal', undefined], ['OEP 1-in-100', 'oep', 100], ['OEP 1-in-250', 'oep', 250], ['AEP 1-in-250', 'aep', 250], ['Insured value', 'tiv', undefined]] as const
  return (
    <div className="tiles">{figures.map(([title, figure, period]) => {
      const first = find(all[0]!, 'portfolio', perspective, figure, period)
      return (
        <div className="tile" key={title}><div className="name">{title}</div><div className="value" title={money(first?.baseline)}>{short(first?.baseline)}</div>
          {all.map((w, i) => { const f = find(w, 'portfolio', perspective, figure, period); return <div className="note" key={i} title={`${names[i + 1]}: ${money(f?.with)}`}><span className={`sign ${looks[i + 1]}`}>{signs[i + 1]}</span> {short(f?.with)} ({percent(f?.relative)})</div> })}
        </div>
      )
    })}</div>
  )
}

/** Curves of all, each in its own colour, dash and sign. */
function Overlay({ of, all, names, perspective, ep }: { of: Schemas['Comparison']; all: Compared[]; names: string[]; perspective: string; ep: string }) {
  const [scale, setScale] = useUrlChoice('scale', ['log', 'linear'])
  const [at, setAt] = useUrlState('rp', '100')
  const bases = [of.baseline.basis, ...all.map((w) => w.run.basis)]
  const years = Math.min(...bases.map((b) => b.years))
  const periods = curvePeriods(years, [10, 20, 50, 100, 200, 250, 500, 1000]).join(',')
  // Four at most, always the same number of hooks: those beyond the chosen ones ask nothing.
  const read = [useCurvesOf(bases[0]?.run, periods), useCurvesOf(bases[1]?.run, periods), useCurvesOf(bases[2]?.run, periods), useCurvesOf(bases[3]?.run, periods)]
  const lines: EpLine[] = bases.flatMap((_, i) => {
    const points = (read[i]?.data?.curves as Schemas['Curve'][] | undefined)?.find((c) => c.perspective === perspective && c.type === ep)?.points as Schemas['CurvePoint'][] | undefined
    return points ? [{ name: `${signs[i]} ${names[i]}`, points, band: i === 0, look: looks[i]! }] : []
  })
  return (
    <section className="section">
      <div className="section-head"><h2>Exceedance probability, {ep.toUpperCase()}</h2><Choice legend="Loss axis" value={scale} choices={[['log', 'Log loss'], ['linear', 'Linear loss']]} onChange={setScale} /></div>
      {lines.length === bases.length ? <EpChart lines={lines} scale={scale} years={years} at={Number(at) || 100} onAt={(p) => setAt(String(p))} label="Exceedance curves of the compared runs"><Legend lines={lines.map((l, i) => ({ name: `${l.name}${i === 0 ? ', with its band' : ''}`, look: l.look }))} /></EpChart> : <Ready of={read.find((r) => !r.data) ?? read[0]!} rows={10}>{() => null}</Ready>}
      {bases.some((b) => b.years !== years) ? <Notice>Curves are drawn as far as all runs reach: {count(years)} years.</Notice> : null}
    </section>
  )
}

function useCurvesOf(run: string | undefined, periods: string) {
  return useGet('/api/v1/runs/{id}/curves', { path: { id: run ?? '' }, query: { return_periods: periods } }, { enabled: run !== undefined, staleTime: Infinity })
}

interface Row { label: string; order: number; by: (Figure | undefined)[] }

/** Figures of all, with differences absolute and relative. */
function Differences({ of, all, perspective, ep }: { of: Schemas['Comparison']; all: Compared[]; perspective: string; ep: string }) {
  const rows = useMemo((): Row[] => {
    const periods = [...new Set(all.flatMap((w) => (w.figures as Figure[]).filter((f) => f.level === 'portfolio' && f.figure === ep && f.perspective === perspective).map((f) => f.return_period!)))].sort((a, b) => a - b)
    return [
      { label: 'AAL', order: 0, by: all.map((w) => find(w, 'portfolio', perspective, 'aal')) },
      { label: 'SD', order: 0.5, by: all.map((w) => find(w, 'portfolio', perspective, 'sd')) },
      ...periods.map((p) => ({ label: `1 in ${count(p)}`, order: p, by: all.map((w) => find(w, 'portfolio', perspective, ep, p)) })),
      ...[100, 250].filter((p) => periods.includes(p)).map((p) => ({ label: `TVaR 1 in ${count(p)}`, order: 1e7 + p, by: all.map((w) => find(w, 'portfolio', perspective, `${ep}_tvar`, p)) })),
    ]
  }, [all, perspective, ep])
  const columns = useMemo((): Column<Row>[] => [
    { id: 'label', header: 'Figure', value: (r) => r.order, cell: (r) => r.label },
    { id: 'base', header: `${signs[0]} Baseline (USD)`, number: true, value: (r) => r.by[0]?.baseline, cell: (r) => money(r.by[0]?.baseline) },
    ...all.flatMap((_, i): Column<Row>[] => [
      { id: `with${i}`, header: all.length === 1 ? `${signs[1]} With (USD)` : `${signs[i + 1]} (USD)`, number: true, value: (r) => r.by[i]?.with, cell: (r) => money(r.by[i]?.with) },
      { id: `abs${i}`, header: `Δ ${signs[i + 1]} (USD)`, number: true, value: (r) => r.by[i]?.absolute, cell: (r) => moneyMore(r.by[i]?.absolute) },
      { id: `rel${i}`, header: `Δ ${signs[i + 1]} (%)`, number: true, value: (r) => r.by[i]?.relative, cell: (r) => percent(r.by[i]?.relative, 2).replace('%', '') },
    ]),
  ], [all])
  const may = useMay()
  const query = { baseline: of.baseline.basis.run, with: all.map((w) => w.run.basis.run) }
  const path = linkTo('/api/v1/runs/compare', { query })
  const text = () => [columns.map((c) => c.header).join('\t'), ...rows.map((r) => [r.label, r.by[0]?.baseline ?? '', ...r.by.flatMap((f) => [f?.with ?? '', f?.absolute ?? '', f?.relative === undefined ? '' : (100 * f.relative).toFixed(2)])].join('\t'))].join('\n')
  return (
    <section className="section">
      <Table caption="Differences of figures" title={`Differences, ${ep.toUpperCase()}`} tools={<><button type="button" onClick={() => void copy(text())}>Copy</button><a className="button" href={path}>JSON</a>{may('run.export') ? <a className="button" href={linkTo('/api/v1/runs/compare/export', { query })} download="comparison.xlsx" title="Workbook: what changed, and all figures with their bands and differences">Excel</a> : null}</>} columns={columns} rows={rows} rowKey={(r) => r.label} keys />
      <Calls path={path} command={`qrsd runs compare ${[of.baseline, ...all.map((w) => w.run)].map((r) => r.basis.run).join(' ')}`} />
    </section>
  )
}

/** Where the difference lies: AAL by county against the baseline. */
function Counties({ all, names, perspective }: { all: Compared[]; names: string[]; perspective: string }) {
  const [which, setWhich] = useUrlState('of', '0')
  const [chosen, choose] = useUrlState('county')
  const [pointed, point] = useState<string>()
  const i = Math.min(Number(which) || 0, all.length - 1)
  const rows = useMemo(() => (all[i]!.figures as Figure[]).filter((f) => f.level === 'county' && f.figure === 'aal' && f.perspective === perspective), [all, i, perspective])
  const classes = new Map(rows.flatMap((f) => (f.relative === undefined ? [] : [[f.key, `diff-${classOf(f.relative, differenceBreaks) + 1}`] as const])))
  const here = rows.find((f) => f.key === (pointed ?? chosen))
  const columns = useMemo((): Column<Figure>[] => [
    { id: 'county', header: 'County', value: (f) => countyNames.get(f.key) ?? f.name },
    { id: 'base', header: 'Baseline AAL (USD)', number: true, value: (f) => f.baseline, cell: (f) => money(f.baseline) },
    { id: 'with', header: 'AAL (USD)', number: true, value: (f) => f.with, cell: (f) => money(f.with) },
    { id: 'abs', header: 'Δ (USD)', number: true, value: (f) => f.absolute, cell: (f) => moneyMore(f.absolute) },
    { id: 'rel', header: 'Δ (%)', number: true, value: (f) => f.relative, cell: (f) => percent(f.relative, 2).replace('%', '') },
  ], [])
  const legend = ['less by 25% or more', '10 – 25% less', '2 – 10% less', 'within 2%', '2 – 10% more', '10 – 25% more', 'more by 25% or more'].map((label, k) => ({ label, className: `diff-${k + 1}` })).reverse()
  return (
    <div className="split">
      <section className="section">
        <div className="section-head"><h2>AAL by county, against the baseline</h2>{all.length > 1 ? <Choice legend="Run" value={String(i)} choices={all.map((_, k) => [String(k), `${signs[k + 1]} ${names[k + 1]}`] as const)} onChange={setWhich} /> : null}</div>
        <FloridaMap label="Difference of AAL by county" classOf={(fips) => classes.get(fips)} chosen={pointed ?? chosen} onChoose={(fips) => choose(fips === chosen ? '' : fips)} title={(fips) => countyNames.get(fips) ?? fips} legend={<MapLegend title={`AAL of ${names[i + 1]} against ${names[0]}`} classes={legend} />} />
        <p className="readout" aria-live="polite">{here ? <><strong>{countyNames.get(here.key) ?? here.name} County</strong> · {money(here.baseline)} → <strong>{money(here.with)}</strong> ({percent(here.relative, 2)})</> : <span className="muted">Point at a county or a row.</span>}</p>
      </section>
      <section className="section"><Table caption="Differences by county" title="Counties" columns={columns} rows={rows} rowKey={(f) => f.key} sort={{ id: 'abs', desc: true }} filter height={560} tall chosen={chosen} onPoint={(f) => point(f?.key)} onOpen={(f) => choose(f.key === chosen ? '' : f.key)} /></section>
    </div>
  )
}
