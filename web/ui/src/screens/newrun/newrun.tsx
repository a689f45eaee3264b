import { useEffect, useMemo, useRef, useState, type FormEvent } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { api, ApiError, newKey, type Schemas } from '../../api/client'
import { useGet, useRefresh } from '../../api/queries'
import { bytes, count, money, parseReturnPeriods, span } from '../../format'
import { CheckField, SelectField, TextArea, TextField } from '../../parts/form'
import { Head } from '../../parts/frame'
import { Facts } from '../../parts/state'
import { CopyText, Empty, Loading, Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import './newrun.css'
import { versionOf } from './version'

type Run = Schemas['Run']
type NewRun = Schemas['NewRun']

export default function NewRunScreen() {
  const asked = new URLSearchParams(useSearch())
  const like = asked.get('like') ?? ''
  const portfolios = useGet('/api/v1/portfolios', { query: { limit: 1000 } })
  const template = useGet('/api/v1/runs/{id}', { path: { id: like } }, { enabled: like !== '' })
  return (
    <div className="screen">
      <Head title="New run" about="Runs the Florida hurricane model over a portfolio on this appliance. A run waits in the queue until there is room." />
      <Ready of={portfolios} rows={10}>{(p) => {
        const items = (p.items ?? []) as Schemas['Portfolio'][]
        if (items.length === 0) return <Empty title="There is no portfolio to run"><Link className="button primary" href="/portfolios">Upload exposure</Link></Empty>
        if (like && template.isLoading) return <Loading rows={10} />
        return <Ask portfolios={items} first={asked.get('portfolio') ?? items[0]!.id} version={asked.get('version') ?? ''} like={template.data as Run | undefined} />
      }}</Ready>
    </div>
  )
}

interface Fields { portfolio: string; version: string; name: string; note: string; years: string; samples: string; seed: string; event: string; local: string; periods: string; without: string[] }

function begin(first: string, version: string, like: Run | undefined): Fields {
  const spec = like?.spec
  return {
    portfolio: first, version, name: like?.name ? `${like.name}, again` : '', note: '', years: String(spec?.years ?? 10_000), samples: String(spec?.samples ?? 5), seed: spec?.seed ?? '1',
    event: spec ? String(spec.correlation.event) : '', local: spec ? String(spec.correlation.local) : '', periods: spec ? (spec.return_periods as number[]).join(' ') : '', without: (spec?.without as string[] | undefined) ?? [],
  }
}

/** What the fields ask for; of what is left empty the API has the default. The faults are those that can be seen before asking it. */
function requestOf(f: Fields, version: number): { run: NewRun; faults: Map<string, string> } {
  const faults = new Map<string, string>()
  const whole = (name: 'years' | 'samples', least: number, most: number, what: string) => {
    const text = f[name].replace(/[\s,]/g, ''), n = Number(text)
    if (!/^\d+$/.test(text) || n < least || n > most) faults.set(name, `Write ${what}, from ${count(least)} to ${count(most)}.`)
    return n
  }
  const run: NewRun = { portfolio: f.portfolio, portfolio_version: version, years: whole('years', 1, 10_000_000, 'a number of years'), samples: whole('samples', 0, 1000, 'a number of draws'), seed: f.seed.trim() }
  if (!/^\d{1,20}$/.test(run.seed ?? '')) faults.set('seed', 'Write digits only, at most 20.')
  if (f.name.trim()) run.name = f.name.trim()
  if (f.note.trim()) run.note = f.note.trim()
  if (f.event || f.local) {
    const event = Number(f.event || 0), local = Number(f.local || 0)
    if (!(event >= 0 && local >= 0 && event + local <= 1)) faults.set('event', 'Write two shares from 0 to 1 that add up to at most 1.')
    run.correlation = { event, local }
  }
  const periods = parseReturnPeriods(f.periods)
  if (periods.wrong.length > 0) faults.set('return_periods', `“${periods.wrong[0]}” is no return period.`)
  if (periods.periods.length > 100) faults.set('return_periods', 'At most 100.')
  if (periods.periods.length > 0) run.return_periods = periods.periods
  if (f.without.length > 0) run.without = f.without
  return { run, faults }
}

function Ask({ portfolios, first, version, like }: { portfolios: Schemas['Portfolio'][]; first: string; version: string; like: Run | undefined }) {
  // A portfolio that is not there has none of its versions here: the first of the list is taken, in its latest.
  const [lost, setLost] = useState(() => !portfolios.some((p) => p.id === first))
  const [fields, setFields] = useState(() => (lost ? begin(portfolios[0]!.id, '', like) : begin(first, version, like)))
  const [error, setError] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  // One key for what is asked for, as long as it stays the same: a second click submits nothing twice.
  const key = useRef({ of: '', key: '' })
  const [, navigate] = useLocation()
  const refresh = useRefresh()
  const portfolio = portfolios.find((p) => p.id === fields.portfolio)
  const versions = useVersions(portfolio)
  const latest = versions?.[0]?.version ?? portfolio?.version ?? 1
  const chosen = versionOf(fields.version, latest)
  const { run, faults } = useMemo(() => requestOf(fields, chosen.version), [fields, chosen.version])
  const set = (name: keyof Fields) => (e: { target: { value: string } }) => { setFields((f) => ({ ...f, [name]: e.target.value })) }
  const sent = new Map((error?.problem.errors ?? []).map((f) => [(f.pointer ?? '').replace(/^\//, '').split('/')[0], f.detail]))
  const fault = (name: string) => faults.get(name) ?? sent.get(name)
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    if (faults.size > 0 || busy) return
    setBusy(true)
    setError(undefined)
    try {
      const of = JSON.stringify(run)
      if (key.current.of !== of) key.current = { of, key: newKey() }
      const made = (await api.post('/api/v1/runs', { body: run, key: key.current.key })).data
      void refresh('/api/v1/runs')
      toast('Run submitted')
      navigate(`/runs/${made.id}`)
    } catch (x) {
      if (!(x instanceof ApiError)) throw x
      setError(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className="split">
      <form onSubmit={(e) => void submit(e)} noValidate className="panel">
        {error ? <Notice tone="error"><strong>{error.problem.title}.</strong> {error.problem.detail}</Notice> : null}
        {lost ? <Notice tone="warn"><strong>The portfolio that was asked for is not there.</strong> Another is chosen below, in its latest version.</Notice> : null}
        {chosen.missing ? <Notice tone="warn"><strong>The portfolio has no version {fields.version}.</strong> Its latest is chosen, version {count(latest)}.</Notice> : null}
        <SelectField label="Portfolio" value={fields.portfolio} onChange={(e) => { setLost(false); setFields((f) => ({ ...f, portfolio: e.target.value, version: '' })) }} fault={fault('portfolio')}>{portfolios.map((p) => <option key={p.id} value={p.id}>{p.name} · {count(p.locations)} {p.locations === 1 ? 'location' : 'locations'} · {money(p.tiv)}</option>)}</SelectField>
        <VersionField versions={versions} latest={latest} value={chosen.version} onChange={set('version')} fault={fault('portfolio_version')} />
        <TextField label="Name" value={fields.name} onChange={set('name')} maxLength={200} hint="Shown in lists and reports. Optional." fault={fault('name')} />
        <div className="pair">
          <TextField label="Simulated years" inputMode="numeric" value={fields.years} onChange={set('years')} hint="The longest return period for which there is a loss. Default 10,000." fault={fault('years')} />
          <TextField label="Draws of damage per storm" inputMode="numeric" value={fields.samples} onChange={set('samples')} hint="0 takes the mean damage alone. Default 5." fault={fault('samples')} />
        </div>
        <TextField label="Seed" inputMode="numeric" value={fields.seed} onChange={set('seed')} hint="The same seed gives the same storms, and with the same portfolio exactly the same losses." fault={fault('seed')} />
        <details open={Boolean(like)}>
          <summary>More settings</summary>
          <div className="more">
            <div className="pair">
              <TextField label="Correlation, whole storm" inputMode="decimal" placeholder="0.05" value={fields.event} onChange={set('event')} hint="Share of the variance of damage that all sites in a storm have in common." fault={fault('event') ?? fault('correlation')} />
              <TextField label="Correlation, one wind cell" inputMode="decimal" placeholder="0.1" value={fields.local} onChange={set('local')} hint="The share that sites in one wind cell have in common besides." fault={fault('local')} />
            </div>
            <TextField label="Return periods (years)" placeholder="2 5 10 20 25 50 100 200 250 500 1000" value={fields.periods} onChange={set('periods')} hint="The tables of the result are written for these. Others can be asked for later." fault={fault('return_periods')} />
            <Judgements without={fields.without} onChange={(without) => { setFields((f) => ({ ...f, without })) }} />
            <TextArea label="Note" value={fields.note} onChange={set('note')} maxLength={2000} hint="What this run is for." fault={fault('note')} />
          </div>
        </details>
        <div className="actions"><button type="submit" className="primary" disabled={busy || faults.size > 0}>{busy ? 'One moment …' : 'Start run'}</button></div>
      </form>
      <div className="section">
        <Forecast run={run} valid={faults.size === 0} />
        <Card />
      </div>
    </div>
  )
}

/** The versions of a portfolio, the latest first, where there is more than one. */
function useVersions(portfolio: Schemas['Portfolio'] | undefined): Schemas['PortfolioVersion'][] | undefined {
  return useGet('/api/v1/portfolios/{id}/versions', { path: { id: portfolio?.id ?? '' }, query: { limit: 1000 } }, { enabled: (portfolio?.version ?? 1) > 1 }).data?.items
}

/** Of which version the run is to be, where there is more than one. What it shows is what is asked for, also before the others are read. */
function VersionField({ versions, latest, value, onChange, fault }: { versions: Schemas['PortfolioVersion'][] | undefined; latest: number; value: number; onChange: (e: { target: { value: string } }) => void; fault: string | undefined }) {
  if (latest < 2) return fault ? <Notice tone="error">{fault}</Notice> : null
  const about = (n: number) => { const v = versions?.find((one) => one.version === n); return v ? ` · ${count(v.locations)} ${v.locations === 1 ? 'location' : 'locations'} · ${money(v.tiv)}` : '' }
  const numbers = [...new Set([latest, value, ...(versions ?? []).map((v) => v.version)])].sort((a, b) => b - a)
  return (
    <SelectField label="Version" value={String(value)} onChange={onChange} fault={fault}>
      {numbers.map((n) => <option key={n} value={String(n)}>{n === latest ? 'Latest: ' : ''}{count(n)}{about(n)}</option>)}
    </SelectField>
  )
}

/** What the run would take, asked anew half a second after the last change. */
function Forecast({ run, valid }: { run: NewRun; valid: boolean }) {
  const { name: _name, note: _note, ...sized } = run
  const text = JSON.stringify(sized)
  const [state, setState] = useState<{ of: string; forecast?: Schemas['RunForecast']; error?: ApiError }>()
  useEffect(() => {
    if (!valid) return
    const abort = new AbortController()
    const wait = setTimeout(() => {
      api.post('/api/v1/runs/estimate', { body: JSON.parse(text) as NewRun, signal: abort.signal }).then(
        (r) => setState({ of: text, forecast: r.data }),
        (e: unknown) => { if (e instanceof ApiError) setState({ of: text, error: e }) },
      )
    }, 500)
    return () => { clearTimeout(wait); abort.abort() }
  }, [text, valid])
  const f = state?.forecast
  return (
    <section className="panel forecast" aria-live="polite"><h2>What it would take</h2>
      {state?.error ? <Notice tone="warn">{state.error.problem.title}. {state.error.problem.detail}</Notice> : f ? (
        <dl className={state.of === text ? '' : 'old'}>
          <div><dt>Time</dt><dd>{span(f.seconds)}</dd></div>
          <div><dt>Memory</dt><dd>{bytes(f.memory_bytes)}</dd></div>
          <div><dt>Disk</dt><dd>{bytes(f.disk_bytes)}</dd></div>
        </dl>
      ) : <Loading rows={2} />}
      <p className="hint">Within a factor of two, on all cores of the appliance and with no other run beside it.</p>
    </section>
  )
}

/** The model in a few lines: what it is, what it does not do. */
function Card() {
  const models = useGet('/api/v1/models', {}, { staleTime: Infinity })
  const id = models.data?.present
  const card = useGet('/api/v1/models/{id}/card', { path: { id: id ?? '' } }, { enabled: id !== undefined, staleTime: Infinity })
  if (models.data && !id) return null
  return (
    <section className="panel"><h2>The model</h2>
      <Ready of={card} rows={4}>{(c) => (
        <>
          <Facts of={[['Peril', `${c.peril}, ${c.region}`], ['Engine', c.engine], ['Parameters', `${count((c.parameters as unknown[]).length)}, from ${count((c.sources as unknown[]).length)} sources`], ['Sign-off', c.signoff], ['Digest', <CopyText key="d" text={c.id} show={`${c.id.slice(0, 24)}…`} />]]} />
          <p><a href={`/models/${c.id}`}>Model card</a>, with every parameter and its source</p>
          <h3>What it does not do</h3>
          <ul>{(c.limits as string[]).map((l) => <li key={l}>{l}</li>)}</ul>
        </>
      )}</Ready>
    </section>
  )
}

// Groups are written roof-cover and hud-zone.
function inWords(group: string): string {
  const words = group.replace(/-/g, ' ').replace(/^hud\b/, 'HUD')
  return words[0]!.toUpperCase() + words.slice(1)
}

/** Judgements of the damage curves that can be switched off, by group, as the model card has them. */
function Judgements({ without, onChange }: { without: string[]; onChange: (groups: string[]) => void }) {
  const id = useGet('/api/v1/models', {}, { staleTime: Infinity }).data?.present
  const card = useGet('/api/v1/models/{id}/card', { path: { id: id ?? '' } }, { enabled: id !== undefined, staleTime: Infinity }).data
  const groups = useMemo(() => {
    const all = new Map<string, string[]>()
    for (const p of (card?.parameters ?? []) as Schemas['ModelParameter'][]) if (p.group && p.off) all.set(p.group, [...(all.get(p.group) ?? []), p.name])
    return [...all]
  }, [card])
  if (groups.length === 0) return null
  return (
    <fieldset className="judgements"><legend>Judgements of the damage curves in force</legend>
      <p className="hint">Switch one off to see what it does.</p>
      <div>{groups.map(([group, names]) => <CheckField key={group} label={inWords(group)} title={names.join('; ')} checked={!without.includes(group)} onChange={(e) => onChange(e.target.checked ? without.filter((g) => g !== group) : [...without, group])} />)}</div>
    </fieldset>
  )
}
