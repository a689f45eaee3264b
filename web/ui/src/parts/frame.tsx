import { Component, Suspense, useEffect, useRef, useState, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { api } from '../api/client'
import { useLive, useLiveStream } from '../api/live'
import { useGet, useMay, useMe } from '../api/queries'
import { clock, local, share, time } from '../format'
import { onKeyDown, useKeys } from '../keys'
import { places } from '../routes'
import { Menu } from './menu'
import { KeySheet, Palette } from './palette'
import { currentInSight } from './sight'
import { Failure, Loading } from './states'
import { StepUp } from './stepup'
import { Toasts } from './toast'

/** What is around every screen: header, navigation, keys, dialogs of all. */
export function Frame({ children }: { children: ReactNode }) {
  const [palette, setPalette] = useState(false)
  const [sheet, setSheet] = useState(false)
  const [at, navigate] = useLocation()
  const may = useMay()
  useLiveStream(may('run.read'))
  const mine = places.filter((p) => [p.verb].flat().some(may))
  useEffect(() => {
    const down = (e: KeyboardEvent) => {
      if (e.key.toLowerCase() === 'k' && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey) {
        e.preventDefault()
        setPalette((open) => !open)
      } else onKeyDown(e)
    }
    document.addEventListener('keydown', down)
    return () => document.removeEventListener('keydown', down)
  }, [])
  const nav = useRef<HTMLElement>(null)
  useEffect(() => currentInSight(nav.current), [at, mine.length])
  useKeys([
    { keys: '?', does: 'Show the keys', run: () => setSheet(true) },
    ...mine.filter((p) => p.key).map((p) => ({ keys: `g ${p.key}`, does: `Go to ${p.text}`, run: () => navigate(p.to) })),
  ])
  return (
    <>
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus() }}>Skip to the content</a>
      <Header onPalette={() => setPalette(true)} onKeys={() => setSheet(true)} />
      <div className="columns">
        <nav aria-label="Screens" className="nav" ref={nav}>
          <ul>
            {mine.map((p) => <li key={p.to}><Link href={p.to} aria-current={here(p.to, at) ? 'page' : undefined}>{p.text}</Link></li>)}
            {may('trust.read') ? <li><a href="/trust">Trust center</a></li> : null}
          </ul>
        </nav>
        <main id="main" tabIndex={-1}>
          <Catch key={at}><Suspense fallback={<Loading rows={12} />}>{children}</Suspense></Catch>
        </main>
      </div>
      <Palette open={palette} onClose={() => setPalette(false)} places={mine} />
      <KeySheet open={sheet} onClose={() => setSheet(false)} />
      <StepUp />
      <Toasts />
    </>
  )
}

function here(to: string, at: string): boolean {
  return to === '/' ? at === '/' : at === to || at.startsWith(`${to}/`)
}

function Header({ onPalette, onKeys }: { onPalette: () => void; onKeys: () => void }) {
  const me = useMe().data
  const system = useGet('/api/v1/system', {}, { staleTime: 60_000 }).data
  const may = useMay()
  return (
    <header className="header">
      <Link href="/" className="brand"><img src={markAddress()} alt="" width="18" height="18" /> QRS Terminal</Link>
      {may('run.read') ? <LastPeril /> : null}
      <Running />
      <span className="grow" />
      <Paused />
      <button type="button" className="quiet" onClick={onPalette}>Go to <kbd>Ctrl K</kbd></button>
      {system?.mode ? <span className="muted mode">{system.mode}</span> : null}
      {me ? (
        <Menu label={<>{me.name || me.email}<span className="muted">· {me.role}</span></>} className="account">
          {me.tenant_name ? <p className="muted small">{me.tenant_name}</p> : null}
          <Link href="/profile">Profile</Link>
          <button type="button" onClick={onKeys}>Keys</button>
          <a href="/docs/api">API documentation</a>
          <a href="/trust">Trust center</a>
          <a href={fileAddress('licenses.txt')}>Licenses</a>
          <button type="button" onClick={() => void signOut()}>Sign out</button>
        </Menu>
      ) : null}
    </header>
  )
}

async function signOut() {
  await api.delete('/api/v1/session', {})
  location.assign('/sign-in?done=signed-out')
}

/** The address of a file beside the terminal's own, under the digest of this build. */
function fileAddress(name: string): string {
  return markAddress().replace(/[^/]*$/, name)
}

function markAddress(): string {
  return document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href ?? ''
}

/** When the newest result came. Runs are listed by when they were submitted, and a short one may overtake a long one. */
function LastPeril() {
  const done = useGet('/api/v1/runs', { query: { state: 'done', limit: 50 } })
  const ended = done.data?.items?.map((r) => r.ended ?? '').sort().at(-1)
  if (!done.data) return null
  return <span className="muted last">Last Peril — {ended ? <>updated <time dateTime={ended} title={local(ended)}>{time(ended)}</time></> : 'no runs yet'}</span>
}

function Running() {
  const live = useLive()
  const listed = useGet('/api/v1/runs', { query: { state: 'running', limit: 1 } }, { enabled: live.state === 'live' }).data?.items?.[0]
  const event = [...live.runs.values()].findLast((e) => e.state === 'running')
  const listedNow = listed && live.runs.get(listed.id)
  const run = event?.run ?? (listed && (!listedNow || listedNow.state === 'running') ? listed.id : undefined)
  if (!run) return null
  const progress = event?.progress ?? listed?.progress
  const part = progress && progress.of > 0 ? progress.done / progress.of : 0
  return <Link href={`/runs/${run}`} className="running">Run in progress <progress max={1} value={part} aria-label="Run in progress" /> {share(part, 0)}</Link>
}

function Paused() {
  const live = useLive()
  if (live.state !== 'paused') return null
  return <span className="paused" role="status">! Live updates paused, retrying.{live.at ? ` Last update ${clock(live.at)}` : ''}</span>
}

/** A fault of one screen leaves the frame standing. */
class Catch extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {}
  static getDerivedStateFromError(error: Error) { return { error } }
  override render() {
    if (!this.state.error) return this.props.children
    return <div className="screen"><Failure error={this.state.error} retry={() => this.setState({ error: undefined })} /></div>
  }
}

/** The head of a screen: title, what it is about, what can be done. */
export function Head({ title, about, actions }: { title: ReactNode; about?: ReactNode; actions?: ReactNode }) {
  useEffect(() => { if (typeof title === 'string') document.title = `${title} · QRS Terminal` }, [title])
  return (
    <header className="head">
      <h1>{title}</h1>
      {actions ? <div className="head-actions">{actions}</div> : null}
      {about ? <p className="about">{about}</p> : null}
    </header>
  )
}
