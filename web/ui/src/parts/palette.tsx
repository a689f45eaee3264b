import { useMemo, useState, type KeyboardEvent } from 'react'
import { useLocation } from 'wouter'
import type { Schemas } from '../api/client'
import { useGet, useMay } from '../api/queries'
import { count, time } from '../format'
import { allKeys } from '../keys'
import { change } from '../settings'
import { Dialog } from './dialog'
import { runName } from './names'

interface Entry { text: string; detail?: string; id?: string; run: () => void } // found by its id, too, which is not shown

/** Ctrl/Cmd-K: go to any screen, run or portfolio, or do what a key does. */
export function Palette({ open, onClose, places }: { open: boolean; onClose: () => void; places: readonly { text: string; to: string }[] }) {
  return <Dialog title="Go to" open={open} onClose={onClose} wide>{open ? <Finder onClose={onClose} places={places} /> : null}</Dialog>
}

function Finder({ onClose, places }: { onClose: () => void; places: readonly { text: string; to: string }[] }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const [, navigate] = useLocation()
  const runs = useGet('/api/v1/runs', { query: { limit: 100 } }).data?.items
  const portfolios = useGet('/api/v1/portfolios', { query: { limit: 100 } }).data?.items
  const pages = usePages()
  const entries = useMemo((): Entry[] => [
    ...places.map((p) => ({ text: p.text, detail: 'Screen', run: () => navigate(p.to) })),
    ...pages.map((p) => ({ text: p.text, detail: 'Page', run: () => location.assign(p.to) })),
    ...(runs ?? []).map((r) => ({ text: runName(r), detail: `Run · ${r.state} · ${time(r.submitted)}`, id: r.id, run: () => navigate(`/runs/${r.id}`) })),
    ...(portfolios ?? []).map((p) => ({ text: p.name, detail: `Portfolio · ${count(p.locations)} locations · ${time(p.imported)}`, id: p.id, run: () => navigate(`/portfolios/${p.id}`) })),
    ...(['system', 'light', 'dark'] as const).map((theme) => ({ text: `Theme: ${theme}`, detail: 'Setting', run: () => change({ theme }) })),
    ...(['compact', 'comfortable'] as const).map((density) => ({ text: `Rows: ${density}`, detail: 'Setting', run: () => change({ density }) })),
  ], [places, pages, runs, portfolios, navigate])
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const found = entries.filter((e) => words.every((w) => `${e.text} ${e.detail ?? ''} ${e.id ?? ''}`.toLowerCase().includes(w))).slice(0, 12)
  const chosen = Math.min(at, Math.max(0, found.length - 1))
  const go = (e: Entry | undefined) => { if (e) { onClose(); e.run() } }
  const onKey = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown') setAt(Math.min(chosen + 1, found.length - 1))
    else if (e.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0))
    else if (e.key === 'Enter') go(found[chosen])
    else return
    e.preventDefault()
  }
  return (
    <div className="palette">
      <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={found[chosen] ? `palette-${chosen}` : undefined} aria-label="Search screens, runs, portfolios, settings"
        placeholder="Screens, runs, portfolios, settings" autoFocus value={text} onChange={(e) => { setText(e.target.value); setAt(0) }} onKeyDown={onKey} />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {found.map((e, i) => <li key={`${e.text} ${e.detail} ${e.id}`} id={`palette-${i}`} role="option" aria-selected={i === chosen} onPointerMove={() => setAt(i)} onClick={() => go(e)}><span>{e.text}</span> <span className="muted small">{e.detail}</span></li>)}
      </ul>
      {found.length === 0 ? <p className="muted">Nothing has these words in it.</p> : null}
    </div>
  )
}

/** Pages of the server's, for which the terminal is left: the trust center, the cards of models, the API's documentation. */
function usePages(): readonly { text: string; to: string }[] {
  const may = useMay()
  const models = useGet('/api/v1/models', { query: { limit: 20 } }, { enabled: may('model.read') }).data
  const trust = may('trust.read')
  return useMemo(() => [
    ...(trust ? [{ text: 'Trust center', to: '/trust' }] : []),
    ...((models?.items ?? []) as Schemas['Model'][]).map((m) => ({ text: `Model card of engine ${m.version}`, to: `/models/${m.id}` })),
    { text: 'API documentation', to: '/docs/api' },
  ], [trust, models])
}

/** The sheet of keys ("?"). */
export function KeySheet({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keys" open={open} onClose={onClose}>
      <dl className="keysheet">
        <div><dt><kbd>Ctrl</kbd> <kbd>K</kbd> or <kbd>⌘</kbd> <kbd>K</kbd></dt><dd>Go to anything</dd></div>
        {open ? allKeys().map((k) => <div key={k.keys}><dt>{k.keys.split(' ').map((one) => <kbd key={one}>{one}</kbd>)}</dt><dd>{k.does}</dd></div>) : null}
        <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>Read a chart that has the focus</dd></div>
        <div><dt><kbd>x</kbd></dt><dd>Select the row that has the focus</dd></div>
      </dl>
      <p className="hint">Keys of one letter can be switched off in your profile.</p>
    </Dialog>
  )
}
